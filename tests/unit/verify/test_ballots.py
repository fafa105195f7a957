# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from evote.encoding import canonical_json
from evote.record.ballot import Ballot
from evote.verify import ballots as module
from evote.verify.ballots import BallotAuditor
from simulator import World, contest, draft, sealed_manifest


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    plan = draft((contest("one", sections=("x", "y")),))
    return World(
        tmp_path_factory.mktemp("b") / "w", sealed_manifest(plan, {"one-x": (9, 9), "one-y": (9, 9)})
    )


def audit(world: World, ballots: list[bytes]) -> tuple[BallotAuditor, list[tuple[str, str]]]:
    auditor = BallotAuditor(world.election)
    found = [error for number, data in enumerate(ballots) for error in auditor.add(f"ballot {number}", data)]
    found += auditor.finish()
    return auditor, [(error.check, error.subject) for error in found]


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 256])
def test_the_size_of_a_batch_changes_nothing(world, monkeypatch, batch) -> None:
    monkeypatch.setattr(module, "_BATCH", batch)
    ballots = [
        world.encrypt("one-x", "a", 2),
        world.encrypt("one-y", "b"),
        world.encrypt("one-x", "blank", 3),
    ]
    moved = canonical_json({**json.loads(world.encrypt("one-x", "c")), "unit": "one-y"})
    auditor, found = audit(world, [*ballots, moved, ballots[1]])
    assert sorted(found) == [("BAL-4", "ballot 4"), ("SEL-3", "ballot 3")]
    counted = {unit: (tally.ballots, tally.weight) for unit, tally in auditor.tallies.items()}
    assert counted == {"one-x": (2, 5), "one-y": (1, 1)}


def test_the_product_weighs_every_ballot(world) -> None:
    ballots = [world.encrypt("one-x", "a", 2), world.encrypt("one-x", "b", 3)]
    square, expected = world.election.key.square, 1
    for data, weight in zip(ballots, (2, 3), strict=True):
        expected = (
            expected * pow(Ballot.from_bytes(data).numbers(world.election.key)[0], weight, square) % square
        )
    assert audit(world, ballots)[0].tallies["one-x"].product == expected
    assert audit(world, ballots[::-1])[0].tallies["one-x"].product == expected
    assert audit(world, [])[0].tallies["one-x"].product == 1
