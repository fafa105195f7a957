# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manifest holds. `Draft` is what people edit, `Manifest` what the seal fixes.

Shapes only: what the parts must be to each other is in `rules`.

Spec: MAN-1
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from evote.crypto.cosignatures import WitnessKey
from evote.encoding import Count, Digest, Document, Field, Identifier, Part, Remark, Text, Time
from evote.errors import ParameterError
from evote.params import MAX_GROUP_SIZE, MAX_OPTIONS, ParameterSet, parameter_set

Role = Literal["president", "secretary", "delegate", "substitute", "trustee", "technician"]
TieRule = Literal["most-votes", "most-candidates", "oldest-candidate", "lot"]
ShapeRule = Literal[
    "president-holds", "secretary-holds", "delegates-two-thirds", "two-at-most", "no-technician"
]
Positive = Annotated[Count, Field(ge=1)]
MAX_WITNESSES = 50
FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
Origin = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9./-]{0,199}$")]


class Candidate(Part):
    """One candidate; `age_rank` 1 is the oldest of the contest (for ties)."""

    name: Text
    age_rank: Positive


class Profession(Part):
    """A profession de foi: file under `professions/` and its SHA-256."""

    file: FileName
    digest: Digest


class CandidateList(Part):
    """One list, its candidates in order."""

    id: Identifier
    name: Text
    affiliation: Text
    candidates: Annotated[tuple[Candidate, ...], Field(min_length=1, max_length=1000)]
    professions: Annotated[tuple[Profession, ...], Field(max_length=1)]


class Section(Part):
    """A part of a contest's electorate."""

    id: Identifier
    name: Text


class Contest(Part):
    """One ballot: a list or blank. Lists stand in the order drawn by lot; option 0 is blank."""

    id: Identifier
    title: Text
    body: Text
    college: Text
    ballot: Literal["list"]
    lists: Annotated[tuple[CandidateList, ...], Field(min_length=1, max_length=MAX_OPTIONS - 1)]
    seats: Annotated[Count, Field(ge=1, le=1000)]
    tie_rule: Annotated[tuple[TieRule, ...], Field(min_length=1, max_length=4)]
    incomplete: Literal["vacant", "second"]
    sections: Annotated[tuple[Section, ...], Field(min_length=1, max_length=1000)]
    accept_small: bool

    @property
    def options(self) -> int:
        """Number of options: blank and the lists."""
        return len(self.lists) + 1

    def option(self, choice: str) -> int:
        """Return the number of a choice: 0 for "blank", else the list's place from 1.

        Raises:
            ParameterError: No list has this id (MAN-1).
        """
        ids = ["blank", *(one.id for one in self.lists)]
        if choice not in ids:
            raise ParameterError(
                f"{choice!r} is not a choice of {self.id}; choose one of {', '.join(ids)}.", check="MAN-1"
            )
        return ids.index(choice)


class Member(Part):
    """A holder of a key share. A substitute has the index of the delegate they replace."""

    index: Annotated[int, Field(ge=1, le=MAX_GROUP_SIZE)]
    id: Identifier
    name: Text
    role: Role


class Group(Part):
    """A group of trustees of whom `threshold` are enough; every group of a policy is needed."""

    id: Identifier
    name: Text
    threshold: Annotated[int, Field(ge=1, le=MAX_GROUP_SIZE)]
    members: Annotated[tuple[Member, ...], Field(min_length=1, max_length=3 * MAX_GROUP_SIZE)]

    @property
    def size(self) -> int:
        """Number of different shares."""
        return len({member.index for member in self.members})


class KeyPolicy(Part):
    """Who holds the key: each group must reach its threshold."""

    groups: Annotated[tuple[Group, ...], Field(min_length=1, max_length=10)]
    shape_rules: Annotated[tuple[ShapeRule, ...], Field(max_length=5)]
    accept_disjoint_quorums: bool

    def find(self, trustee: str) -> tuple[int, Member]:
        """Return group index (from 1) and member of a trustee id.

        Raises:
            ParameterError: Nobody has this id (MAN-1).
        """
        for index, group in enumerate(self.groups, 1):
            for member in group.members:
                if member.id == trustee:
                    return index, member
        raise ParameterError(f"No trustee is called {trustee!r}.", check="MAN-1")

    @property
    def members(self) -> tuple[tuple[int, Member], ...]:
        """All (group index, member), in order."""
        return tuple((g, member) for g, group in enumerate(self.groups, 1) for member in group.members)


class Unit(Part):
    """A counting unit: sections of one contest whose ballots are summed; merged below the minimum."""

    id: Identifier
    contest: Identifier
    sections: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    merge_into: Annotated[str, Field(max_length=64)]


class CountingPlan(Part):
    """What is opened: sums of these units, none with fewer than `minimum` ballots."""

    minimum: Positive
    units: Annotated[tuple[Unit, ...], Field(min_length=1, max_length=1000)]


class Timetable(Part):
    """Hours in POSIX seconds; voters who were connected at `closes` may finish until `grace_ends`."""

    opens: Time
    closes: Time
    grace_ends: Time


class Publication(Part):
    """When ballots enter the log, who may read it before closing, and the delay allowed, in seconds."""

    times: Annotated[tuple[Time, ...], Field(max_length=1000)]
    audience: Literal["bureau", "public"]
    delay: Annotated[Count, Field(le=86400)]


class Witness(Part):
    """Who cosigns the log: key as text, and where it is asked; "" for a witness that is asked by file."""

    key: Text
    url: Remark

    @property
    def witness_key(self) -> WitnessKey:
        """The key.

        Raises:
            EncodingError: Not the text of a witness's key (BRD-5).
        """
        return WitnessKey.from_text(self.key)


class RollCommitment(Part):
    """The roll of one unit: voters, their total weight, root over their salted entries."""

    unit: Identifier
    voters: Count
    weight: Count
    root: Digest


class Software(Part):
    """The software that was sealed: digest over the sorted paths and SHA-256 of its sources."""

    name: Text
    release: Text
    digest: Digest


class Election(Document):
    """What draft and manifest have in common."""

    max_bytes: ClassVar[int] = 16 << 20

    version: Literal[1] = 1
    mode: Literal["REAL", "TEST"]
    parameters: str
    origin: Origin
    event: Text
    title: Text
    languages: Annotated[tuple[Literal["fr", "en"], ...], Field(min_length=1, max_length=2)]
    timetable: Timetable
    publication: Publication
    eligibility: Literal["register"]
    contests: Annotated[tuple[Contest, ...], Field(min_length=1, max_length=1000)]
    policy: KeyPolicy
    counting: CountingPlan
    witnesses: Annotated[tuple[Witness, ...], Field(max_length=MAX_WITNESSES)]
    witness_quorum: Annotated[Count, Field(le=MAX_WITNESSES)]

    @property
    def sizes(self) -> ParameterSet:
        """The parameter set."""
        return parameter_set(self.parameters)

    @property
    def witness_keys(self) -> tuple[WitnessKey, ...]:
        """The witnesses' keys, in order."""
        return tuple(witness.witness_key for witness in self.witnesses)

    def contest(self, contest_id: str) -> Contest:
        """Return a contest by id.

        Raises:
            ParameterError: There is none (MAN-1).
        """
        for contest in self.contests:
            if contest.id == contest_id:
                return contest
        raise ParameterError(f"There is no contest {contest_id!r} in this election.", check="MAN-1")

    def unit(self, unit_id: str) -> Unit:
        """Return a counting unit by id.

        Raises:
            ParameterError: There is none (MAN-1).
        """
        for unit in self.counting.units:
            if unit.id == unit_id:
                return unit
        raise ParameterError(f"There is no counting unit {unit_id!r} in this election.", check="MAN-1")

    def units_of(self, contest_id: str) -> tuple[Unit, ...]:
        """Return a contest's units in the plan's order."""
        return tuple(unit for unit in self.counting.units if unit.contest == contest_id)

    def unit_of(self, contest_id: str, section: str) -> Unit:
        """Return the unit that counts a section.

        Raises:
            ParameterError: No unit does (MAN-4).
        """
        for unit in self.units_of(contest_id):
            if section in unit.sections:
                return unit
        raise ParameterError(f"{contest_id} has no section {section!r}.", check="MAN-4")


class Draft(Election):
    """The manifest while people edit it."""

    type: Literal["evote/draft"] = "evote/draft"


class Manifest(Election):
    """The sealed manifest: the draft with the roll's commitments and the software's digest."""

    type: Literal["evote/manifest"] = "evote/manifest"
    roll: Annotated[tuple[RollCommitment, ...], Field(max_length=1000)]
    software: Software

    def weight_of(self, contest_id: str) -> int:
        """Return the total weight of a contest's roll."""
        units = {unit.id for unit in self.units_of(contest_id)}
        return sum(entry.weight for entry in self.roll if entry.unit in units)

    def voters_of(self, contest_id: str) -> int:
        """Return the number of voters on a contest's roll."""
        units = {unit.id for unit in self.units_of(contest_id)}
        return sum(entry.voters for entry in self.roll if entry.unit in units)

    def digit_bits(self, contest_id: str) -> int:
        """Return b, the length of one counter of a contest: it holds the total weight of the roll."""
        return max(1, self.weight_of(contest_id).bit_length())
