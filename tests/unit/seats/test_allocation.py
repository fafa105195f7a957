# SPDX-License-Identifier: GPL-3.0-or-later
"""Seats: worked examples, hand-checked cases, the real case, D'Hondt as an oracle, refused input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.errors import ParameterError, StateError
from evote.seats import Average, ListTally, allocate_seats

LOCAL = ("most-votes", "most-candidates", "lot")
HOSPITAL = ("most-votes", "most-candidates", "oldest-candidate")
NAMES = "abcdefgh"


def tallies(
    votes: Sequence[int], candidates: Sequence[int], ranks: Sequence[tuple[int, ...]] = ()
) -> list[ListTally]:
    """Lists a, b, c, …; without `ranks` the candidates are ranked in the order of the lists."""
    number = count(1)
    ages = ranks or [tuple(next(number) for _ in range(k)) for k in candidates]
    return [ListTally(NAMES[i], v, candidates[i], ages[i]) for i, v in enumerate(votes)]


@dataclass(frozen=True)
class Case:
    """One hand-checked case; `hows` tells what decided each seat after the quotient."""

    seats: int
    votes: tuple[int, ...]
    filled: tuple[int, ...]
    vacant: int = 0
    hows: str = ""
    candidates: tuple[int, ...] = ()
    rule: tuple[str, ...] = LOCAL
    incomplete: str = "vacant"
    lots: str = ""
    ranks: tuple[tuple[int, ...], ...] = ()


AVERAGE, VOTES, CANDIDATES, OLDEST, LOT, FREE = "AVCOLF"
HOW = {
    "average": AVERAGE,
    "most-votes": VOTES,
    "most-candidates": CANDIDATES,
    "oldest-candidate": OLDEST,
    "lot": LOT,
    "no-effect": FREE,
}

CASES = [
    # complete lists, no tie
    Case(10, (5214, 4106, 1903, 777), (5, 4, 1, 0), hows="AA"),
    Case(7, (500, 270, 120, 110), (4, 2, 1, 0), hows="AAA"),
    Case(1, (3, 2), (1, 0), hows="A"),
    Case(1, (1,), (1,)),
    Case(7, (9,), (7,)),
    Case(6, (60, 40, 20), (3, 2, 1)),
    Case(3, (10, 10, 10), (1, 1, 1)),
    Case(5, (100, 1, 1), (5, 0, 0), hows="A"),
    Case(1, (10**30 + 1, 10**30), (1, 0), hows="A"),
    # ties by votes, candidates, lot
    Case(2, (40, 20), (2, 0), hows="V"),
    Case(4, (60, 40, 20), (3, 1, 0), hows="V"),
    Case(5, (60, 40, 20), (3, 2, 0), hows="VV"),
    Case(1, (10, 10), (1, 0), hows="C", candidates=(5, 4)),
    Case(1, (10, 10), (0, 1), hows="C", candidates=(4, 5)),
    Case(1, (10, 10), (0, 1), hows="L", lots="ba"),
    Case(1, (10, 10), (1, 0), hows="L", lots="ab"),
    Case(1, (10, 10, 10), (0, 0, 1), hows="L", lots="cab"),
    Case(2, (10, 10, 10), (1, 0, 1), hows="LL", lots="cab"),
    Case(4, (10, 10, 10), (1, 2, 1), hows="L", lots="bca"),
    Case(2, (6, 5, 5), (1, 0, 1), hows="AL", lots="cb"),
    Case(2, (6, 5, 5), (1, 0, 1), hows="AC", candidates=(2, 2, 3)),
    Case(2, (40, 20), (1, 1), hows="C", candidates=(2, 3), rule=("most-candidates", "lot")),
    Case(2, (40, 20), (1, 1), hows="L", rule=("lot",), lots="ba"),
    # a tie that changes nothing
    Case(2, (10, 10, 1), (1, 1, 0), hows="FA"),
    Case(2, (10, 10, 1), (1, 1, 0), hows="FA", rule=()),
    Case(3, (10, 10, 10, 1), (1, 1, 1, 0), hows="FFA"),
    # the oldest of the candidates who would take the seat
    Case(1, (10, 10), (0, 1), hows="O", candidates=(2, 2), rule=HOSPITAL, ranks=((2, 3), (1, 4))),
    Case(3, (10, 10), (1, 2), hows="O", candidates=(2, 2), rule=HOSPITAL, ranks=((1, 4), (2, 3))),
    Case(3, (10, 10), (2, 1), hows="O", candidates=(2, 2), rule=HOSPITAL, ranks=((2, 3), (1, 4))),
    Case(2, (40, 20), (1, 1), hows="O", candidates=(2, 2), rule=HOSPITAL[2:], ranks=((1, 4), (3, 2))),
    Case(3, (10, 10), (1, 2), hows="O", candidates=(1, 2), rule=HOSPITAL[2:], ranks=((1,), (2, 3))),
    Case(3, (10, 10), (1, 1), 1, hows="F", candidates=(1, 1), rule=HOSPITAL, ranks=((1,), (2,))),
    # incomplete lists, seats stay vacant
    Case(5, (60, 30, 10), (2, 1, 0), 2, hows="V", candidates=(2, 5, 5)),
    Case(3, (7, 0), (2, 0), 1, candidates=(2, 5)),
    Case(3, (50, 50), (1, 2), hows="C", candidates=(1, 3)),
    Case(3, (50, 50), (1, 1), 1, hows="F", candidates=(1, 1)),
    Case(3, (50, 50, 10), (1, 2, 0), hows="C", candidates=(1, 3, 3)),
    Case(4, (80, 10, 10), (1, 0, 0), 3, hows="A", candidates=(1, 4, 4)),
    Case(2, (10, 5), (0, 0), 2, hows="V", candidates=(0, 2)),
    # incomplete lists, the next list takes the seat
    Case(5, (60, 30, 10), (2, 3, 0), hows="AV", candidates=(2, 5, 5), incomplete="second"),
    Case(5, (60, 30, 10), (2, 1, 1), 1, hows="A", candidates=(2, 1, 1), incomplete="second"),
    Case(3, (7, 0), (2, 0), 1, candidates=(2, 5), incomplete="second"),
    Case(3, (50, 50), (1, 1), 1, candidates=(1, 1), incomplete="second"),
    Case(3, (50, 50, 10), (1, 2, 0), hows="A", candidates=(1, 3, 3), incomplete="second"),
    Case(4, (80, 10, 10), (1, 1, 2), hows="FAL", candidates=(1, 4, 4), incomplete="second", lots="cb"),
    Case(2, (10, 5), (0, 2), hows="AA", candidates=(0, 2), incomplete="second"),
    # zero votes
    Case(2, (0, 0), (0, 0), 2),
    Case(2, (), (), 2),
    Case(2, (10, 0), (2, 0)),
    Case(2, (1, 0, 0), (1, 0, 0), 1, candidates=(1, 2, 2), incomplete="second"),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{i + 1}" for i in range(len(CASES))])
def test_hand_checked_case(case: Case) -> None:
    candidates = case.candidates or (case.seats,) * len(case.votes)
    lists = tallies(case.votes, candidates, case.ranks)
    found = allocate_seats(case.seats, lists, case.rule, incomplete=case.incomplete, lots=tuple(case.lots))
    assert (found.seats, found.vacant) == (case.filled, case.vacant)
    assert "".join(HOW[step.how] for step in found.steps) == case.hows
    assert found.lots_used == (LOT in case.hows)


def test_steps_show_every_average() -> None:
    found = allocate_seats(10, tallies((5214, 4106, 1903, 777), (10,) * 4), LOCAL)
    assert found.quotient == (12000, 10)
    assert found.by_quotient == (4, 3, 1, 0)
    ninth, tenth = found.steps
    assert ninth.averages == (
        Average("a", 5214, 5),
        Average("b", 4106, 4),
        Average("c", 1903, 2),
        Average("d", 777, 1),
    )
    assert (ninth.seat, ninth.winner, ninth.how, ninth.tied) == (9, "a", "average", ())
    assert (tenth.seat, tenth.winner, tenth.averages[0]) == (10, "b", Average("a", 5214, 6))


def test_step_names_the_tied_lists() -> None:
    (step,) = allocate_seats(2, tallies((40, 20, 1), (2, 2, 2)), LOCAL).steps
    assert (step.winner, step.how, step.tied) == ("a", "most-votes", ("a", "b"))


def test_no_votes_no_allocation() -> None:
    found = allocate_seats(2, tallies((0, 0), (2, 2)), LOCAL)
    assert (found.quotient, found.by_quotient, found.steps, found.vacant) == ((0, 2), (0, 0), (), 2)


def test_seats_won_and_filled_differ_for_an_incomplete_list() -> None:
    lists = tallies((60, 30, 10), (2, 5, 5))
    vacant = allocate_seats(5, lists, LOCAL)
    assert (vacant.by_quotient, vacant.won, vacant.seats) == ((3, 1, 0), (4, 1, 0), (2, 1, 0))
    second = allocate_seats(5, lists, LOCAL, incomplete="second")
    assert (second.by_quotient, second.won, second.seats) == ((2, 1, 0), (2, 3, 0), (2, 3, 0))
    assert [a.id for a in second.steps[0].averages] == ["b", "c"]


def test_real_case_cspm_2024_college_2() -> None:
    for fourth in range(592):
        votes = (3608, 2290, 800, fourth, 591 - fourth)
        found = allocate_seats(5, tallies(votes, (5,) * 5), LOCAL)
        assert (found.seats, found.by_quotient) == ((3, 2, 0, 0, 0), (2, 1, 0, 0, 0))
        assert [step.winner for step in found.steps] == ["a", "b"]


def test_float_trap() -> None:
    assert int(9 / (9 / 7)) == 6  # what floats would do
    assert allocate_seats(7, tallies((9,), (7,)), LOCAL).by_quotient == (7,)


# --- properties -------------------------------------------------------------------------------------

SEATS = st.integers(1, 12)
INCOMPLETE = st.sampled_from(("vacant", "second"))


@st.composite
def contests(draw: st.DrawFn) -> list[ListTally]:
    """Small numbers, so that ties, caps and zeros are frequent."""
    size = draw(st.integers(1, 5))
    votes = draw(st.lists(st.integers(0, 12) | st.integers(0, 5000), min_size=size, max_size=size))
    candidates = draw(st.lists(st.integers(0, 6), min_size=size, max_size=size))
    ages = iter(draw(st.permutations(range(1, sum(candidates) + 1))))
    return tallies(votes, candidates, [tuple(next(ages) for _ in range(k)) for k in candidates])


def dhondt(seats: int, claims: list[tuple[Any, str]]) -> dict[str, int]:
    """Sort all claims at once and take the first ones: knows neither quotient nor steps."""
    winners = [name for _, name in sorted(claims)[:seats]]
    return {name: winners.count(name) for name in NAMES}


@given(SEATS, contests(), st.permutations(NAMES[:5]), INCOMPLETE)
def test_dhondt_with_lots(seats: int, lists: list[ListTally], order: list[str], incomplete: str) -> None:
    lots = [name for name in order if name in {entry.id for entry in lists}]
    found = allocate_seats(seats, lists, LOCAL, incomplete=incomplete, lots=lots)
    claims = [
        ((-Fraction(e.votes, d), -e.votes, -e.candidates, lots.index(e.id)), e.id)
        for e in lists
        for d in range(1, seats + 1)
        if e.votes and (incomplete == "vacant" or d <= e.candidates)
    ]
    expected = dhondt(seats, claims)
    assert found.seats == tuple(min(expected[e.id], e.candidates) for e in lists)
    assert sum(found.seats) + found.vacant == seats


@given(SEATS, contests(), INCOMPLETE, st.sampled_from((HOSPITAL, HOSPITAL[1:], HOSPITAL[2:])))
def test_dhondt_with_ages_always_decides(
    seats: int, lists: list[ListTally], incomplete: str, rule: tuple[str, ...]
) -> None:
    found = allocate_seats(seats, lists, rule, incomplete=incomplete)

    def claim(e: ListTally, d: int) -> tuple[Any, ...]:
        age = e.ranks[d - 1] if d <= e.candidates else 1000
        keys = {"most-votes": -e.votes, "most-candidates": -e.candidates, "oldest-candidate": age}
        return (-Fraction(e.votes, d), *(keys[name] for name in rule))

    claims = [
        (claim(e, d), e.id)
        for e in lists
        for d in range(1, seats + 1)
        if e.votes and (incomplete == "vacant" or d <= e.candidates)
    ]
    expected = dhondt(seats, claims)
    assert found.seats == tuple(min(expected[e.id], e.candidates) for e in lists)


@given(SEATS, contests(), INCOMPLETE)
def test_at_most_one_drawing(seats: int, lists: list[ListTally], incomplete: str) -> None:
    try:
        found = allocate_seats(seats, lists, LOCAL, incomplete=incomplete)
    except StateError as error:
        found = allocate_seats(seats, lists, LOCAL, incomplete=incomplete, lots=error.subject.split(","))
        assert found.lots_used
    else:
        assert not found.lots_used


@given(SEATS, contests(), INCOMPLETE, st.data())
def test_order_of_lists_does_not_matter(
    seats: int, lists: list[ListTally], incomplete: str, data: st.DataObject
) -> None:
    other = data.draw(st.permutations(lists))
    lots = [entry.id for entry in lists]
    first = allocate_seats(seats, lists, LOCAL, incomplete=incomplete, lots=lots)
    again = allocate_seats(seats, other, LOCAL, incomplete=incomplete, lots=lots)
    assert dict(zip(lots, first.seats, strict=True)) == {
        entry.id: filled for entry, filled in zip(other, again.seats, strict=True)
    }


# --- lots -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lots", [(), ("a",), ("c", "a")])
def test_lot_needed(lots: tuple[str, ...]) -> None:
    with pytest.raises(StateError) as caught:
        allocate_seats(1, tallies((10, 10, 1), (2, 2, 2)), LOCAL, lots=lots)
    assert (caught.value.check, caught.value.subject) == ("SEA-6", "a,b")


def test_lots_not_needed_are_told() -> None:
    assert not allocate_seats(1, tallies((10, 9), (2, 2)), LOCAL, lots=("b", "a")).lots_used


def test_tie_that_no_rule_breaks() -> None:
    with pytest.raises(ParameterError) as caught:
        allocate_seats(1, tallies((10, 10, 1), (2, 2, 2)), LOCAL[:2])
    assert (caught.value.check, caught.value.subject) == ("SEA-5", "a,b")


# --- refused input: each one change away from the accepted call ---------------------------------------

GOOD: dict[str, Any] = {"seats": 2, "lists": tallies((40, 20), (2, 2)), "tie_rule": HOSPITAL}
A, B = GOOD["lists"]


def test_accepted_call() -> None:
    assert allocate_seats(**GOOD).seats == (2, 0)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"seats": 0}, "SEA-1"),
        ({"seats": -1}, "SEA-1"),
        ({"seats": 2.0}, "SEA-1"),
        ({"seats": True}, "SEA-1"),
        ({"lists": [A, replace(B, id="a")]}, "SEA-1"),
        ({"lists": [A, replace(B, votes=-1)]}, "SEA-1"),
        ({"lists": [A, replace(B, votes=20.0)]}, "SEA-1"),
        ({"lists": [A, replace(B, candidates=-2)]}, "SEA-1"),
        ({"lists": [A, replace(B, candidates=3)]}, "SEA-1"),
        ({"lists": [A, replace(B, ranks=())]}, "SEA-1"),
        ({"lists": [A, replace(B, ranks=(3,))]}, "SEA-1"),
        ({"lists": [A, replace(B, ranks=(3, 3))]}, "SEA-1"),
        ({"lists": [A, replace(B, ranks=(0, 3))]}, "SEA-1"),
        ({"lists": [A, replace(B, ranks=(2, 3))]}, "SEA-1"),
        ({"tie_rule": ("most-votes", "youngest-candidate")}, "SEA-5"),
        ({"tie_rule": ("most-votes", "most-votes")}, "SEA-5"),
        ({"tie_rule": ("lot", "most-votes")}, "SEA-5"),
        ({"lots": ("a", "x")}, "SEA-6"),
        ({"lots": ("a", "a")}, "SEA-6"),
        ({"incomplete": "third"}, "SEA-7"),
    ],
)
def test_refused(change: dict[str, Any], check: str) -> None:
    with pytest.raises(ParameterError) as caught:
        allocate_seats(**{**GOOD, **change})
    assert caught.value.check == check


def test_ranks_may_be_left_out_when_ages_do_not_matter() -> None:
    lists = [replace(A, ranks=()), replace(B, ranks=())]
    assert allocate_seats(2, lists, LOCAL).seats == (2, 0)
    with pytest.raises(ParameterError) as caught:
        allocate_seats(2, [replace(A, ranks=(1,)), lists[1]], LOCAL)
    assert caught.value.check == "SEA-1"
