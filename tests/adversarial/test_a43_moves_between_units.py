# SPDX-License-Identifier: GPL-3.0-or-later
"""A43: the board moves ballots between units or exchanges their weights; every such ballot fails."""

from __future__ import annotations

import json

import pytest

from evote.encoding import canonical_json
from evote.verify import audit_record
from simulator import World, contest, draft, sealed_manifest


def make(folder) -> World:
    """An open election of two units with weights; the roll has room everywhere."""
    plan = draft((contest("one", sections=("x", "y")), contest("two")))
    return World(folder, sealed_manifest(plan, {"one-x": (4, 9), "one-y": (4, 9), "two-all": (4, 9)}))


BALLOTS = [("one-x", "a", 1), ("one-x", "b", 3), ("one-y", "a", 1), ("one-y", "c", 2), ("two-all", "a", 2)]


def publish(folder, change):
    """Publish ballots that the board changed; marks are made to agree with what it shows."""
    world = make(folder)
    world.open()
    honest = [json.loads(world.encrypt(*one)) for one in BALLOTS]
    world.publish([canonical_json(one) for one in change(honest)])
    world.close()
    return audit_record(world.record.path, until="closed")


def with_field(ballots: list[dict], field: str, values: list) -> list[dict]:
    return [{**one, field: value} for one, value in zip(ballots, values, strict=True)]


def test_the_honest_board_is_accepted(tmp_path) -> None:
    assert publish(tmp_path / "w", lambda ballots: ballots).verified


@pytest.mark.parametrize(
    ("field", "values", "moved"),
    [
        ("unit", ["one-y", "one-y", "one-y", "one-y", "two-all"], 2),
        ("unit", ["one-y", "one-x", "one-x", "one-y", "two-all"], 2),  # exchanged: all counts agree
        ("unit", ["one-y", "one-y", "one-x", "one-x", "two-all"], 4),
        ("weight", [3, 1, 1, 2, 2], 2),  # exchanged within a unit: all weights agree
        ("weight", [2, 3, 1, 1, 2], 2),  # exchanged between units
        ("weight", [1, 3, 1, 2, 3], 1),
    ],
)
def test_every_moved_ballot_fails(tmp_path, field, values, moved) -> None:
    report = publish(tmp_path / "w", lambda ballots: with_field(ballots, field, values))
    refused = [one for one in report.failures if one.subject.startswith("ballot ")]
    assert [one.check for one in refused] == ["SEL-3"] * moved
    assert not report.verified


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("unit", ["two-all", "one-x", "one-y", "one-y", "two-all"]),  # a unit of another contest
        ("weight", [19, 3, 1, 2, 2]),  # more than the contest's whole roll weighs
    ],
)
def test_a_place_that_the_contest_does_not_have_is_refused(tmp_path, field, values) -> None:
    report = publish(tmp_path / "w", lambda ballots: with_field(ballots, field, values))
    refused = [one for one in report.failures if one.subject.startswith("ballot ")]
    assert [one.check for one in refused] == ["BAL-3"]


def test_a_sum_that_counts_a_ballot_elsewhere_is_refused(tmp_path) -> None:
    """The ballots are as cast; the published sums put one of them into the other unit."""
    from evote.record import layout
    from evote.record.ballot import Ballot
    from evote.record.tally import Sum

    world = make(tmp_path / "w")
    world.open()
    world.publish([world.encrypt(*one) for one in BALLOTS])
    world.close()
    world.tally()
    assert audit_record(world.record.path).verified
    key = world.election.key
    moved = Ballot.from_bytes(next(one for one in world.ballots if json.loads(one)["unit"] == "one-x"))
    factor = pow(int(moved.numbers(key)[0]), moved.weight, int(key.square))
    for unit, sign in (("one-x", -1), ("one-y", 1)):
        total = world.record.read(layout.sum_path(unit), Sum)
        value = int.from_bytes(total.ciphertext, "big") * pow(factor, sign, int(key.square)) % key.square
        world.record.write(
            layout.sum_path(unit),
            total.replace(
                ballots=total.ballots + sign,
                weight=total.weight + sign * moved.weight,
                ciphertext=key.ciphertext_bytes(value),
            ),
        )
    assert "SUM-3" in {one.check for one in audit_record(world.record.path).failures}
