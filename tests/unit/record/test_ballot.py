# SPDX-License-Identifier: GPL-3.0-or-later
"""Ballots as bytes, and what an election takes as one of its ballots (BAL-1 to BAL-3)."""

from __future__ import annotations

import pytest

from evote.encoding import canonical_json
from evote.errors import EncodingError, VerificationError
from evote.proofs.selection import verify_selection
from evote.record.ballot import Ballot, BallotProof, proof_bytes
from evote.record.election import PublicElection
from forgery import opened, refused, written
from simulator import World, contest, draft, sealed_manifest


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    plan = draft((contest("one"), contest("two", sections=("x", "y"))))
    rolls = {"one-all": (3, 9), "two-x": (2, 2), "two-y": (2, 5)}
    return World(tmp_path_factory.mktemp("ballot") / "w", sealed_manifest(plan, rolls))


@pytest.fixture(scope="module")
def ballot(world) -> Ballot:
    return Ballot.from_bytes(world.encrypt("two-x", "b"))


def test_bytes_numbers_and_back(world, ballot) -> None:
    parts, ciphertext, proof = opened(world.election, ballot.to_bytes())
    assert parts == ballot
    assert written(world.election, parts, ciphertext, proof) == ballot.to_bytes()
    assert proof_bytes(world.election.key, proof) == ballot.proof
    sizes = {name: {len(move) for move in getattr(ballot.proof, name)} for name in ("a", "e", "z")}
    assert sizes == {"a": {128}, "e": {32}, "z": {80}}


def test_the_writer_of_ballots_gives_canonical_json(ballot) -> None:
    assert list(Ballot.model_fields) == sorted(Ballot.model_fields)
    assert list(BallotProof.model_fields) == sorted(BallotProof.model_fields)
    assert ballot.to_bytes() == canonical_json(ballot.model_dump(mode="json"))


def test_the_statement_is_rebuilt_from_the_election(world, ballot) -> None:
    statement, proof = world.election.selection_item(ballot)
    verify_selection(statement, proof)
    assert (statement.election, statement.contest, statement.unit) == (world.election.id, "two", "two-x")
    assert (statement.weight, statement.options, statement.digit_bits) == (1, 4, 3)
    assert statement.key == world.election.key


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"election": b"f" * 32}, "BAL-2"),
        ({"contest": "three"}, "BAL-3"),
        ({"unit": "two-z"}, "BAL-3"),
        ({"contest": "one"}, "BAL-3"),
        ({"unit": "one-all"}, "BAL-3"),
        ({"weight": 8}, "BAL-3"),
    ],
    ids=str,
)
def test_a_ballot_of_nowhere_is_refused(world, ballot, change: dict[str, object], check: str) -> None:
    world.election.selection_item(
        ballot.replace(weight=7)
    )  # the whole roll of the contest: no one is heavier
    with refused(VerificationError, check):
        world.election.selection_item(ballot.replace(**change))


@pytest.mark.parametrize(
    "change", [{"weight": 0}, {"weight": -1}, {"weight": 1 << 53}, {"weight": True}, {"election": b""}]
)
def test_shapes(ballot, change: dict[str, object]) -> None:
    with refused(EncodingError, "ENC-5"):
        ballot.replace(**change)


@pytest.mark.parametrize("count", [0, 1, 257])
@pytest.mark.parametrize("field", ["a", "e", "z"])
def test_the_number_of_moves_is_bounded(ballot, field: str, count: int) -> None:
    moves = {name: getattr(ballot.proof, name) for name in ("a", "e", "z")}
    assert BallotProof.make(**moves) == ballot.proof
    with refused(EncodingError, "ENC-5"):
        BallotProof.make(**{**moves, field: moves[field][:1] * count})


def test_seal_manifest_and_keys_belong_together(world) -> None:
    election = world.election
    assert election.id == election.seal.digest()
    other = election.manifest.replace(title="Another")
    with refused(VerificationError, "ACT-1"):
        PublicElection(election.seal, other, election.keys)
    with refused(VerificationError, "ACT-1"):
        PublicElection(election.seal.replace(manifest=other.digest()), election.manifest, election.keys)
    with refused(VerificationError, "ACT-1"):
        PublicElection(election.seal, election.manifest, election.keys.replace(share_bits=8))
    resealed = PublicElection(election.seal.replace(manifest=other.digest()), other, election.keys)
    assert resealed.id != election.id
