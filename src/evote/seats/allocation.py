# SPDX-License-Identifier: GPL-3.0-or-later
"""Allocation of seats by quotient and highest average, with integers and fractions only.

Spec: SEA
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from evote.errors import ParameterError, StateError

TIE_RULES: Final = ("most-votes", "most-candidates", "oldest-candidate", "lot")
INCOMPLETE_RULES: Final = ("vacant", "second")


@dataclass(frozen=True, slots=True)
class ListTally:
    """What the allocation has to know of one list; `ranks`: age rank of each candidate in list order.

    1 is the oldest of the contest; `ranks` may be empty when the tie rule does not look at ages.
    """

    id: str
    votes: int
    candidates: int
    ranks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Average:
    """The average votes/divisor with which a list claims a seat, as the exact pair, not reduced."""

    id: str
    votes: int
    divisor: int


@dataclass(frozen=True, slots=True)
class Step:
    """One seat given by highest average; `averages` of every list that takes part, in list order.

    `how` is "average", the tie rule that decided, or "no-effect"; `tied` shared the greatest average.
    """

    seat: int
    averages: tuple[Average, ...]
    winner: str
    how: str
    tied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Allocation:
    """Seats of one contest; numbers per list are in the order of the lists given.

    Attributes:
        quotient: (E, S), votes for all lists over seats, never divided.
        won: Seats each list wins, by quotient and then by the steps.
        seats: Seats each list fills: its first candidates are elected.
        vacant: Seats that nobody fills.
        lots_used: Whether a drawing of lots decided a seat.
    """

    quotient: tuple[int, int]
    by_quotient: tuple[int, ...]
    steps: tuple[Step, ...]
    won: tuple[int, ...]
    seats: tuple[int, ...]
    vacant: int
    lots_used: bool


def allocate_seats(
    seats: int,
    lists: Sequence[ListTally],
    tie_rule: Sequence[str],
    *,
    incomplete: str = "vacant",
    lots: Sequence[str] = (),
) -> Allocation:
    """Allocate the seats of one contest.

    Args:
        seats: How many seats the contest has, at least 1.
        lists: The lists with their public results, identifiers unique.
        tie_rule: Names of `TIE_RULES`, applied in order to equal averages; "lot" only at the end.
        incomplete: Seats won beyond a list's candidates: "vacant", or "second" for the next list.
        lots: Recorded order of the lists drawn by lot, empty before a drawing.

    Returns:
        The allocation with every step; `lots_used` tells whether `lots` were needed.

    Raises:
        ParameterError: A value is out of range (SEA-1, SEA-5, SEA-6, SEA-7), or the rule leaves a tie
            open (SEA-5).
        StateError: The bureau must draw lots between the lists named in `subject` (SEA-6).

    Spec: SEA-1 to SEA-8
    """
    _check_lists(seats, lists, tie_rule)
    _check_rules(lists, tie_rule, incomplete, lots)
    second = incomplete == "second"
    total = sum(entry.votes for entry in lists)
    won = {entry.id: _by_quotient(entry, seats, total, second) for entry in lists}
    by_quotient = tuple(won.values())
    steps: list[Step] = []
    for seat in range(sum(by_quotient) + 1, seats + 1):
        rivals = [e for e in lists if e.votes and not (second and won[e.id] >= e.candidates)]
        if not rivals:
            break
        steps.append(_award(seat, seats, rivals, won, tie_rule, lots))
        won[steps[-1].winner] += 1
    filled = tuple(min(won[entry.id], entry.candidates) for entry in lists)
    return Allocation(
        quotient=(total, seats),
        by_quotient=by_quotient,
        steps=tuple(steps),
        won=tuple(won.values()),
        seats=filled,
        vacant=seats - sum(filled),
        lots_used=any(step.how == "lot" for step in steps),
    )


def _by_quotient(entry: ListTally, seats: int, total: int, second: bool) -> int:
    whole = entry.votes * seats // total if total else 0
    return min(whole, entry.candidates) if second else whole


def _award(
    seat: int,
    seats: int,
    rivals: Sequence[ListTally],
    won: Mapping[str, int],
    tie_rule: Sequence[str],
    lots: Sequence[str],
) -> Step:
    """Give one seat to the greatest average (SEA-3)."""
    averages = tuple(Average(entry.id, entry.votes, won[entry.id] + 1) for entry in rivals)
    values = [Fraction(average.votes, average.divisor) for average in averages]
    greatest = max(values)
    leaders = [entry for entry, value in zip(rivals, values, strict=True) if value == greatest]
    if len(leaders) == 1:
        return Step(seat, averages, leaders[0].id, "average")
    winner, how = _break_tie(leaders, seats - seat + 1, won, tie_rule, lots)
    return Step(seat, averages, winner, how, tuple(entry.id for entry in leaders))


def _break_tie(
    leaders: Sequence[ListTally],
    remaining: int,
    won: Mapping[str, int],
    tie_rule: Sequence[str],
    lots: Sequence[str],
) -> tuple[str, str]:
    """Return the winner between equal averages and what decided (SEA-4 to SEA-6)."""
    for rule in tie_rule:
        if rule == "lot":
            break
        best = max(_claim(rule, entry, won[entry.id]) for entry in leaders)
        leaders = [entry for entry in leaders if _claim(rule, entry, won[entry.id]) == best]
        if len(leaders) == 1:
            return leaders[0].id, rule
    if len(leaders) <= remaining or all(won[entry.id] >= entry.candidates for entry in leaders):
        return leaders[0].id, "no-effect"  # each of them gets a seat now, or none can fill one
    tied = ",".join(entry.id for entry in leaders)
    if "lot" not in tie_rule:
        raise ParameterError(
            f"The tie rule leaves {tied} equal; end it with one that decides.", check="SEA-5", subject=tied
        )
    if any(entry.id not in lots for entry in leaders):
        raise StateError(
            f"Lists {tied} are equal: draw lots and record the order.", check="SEA-6", subject=tied
        )
    return min(leaders, key=lambda entry: lots.index(entry.id)).id, "lot"


def _claim(rule: str, entry: ListTally, won: int) -> tuple[int, ...]:
    """Return what a tie rule compares; the greatest claim wins (SEA-5)."""
    if rule == "most-votes":
        return (entry.votes,)
    if rule == "most-candidates":
        return (entry.candidates,)
    # The candidate who would take this seat; a list that has none left comes last.
    return (1, -entry.ranks[won]) if won < entry.candidates else (0,)


def _check_lists(seats: int, lists: Sequence[ListTally], tie_rule: Sequence[str]) -> None:
    """Refuse numbers, identifiers and ranks out of range (SEA-1)."""
    if not _are_counts(seats) or seats == 0 or len({entry.id for entry in lists}) < len(lists):
        raise ParameterError("Give at least one seat, and every list its own identifier.", check="SEA-1")
    seen: set[int] = set()
    for entry in lists:
        ranks = set(entry.ranks)
        unranked = not ranks and "oldest-candidate" not in tie_rule
        if (
            not _are_counts(entry.votes, entry.candidates, *entry.ranks)
            or not (unranked or len(ranks) == len(entry.ranks) == entry.candidates)
            or ranks & (seen | {0})
        ):
            raise ParameterError(
                f"List {entry.id}: give whole numbers, and each candidate an age rank of its own from 1.",
                check="SEA-1",
                subject=entry.id,
            )
        seen |= ranks


def _check_rules(
    lists: Sequence[ListTally], tie_rule: Sequence[str], incomplete: str, lots: Sequence[str]
) -> None:
    """Refuse unknown or repeated rule names and lots of foreign lists (SEA-5 to SEA-7)."""
    if not _are_distinct(tie_rule, TIE_RULES) or "lot" in tie_rule[:-1]:
        raise ParameterError(
            f"A tie rule names {', '.join(TIE_RULES)} at most once each, the lot last.", check="SEA-5"
        )
    if not _are_distinct(lots, [entry.id for entry in lists]):
        raise ParameterError("The lots name lists of this contest, each once.", check="SEA-6")
    if incomplete not in INCOMPLETE_RULES:
        raise ParameterError(f"Incomplete lists follow {' or '.join(INCOMPLETE_RULES)}.", check="SEA-7")


def _are_counts(*values: object) -> bool:
    return all(type(value) is int and value >= 0 for value in values)


def _are_distinct(names: Sequence[str], known: Sequence[str]) -> bool:
    return len(set(names)) == len(names) and set(names) <= set(known)
