# SPDX-License-Identifier: GPL-3.0-or-later
"""A4: a ballot that copies another, in every way that an observer of the record could try."""

from __future__ import annotations

import dataclasses

import pytest

from evote.crypto.fixed_base import base_table
from evote.crypto.integers import mpz, power, random_bits
from evote.proofs import selection
from evote.proofs.selection import (
    SelectionProof,
    SelectionWitness,
    encrypt_option,
    prove_selection,
    verify_selection,
)
from evote.record.ballot import Ballot
from evote.verify.ballots import square_digest
from forgery import opened, written
from simulator import World, audit_ballots, contest, draft, sealed_manifest


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    plan = draft((contest("one", sections=("x", "y")),))
    return World(
        tmp_path_factory.mktemp("a04") / "w", sealed_manifest(plan, {"one-x": (9, 9), "one-y": (9, 9)})
    )


def audit(world: World, *ballots: bytes) -> list[tuple[str, str]]:
    """Return (check, subject) of everything that is wrong with a list of ballots, numbered from 0."""
    return [(check, str(index)) for check, index in audit_ballots(world.election, ballots)[1]]


def made_with(world: World, option: int, nonce: mpz) -> bytes:
    """Return a ballot whose nonce is known: what a voter's own device could keep."""
    election, key = world.election, world.election.key
    powers = base_table(key)
    message = mpz(1) << (election.manifest.digit_bits("one") * option)
    ciphertext = encrypt_option(key, message, nonce, powers)
    statement = election.statement("one", "one-x", 1, ciphertext)
    proof = prove_selection(statement, SelectionWitness(option, nonce), powers, random_bits)
    verify_selection(statement, proof)
    ballot = Ballot.from_bytes(world.encrypt("one-x", "a"))
    return written(election, ballot, ciphertext, proof)


def test_two_honest_ballots_of_one_choice_are_two_ballots(world) -> None:
    assert audit(world, world.encrypt("one-x", "a"), world.encrypt("one-x", "a")) == []


def test_a_verbatim_copy_is_refused(world) -> None:
    ballot = world.encrypt("one-x", "a")
    assert audit(world, ballot, world.encrypt("one-x", "b"), ballot) == [("BAL-4", "2")]


def test_the_same_ciphertext_with_a_new_proof_is_refused(world) -> None:
    nonce = random_bits(world.election.key.parameters.nonce_bits)
    one, two = made_with(world, 1, nonce), made_with(world, 1, nonce)
    assert one != two
    assert audit(world, one) == audit(world, two) == []
    assert audit(world, one, two) == [("BAL-4", "1")]


def test_the_same_ciphertext_in_another_unit_with_a_new_proof_is_refused(world) -> None:
    """The collision of c^2 is looked for in the whole box, not in one unit."""
    election, nonce = world.election, random_bits(256)
    powers = base_table(election.key)
    one = made_with(world, 1, nonce)
    ballot, ciphertext, _ = opened(election, one)
    statement = election.statement("one", "one-y", 1, ciphertext)
    proof = prove_selection(statement, SelectionWitness(1, nonce), powers, random_bits)
    other = written(election, ballot.replace(unit="one-y"), ciphertext, proof)
    assert audit(world, other) == []
    assert audit(world, one, other) == [("BAL-4", "1")]


def test_the_negative_of_a_ciphertext_is_a_copy(world) -> None:
    """-c encrypts the same vote under the nonce -r; a fresh proof of it would verify, its square is the same."""
    election, key = world.election, world.election.key
    ballot, ciphertext, proof = opened(election, world.encrypt("one-x", "a"))
    negative = key.square - ciphertext
    assert square_digest(election, negative) == square_digest(election, ciphertext)
    copy = written(election, ballot, negative, proof)
    assert audit(world, ballot.to_bytes(), copy) == [("BAL-4", "1")]
    assert audit(world, copy) == [("SEL-3", "0")]


def test_a_fresh_proof_of_the_negative_verifies_and_is_refused_as_a_copy(world) -> None:
    """Squared equations cannot tell c from -c, so the copy rule must."""
    election, key, nonce = world.election, world.election.key, random_bits(256)
    powers = base_table(key)
    one = made_with(world, 1, nonce)
    ballot, ciphertext, _ = opened(election, one)
    statement = election.statement("one", "one-x", 1, key.square - ciphertext)
    forged = prove_negative(statement, SelectionWitness(1, nonce), powers)
    verify_selection(statement, forged)
    other = written(election, ballot, key.square - ciphertext, forged)
    assert audit(world, other) == []
    assert audit(world, one, other) == [("BAL-4", "1")]


def prove_negative(statement, witness: SelectionWitness, powers) -> SelectionProof:
    """Prove c for the statement about -c: run the honest prover on c, under the challenge of -c."""
    key = statement.key
    positive = dataclasses.replace(statement, ciphertext=key.square - statement.ciphertext)
    honest = selection._challenge
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "_challenge", lambda _, commitments: honest(statement, commitments))
        return prove_selection(positive, witness, powers, random_bits)


@pytest.mark.parametrize("exponent", [1, 2, 12345])
def test_a_re_randomised_ciphertext_is_refused(world, exponent: int) -> None:
    """c r^n is another ciphertext of the same vote; the proof does not move with it."""
    election, key = world.election, world.election.key
    ballot, ciphertext, proof = opened(election, world.encrypt("one-x", "a"))
    shifted = ciphertext * power(key.base, mpz(exponent), key.square) % key.square
    copy = written(election, ballot, shifted, proof)
    assert audit(world, ballot.to_bytes(), copy) == [("SEL-3", "1")]
    # nor if every response is shifted as the equations want it
    moved = dataclasses.replace(
        proof,
        responses=tuple(z + e * exponent for z, e in zip(proof.responses, proof.challenges, strict=True)),
    )
    if max(z.bit_length() for z in moved.responses) <= key.parameters.response_bits:
        statement = election.statement("one", "one-x", 1, shifted)
        selection._verify_equations((statement, moved))
        assert audit(world, ballot.to_bytes(), written(election, ballot, shifted, moved)) == [("SEL-3", "1")]


@pytest.mark.parametrize("field", ["commitments", "challenges", "responses", None])
def test_a_proof_with_its_parts_in_another_order_is_refused(world, field: str | None) -> None:
    election = world.election
    ballot, ciphertext, proof = opened(election, world.encrypt("one-x", "a"))
    fields = [field] if field else ["commitments", "challenges", "responses"]
    permuted = dataclasses.replace(proof, **{name: getattr(proof, name)[::-1] for name in fields})
    copy = written(election, ballot, ciphertext, permuted)
    check = "SEL-3" if "commitments" in fields else "SEL-4"
    assert audit(world, copy) == [(check, "0")]
    assert audit(world, ballot.to_bytes(), copy) == [("BAL-4", "1")]


def test_the_square_of_a_ciphertext_is_no_copy_and_no_vote(world) -> None:
    election, key = world.election, world.election.key
    ballot, ciphertext, proof = opened(election, world.encrypt("one-x", "a"))
    doubled = written(election, ballot, ciphertext * ciphertext % key.square, proof)
    assert audit(world, ballot.to_bytes(), doubled) == [("SEL-3", "1")]
