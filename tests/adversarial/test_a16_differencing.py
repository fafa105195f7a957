# SPDX-License-Identifier: GPL-3.0-or-later
"""A16: sums whose difference is one voter's choice: overlapping units, units left out, units below the minimum."""

from __future__ import annotations

import pytest

from evote.errors import ParameterError
from evote.manifest import CountingPlan, Unit, merge_small_units, verify_election
from evote.record import layout
from evote.record.tally import SeatsRecord
from evote.tally.session import start_tally
from evote.verify import audit_record, verify_closing
from simulator import World, contest, draft, sealed_manifest, small_world


def plan(
    *units: tuple[str, tuple[str, ...], str], minimum: int = 3, sections="abc", accept_small: bool = True
):
    return draft(
        (contest("one", sections=tuple(sections), accept_small=accept_small),),
        counting=CountingPlan.make(
            minimum=minimum,
            units=tuple(
                Unit.make(id=unit, contest="one", sections=inside, merge_into=into)
                for unit, inside, into in units
            ),
        ),
    )


def test_disjoint_units_that_leave_nobody_out_are_accepted() -> None:
    verify_election(plan(("ab", ("a", "b"), ""), ("c", ("c",), "ab")))


@pytest.mark.parametrize(
    ("units", "check"),
    [
        ((("ab", ("a", "b"), ""), ("bc", ("b", "c"), "ab"), ("ca", ("c", "a"), "ab")), "MAN-4"),  # opens A
        ((("ab", ("a", "b"), ""), ("abc", ("a", "b", "c"), "ab")), "MAN-4"),  # opens C
        ((("a", ("a",), ""), ("all", ("a", "b", "c"), "a")), "MAN-4"),
        ((("aa", ("a", "a"), ""), ("bc", ("b", "c"), "aa")), "MAN-4"),
        ((("ab", ("a", "b"), ""),), "MAN-4"),  # c is counted by nobody
        ((("ab", ("a", "b"), ""), ("cd", ("c", "d"), "ab")), "MAN-4"),  # no section d
        ((("a", ("a",), ""), ("b", ("b",), ""), ("c", ("c",), "a")), "MAN-5"),  # two that merge into none
        ((("a", ("a",), ""), ("bc", ("b", "c"), "bc")), "MAN-5"),  # into itself
        ((("a", ("a",), ""), ("bc", ("b", "c"), "z")), "MAN-5"),
    ],
)
def test_units_that_overlap_or_leave_a_section_out_are_refused(units, check) -> None:
    with pytest.raises(ParameterError) as caught:
        verify_election(plan(*units))
    assert caught.value.check == check


def test_units_of_an_unknown_contest_are_refused() -> None:
    good = plan(("ab", ("a", "b"), ""), ("c", ("c",), "ab"))
    stray = Unit.make(id="x", contest="two", sections=("all",), merge_into="")
    with pytest.raises(ParameterError) as caught:
        verify_election(good.replace(counting=good.counting.replace(units=(*good.counting.units, stray))))
    assert caught.value.check == "MAN-4"


CHAIN = (("a", ("a",), ""), ("b", ("b",), "a"), ("c", ("c",), "b"))


@pytest.mark.parametrize(
    ("ballots", "groups"),
    [
        ((3, 3, 3), [["a"], ["b"], ["c"]]),
        ((3, 3, 2), [["a"], ["b", "c"]]),
        ((3, 2, 3), [["a", "b"], ["c"]]),
        ((2, 3, 3), [["a", "b"], ["c"]]),  # a merges into none, so with the first other
        ((3, 1, 1), [["a", "b", "c"]]),
        ((1, 1, 1), [["a", "b", "c"]]),
        ((5, 5, 0), [["a"], ["b", "c"]]),  # that nobody voted is told by the sum of b and c together
        ((0, 0, 0), [["a", "b", "c"]]),
        ((0, 0, 9), [["a", "b", "c"]]),
    ],
)
def test_units_below_the_minimum_are_merged(ballots, groups) -> None:
    counted = dict(zip("abc", ballots, strict=True))
    found = merge_small_units(plan(*CHAIN), "one", counted)
    assert [[unit.id for unit in group] for group in found] == groups
    opened = [sum(counted[unit.id] for unit in group) for group in found]
    assert all(total >= 3 for total in opened) or len(opened) == 1
    assert sorted(unit.id for group in found for unit in group) == ["a", "b", "c"]


@pytest.mark.parametrize(("total", "opened"), [(0, True), (1, False), (2, False), (3, True)])
def test_a_contest_below_the_minimum_is_withheld_unless_that_was_sealed(total, opened) -> None:
    counted = {"a": total, "b": 0, "c": 0}
    assert bool(merge_small_units(plan(*CHAIN, accept_small=False), "one", counted)) == opened
    assert merge_small_units(plan(*CHAIN, accept_small=True), "one", counted)


def finished(folder, votes, **options) -> World:
    world = small_world(folder, votes=votes, **options)
    world.close()
    world.tally()
    return world


def test_no_sum_below_the_minimum_is_ever_opened(tmp_path) -> None:
    votes = {"two-x": ["a"], "two-y": ["a", "b", "b", "c"], "one-all": ["a", "b", "c"]}
    world = finished(tmp_path / "w", votes, minimum=3)
    assert audit_record(world.record.path).verified
    closing = verify_closing(world.record.path)
    assert {unit: total.ballots for unit, total in closing.sums.items()} == {"one-all": 3, "two-x": 5}
    assert world.record.names_in("sums") == ["sums/one-all.json", "sums/two-x.json"]


def test_a_withheld_contest_is_not_opened_and_the_record_still_verifies(tmp_path) -> None:
    contests = (contest("one"), contest("two", accept_small=False))
    votes = {"two-all": ["a", "b"], "one-all": ["a", "b", "c"]}
    world = finished(tmp_path / "w", votes, minimum=3, contests=contests)
    assert audit_record(world.record.path).verified
    assert world.record.names_in("sums") == ["sums/one-all.json"]
    seats = world.record.read(layout.seats_path("two"), SeatsRecord)
    assert seats.withheld
    assert (seats.votes_cast, seats.blank) == (0, 0)
    assert {one.votes for one in seats.lists} == {0}


def test_a_share_of_a_withheld_sum_is_refused(tmp_path) -> None:
    contests = (contest("one"), contest("two", accept_small=False))
    votes = {"two-all": ["a", "b"], "one-all": ["a", "b", "c"]}
    world = finished(tmp_path / "w", votes, minimum=3, contests=contests)
    share = next(iter(world.record.names_in("shares")))
    data = world.record.bytes_of(share)
    world.write(share.replace("one-all", "two-all"), data)
    assert "SHR-1" in {one.check for one in audit_record(world.record.path).failures}


def test_a_small_contest_that_was_accepted_in_the_seal_is_opened_and_noted(tmp_path) -> None:
    world = finished(tmp_path / "w", {"one-all": ["a", "b"]}, minimum=3, contests=(contest("one"),))
    report = audit_record(world.record.path)
    assert report.verified
    assert any("fewer than the minimum" in note for note in report.notes)


def test_a_manifest_with_overlapping_units_does_not_verify(tmp_path) -> None:
    bad = plan(("ab", ("a", "b"), ""), ("bc", ("b", "c"), "ab"), ("ca", ("c", "a"), "ab"))
    world = World(tmp_path / "w", sealed_manifest(bad, {"ab": (9, 9), "bc": (9, 9), "ca": (9, 9)}))
    world.open()
    assert [one.check for one in audit_record(world.record.path, until="open").failures] == ["MAN-4"]
    world.close()
    with pytest.raises(Exception) as caught:
        start_tally(world.folder, lambda *_: None)
    assert caught.value.check == "MAN-4"
