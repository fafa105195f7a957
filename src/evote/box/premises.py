# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the voting service works: the election folder, its two stores and its keys, and what has come of them.

Spec: BOX-6, BOX-8
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from evote.board import LogWriter, read_bounded, write_durably
from evote.board import Phase as LogPhase
from evote.board.cosigned import count_cosignatures
from evote.board.cosigning import CosignResult, cosign_published, verify_newest
from evote.board.journal import Journal
from evote.board.record_folder import RecordFolder
from evote.board.tiles import CHECKPOINT
from evote.board.writer import STATE_FILE, LogState
from evote.box import locks
from evote.box.alerts import Alert, ignore
from evote.box.high_water import HighWater
from evote.box.ports import Entitlement, RegisterStore
from evote.box.roll import Roll
from evote.box.service_keys import LOG_KEY, REFERENCE_KEY, load_service_key
from evote.box.slot_key import SlotKeyFiles, mark_spare
from evote.box.stores import Places, open_box, open_register, read_places
from evote.box.urn import Urn
from evote.crypto.notes import NoteSigner
from evote.errors import NotEligible, ParameterError, StateError, StorageError
from evote.manifest import Election, Manifest
from evote.record import layout
from evote.record.election import PublicElection
from evote.record.reference import current_reference_key
from evote.record.slot import Slot

_SECONDS_AT_START = 2.0
_SECONDS_BETWEEN_QUESTIONS = 60.0
_PLACE_FILE = "place"


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
    """Tell whether an id can be on no roll because it is no text that a database holds."""
    return any(character == "\0" or "\ud800" <= character <= "\udfff" for character in voter)


@dataclass(slots=True)
class Premises:
    """Everything that the voting service works with.

    Attributes:
        directory: The election folder.
        register: Who may vote and who has voted.
        urn: The ballots.
        clock: POSIX seconds.
        proofs: Processes that verify the proofs of ballots; None for the thread that casts.
        alert: Told of what is wrong while it happens.
        cosigned: What came of asking the witnesses the last time, here.
    """

    directory: Path
    register: RegisterStore
    urn: Urn
    clock: Callable[[], float] = time.time
    proofs: Executor | None = None
    alert: Callable[[Alert], object] = ignore
    _opened: PublicElection | None = field(default=None, init=False, repr=False)
    cosigned: CosignResult | None = field(default=None, init=False, repr=False)
    _asked_at: float = field(default=float("-inf"), init=False, repr=False)

    @classmethod
    def enter(
        cls,
        directory: Path,
        places: Places | None = None,
        clock: Callable[[], float] = time.time,
        proofs: Executor | None = None,
    ) -> Premises:
        """Open the two stores.

        Args:
            directory: The election folder.
            places: Where they are; what is not said is taken from `private/stores.json`, else they are
                SQLite files in `private`.
            clock: POSIX seconds.
            proofs: Processes that verify proofs.

        Raises:
            ParameterError: An unsupported URL, or one database for both (BOX-2).
            StorageError: A database cannot be opened.
        """
        private = directory / "private"
        known = read_places(private, places or Places())
        create = log_phase(private) == LogPhase.EMPTY
        if known.spare and create:
            mark_spare(Path(known.spare))
        with ExitStack() as opened:
            owner = _place(private, create=create)
            register = open_register(known.register, owner, create=create)
            opened.callback(register.close)
            box = open_box(known.box, owner, create=create)
            opened.pop_all()
        keys = SlotKeyFiles(private, Path(known.spare) if known.spare else None)
        return cls(directory, register, Urn(box, keys), clock, proofs)

    def close(self) -> None:
        """Close the two stores."""
        self.register.close()
        self.urn.store.close()

    @property
    def private(self) -> Path:
        """The private folder."""
        return self.directory / "private"

    @property
    def high_water(self) -> HighWater:
        """The number of ballots that there were."""
        return HighWater(self.private)

    @property
    def record(self) -> RecordFolder:
        """The record."""
        return RecordFolder(self.directory / "record")

    @property
    def election(self) -> PublicElection:
        """Seal, manifest and keys.

        Raises:
            StateError: Nothing is sealed yet (ACT-1).
        """
        if self._opened is not None:
            following = layout.amendment_path(len(self._opened.amendments) + 1)
            if not self.record.has(following):
                return self._opened
        election = self.record.election()
        if log_phase(self.private) not in (LogPhase.EMPTY, LogPhase.SEALED):
            self._opened = election  # it can be sealed again no more
        return election

    @property
    def manifest(self) -> Manifest:
        """The sealed manifest."""
        return self.election.manifest

    def signer(self, file: str) -> NoteSigner:
        """Return one of the service's signing keys; secret.

        Args:
            file: One of `KEY_FILES`.

        Raises:
            StorageError: It is missing (BOX-5).
            StateError: It belongs to another origin, or is a reference key that the bureau has replaced (BOX-5).
        """
        election = self.election
        found = load_service_key(self.private, file, election.manifest.origin)
        if file == REFERENCE_KEY and found.note_key != current_reference_key(election):
            raise StateError(
                "reference.key is not the key that the bureau has put in place; apply its act again.",
                check="BOX-5",
                subject=file,
            )
        return found

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
    def beside_others(self) -> Iterator[None]:
        """Change what concerns one voter; publication, opening and closing wait meanwhile.

        Spec: BOX-6
        """
        with locks.beside_others(self.private):
            yield

    @contextmanager
    def sequencing(self) -> Iterator[None]:
        """Be the only one who writes the log; voters go on casting. Taken before `alone`, never inside it.

        Spec: BRD-17
        """
        with locks.sequencing(self.private):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one who changes box and register; what a crash left is settled first.

        Spec: BOX-6
        """
        with locks.alone(self.private), self.register.alone():
            self._settle()
            yield

    def _settle(self) -> None:
        """Finish every interrupted cast whose ballot is in the box, and undo the others."""
        self.register.wait_for_others()
        self.urn.store.wait_for_others()
        self.urn.settle()
        waiting = self.register.in_flight()
        if not waiting:
            return
        with suppress(StateError, StorageError):  # a damaged journal keeps nobody from voting
            Journal(self.private).record("settled", actor="service", now=self.clock())
        if not self.urn.store.state().slot_key:
            raise StateError("The box has no slot key, but the register unfinished casts.", check="BOX-15")
        stored = self.urn.tickets()
        for one in waiting:
            settle = self.register.confirm if one.ticket in stored else self.register.release
            settle(one.voter, one.contest, one.ticket)

    def roll(self, election: Election) -> Roll:
        """Return the roll, with the units of the given counting plan.

        Raises:
            ParameterError: The roll names a contest or section that the election does not have (BOX-1).
        """
        return Roll(
            tuple(
                replace(voter, slots=tuple(_placed(slot, election) for slot in voter.slots))
                for voter in self.register.voters()
            )
        )

    def ask_witnesses(self) -> CosignResult:
        """Ask the witnesses for their cosignatures of what is published; nobody is alone meanwhile.

        Spec: WIT-7
        """
        self._asked_at = time.monotonic()
        self.cosigned = cosign_published(self.record, self.election, self.private)
        return self.cosigned

    def ask_witnesses_again(self) -> None:
        """Ask again, at most once a minute, as long as cosignatures are missing and the vote is not over."""
        if not self.manifest.witnesses or self.phase not in (Phase.OPEN, Phase.GRACE):
            return
        if time.monotonic() - self._asked_at < _SECONDS_BETWEEN_QUESTIONS:
            return
        if not count_cosignatures(self.record, self.manifest, CHECKPOINT).complete:
            self.ask_witnesses()

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
        return LogWriter(self.record.path, self.private, self.signer(LOG_KEY))

    def rights(self, voter: str) -> dict[str, Entitlement]:
        """Return all rights of a voter, by contest; none for somebody on no roll."""
        return {} if _is_hostile(voter) else self.register.rights(voter)

    def entitlement(self, voter: str, contest: str) -> Entitlement:
        """Return a voter's right to vote in a contest.

        Raises:
            NotEligible: They are not on its roll (BOX-7).
        """
        found = self.rights(voter).get(contest)
        if found is None:
            raise NotEligible(
                f"This voter is not on the roll of {contest!r}.", check="BOX-7", subject=contest
            )
        return found


def _place(private: Path, *, create: bool) -> str:
    """Return what tells this election's databases from another's; made with them."""
    path = private / _PLACE_FILE
    if not path.exists():
        if not create:
            raise StateError(
                f"private/{_PLACE_FILE} is missing; bring it back.", check="BOX-2", subject=_PLACE_FILE
            )
        write_durably(path, secrets.token_hex(16).encode(), mode=0o600)
    return read_bounded(path, 64).decode("ascii", "replace")


def _placed(slot: Slot, election: Election) -> Slot:
    try:
        return replace(slot, unit=election.unit_of(slot.contest, slot.section).id)
    except ParameterError:
        raise ParameterError(
            f"The roll names section {slot.section!r} of {slot.contest!r}, which the election does not have; "
            "import the roll again.",
            check="BOX-1",
            subject=slot.contest,
        ) from None
