# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sums are opened: units merged by the sealed rule on the published numbers of ballots.

Spec: SUM-2
"""

from __future__ import annotations

from collections.abc import Mapping

from evote.manifest.model import Election, Unit


def merge_small_units(
    election: Election, contest_id: str, ballots: Mapping[str, int]
) -> tuple[tuple[Unit, ...], ...]:
    """Group a contest's units so that no opened sum has too few ballots.

    Args:
        election: The sealed plan.
        contest_id: A contest of it.
        ballots: Published number of ballots of each unit of the contest.

    Returns:
        Groups of units, each in the plan's order; a group is called by its first unit. Empty if the whole
        contest has some ballots, fewer than the minimum, and did not accept that in the seal: then nothing
        of it is opened.

    Spec: SUM-2
    """
    order = [unit.id for unit in election.units_of(contest_id)]
    groups = [[unit] for unit in election.units_of(contest_id)]

    def total(group: list[Unit]) -> int:
        return sum(ballots[unit.id] for unit in group)

    while len(groups) > 1:
        small = next((group for group in groups if total(group) < election.counting.minimum), None)
        if small is None:
            break
        inside = {unit.id for unit in small}
        target = next(
            (unit.merge_into for unit in small if unit.merge_into and unit.merge_into not in inside), ""
        )
        others = [group for group in groups if group is not small]
        host = next((group for group in others if any(unit.id == target for unit in group)), others[0])
        merged = sorted(small + host, key=lambda unit: order.index(unit.id))
        groups = sorted(
            [group for group in others if group is not host] + [merged],
            key=lambda group: order.index(group[0].id),
        )
    withheld = any(0 < total(group) < election.counting.minimum for group in groups)
    if withheld and not election.contest(contest_id).accept_small:
        return ()
    return tuple(tuple(group) for group in groups)
