# SPDX-License-Identifier: GPL-3.0-or-later
"""The application: paths, border and errors put together.

Spec: WEB
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from evote.ballot.qr import verify_host
from evote.box import BallotBox
from evote.errors import EvoteError
from evote.record.ballot import Ballot
from evote.web import everybody, files, voters
from evote.web.border import BodyLimits, Guard
from evote.web.refusals import answer_error, answer_http, answer_invalid
from evote.web.sequencer import publishing
from evote.web.service import Hook, Service

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

_PREFIX: Final = "/v1"
_SMALL_BODY: Final = 4 << 10
_BALLOT_PATHS: Final = (f"{_PREFIX}/ballot", f"{_PREFIX}/receipt")

SILENT: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""What `FastAPI(telemetry=…)` must be told: its traces and logs would hold voters' ids and the times of their casts."""


def create_app(
    box: BallotBox,
    *,
    authenticate: Hook,
    host: str,
    bureau: Hook | None = None,
    record: Path | str | None = None,
    sequencer: bool = False,
    threads: int = 8,
    body_seconds: float = 10.0,
) -> FastAPI:
    """Make the web API of a ballot box: to be served by itself, or mounted in an application.

    Args:
        box: The ballot box; stays open as long as the application is used.
        authenticate: Given the request, returns the voter's id on the roll, or raises `NotSignedIn`. A plain
            function is called in a worker thread.
        host: The host name, and port if any, of the page that checks references; it stands in QR codes.
        bureau: Given the request, returns who of the bureau asks, or raises `BureauOnly`. Without it nobody reads
            before the closing what is for the bureau.
        record: The record's folder, to be served; by default something else serves it.
        sequencer: Publish in the background. Runs in the application's lifespan, which a host that mounts it does not
            run: use `publishing` in its own.
        threads: Casts at work at once.
        body_seconds: Time for a request's body to arrive.

    Raises:
        ParameterError: `host` is no host name (REF-8).

    Spec: WEB
    """
    verify_host(host)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if not sequencer:
            yield
            return
        async with publishing(box):
            yield

    app = FastAPI(
        title="evote",
        summary="A ballot box for verifiable elections: evote/1.",
        version=version("evote"),
        lifespan=lifespan,
        openapi_url=f"{_PREFIX}/openapi.json",
        docs_url=None,  # pages that load programs from another site
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry=SILENT,
    )
    folder = None if record is None else Path(record)
    app.state.service = Service(box, authenticate, bureau, host, folder, threads)
    for part in (voters, everybody, files):
        app.include_router(part.router, prefix=_PREFIX)
    app.add_exception_handler(EvoteError, answer_error)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_middleware(
        BodyLimits,
        default=_SMALL_BODY,
        longer=dict.fromkeys(_BALLOT_PATHS, Ballot.max_bytes),
        seconds=body_seconds,
    )
    app.add_middleware(Guard)  # outermost
    return app
