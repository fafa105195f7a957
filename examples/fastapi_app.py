# SPDX-License-Identifier: GPL-3.0-or-later
"""A ballot box in a FastAPI application. Environment: ELECTION, USERS, SECRET, HOST; docs/how-to/fastapi.md."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from starlette.middleware.sessions import SessionMiddleware

from evote import BallotBox
from evote.web import SILENT, BureauOnly, NotSignedIn, create_app, publishing

folder = Path(os.environ["ELECTION"])
users = json.loads(Path(os.environ["USERS"]).read_text())  # yours: {"1001": "a code sent by letter", …}
box = BallotBox.open(folder)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with publishing(box):  # ballots enter the log at the sealed times
        yield
    box.close()


def voter_of(request: Request) -> str:
    if "voter" not in request.session:
        raise NotSignedIn
    return str(request.session["voter"])


def bureau_of(request: Request) -> str:
    if request.session.get("voter") != "garnier":
        raise BureauOnly
    return "garnier"


app = FastAPI(lifespan=lifespan, telemetry=SILENT, docs_url=None, redoc_url=None)
cookie = {"max_age": 600, "same_site": "strict", "https_only": "WITHOUT_TLS" not in os.environ}
app.add_middleware(SessionMiddleware, secret_key=os.environ["SECRET"], **cookie)


@app.post("/sign-in")
async def sign_in(request: Request) -> None:
    try:
        voter, code = [str.encode((await request.json())[name]) for name in ("voter", "code")]
    except (LookupError, RecursionError, TypeError, ValueError):
        raise HTTPException(400) from None
    if not secrets.compare_digest(users.get(voter.decode(), secrets.token_hex()).encode(), code):
        raise HTTPException(401)
    request.session["voter"] = voter.decode()


hooks = {"authenticate": voter_of, "bureau": bureau_of}
app.mount("/vote", create_app(box, **hooks, host=os.environ["HOST"], record=folder / "record"))
