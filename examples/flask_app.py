# SPDX-License-Identifier: GPL-3.0-or-later
"""A ballot box beside a Flask site. Environment: ELECTION, USERS, SECRET, HOST; docs/how-to/flask.md."""

from __future__ import annotations

import json
import logging
import os
import secrets
from pathlib import Path
from typing import Any

from a2wsgi import ASGIMiddleware
from flask import Flask, abort, request, session
from flask.logging import default_handler
from starlette.requests import Request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from evote import BallotBox
from evote.web import NotSignedIn, create_app

folder = Path(os.environ["ELECTION"])
users = json.loads(Path(os.environ["USERS"]).read_text())  # yours: {"1001": "a code sent by letter", …}


class Site(Flask):
    def log_exception(self, exc_info: Any) -> None:
        """Log the class of an error: its text, the path and the time are of somebody who voted."""
        self.logger.error("%s", exc_info[0].__name__)


default_handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
site = Site(__name__)
site.config.update(
    SECRET_KEY=os.environ["SECRET"],
    SESSION_COOKIE_SAMESITE="Strict",
    SESSION_COOKIE_SECURE="WITHOUT_TLS" not in os.environ,
    PERMANENT_SESSION_LIFETIME=600,
    MAX_CONTENT_LENGTH=1 << 20,
)


@site.post("/sign-in")
def sign_in() -> str:
    try:
        given = request.get_json()
        voter, code = str.encode(given["voter"]), str.encode(given["code"])
    except (LookupError, RecursionError, TypeError, ValueError):
        abort(400)
    if not secrets.compare_digest(users.get(voter.decode(), secrets.token_hex()).encode(), code):
        abort(401)
    session.permanent = True
    session["voter"] = voter.decode()
    return ""


def voter_of(asked: Request) -> str:
    """Read Flask's own session, from the request as the WSGI server gave it."""
    with site.request_context(asked.scope["wsgi_environ"]):
        if "voter" not in session:
            raise NotSignedIn
        return str(session["voter"])


api = create_app(
    BallotBox.open(folder), authenticate=voter_of, host=os.environ["HOST"], record=folder / "record"
)
application = DispatcherMiddleware(site, {"/vote": ASGIMiddleware(api)})
