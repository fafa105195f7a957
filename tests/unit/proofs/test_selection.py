# SPDX-License-Identifier: GPL-3.0-or-later
"""SEL: completeness, every range and unit, every transcript item, batch and one by one."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.crypto.fixed_base import base_table
from evote.crypto.integers import mpz, power, random_bits
from evote.crypto.transcript import challenge
from evote.errors import InvalidProof, ParameterError
from evote.proofs import selection
from evote.proofs.selection import (
    SelectionProof,
    SelectionWitness,
    encrypt_option,
    find_invalid_selections,
    prove_selection,
    verify_selection,
    verify_selections,
)
from toys import BITS, OPTIONS, TOY, factored_key, prove, statement_of, with_move


def refused(statement, proof, check: str) -> None:
    with pytest.raises(InvalidProof) as caught:
        verify_selection(statement, proof)
    assert caught.value.check == check
    assert list(find_invalid_selections([(statement, proof)])) == [0]


@given(st.integers(0, OPTIONS - 1), st.integers(1, 2**40))
def test_every_option_proves_and_verifies(option: int, weight: int) -> None:
    item = prove(factored_key()[0], option, weight=weight)
    verify_selection(*item)
    verify_selections([item])
    assert find_invalid_selections([item, item]) == {}


def test_a_false_statement_is_not_proved() -> None:
    key = factored_key()[0]
    statement, _ = prove(key, 1)
    with pytest.raises(ParameterError) as caught:
        prove_selection(statement, SelectionWitness(2, mpz(5)), base_table(key), random_bits)
    assert caught.value.check == "SEL-4"
    with pytest.raises(ParameterError) as caught:
        prove_selection(statement, SelectionWitness(OPTIONS, mpz(5)), base_table(key), random_bits)
    assert caught.value.check == "SEL-1"


@pytest.mark.parametrize("field", ["commitments", "challenges", "responses"])
def test_one_move_too_few_or_too_many_is_refused(field: str) -> None:
    statement, proof = prove(factored_key()[0], 0)
    moves = getattr(proof, field)
    refused(statement, dataclasses.replace(proof, **{field: moves[:-1]}), "SEL-1")
    refused(statement, dataclasses.replace(proof, **{field: (*moves, moves[0])}), "SEL-1")


def bad_numbers() -> list[tuple[str, mpz]]:
    key, p, q = factored_key()
    return [
        ("zero", mpz(0)),
        ("n", key.n),
        ("a multiple of p", p * 12345),
        ("a multiple of q", q * q),
        ("n squared", key.square),
        ("beyond n squared", key.square + 1),
    ]


@pytest.mark.parametrize(("name", "value"), bad_numbers())
def test_a25_a_ciphertext_that_is_no_unit_is_refused(name: str, value: mpz) -> None:
    key = factored_key()[0]
    statement, proof = prove(key, 0)
    verify_selection(statement, proof)
    refused(dataclasses.replace(statement, ciphertext=value), proof, "SEL-2")


@pytest.mark.parametrize(("name", "value"), bad_numbers())
@pytest.mark.parametrize("index", range(OPTIONS))
def test_a25_a_commitment_that_is_no_unit_is_refused(name: str, value: mpz, index: int) -> None:
    statement, proof = prove(factored_key()[0], 0)
    refused(statement, with_move(proof, "commitments", index, value), "SEL-2")


@pytest.mark.parametrize("index", range(OPTIONS))
def test_a26_a_value_outside_its_range_is_refused(index: int) -> None:
    key = factored_key()[0]
    statement, proof = prove(key, 0)
    e, z, a = proof.challenges[index], proof.responses[index], proof.commitments[index]
    refused(statement, with_move(proof, "challenges", index, e + (mpz(1) << 256)), "SEL-2")
    refused(statement, with_move(proof, "challenges", index, e - (mpz(1) << 256)), "SEL-2")
    refused(statement, with_move(proof, "responses", index, z + (mpz(1) << TOY.response_bits)), "SEL-2")
    refused(statement, with_move(proof, "responses", index, mpz(-1)), "SEL-2")
    refused(statement, with_move(proof, "commitments", index, a + key.square), "SEL-2")


@pytest.mark.parametrize("index", range(OPTIONS))
def test_every_move_counts(index: int) -> None:
    statement, proof = prove(factored_key()[0], 2)
    refused(statement, with_move(proof, "challenges", index, proof.challenges[index] ^ 1), "SEL-3")
    refused(statement, with_move(proof, "responses", index, proof.responses[index] ^ 1), "SEL-4")
    refused(statement, with_move(proof, "commitments", index, proof.commitments[index] ^ 1), "SEL-3")


def test_a04_permuted_parts_of_a_proof_are_refused() -> None:
    statement, proof = prove(factored_key()[0], 0)
    swap = lambda moves: (moves[1], moves[0], *moves[2:])  # noqa: E731
    refused(statement, dataclasses.replace(proof, commitments=swap(proof.commitments)), "SEL-3")
    refused(statement, dataclasses.replace(proof, challenges=swap(proof.challenges)), "SEL-4")
    refused(statement, dataclasses.replace(proof, responses=swap(proof.responses)), "SEL-4")


CHANGES = {
    "election": b"f" * 32,
    "contest": "contest2",
    "unit": "unit2",
    "weight": 2,
    "digit_bits": BITS + 1,
}


@pytest.mark.parametrize("field", sorted(CHANGES))
def test_a05_each_item_of_the_statement_is_in_the_challenge(field: str) -> None:
    key = factored_key()[0]
    statement, proof = prove(key, 0)
    verify_selection(statement, proof)
    refused(dataclasses.replace(statement, **{field: CHANGES[field]}), proof, "SEL-3")


def test_a05_number_of_options_and_ciphertext_are_in_the_challenge() -> None:
    key = factored_key()[0]
    statement, proof = prove(key, 0)
    more = SelectionProof(
        (*proof.commitments, key.base), (*proof.challenges, mpz(0)), (*proof.responses, mpz(1))
    )
    refused(dataclasses.replace(statement, options=OPTIONS + 1), more, "SEL-3")
    other = statement.ciphertext * key.base % key.square
    refused(dataclasses.replace(statement, ciphertext=other), proof, "SEL-3")


def test_a05_dropping_any_item_of_the_transcript_is_noticed(monkeypatch) -> None:
    """A verifier that hashes one item less refuses honest proofs: each item is really hashed."""
    statement, proof = prove(factored_key()[0], 0)
    honest = selection.challenge
    seen: list[int] = []

    def counting(domain, items):
        items = list(items)
        seen.append(len(items))
        return honest(domain, items)

    monkeypatch.setattr(selection, "challenge", counting)
    verify_selection(statement, proof)
    assert seen == [8 + OPTIONS]
    for dropped in range(8 + OPTIONS):
        monkeypatch.setattr(
            selection,
            "challenge",
            lambda domain, items, dropped=dropped: honest(
                domain, [item for place, item in enumerate(items) if place != dropped]
            ),
        )
        with pytest.raises(InvalidProof) as caught:
            verify_selection(statement, proof)
        assert caught.value.check == "SEL-3"


def test_a05_a_forgery_for_a_hash_of_the_commitments_alone_fails(monkeypatch) -> None:
    """With the ciphertext outside the hash it can be chosen after the challenge: a proof for a random plaintext."""
    key = factored_key()[0]
    powers = base_table(key)
    masks = [random_bits(TOY.response_bits - 1) for _ in range(2)]
    offset = random_bits(300)
    commitments = (powers(masks[0]), key.message_power(offset) * powers(masks[1]) % key.square)

    def weak_challenge(_, commitments):
        return challenge("evote/v1/selection", [key.ciphertext_bytes(a) for a in commitments])

    e = weak_challenge(None, commitments)
    plaintext = ((1 << BITS) - offset * power(e, mpz(-1), key.n)) % key.n
    assert plaintext not in (1, 1 << BITS)
    statement = statement_of(key, encrypt_option(key, plaintext, mpz(5), powers), options=2)
    forged = SelectionProof(commitments, (mpz(0), e), (masks[0], masks[1] + 5 * e))
    with monkeypatch.context() as patch:
        patch.setattr(selection, "_challenge", weak_challenge)
        verify_selection(statement, forged)
    refused(statement, forged, "SEL-3")


def test_a06_a_proof_made_under_another_key_is_refused() -> None:
    statement, proof = prove(factored_key()[0], 0)
    other = factored_key(1)[0]
    with pytest.raises(InvalidProof) as caught:
        verify_selection(dataclasses.replace(statement, key=other), proof)
    assert caught.value.check in ("SEL-2", "SEL-3")


def forbidden_plaintexts() -> list[tuple[str, mpz]]:
    key = factored_key()[0]
    m = [mpz(1) << (BITS * option) for option in range(OPTIONS)]
    return [
        ("nothing", mpz(0)),
        ("minus one", key.n - 1),
        ("two", mpz(2)),
        ("both of two lists", m[0] + m[1]),
        ("twice a list", 2 * m[1]),
        ("beyond the last list", m[-1] << BITS),
        ("minus a list", key.n - m[2]),
    ]


@pytest.mark.parametrize(("name", "plaintext"), forbidden_plaintexts())
def test_a28_no_proof_verifies_for_a_forbidden_vote(name: str, plaintext: mpz, monkeypatch) -> None:
    key = factored_key()[0]
    powers = base_table(key)
    nonce = random_bits(TOY.nonce_bits)
    statement = statement_of(key, encrypt_option(key, plaintext, nonce, powers))
    with pytest.raises(ParameterError):
        prove_selection(statement, SelectionWitness(0, nonce), powers, random_bits)
    # a prover that skips its own check still cannot make the equation of the claimed option hold
    monkeypatch.setattr(selection, "encrypt_option", lambda *_: statement.ciphertext)
    forged = prove_selection(statement, SelectionWitness(0, nonce), powers, random_bits)
    monkeypatch.undo()
    refused(statement, forged, "SEL-4")


def test_a44_partial_challenges_outside_their_range_are_refused() -> None:
    """e_i = n k makes every equation true for any plaintext; only the range refuses it."""
    key = factored_key()[0]
    powers = base_table(key)
    nonce = mpz(7)
    statement = statement_of(key, encrypt_option(key, mpz(3), nonce, powers))
    masks = [random_bits(TOY.response_bits) for _ in range(OPTIONS)]
    commitments = tuple(powers(mask) for mask in masks)
    total = selection._challenge(statement, commitments)
    inverse = power(key.n, mpz(-1), mpz(1) << 256)
    challenges = (key.n * (total * inverse % (mpz(1) << 256)), *[mpz(0)] * (OPTIONS - 1))
    responses = (masks[0] + challenges[0] * nonce, *masks[1:])
    forged = SelectionProof(commitments, challenges, responses)
    selection._verify_equations((statement, forged))
    assert sum(challenges) % (mpz(1) << 256) == total
    refused(statement, forged, "SEL-2")


def test_a33_a_retry_uses_fresh_values() -> None:
    """When the true branch's response would be too long, everything is drawn again."""
    key = factored_key()[0]
    powers = base_table(key)
    nonce = (mpz(1) << TOY.nonce_bits) - 1
    statement = statement_of(key, encrypt_option(key, mpz(1), nonce, powers))
    drawn: list[mpz] = []
    limit = (mpz(1) << TOY.response_bits) - 1

    def source(bits: int) -> mpz:
        first_round = len(drawn) < 2 * OPTIONS - 1
        value = limit if first_round and bits == TOY.response_bits else random_bits(bits)
        drawn.append(value)
        return value

    proof = prove_selection(statement, SelectionWitness(0, nonce), powers, source)
    verify_selection(statement, proof)
    assert len(drawn) == 2 * (2 * OPTIONS - 1)
    assert len(set(drawn[2 * OPTIONS - 1 :])) == 2 * OPTIONS - 1
    assert not set(proof.responses) & {limit}


def mutate(item, source: random.Random):
    """Change one thing of a ballot, or pair two errors that could cancel in a careless batch."""
    statement, proof = item
    key = statement.key
    kind = source.randrange(6)
    index = source.randrange(OPTIONS)
    if kind == 0:
        return statement, with_move(
            proof, "responses", index, proof.responses[index] ^ (1 << source.randrange(200))
        )
    if kind == 1:
        return statement, with_move(proof, "commitments", index, key.square - proof.commitments[index])
    if kind == 2:
        other = (index + 1) % OPTIONS
        e = proof.challenges
        moved = with_move(proof, "challenges", index, (e[index] + 1) % (mpz(1) << 256))
        return statement, with_move(moved, "challenges", other, (e[other] - 1) % (mpz(1) << 256))
    if kind == 3:
        return dataclasses.replace(statement, ciphertext=key.square - statement.ciphertext), proof
    if kind == 4:
        return dataclasses.replace(statement, weight=statement.weight + 1), proof
    return item


def test_a30_batch_and_one_by_one_agree_on_a_thousand_ballots() -> None:
    source = random.Random(30)
    honest = [prove(factored_key()[0], option % OPTIONS) for option in range(20)]
    items = [mutate(source.choice(honest), source) for _ in range(1000)]

    def holds(item) -> bool:
        try:
            verify_selection(*item)
        except InvalidProof:
            return False
        return True

    expected = {index for index, item in enumerate(items) if not holds(item)}
    assert 600 < len(expected) < 950
    for start in range(0, 1000, 100):
        found = find_invalid_selections(items[start : start + 100])
        assert set(found) == {index - start for index in expected if start <= index < start + 100}


def test_a30_paired_factors_of_minus_one_do_not_cancel() -> None:
    """-1 is an n-th power: a ballot with -a_i proves the same; its square is what both verifiers compare."""
    key = factored_key()[0]
    for _ in range(20):
        items = []
        for option in (0, 1):
            statement, proof = prove(key, option)
            items.append((statement, with_move(proof, "responses", option, proof.responses[option] + 1)))
        assert set(find_invalid_selections(items)) == {0, 1}
