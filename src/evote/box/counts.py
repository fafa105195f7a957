# SPDX-License-Identifier: GPL-3.0-or-later
"""What the register's marks add up to: by unit for the closing, by contest and hour for the bureau.

Spec: BOX-11, ACT-4
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evote.box.ports import MarkCount
from evote.manifest import Election


@dataclass(frozen=True, slots=True)
class Marks:
    """Attendance marks of one unit.

    Attributes:
        voters: How many voters have voted.
        weight: Their total weight.
    """

    voters: int = 0
    weight: int = 0


def marks_by_unit(election: Election, counts: Iterable[MarkCount]) -> dict[str, Marks]:
    """Return the marks of every counting unit, in the plan's order."""
    marks = {unit.id: Marks() for unit in election.counting.units}
    for count in counts:
        have = marks.get(count.unit, Marks())
        marks[count.unit] = Marks(have.voters + count.voters, have.weight + count.weight)
    return marks


def turnout(election: Election, counts: Iterable[MarkCount]) -> dict[str, int]:
    """Return how many voters have voted in each contest."""
    found = dict.fromkeys((contest.id for contest in election.contests), 0)
    for count in counts:
        found[count.contest] = found.get(count.contest, 0) + count.voters
    return found


def turnout_by_hour(election: Election, counts: Iterable[MarkCount]) -> dict[str, dict[int, int]]:
    """Return how many voted in each hour, by contest; hours below the sealed minimum are left out."""
    found: dict[str, dict[int, int]] = {}
    for count in counts:
        hours = found.setdefault(count.contest, {})
        hours[count.hour] = hours.get(count.hour, 0) + count.voters
    return {
        contest: {hour: number for hour, number in hours.items() if number >= election.counting.minimum}
        for contest, hours in found.items()
    }
