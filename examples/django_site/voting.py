# SPDX-License-Identifier: GPL-3.0-or-later
"""The ballot box of this process, and the web API over it with Django's own sign-in."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib import import_module
from multiprocessing import get_context, parent_process
from types import SimpleNamespace

from django.conf import settings
from django.contrib.auth import get_user
from django.db import close_old_connections
from fastapi import FastAPI
from starlette.requests import Request

from evote import BallotBox
from evote.web import NotSignedIn, create_app

PROOFS_AT_ONCE = int(os.environ.get("PROOFS_AT_ONCE", "2"))


def end_with_parent() -> None:
    """End this process when the one that started it ends, however it ends."""

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


@cache
def open_box() -> BallotBox:
    """Open the box once in a process; proofs are verified beside it, so that no request waits for another's."""
    pool = ProcessPoolExecutor(PROOFS_AT_ONCE, mp_context=get_context("spawn"), initializer=end_with_parent)
    return BallotBox.open(settings.ELECTION, proofs=pool)


def voter_of(request: Request) -> str:
    """Return who is signed in to Django; runs in a worker thread."""
    sessions = import_module(settings.SESSION_ENGINE)
    key = request.cookies.get(settings.SESSION_COOKIE_NAME)
    close_old_connections()
    try:
        user = get_user(SimpleNamespace(session=sessions.SessionStore(key)))
    finally:
        close_old_connections()
    if not user.is_authenticated:
        raise NotSignedIn
    return user.get_username()


def make_api(*, sequencer: bool = False) -> FastAPI:
    """Make the web API."""
    return create_app(
        open_box(),
        authenticate=voter_of,
        host=settings.VOTE_HOST,
        record=settings.ELECTION / "record",
        sequencer=sequencer,
    )
