# SPDX-License-Identifier: GPL-3.0-or-later
"""The electoral roll: read from CSV, all of it or nothing, and committed to by counting unit.

Spec: BOX-1, ATT-1, ATT-2
"""

from __future__ import annotations

import csv
import hmac
import io
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from evote.crypto.transcript import framed_digest
from evote.errors import ParameterError
from evote.manifest import Election, RollCommitment
from evote.record.attendance import MAX_VOTER, AttendanceLine, unit_trees
from evote.record.slot import Slot

MAX_ROLL_BYTES: Final = 256 << 20
MAX_WEIGHT: Final = 10**6
_COLUMNS: Final = ["voter_id", "name", "contests"]
_MAX_NAME: Final = 200
_NAMED_LINES: Final = 10
_INVISIBLE: Final = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@dataclass(frozen=True, slots=True)
class RegisteredVoter:
    """A voter and their place in each contest.

    Attributes:
        id: Opaque, at most 100 characters.
        name: For the bureau's attendance list; may be empty.
        slots: One for each contest, at least one.
    """

    id: str
    name: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Roll:
    """The electoral roll.

    Attributes:
        entries: The voters, in any order; each id once.
    """

    entries: tuple[RegisteredVoter, ...]

    @property
    def voters(self) -> int:
        """Number of voters."""
        return len(self.entries)

    @property
    def entitlements(self) -> int:
        """Number of ballots that may be cast."""
        return sum(len(voter.slots) for voter in self.entries)

    def lines(
        self, salt: bytes, minutes: Mapping[tuple[str, str], int] = MappingProxyType({}), contest: str = ""
    ) -> Iterator[AttendanceLine]:
        """Yield a line of the attendance list for every voter and contest; secret.

        Args:
            salt: The roll salt; secret.
            minutes: (contest, voter) -> when they voted; whoever is not there did not.
            contest: The only contest to look at, or "" for all.

        Spec: ATT-1, ATT-7
        """
        for voter in self.entries:
            for slot in voter.slots:
                if contest in ("", slot.contest):
                    yield AttendanceLine(
                        voter=voter.id,
                        name=voter.name,
                        contest=slot.contest,
                        section=slot.section,
                        weight=slot.weight,
                        minute=minutes.get((slot.contest, voter.id), 0),
                        salt=voter_salt(salt, slot.contest, voter.id),
                    )

    def commitments(self, election: Election, salt: bytes) -> tuple[RollCommitment, ...]:
        """Commit to the voters of each counting unit, in the plan's order.

        Args:
            election: The draft or manifest that the roll was read for.
            salt: The roll salt, 32 random bytes, kept with the register; without it voters cannot be guessed.

        Spec: ATT-2, MAN-12
        """
        return tuple(
            RollCommitment.make(unit=unit, voters=trees.voters, weight=trees.weight, root=trees.roll_root)
            for unit, trees in unit_trees(election, self.lines(salt)).items()
        )


def voter_salt(salt: bytes, contest: str, voter: str) -> bytes:
    """Return a voter's salt in a contest, 32 bytes; it says nothing of any other one.

    Args:
        salt: The roll salt; secret, shown to nobody.
        contest: Contest id.
        voter: Voter id.

    Spec: ATT-1
    """
    message = framed_digest("evote/v1/voter-salt", (contest.encode(), voter.encode()))
    return hmac.digest(salt, message, "sha256")


class _BadLine(Exception):
    """What is wrong with one line."""


def parse_roll(data: bytes, election: Election) -> Roll:
    """Read a roll: `voter_id,name,contests`, with items `contest[:section[:weight]]` separated by `;`.

    Args:
        data: CSV in UTF-8, at most 256 MiB; untrusted.
        election: Draft or manifest whose contests and sections it may name.

    Returns:
        The roll; nothing of it is returned if one line is bad.

    Raises:
        ParameterError: One sentence that names up to ten bad lines with their numbers (BOX-1).

    Spec: BOX-1
    """
    if len(data) > MAX_ROLL_BYTES:
        raise _refuse(f"the file is longer than the {MAX_ROLL_BYTES >> 20} MiB allowed")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refuse(f"line {line}: not UTF-8; save the file as UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    voters: dict[str, RegisteredVoter] = {}
    faults: list[str] = []
    try:
        if (first := next(reader, [])) != _COLUMNS:
            hint = "; the columns are separated by commas, not semicolons" if ";" in "".join(first) else ""
            raise _refuse(f"line 1: the first line must be {','.join(_COLUMNS)}{hint}")
        for row in reader:
            try:
                voter = _read_row(row, election)
                if voter.id in voters:
                    raise _BadLine(f"voter {voter.id} stands twice")
                voters[voter.id] = voter
            except _BadLine as fault:
                faults.append(f"line {reader.line_num}: {fault}")
    except csv.Error as error:
        faults.append(f"line {reader.line_num}: {error}")
    if faults:
        rest = len(faults) - _NAMED_LINES
        more = f"; and {rest} more bad lines" if rest > 0 else ""
        raise _refuse("; ".join(faults[:_NAMED_LINES]) + more)
    if not voters:
        raise _refuse("it names no voter")
    return Roll(tuple(voters.values()))


def _refuse(reason: str) -> ParameterError:
    return ParameterError(f"The roll was not imported: {reason}.", check="BOX-1", subject="roll")


def _read_row(row: list[str], election: Election) -> RegisteredVoter:
    if len(row) != len(_COLUMNS):
        raise _BadLine(f"{len(row)} columns instead of {len(_COLUMNS)}")
    voter, name, contests = (_visible(field).strip() for field in row)
    if not 0 < len(voter) <= MAX_VOTER:
        raise _BadLine(f"the voter id must have 1 to {MAX_VOTER} characters")
    if len(name) > _MAX_NAME:
        raise _BadLine(f"the name has more than {_MAX_NAME} characters")
    slots: dict[str, Slot] = {}
    for item in contests.split(";"):
        slot = _read_item(item.strip(), election)
        if slot.contest in slots:
            raise _BadLine(f"contest {slot.contest} stands twice")
        slots[slot.contest] = slot
    return RegisteredVoter(voter, name, tuple(slots.values()))


def _visible(text: str) -> str:
    if not text.isprintable() and any(unicodedata.category(one) in _INVISIBLE for one in text):
        raise _BadLine("a field holds a control or invisible character")
    return text


def _read_item(item: str, election: Election) -> Slot:
    contest_id, *rest = item.split(":")
    if not contest_id or len(rest) > 2:
        raise _BadLine(f"{item!r} is not contest[:section[:weight]]")
    try:
        contest = election.contest(contest_id)
    except ParameterError:
        raise _BadLine(f"there is no contest {contest_id!r}") from None
    section = rest[0] if rest else ""
    if not section:
        if len(contest.sections) > 1:
            raise _BadLine(f"{contest_id} has several sections; name one")
        section = contest.sections[0].id
    try:
        unit = election.unit_of(contest_id, section)
    except ParameterError:
        raise _BadLine(f"{contest_id} has no section {section!r}") from None
    return Slot(contest_id, section, unit.id, _read_weight(rest[1] if len(rest) > 1 else "1"))


def _read_weight(text: str) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_WEIGHT))
    if not digits or not 1 <= int(text) <= MAX_WEIGHT or text[0] == "0":
        raise _BadLine(f"the weight {text!r} is not a number from 1 to {MAX_WEIGHT}")
    return int(text)
