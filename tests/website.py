# SPDX-License-Identifier: GPL-3.0-or-later
"""A real server over a real election with toy keys, by the clock on the wall."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from starlette.requests import Request

import office
from device import Device, free_socket
from evote.box import BallotBox
from evote.manifest import Draft, Publication, Timetable
from evote.web import BureauOnly, NotSignedIn, create_app

HOST = "vote.example.org"
EXAMPLES = Path(__file__).parents[1] / "examples"
CODES = {  # users of the examples
    "ada": "ada knows this",
    "bea": "bea knows that",
    "cyd": "cyd l'écrit ainsi",
    "garnier": "president",
}


def current_plan(audience: str = "bureau", *, opened: int = 60) -> Draft:
    """Return a plan whose vote is open by the clock on the wall; published once, in the past."""
    opens = int(time.time()) - opened
    return office.two_contests(
        timetable=Timetable.make(opens=opens, closes=opens + 7200, grace_ends=opens + 8400),
        publication=Publication.make(times=(opens + 3600,), audience=audience, delay=600),
    )


def authenticate(request: Request) -> str:
    """Take the voter's id as a bearer token: for tests."""
    kind, _, voter = request.headers.get("authorization", "").partition(" ")
    if kind != "Bearer":
        raise NotSignedIn
    return voter


async def bureau(request: Request) -> str:
    """Know one member of the bureau."""
    if request.headers.get("bureau") != "garnier":
        raise BureauOnly
    return "garnier"


def make_app(folder: Path, box: BallotBox, **options: object) -> FastAPI:
    """Make the application that most tests speak to."""
    fields = {
        "authenticate": authenticate,
        "bureau": bureau,
        "host": HOST,
        "record": folder / "record",
        "body_seconds": 5.0,
    }
    return create_app(box, **{**fields, **options})


@contextmanager
def serve(app: object, **options: object) -> Iterator[str]:
    """Serve an application by uvicorn in a thread; yield its address."""
    listener = free_socket()
    port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(60)
        listener.close()


class Site:
    """An election folder, its box, and the server over it."""

    def __init__(self, folder: Path, box: BallotBox, url: str, stack: ExitStack) -> None:
        self.folder = folder
        self.box = box
        self.url = url
        self._stack = stack

    def device(self, voter: str = "") -> Device:
        return self._device({"Authorization": f"Bearer {voter}"} if voter else {})

    def bureau(self) -> Device:
        return self._device({"Bureau": "garnier"})

    def _device(self, headers: dict[str, str]) -> Device:
        return self._stack.enter_context(Device(self.url, headers))


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


def head(method: str, path: str, *headers: str) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: test",
        "Authorization: Bearer ada",
        "Content-Type: application/json",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes; a server that resets after its answer is no failure of the test."""
    data = b""
    with suppress(ConnectionError):
        while more := connection.recv(65536):
            data += more
    return data
