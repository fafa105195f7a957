# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the voting service works: the election folder, its two stores and its keys, and what has come of them.

Spec: BOX-6, BOX-8
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from evote.board import Kind, LogWriter, read_bounded
from evote.board import Phase as LogPhase
from evote.board.cosigning import CosignResult, verify_newest
from evote.board.files import printable
from evote.board.record_folder import RecordFolder
from evote.board.writer import STATE_FILE, LogState
from evote.box.database import database_path
from evote.box.register import Entitlement, Register
from evote.box.service_keys import ServiceKeys, SlotKey, exclusive, load_service_keys
from evote.box.urn import BallotStore
from evote.errors import NotEligible, ParameterError, StateError, StorageError
from evote.manifest import Manifest
from evote.record import layout
from evote.record.election import PublicElection

_SECONDS_AT_START = 2.0


class Phase(StrEnum):
    """What an election has come to.

    GRACE lasts from `closes` until the bureau closes the vote; ballots are taken until `grace_ends`.
    """

    DRAFT = "draft"
    SEALED = "sealed"
    OPEN = "open"
    GRACE = "grace"
    CLOSED = "closed"
    TALLIED = "tallied"


def log_phase(private: Path) -> LogPhase:
    """Return what the log has come to; EMPTY where none was begun."""
    path = private / STATE_FILE
    if not path.exists():
        return LogPhase.EMPTY
    return LogPhase(LogState.from_bytes(read_bounded(path, LogState.max_bytes)).phase)


def _is_hostile(voter: str) -> bool:
    """Tell whether an id can be on no roll because it is no text."""
    return any("\ud800" <= character <= "\udfff" for character in voter)


@dataclass(slots=True)
class Premises:
    """Everything that the voting service works with.

    Attributes:
        directory: The election folder.
        register: Who may vote and who has voted.
        store: The ballots.
        clock: POSIX seconds.
        cosigned: What came of asking the witnesses the last time, here.
    """

    directory: Path
    register: Register
    store: BallotStore
    clock: Callable[[], float] = time.time
    _opened: PublicElection | None = field(default=None, init=False, repr=False)
    _keys: ServiceKeys | None = field(default=None, init=False, repr=False)
    cosigned: CosignResult | None = field(default=None, init=False, repr=False)

    @classmethod
    def enter(
        cls, directory: Path, register: str, box: str, clock: Callable[[], float] = time.time
    ) -> Premises:
        """Open the two stores.

        Args:
            directory: The election folder.
            register: Database URL, or "" for `private/register.db`.
            box: Database URL, or "" for `private/box.db`.
            clock: POSIX seconds.

        Raises:
            ParameterError: An unsupported URL, or one database for both (BOX-2).
            StorageError: A database cannot be opened.
        """
        private = directory / "private"
        register_path = database_path(register, private / "register.db")
        box_path = database_path(box, private / "box.db")
        if register_path.resolve() == box_path.resolve():
            raise ParameterError("Register and box must be two databases.", check="BOX-2")
        if log_phase(private) != LogPhase.EMPTY:
            for path in (register_path, box_path):
                if not path.is_file():
                    raise StorageError(
                        f"{printable(path)} is missing; the election is sealed and has one: bring it back.",
                        check="BOX-2",
                        subject=printable(path),
                    )
        opened = Register(register_path)
        try:
            return cls(directory, opened, BallotStore(box_path), clock)
        except BaseException:
            opened.close()
            raise

    def close(self) -> None:
        """Close the two stores."""
        self.register.close()
        self.store.close()

    @property
    def private(self) -> Path:
        """The private folder."""
        return self.directory / "private"

    @property
    def record(self) -> RecordFolder:
        """The record."""
        return RecordFolder(self.directory / "record")

    @property
    def slot_key(self) -> SlotKey:
        """The key of in-flight tickets."""
        return SlotKey(self.private)

    @property
    def election(self) -> PublicElection:
        """Seal, manifest and keys.

        Raises:
            StateError: Nothing is sealed yet (ACT-1).
        """
        if self._opened is not None:
            return self._opened
        election = self.record.election()
        if log_phase(self.private) not in (LogPhase.EMPTY, LogPhase.SEALED):
            self._opened = election  # it can be sealed again no more
        return election

    @property
    def manifest(self) -> Manifest:
        """The sealed manifest."""
        return self.election.manifest

    @property
    def keys(self) -> ServiceKeys:
        """The service's signing keys."""
        if self._opened is None or self._keys is None:
            self._keys = load_service_keys(self.private, self.manifest.origin)
        return self._keys

    @property
    def phase(self) -> Phase:
        """What the election has come to."""
        phase = log_phase(self.private)
        if phase == LogPhase.EMPTY:
            return Phase.DRAFT
        if phase == LogPhase.SEALED:
            return Phase.SEALED
        if phase == LogPhase.ENDED:
            return Phase.TALLIED
        if phase == LogPhase.CLOSED or self.record.has(layout.CLOSE):
            return Phase.CLOSED
        return Phase.OPEN if self.clock() < self.manifest.timetable.closes else Phase.GRACE

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one who changes box, register and log; what a crash left is settled first.

        Spec: BOX-6
        """
        with exclusive(self.private):
            self._settle()
            yield

    def _settle(self) -> None:
        """Finish every interrupted cast whose ballot is in the box, and undo the others."""
        waiting = self.register.in_flight()
        if not waiting:
            return
        key = self.slot_key
        key.verify_present()
        key.verify_made(one.ticket for one in waiting)
        stored = {key.ticket(digest) for digest in self.store.digests()}
        for one in waiting:
            settle = self.register.confirm if one.ticket in stored else self.register.release
            settle(one.voter, one.contest, one.ticket)

    def verify_stores(self) -> None:
        """Check that the box holds every ballot of the log: a store from a backup would let people vote twice.

        Raises:
            StateError: It lost one (BOX-4).

        Spec: BOX-4
        """
        if log_phase(self.private) != LogPhase.VOTING:
            return
        stored = set(self.store.digests())
        with self.log() as log:
            lost = sum(
                entry.kind == Kind.BALLOT and entry.digest not in stored for entry in log.entries(0, log.size)
            )
        if lost:
            raise StateError(
                f"The log holds {lost} ballots that the box does not: was a backup restored? Bring back the newest "
                "register and box.",
                check="BOX-4",
            )

    def verify_newest(self) -> None:
        """Refuse to work if a witness has cosigned more than is published here; asked when the service starts.

        Raises:
            StateError: One has (BRD-18).

        Spec: BRD-18
        """
        if log_phase(self.private) in (LogPhase.VOTING, LogPhase.CLOSED):
            verify_newest(self.record, self.election, self.private, seconds=_SECONDS_AT_START)

    def log(self) -> LogWriter:
        """Open the log for writing."""
        return LogWriter(self.record.path, self.private, self.keys.log)

    def entitlement(self, voter: str, contest: str) -> Entitlement:
        """Return a voter's right to vote in a contest.

        Raises:
            NotEligible: They are not on its roll (BOX-7).
        """
        found = None if _is_hostile(voter) else self.register.entitlement(voter, contest)
        if found is None:
            raise NotEligible(
                f"This voter is not on the roll of {contest!r}.", check="BOX-7", subject=contest
            )
        return found
