# SPDX-License-Identifier: GPL-3.0-or-later
"""DEC: shares of the bureau's toy key; another value, trustee or contest is refused (A7, A20, A27, A46)."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import pytest

from evote.crypto.integers import mpz, random_bits
from evote.crypto.transcript import hash_to_unit
from evote.errors import InvalidProof
from evote.proofs import decryption
from evote.proofs.decryption import (
    DecryptionProof,
    DecryptionStatement,
    compute_decryption_share,
    drill_context,
    find_invalid_decryptions,
    prove_decryption,
    tally_context,
    verify_decryption,
)
from simulator import dealt


def context(**changes):
    """Return the context of a sum."""
    key = dealt()[0].record.public_key
    fields = {"election": b"e" * 32, "size": 7, "root": b"r" * 32, "unit": "unit", "seed": 1} | changes
    value = hash_to_unit(key.n, key.parameters.number_bytes, b"test", fields.pop("seed"))
    return tally_context(key, ciphertext=value, **fields)


@lru_cache
def item(trustee: str = "moreau", seed: int = 1) -> tuple[DecryptionStatement, DecryptionProof]:
    deal, shares, _ = dealt()
    keys, share = deal.record, shares[trustee]
    where = context(seed=seed)
    value = compute_decryption_share(keys.public_key, keys.clearing, where.value, share.secret)
    statement = DecryptionStatement(
        keys.public_key, keys.clearing, keys.share_bits, share.position, where, value
    )
    return statement, prove_decryption(statement, share.secret, random_bits)


def refused(statement, proof, check: str) -> None:
    with pytest.raises(InvalidProof) as caught:
        verify_decryption(statement, proof)
    assert caught.value.check == check
    honest = item("petit")
    assert set(find_invalid_decryptions([honest, (statement, proof), honest])) == {1}


def test_every_trustee_proves_and_verifies() -> None:
    items = [item(trustee, seed) for trustee in dealt()[1] for seed in (1, 2)]
    for one in items:
        verify_decryption(*one)
    assert find_invalid_decryptions(items) == {}


@pytest.mark.parametrize(
    "changes",
    [{"election": b"f" * 32}, {"size": 8}, {"root": b"s" * 32}, {"unit": "unit2"}],
    ids=["election", "size", "root", "unit"],
)
def test_a07_a_share_of_another_election_closing_or_unit_is_refused(changes) -> None:
    statement, proof = item()
    refused(dataclasses.replace(statement, context=context(**changes)), proof, "DEC-3")


def test_a07_a_share_of_another_sum_or_trustee_is_refused() -> None:
    statement, proof = item()
    refused(dataclasses.replace(statement, context=context(seed=2)), proof, "DEC-3")
    other = item("petit")[0]
    refused(dataclasses.replace(statement, position=other.position), proof, "DEC-3")
    refused(dataclasses.replace(statement, share=other.share), proof, "DEC-3")
    drill = drill_context(statement.key, b"e" * 32, 1, statement.context.value)
    refused(dataclasses.replace(statement, context=drill), proof, "DEC-3")


def test_a07_a_proof_with_another_key_share_is_refused_by_the_second_equation() -> None:
    """Right for the value with a foreign secret: only the verification key tells."""
    statement, _ = item("moreau")
    foreign = dealt()[1]["petit"].secret
    value = compute_decryption_share(statement.key, statement.clearing, statement.context.value, foreign)
    claimed = dataclasses.replace(statement, share=value)
    refused(claimed, prove_decryption(claimed, foreign, random_bits), "DEC-4")


def test_a05_every_item_is_in_the_challenge(monkeypatch) -> None:
    statement, proof = item()
    honest = decryption.challenge
    for dropped in range(5 + 2 + 4):
        monkeypatch.setattr(
            decryption,
            "challenge",
            lambda domain, items, dropped=dropped: honest(
                domain, [one for place, one in enumerate(list(items)) if place != dropped]
            ),
        )
        with pytest.raises(InvalidProof) as caught:
            verify_decryption(statement, proof)
        assert caught.value.check == "DEC-3"


def test_ranges_units_and_signs() -> None:
    statement, proof = item()
    n = statement.key.n
    for name in ("value_commitment", "key_commitment"):
        for bad in (mpz(0), n, getattr(proof, name) + n):
            refused(statement, dataclasses.replace(proof, **{name: bad}), "DEC-1")
    bound = statement.key.parameters.share_response_bits(statement.share_bits)
    for bad in (mpz(-1), proof.response + (mpz(1) << bound)):
        refused(statement, dataclasses.replace(proof, response=bad), "DEC-1")
    for bad in (mpz(0), n, statement.share + n):
        refused(dataclasses.replace(statement, share=bad), proof, "DEC-1")
    refused(statement, dataclasses.replace(proof, response=proof.response + 1), "DEC-3")


def test_a27_only_the_smaller_of_the_two_signs_is_a_share() -> None:
    statement, _ = item()
    assert 2 * statement.share < statement.key.n
    negative = dataclasses.replace(statement, share=statement.key.n - statement.share)
    secret = dealt()[1]["moreau"].secret
    refused(negative, prove_decryption(negative, secret, random_bits), "DEC-2")


def test_a46_the_mask_hides_the_key_share() -> None:
    """z / e would be s if the mask were short; with the specified width it says nothing, and z fills its range."""
    statement, _ = item()
    secret = dealt()[1]["moreau"].secret
    sizes = statement.key.parameters
    tops = []
    for _ in range(200):
        proof = prove_decryption(statement, secret, random_bits)
        e = decryption._challenge(statement, proof.value_commitment, proof.key_commitment)
        assert abs(proof.response // e - secret) > mpz(1) << (sizes.slack_bits // 2)
        tops.append(int(proof.response >> (sizes.mask_bits(statement.share_bits) - 3)))
    assert sizes.mask_bits(statement.share_bits) == 512 + 256 + 128
    counts = [tops.count(top) for top in range(8)]
    assert sum(counts) == 200
    assert all(5 <= count <= 50 for count in counts)  # 25 expected of each


def test_a46_a_short_mask_would_have_leaked_it() -> None:
    statement, _ = item()
    secret = dealt()[1]["moreau"].secret
    proof = prove_decryption(statement, secret, lambda _: random_bits(250))
    verify_decryption(statement, proof)
    e = decryption._challenge(statement, proof.value_commitment, proof.key_commitment)
    assert abs(proof.response // e - secret) <= 1
