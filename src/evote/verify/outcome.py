# SPDX-License-Identifier: GPL-3.0-or-later
"""Seats and minutes, derived from the results; the published ones must be the same bytes.

Spec: SEA, MIN
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evote.errors import TallyMismatch
from evote.manifest import CandidateList, Contest
from evote.record.acts import Closing, Opening
from evote.record.election import PublicElection
from evote.record.tally import Average, ListOutcome, Minutes, SeatsRecord, SeatStep
from evote.seats import Allocation, ListTally, allocate_seats
from evote.verify.sums import ClosingPoint


def derive_seats(
    election: PublicElection, contest: Contest, counts: Sequence[int] | None, lots: Sequence[str]
) -> SeatsRecord:
    """Allocate a contest's seats.

    Args:
        election: The election.
        contest: One of its contests.
        counts: Counts over all units, blank first; None if the contest is withheld.
        lots: List ids in the order drawn by lot, or none.

    Raises:
        StateError: A tie needs a drawing of lots (SEA-6); `subject` names the lists.
        TallyMismatch: Lots are recorded and nothing needed them (SEA-8).

    Spec: SEA-1 to SEA-8
    """
    blank, *votes = counts if counts is not None else [0] * contest.options
    tallies = [
        ListTally(
            one.id, count, len(one.candidates), tuple(candidate.age_rank for candidate in one.candidates)
        )
        for one, count in zip(contest.lists, votes, strict=True)
    ]
    allocation = allocate_seats(
        contest.seats, tallies, contest.tie_rule, incomplete=contest.incomplete, lots=lots
    )
    if lots and not allocation.lots_used:
        raise TallyMismatch("Lots were recorded that no tie needed.", check="SEA-8", subject=contest.id)
    return SeatsRecord.make(
        election=election.id,
        contest=contest.id,
        withheld=counts is None,
        blank=blank,
        votes_cast=sum(votes),
        seats=contest.seats,
        lists=tuple(_outcomes(contest.lists, votes, allocation)),
        steps=tuple(_steps(allocation)),
        vacant=allocation.vacant,
        lots=tuple(lots),
    )


def _outcomes(
    lists: Sequence[CandidateList], votes: Sequence[int], allocation: Allocation
) -> Iterable[ListOutcome]:
    for index, one in enumerate(lists):
        filled = allocation.seats[index]
        yield ListOutcome.make(
            list=one.id,
            votes=votes[index],
            by_quotient=allocation.by_quotient[index],
            won=allocation.won[index],
            seats=filled,
            elected=tuple(candidate.name for candidate in one.candidates[:filled]),
        )


def _steps(allocation: Allocation) -> Iterable[SeatStep]:
    for step in allocation.steps:
        yield SeatStep.make(
            seat=step.seat,
            averages=tuple(
                Average.make(list=one.id, votes=one.votes, divisor=one.divisor) for one in step.averages
            ),
            winner=step.winner,
            decided_by=step.how,
            tied=step.tied,
        )


@dataclass(frozen=True, slots=True)
class Course:
    """How an election went: its acts, its closing checkpoint and who opened the sums."""

    opening: Opening
    closing: Closing
    point: ClosingPoint
    key_holders: tuple[str, ...]


def derive_minutes(election: PublicElection, contest: Contest, course: Course, seats: SeatsRecord) -> Minutes:
    """Return the minutes of a contest: every figure follows from the record.

    Args:
        election: The election.
        contest: One of its contests.
        course: Acts, closing checkpoint and key holders.
        seats: The contest's seats.

    Spec: MIN-1
    """
    units = {unit.id for unit in election.manifest.units_of(contest.id)}
    marks = [entry for entry in course.closing.marks if entry.unit in units]
    return Minutes.make(
        election=election.id,
        event=election.manifest.event,
        body=contest.body,
        college=contest.college,
        contest=contest.id,
        title=contest.title,
        opened=course.opening.time,
        closed=course.closing.time,
        closing_size=course.point.size,
        closing_root=course.point.root,
        registered=election.manifest.voters_of(contest.id),
        voters=sum(entry.voters for entry in marks),
        weight=sum(entry.weight for entry in marks),
        blank=seats.blank,
        votes_cast=seats.votes_cast,
        withheld=seats.withheld,
        seats=seats.digest(),
        key_holders=course.key_holders,
        signatures=(),
    )


def key_holders(election: PublicElection, trustee_ids: Iterable[str]) -> tuple[str, ...]:
    """Return "name (role)" of the trustees whose shares are in the record, in the policy's order."""
    used = set(trustee_ids)
    return tuple(f"{one.name} ({one.role})" for one in election.keys.trustees if one.id in used)
