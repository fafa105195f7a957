# SPDX-License-Identifier: GPL-3.0-or-later
"""SUM-2: which units are opened together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.manifest import CountingPlan, Unit, merge_small_units
from simulator import contest, draft

SECTIONS = ("s1", "s2", "s3", "s4", "s5")


def plan(minimum: int, targets: tuple[str, ...] = (), *, accept_small: bool = False):
    """Return a contest of one unit a section; unit i merges into `targets[i]`, by default into the first."""
    sections = SECTIONS[: len(targets)] if targets else SECTIONS
    election = draft((contest("c", sections=sections, accept_small=accept_small),), minimum=minimum)
    if targets:
        units = tuple(
            Unit.make(
                id=f"c-{section}", contest="c", sections=(section,), merge_into=target and f"c-{target}"
            )
            for section, target in zip(sections, targets, strict=True)
        )
        election = election.replace(counting=CountingPlan.make(minimum=minimum, units=units))
    return election


def merged(election, *ballots: int) -> list[list[str]]:
    units = [unit.id for unit in election.counting.units]
    groups = merge_small_units(election, "c", dict(zip(units, ballots, strict=True)))
    return [[unit.id.removeprefix("c-") for unit in group] for group in groups]


def test_large_units_stay_alone() -> None:
    assert merged(plan(5), 5, 6, 7, 8, 9) == [["s1"], ["s2"], ["s3"], ["s4"], ["s5"]]


def test_a_small_unit_goes_where_the_plan_says() -> None:
    targets = ("", "s3", "s1", "s5", "s4")
    assert merged(plan(5, targets), 9, 1, 9, 9, 9) == [["s1"], ["s2", "s3"], ["s4"], ["s5"]]
    assert merged(plan(5, targets), 9, 1, 1, 1, 1) == [["s1", "s2", "s3", "s4", "s5"]]
    assert merged(plan(5, targets), 9, 9, 9, 1, 4) == [["s1"], ["s2"], ["s3"], ["s4", "s5"]]


def test_units_that_point_at_each_other_still_leave() -> None:
    assert merged(plan(5, ("", "s3", "s2")), 9, 1, 1) == [["s1", "s2", "s3"]]


def test_a_contest_that_is_too_small_is_withheld_unless_the_seal_accepts_it() -> None:
    assert merged(plan(50), 9, 9, 9, 9, 9) == []
    assert merged(plan(50, accept_small=True), 9, 9, 9, 9, 9) == [list(SECTIONS)]
    assert merged(plan(50), 0, 0, 0, 0, 0) == [list(SECTIONS)]  # nothing to hide


@given(st.lists(st.integers(0, 12), min_size=5, max_size=5), st.integers(1, 15))
def test_a16_groups_part_the_units_and_none_is_small(ballots: list[int], minimum: int) -> None:
    groups = merged(plan(minimum), *ballots)
    if not groups:
        assert 0 < sum(ballots) < minimum
        return
    assert sorted(name for group in groups for name in group) == list(SECTIONS)
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)
    of = dict(zip(SECTIONS, ballots, strict=True))
    totals = [sum(of[name] for name in group) for group in groups]
    assert all(total >= minimum or sum(ballots) == 0 for total in totals)


@pytest.mark.parametrize("minimum", [1, 3])
def test_one_unit_is_one_group(minimum: int) -> None:
    election = draft((contest("c", accept_small=False),), minimum=minimum)
    groups = merge_small_units(election, "c", {"c-all": 3})
    assert [[unit.id for unit in group] for group in groups] == [["c-all"]]
