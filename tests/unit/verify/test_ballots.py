# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json

import pytest

from evote.encoding import canonical_json
from evote.record.ballot import Ballot
from evote.verify import ballots
from evote.verify.ballots import Squares
from simulator import World, audit_ballots, contest, draft, sealed_manifest


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    plan = draft((contest("one", sections=("x", "y")),))
    return World(
        tmp_path_factory.mktemp("b") / "w", sealed_manifest(plan, {"one-x": (9, 9), "one-y": (9, 9)})
    )


@pytest.mark.parametrize("batch_bytes", [1, 2000, 5000, 1 << 20])
def test_the_size_of_a_batch_changes_nothing(world, batch_bytes) -> None:
    ballots = [
        world.encrypt("one-x", "a", 2),
        world.encrypt("one-y", "b"),
        world.encrypt("one-x", "blank", 3),
    ]
    moved = canonical_json({**json.loads(world.encrypt("one-x", "c")), "unit": "one-y"})
    auditor, found = audit_ballots(world.election, [*ballots, moved, ballots[1]], batch_bytes=batch_bytes)
    assert sorted(found) == [("BAL-4", 4), ("SEL-3", 3)]
    counted = {unit: (tally.ballots, tally.weight) for unit, tally in auditor.tallies.items()}
    assert counted == {"one-x": (2, 5), "one-y": (2, 2)}  # a copy is found afterwards, and refuses the record


def test_the_product_weighs_every_ballot(world) -> None:
    ballots = [world.encrypt("one-x", "a", 2), world.encrypt("one-x", "b", 3)]
    square, expected = world.election.key.square, 1
    for data, weight in zip(ballots, (2, 3), strict=True):
        expected = (
            expected * pow(Ballot.from_bytes(data).numbers(world.election.key)[0], weight, square) % square
        )
    assert audit_ballots(world.election, ballots)[0].tallies["one-x"].product == expected
    assert audit_ballots(world.election, ballots[::-1])[0].tallies["one-x"].product == expected
    assert audit_ballots(world.election, [])[0].tallies["one-x"].product == 1


@pytest.mark.parametrize("at_once", [1, 3, 7, 1000])
def test_copies_are_found_in_any_number_of_passes(monkeypatch, at_once) -> None:
    monkeypatch.setattr(ballots, "_SQUARES_AT_ONCE", at_once)
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(40)]
    order = [*range(40), 7, 39, 7]
    records = [index.to_bytes(8, "big") + digests[number] for index, number in enumerate(order)]
    with Squares(lambda: [b"".join(records[:10])]) as squares:
        squares.add(b"".join(records[10:25]))
        squares.add(b"".join(records[25:]))
        found = sorted((one.index, one.check, one.detail) for one in squares.copies())
    assert [index for index, _, _ in found] == [40, 41, 42]
    assert [detail for _, _, detail in found] == [
        f"The ballot is a copy of ballot {first}." for first in (7, 39, 7)
    ]


def test_what_was_compared_before_is_not_compared_again() -> None:
    def never():
        raise AssertionError

    with Squares(never) as squares:
        squares.add(b"")
        assert list(squares.copies()) == []
