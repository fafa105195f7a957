# SPDX-License-Identifier: GPL-3.0-or-later
"""The voting service that an integrator embeds: one object over an election folder.

Spec: BOX
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from sqlalchemy import Engine

from evote.board.cosigning import CosignResult
from evote.board.lookup import FoundBallot, ReferenceVerdict, check_reference_in, find_code_in
from evote.box import acts, casting, publication
from evote.box.alerts import Alert, IntegrityReport, ignore
from evote.box.attendance import export_attendance, prove_attendance
from evote.box.casting import minute
from evote.box.consistency import verify_stores
from evote.box.counts import turnout, turnout_by_hour
from evote.box.integrity import check_integrity
from evote.box.ports import Attendance, BoxStore, RegisterStore
from evote.box.premises import Phase, Premises
from evote.box.service_keys import REGISTER_KEY
from evote.box.stores import Places
from evote.crypto.notes import sign_note
from evote.encoding import encode_base64url
from evote.errors import NotEligible, StateError
from evote.record.acts import Closing, Opening
from evote.record.attendance import AttendanceProof
from evote.record.election import PublicElection
from evote.record.reference import Receipt
from evote.record.slot import Slot

VoterStatus = Literal["not voted", "in progress", "voted"]
_STATUS: Final[dict[Attendance, VoterStatus]] = {
    Attendance.NONE: "not voted",
    Attendance.IN_PROGRESS: "in progress",
    Attendance.VOTED: "voted",
}


class BallotBox:
    """Register, ballot box and publication of one election.

    Safe for several threads and several processes on one machine; from a coroutine, call it in a thread
    (`await asyncio.to_thread(box.cast, …)`). The caller authenticates voters; their ids are those of the roll.
    """

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    @classmethod
    def open(
        cls,
        folder: Path | str,
        *,
        register: str | Engine | RegisterStore = "",
        box: str | Engine | BoxStore = "",
        spare: Path | str = "",
        proofs: Executor | None = None,
        on_alert: Callable[[Alert], object] = ignore,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Open an election folder; casts that a crash interrupted are finished or undone.

        Args:
            folder: The folder with `record/` and `private/`.
            register: Database URL (`sqlite:///path`, `postgresql+psycopg://role@host/database`), SQLAlchemy engine
                for this database alone, or adapter; by default as in `private/stores.json`, else
                `private/register.db`.
            box: Likewise; by default `private/box.db`.
            spare: Folder on another disk for a second copy of the slot key.
            proofs: Executor of processes that verify proofs; by default the thread that casts.
            on_alert: Called, by the thread that casts, with what is wrong while it happens (BOX-13); must not raise.
            clock: POSIX seconds.

        Raises:
            StateError: This is not an election folder (BOX-12).
            ParameterError: A database URL is not supported (BOX-2).
            StorageError: A file cannot be opened.
        """
        directory = Path(folder)
        if not (directory / "private").is_dir():
            raise StateError(f"{directory} is not an election folder; make one first.", check="BOX-12")
        premises = Premises.enter(directory, Places(register, box, str(spare)), clock, proofs)
        premises.alert = on_alert
        try:
            premises.verify_newest()
            with premises.sequencing(), premises.alone():
                verify_stores(premises)
        except BaseException:
            premises.close()
            raise
        return cls(premises)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the databases; not the vote."""
        self._premises.close()

    # What everybody may know

    @property
    def public(self) -> PublicElection:
        """Seal, manifest and keys: what a voter's device needs.

        Raises:
            StateError: The election is not sealed (ACT-1).
        """
        return self._premises.election

    @property
    def phase(self) -> Phase:
        """What the election has come to."""
        return self._premises.phase

    @property
    def cosigned(self) -> CosignResult | None:
        """What came of asking the witnesses at the last publication or closing; None if this object did neither.

        Spec: WIT-7
        """
        return self._premises.cosigned

    # Voters

    def slot(self, voter: str, contest: str) -> Slot:
        """Return where a voter's ballot is counted; while the vote is open, note that they are connected.

        Args:
            voter: Authenticated by the caller.
            contest: Contest id.

        Raises:
            NotEligible: Not on the roll of this contest (BOX-7).

        Spec: BOX-8
        """
        right = self._premises.entitlement(voter, contest)
        if right.state == Attendance.NONE and self.phase == Phase.OPEN:
            self._premises.register.connect(voter, contest, minute(self._premises.clock()))
        return right.slot

    def cast(self, voter: str, ballot: bytes) -> Receipt:
        """Take a voter's ballot; all or nothing, and final.

        Args:
            voter: Authenticated by the caller.
            ballot: The ballot's bytes; untrusted.

        Returns:
            The receipt; the same one again if this very ballot is in the box.

        Raises:
            InvalidBallot: `check` is the rule; nothing was recorded.
            NotOpen: Not in the hours of voting, or in grace and not connected before (BOX-8).
            NotEligible: Not on the roll of the ballot's contest (BOX-7).
            AlreadyVoted: Another ballot of this voter is in the box (BOX-7).
            StorageError: Nothing is known to be recorded; the same ballot can be cast again.

        Spec: BOX-6, BOX-7, BOX-8
        """
        return casting.cast_ballot(self._premises, voter, ballot)

    def receipt(self, ballot: bytes) -> Receipt:
        """Return the receipt of a ballot in the box to whoever holds its bytes, until the vote is closed.

        Raises:
            StateError: The box does not hold it, or was rebuilt at closing (BOX-6).

        Spec: BOX-6
        """
        return casting.find_receipt(self._premises, ballot)

    def status(self, voter: str) -> dict[str, VoterStatus]:
        """Return a voter's state in each contest that they are on the roll of.

        Raises:
            NotEligible: On no roll (BOX-7).
        """
        found = self._premises.rights(voter)
        if not found:
            raise NotEligible("This voter is on no roll of this election.", check="BOX-7")
        return {contest: _STATUS[right.state] for contest, right in found.items()}

    def attendance_proof(self, voter: str, contest: str) -> bytes:
        """Return a note by the register's key that a voter has voted; it says nothing of a ballot.

        Raises:
            NotEligible: Not on the roll of this contest (BOX-7).
            StateError: They have not voted (BOX-7).

        Spec: BOX-11
        """
        right = self._premises.entitlement(voter, contest)
        if right.state != Attendance.VOTED or right.in_flight:
            raise StateError(
                "This voter has no attendance mark in this contest.", check="BOX-7", subject=contest
            )
        election = self.public
        lines = (
            "evote/attendance/v1",
            election.manifest.origin,
            encode_base64url(election.id),
            contest,
            voter,
            str(right.voted_at),
        )
        return sign_note("".join(f"{line}\n" for line in lines), [self._premises.signer(REGISTER_KEY)])

    # Everybody

    def check_reference(self, text: str) -> ReferenceVerdict:
        """Check a ballot reference against the published log.

        Args:
            text: As pasted; untrusted.

        Spec: REF-4
        """
        return check_reference_in(self._premises.record, self.public, text, self._premises.clock())

    def find(self, code: str) -> tuple[FoundBallot, ...]:
        """Return every published ballot with a short code; a label, never evidence.

        Raises:
            ParameterError: Not a code (REF-5).

        Spec: REF-5
        """
        return find_code_in(self._premises.record, self.public, code)

    # The bureau

    def turnout(self) -> dict[str, int]:
        """Return how many voters have voted in each contest; for the bureau alone until the vote is closed.

        Spec: BOX-11
        """
        return turnout(self.public.manifest, self._premises.register.marks())

    def turnout_by_hour(self) -> dict[str, dict[int, int]]:
        """Return turnout by hour (its start, POSIX seconds); hours below the sealed minimum are left out.

        Spec: BOX-11
        """
        return turnout_by_hour(self.public.manifest, self._premises.register.marks())

    def publish(self, *, forced: bool = False) -> int:
        """Publish what is due and return how many ballots entered the log.

        Args:
            forced: Publish everything now (mode TEST only).

        Raises:
            StateError: Forced outside mode TEST (BOX-9), or the log cannot be written (BRD-17, BRD-18).

        Spec: BOX-9
        """
        return publication.publish_due(self._premises, forced=forced)

    def check_integrity(self, *, actor: str = "service", reason: str = "") -> IntegrityReport:
        """Compare everything with everything else: stores, log, record, software, witnesses.

        Raises:
            StateError: Not sealed (ACT-1).
            StorageError: A store cannot be reached.

        Spec: BOX-13
        """
        return check_integrity(self._premises, actor=actor, reason=reason)

    def prove_attendance(self, voter: str, contest: str) -> AttendanceProof:
        """Make a voter's proof that the closing has them as having voted, or as not having voted; for them alone.

        Raises:
            NotEligible: Not on the roll of this contest (BOX-7).
            StateError: The vote is not closed (ATT-11), or the register's roll is not the sealed one (ATT-3).
            VerificationError: The register was changed since the closing (ATT-6).

        Spec: ATT-4 to ATT-6, ATT-11
        """
        return prove_attendance(self._premises, voter, contest)

    def export_attendance(self, *, actor: str, reason: str) -> bytes:
        """Return the bureau's list as CSV: the whole roll with who has voted when; secret, and noted.

        Raises:
            ParameterError: No reason (ATT-7).
            StateError: Not sealed (ACT-1), while the vote is open (ATT-11), or the register's roll is not the sealed
                one (ATT-3).

        Spec: ATT-7, ATT-11
        """
        return export_attendance(self._premises, actor=actor, reason=reason)

    def assert_empty(self) -> None:
        """Check that nobody has connected or voted and that the box holds no ballot.

        Raises:
            StateError: Somebody has, or it does (ACT-2).

        Spec: ACT-2
        """
        acts.verify_empty(self._premises)

    def open_vote(self, *, actor: str = "service") -> Opening:
        """Open the vote; see `evote.box.acts.open_vote`.

        Raises:
            StateError: Not sealed (ACT-1); open already, not empty, or not the sealed roll (ACT-2).
            NotOpen: Before the sealed hour, in mode REAL (ACT-2).

        Spec: ACT-2
        """
        return acts.open_vote(self._premises, actor=actor)

    def close_vote(self, *, actor: str = "service") -> Closing:
        """Close the vote; see `evote.box.acts.close_vote`.

        Raises:
            StateError: Connected voters have not finished (ACT-3); ballots and marks differ (ACT-4).
            NotOpen: Never opened, or before the sealed hour in mode REAL (ACT-3).

        Spec: ACT-3 to ACT-5
        """
        return acts.close_vote(self._premises, actor=actor)
