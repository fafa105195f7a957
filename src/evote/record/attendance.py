# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is on the roll and who has voted: lines of the bureau's list, their two commitments, a voter's proof.

None of this is in the record but the roots.

Spec: ATT
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Annotated, ClassVar, Literal

from evote.crypto.merkle import inclusion_proof, leaf_hash, root_of
from evote.crypto.transcript import framed_digest, u64
from evote.encoding import Count, Digest, Document, Field, Identifier, Text
from evote.errors import NotEligible, VerificationError
from evote.manifest import Election

MAX_VOTER = 100
"""Greatest number of characters of a voter id."""


@dataclass(frozen=True, slots=True)
class AttendanceLine:
    """One voter's right to vote in one contest, and their mark; secret.

    Attributes:
        voter: Id as on the roll.
        name: For people; in no commitment.
        contest: Contest id.
        section: Section id.
        weight: Weight of the vote, at least 1.
        minute: POSIX seconds, to the minute, at which the voter voted; 0 if they did not. When, is in no commitment.
        salt: The voter's salt in this contest, 32 bytes.

    Spec: ATT-7
    """

    voter: str
    name: str
    contest: str
    section: str
    weight: int
    minute: int
    salt: bytes = field(repr=False)

    @property
    def voted(self) -> bool:
        """Whether the voter has voted."""
        return self.minute > 0

    def entry(self, unit: str) -> bytes:
        """Return their entry on the roll of a unit."""
        return roll_entry(unit, self.voter, self.section, self.weight, self.salt)

    def mark(self, election: bytes, unit: str) -> bytes:
        """Return their mark in an election."""
        return attendance_mark(election, unit, self.voter, self.salt, voted=self.voted)


def roll_entry(unit: str, voter: str, section: str, weight: int, salt: bytes) -> bytes:
    """Return a voter's entry on the roll of a unit: 32 bytes that say nothing without the salt.

    Spec: ATT-2
    """
    items = (unit.encode(), voter.encode(), section.encode(), u64(weight), salt)
    return framed_digest("evote/v1/roll-entry", items)


def attendance_mark(election: bytes, unit: str, voter: str, salt: bytes, *, voted: bool) -> bytes:
    """Return a voter's mark: 32 bytes that say nothing without the salt.

    Args:
        election: Election id.
        unit: The unit that counts the voter's section.
        voter: Voter id.
        salt: The voter's salt.
        voted: Whether they have voted; when, is not committed to.

    Spec: ATT-3
    """
    items = (election, unit.encode(), voter.encode(), salt, bytes([voted]))
    return framed_digest("evote/v1/attendance", items)


TreePath = Annotated[tuple[Digest, ...], Field(max_length=53)]


class AttendanceProof(Document):
    """What a voter checks offline: whether the closing has them as having voted. Theirs alone; never published.

    The two paths are of the same place.

    Spec: ATT-4 to ATT-6
    """

    max_bytes: ClassVar[int] = 64 << 10

    type: Literal["evote/attendance-proof"] = "evote/attendance-proof"
    version: Literal[1] = 1
    election: Digest
    contest: Identifier
    section: Identifier
    voter: Annotated[Text, Field(max_length=MAX_VOTER)]
    weight: Count
    present: bool
    salt: Annotated[Digest, Field(repr=False)]
    place: Count
    roll_path: TreePath
    attendance_path: TreePath


class UnitTrees:
    """The two trees of a counting unit: who is on its roll and, place by place, who has voted.

    Attributes:
        unit: Unit id.
        lines: The voters, in the order of their places.

    Spec: ATT-2, ATT-3
    """

    def __init__(self, unit: str, lines: Iterable[AttendanceLine]) -> None:
        """Put voters into their places.

        Args:
            unit: Unit id.
            lines: Its voters, in any order.
        """
        entries = sorted(((line.entry(unit), line) for line in lines), key=itemgetter(0))
        self.unit = unit
        self.lines = tuple(line for _, line in entries)
        self.roll_leaves = [leaf_hash(entry) for entry, _ in entries]

    @property
    def voters(self) -> int:
        """Number of voters on the roll."""
        return len(self.lines)

    @property
    def weight(self) -> int:
        """Total weight of the roll."""
        return sum(line.weight for line in self.lines)

    @cached_property
    def roll_root(self) -> bytes:
        """The commitment to the roll."""
        return root_of(self.roll_leaves)

    @property
    def marked(self) -> tuple[int, int]:
        """How many have voted, and their total weight."""
        weights = [line.weight for line in self.lines if line.voted]
        return len(weights), sum(weights)

    def attendance_leaves(self, election: bytes) -> list[bytes]:
        """Return the leaf hashes of all marks, at the places of the roll."""
        return [leaf_hash(line.mark(election, self.unit)) for line in self.lines]

    def attendance_root(self, election: bytes) -> bytes:
        """Return the commitment to who has voted."""
        return root_of(self.attendance_leaves(election))

    def prove(self, election: bytes, voter: str) -> AttendanceProof:
        """Return a voter's proof that they have voted, or have not.

        Raises:
            NotEligible: Not on the roll of this unit (BOX-7).

        Spec: ATT-4 to ATT-6
        """
        place = next((place for place, line in enumerate(self.lines) if line.voter == voter), -1)
        if place < 0:
            raise NotEligible("This voter is not on the roll of this unit.", check="BOX-7", subject=self.unit)
        line = self.lines[place]
        return AttendanceProof.make(
            election=election,
            contest=line.contest,
            section=line.section,
            voter=line.voter,
            weight=line.weight,
            present=line.voted,
            salt=line.salt,
            place=place,
            roll_path=tuple(inclusion_proof(self.roll_leaves, place)),
            attendance_path=tuple(inclusion_proof(self.attendance_leaves(election), place)),
        )


def unit_trees(election: Election, lines: Iterable[AttendanceLine]) -> dict[str, UnitTrees]:
    """Return the trees of every unit of a plan, in its order.

    Args:
        election: Draft or manifest; gives the plan.
        lines: The whole roll; untrusted.

    Raises:
        VerificationError: A line names a contest or section that no unit counts (ATT-8).

    Spec: ATT-2
    """
    members: dict[str, list[AttendanceLine]] = {unit.id: [] for unit in election.counting.units}
    unit_of = _units_by_section(election)
    for line in lines:
        unit = unit_of.get((line.contest, line.section))
        if unit is None:
            raise VerificationError(
                f"A line names section {line.section!r} of {line.contest!r}, which the election does not have.",
                check="ATT-8",
                subject=line.contest,
            )
        members[unit].append(line)
    return {unit: UnitTrees(unit, found) for unit, found in members.items()}


def _units_by_section(election: Election) -> Mapping[tuple[str, str], str]:
    return {(unit.contest, section): unit.id for unit in election.counting.units for section in unit.sections}
