# SPDX-License-Identifier: GPL-3.0-or-later
"""What every path of the web API works with: the box in worker threads, and the integrator's hooks.

Spec: WEB-4, WEB-5, WEB-6
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from anyio import CapacityLimiter, sleep
from anyio.to_thread import run_sync
from fastapi import Depends
from starlette.requests import Request

from evote.board.record_folder import RecordFolder
from evote.box import BallotBox, Phase
from evote.errors import EncodingError, EvoteError, StateError, StorageError, VerificationError
from evote.record.election import PublicElection
from evote.web.refusals import (
    VOTING_ERRORS,
    BureauOnly,
    NotFound,
    NotSignedIn,
    RequestRefused,
    Unavailable,
    WrongMediaType,
)

log = logging.getLogger("evote.web")
Hook = Callable[[Request], Awaitable[str] | str]
Answer = TypeVar("Answer")
_LOOKUPS_AT_ONCE: Final = 2
_LOOKS: Final = 4
_SECONDS_BETWEEN_LOOKS: Final = 0.25


@dataclass
class Service:
    """The box behind the web API.

    Attributes:
        box: The ballot box.
        authenticate: Returns the voter's id or raises.
        bureau: Returns who of the bureau asks or raises; None: nobody is of the bureau.
        host: The host of references' addresses.
        record: The record's folder, or None where something else serves it.
        threads: How many casts and other calls of voters are at work at once.
    """

    box: BallotBox = field(repr=False)
    authenticate: Hook
    bureau: Hook | None
    host: str
    record: Path | None
    threads: int
    _voters: CapacityLimiter = field(init=False, repr=False)
    _lookups: CapacityLimiter = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._voters = CapacityLimiter(self.threads)
        self._lookups = CapacityLimiter(_LOOKUPS_AT_ONCE)

    async def ask(self, call: Callable[..., Answer], *arguments: object, absent: str = "") -> Answer:
        """Call the box in a worker thread; a call that has begun is finished whatever the client does.

        Args:
            call: A method of the box.
            arguments: Its arguments.
            absent: The check of a StateError that means: there is none.

        Raises:
            NotEligible, NotOpen, AlreadyVoted, InvalidBallot: As the box says.
            NotFound: A StateError with the check `absent`.
            Unavailable: Any other error of this library; it is logged without its sentence (WEB-6).
        """
        return await self._run(call, arguments, absent, self._voters)

    async def look_up(self, call: Callable[..., Answer], *arguments: object) -> Answer:
        """Do the same for what reads the log: few at once, and no thread taken from voters.

        While the log is being written a reader may find files of two sizes; it looks again.
        """
        for _ in range(_LOOKS - 1):
            try:
                return await run_sync(partial(call, *arguments), limiter=self._lookups)
            except (EncodingError, StorageError, VerificationError):
                await sleep(_SECONDS_BETWEEN_LOOKS)
        return await self._run(call, arguments, "", self._lookups)

    async def _run(
        self,
        call: Callable[..., Answer],
        arguments: tuple[object, ...],
        absent: str,
        limiter: CapacityLimiter,
    ) -> Answer:
        try:
            return await run_sync(partial(call, *arguments), limiter=limiter)
        except (*VOTING_ERRORS, RequestRefused):
            raise
        except EvoteError as error:
            if isinstance(error, StateError) and absent and error.check == absent:
                raise NotFound(str(error), check=absent) from None
            log.error("The box could not answer: %s %s.", type(error).__name__, error.check)  # noqa: TRY400
            raise Unavailable(check=error.check) from None

    async def election(self) -> PublicElection:
        """Return seal, manifest and keys."""
        return await self.ask(lambda: self.box.public)

    async def phase(self) -> Phase:
        """Return what the election has come to."""
        return await self.ask(lambda: self.box.phase)

    async def is_public(self, *, record: bool) -> bool:
        """Tell whether box and counters are open to everybody.

        Args:
            record: Whether the sealed audience may open them before the vote is closed; it does so for the
                record, not for turnout.

        Spec: WEB-5
        """
        if record and (await self.election()).manifest.publication.audience == "public":
            return True
        return await self.phase() in (Phase.CLOSED, Phase.TALLIED)

    async def voter(self, request: Request) -> str:
        """Return who is signed in.

        Raises:
            NotSignedIn: The hook says nobody (WEB-4), or raises what it likes.
        """
        return await self._call(self.authenticate, request, NotSignedIn)

    async def verify_bureau(self, request: Request) -> None:
        """Check that somebody of the bureau asks.

        Raises:
            BureauOnly: There is no hook, or it names nobody (WEB-5), or raises what it likes.
        """
        if self.bureau is None:
            raise BureauOnly
        await self._call(self.bureau, request, BureauOnly)

    async def _call(self, hook: Hook, request: Request, nobody: type[RequestRefused]) -> str:
        """Call a hook, in a worker thread if it is no coroutine; what it returns must be a name."""
        found: Any
        if inspect.iscoroutinefunction(hook):
            found = await hook(request)
        else:
            found = await run_sync(hook, request, limiter=self._voters)
            if inspect.isawaitable(found):
                found = await found
        if not isinstance(found, str) or not found:
            raise nobody
        return found

    def folder(self) -> RecordFolder:
        """Return the record.

        Raises:
            NotFound: Something else serves it.
        """
        if self.record is None:
            raise NotFound
        return RecordFolder(self.record)


def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


Here = Annotated[Service, Depends(_service)]


async def _voter(request: Request, service: Here) -> str:
    return await service.voter(request)


async def _body(request: Request) -> bytes:
    """Return the body; one that a form of another site can send is refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WrongMediaType
    return await request.body()


Voter = Annotated[str, Depends(_voter)]
Body = Annotated[bytes, Depends(_body)]
