# SPDX-License-Identifier: GPL-3.0-or-later
"""A30: batch verification says what one-by-one verification says, and names the culprits."""

from __future__ import annotations

import dataclasses
import random

import pytest

from evote.crypto.fixed_base import base_table
from evote.crypto.integers import mpz, random_bits
from evote.crypto.transcript import hash_to_unit
from evote.errors import InvalidProof
from evote.proofs import decryption, selection
from evote.proofs.batch import find_invalid
from evote.proofs.decryption import (
    DecryptionStatement,
    compute_decryption_share,
    find_invalid_decryptions,
    prove_decryption,
    tally_context,
    verify_decryption,
)
from evote.proofs.selection import (
    SelectionWitness,
    encrypt_option,
    find_invalid_selections,
    prove_selection,
    verify_selection,
    verify_selections,
)
from simulator import dealt
from toys import OPTIONS, TOY, factored_key, prove, statement_of


def verdicts(verify, items) -> dict[int, str]:
    """Return index -> check of every item that fails by itself."""
    found = {}
    for index, item in enumerate(items):
        try:
            verify(*item)
        except InvalidProof as error:
            found[index] = error.check
    return found


def checks(found) -> dict[int, str]:
    return {index: error.check for index, error in found.items()}


def shares(count: int):
    """Return honest shares of different values by all trustees in turn."""
    deal, held, _ = dealt()
    keys, key = deal.record, deal.record.public_key
    for number, share in zip(range(count), list(held.values()) * count, strict=False):
        x = hash_to_unit(key.n, 64, b"a30", number // 6)
        context = tally_context(key, b"e" * 32, 1, b"r" * 32, "u", x)
        value = compute_decryption_share(key, keys.clearing, x, share.secret)
        statement = DecryptionStatement(key, keys.clearing, 512, share.position, context, value)
        yield statement, prove_decryption(statement, share.secret, random_bits)


def spoil_share(item, others, source: random.Random):
    """Change one thing of a decryption share."""
    statement, proof = item
    n = statement.key.n
    other, other_proof = source.choice(others)
    return source.choice(
        [
            item,
            (statement, dataclasses.replace(proof, response=proof.response ^ (1 << source.randrange(800)))),
            (statement, dataclasses.replace(proof, value_commitment=n - proof.value_commitment)),
            (statement, dataclasses.replace(proof, key_commitment=proof.key_commitment * 4 % n)),
            (statement, other_proof),
            (dataclasses.replace(statement, share=other.share), proof),
            (dataclasses.replace(statement, share=n - statement.share), proof),
            (dataclasses.replace(statement, position=other.position), proof),
            (dataclasses.replace(statement, context=other.context), proof),
        ]
    )


def test_a_thousand_shares_have_one_verdict() -> None:
    source = random.Random(30)
    honest = list(shares(24))
    assert find_invalid_decryptions(honest) == {} == verdicts(verify_decryption, honest)
    items = [spoil_share(source.choice(honest), honest, source) for _ in range(1000)]
    for start in range(0, 1000, 100):
        batch = items[start : start + 100]
        expected = verdicts(verify_decryption, batch)
        assert 50 < len(expected) < 100
        assert checks(find_invalid_decryptions(batch)) == expected


@pytest.mark.parametrize("culprits", [(), (0,), (15,), (3, 4), (0, 7, 8, 15), tuple(range(16))])
def test_culprits_are_named_wherever_they_are(culprits: tuple[int, ...]) -> None:
    items = [prove(factored_key()[0], number % OPTIONS) for number in range(16)]
    for index in culprits:
        statement, proof = items[index]
        items[index] = (
            statement,
            dataclasses.replace(proof, responses=(proof.responses[0] ^ 1, *proof.responses[1:])),
        )
    assert checks(find_invalid_selections(items)) == dict.fromkeys(culprits, "SEL-4")


def test_errors_that_cancel_in_a_plain_product_do_not_cancel_under_random_powers() -> None:
    """z + 1 in one ballot and z - 1 in another: the product of all equations still holds."""
    key = factored_key()[0]
    items = [prove(key, 0), prove(key, 1)]
    for index, step in ((0, 1), (1, -1)):
        statement, proof = items[index]
        items[index] = (
            statement,
            dataclasses.replace(proof, responses=(proof.responses[0] + step, *proof.responses[1:])),
        )
    assert selection._batch_holds(items, lambda _: mpz(0))  # all powers 1: what a careless batch would test
    for _ in range(20):
        assert not selection._batch_holds(items, random_bits)
    assert checks(find_invalid_selections(items)) == {0: "SEL-4", 1: "SEL-4"}


def negated(count: int):
    """Return honest ballots but for the sign of one commitment, made before the challenge."""
    key = factored_key()[0]
    powers = base_table(key)
    for _ in range(count):
        nonce, calls = random_bits(TOY.nonce_bits), []

        def minus_one_once(exponent: mpz, calls=calls) -> mpz:
            calls.append(exponent)
            return (
                key.square - powers(exponent) if len(calls) == 2 else powers(exponent)
            )  # 1 encrypts, 2 is a_0

        statement = statement_of(key, encrypt_option(key, mpz(1), nonce, powers))
        yield statement, prove_selection(statement, SelectionWitness(0, nonce), minus_one_once, random_bits)


def test_factors_of_minus_one_have_the_same_verdict_alone_in_pairs_and_in_crowds() -> None:
    """An unsquared equation would refuse each alone and pass a pair half of the time."""
    items = list(negated(30))
    key = factored_key()[0]
    for statement, proof in items:
        plain = base_table(key)(proof.responses[0])
        branch = statement.ciphertext * key.message_power(-statement.message(0)) % key.square
        right = proof.commitments[0] * pow(branch, proof.challenges[0], key.square) % key.square
        assert plain == key.square - right  # without the squares it fails
        verify_selection(statement, proof)
        verify_selections([(statement, proof)])
    for size in (2, 3, 30):
        for start in range(0, 30, size):
            assert find_invalid_selections(items[start : start + size]) == {}
            verify_selections(items[start : start + size])


def test_factors_of_minus_one_in_decryption_shares() -> None:
    """-1 in front of t1: both verifiers take it, always; the share itself has one sign (A27)."""
    deal, held, _ = dealt()
    items = []
    for statement, _ in shares(12):
        n = statement.key.n
        secret = next(one.secret for one in held.values() if one.position == statement.position)
        with pytest.MonkeyPatch.context() as patch:
            honest = decryption._challenge
            patch.setattr(
                decryption, "_challenge", lambda s, t1, t2, n=n, honest=honest: honest(s, n - t1, t2)
            )
            proof = prove_decryption(statement, secret, random_bits)
        items.append((statement, dataclasses.replace(proof, value_commitment=n - proof.value_commitment)))
        verify_decryption(*items[-1])
    for size in (1, 2, 12):
        for start in range(0, 12, size):
            assert find_invalid_decryptions(items[start : start + size]) == {}
    assert deal.record.positions


def test_an_empty_batch_holds() -> None:
    assert find_invalid_selections([]) == {} == find_invalid_decryptions([])
    verify_selections([])


def test_the_equations_decide_where_the_batch_is_wrong() -> None:
    """A batch that fails for no reason names nobody; one that is fooled is the risk of 2^-127, and no more."""

    def fails(item: int) -> None:
        if item < 0:
            raise InvalidProof("negative", check="T-1")

    sound = list(range(9))
    assert find_invalid(sound, lambda _: None, lambda _: False, fails) == {}
    found = find_invalid([1, -2, 3, -4], lambda _: None, lambda batch: all(one > 0 for one in batch), fails)
    assert checks(found) == {1: "T-1", 3: "T-1"}
    found = find_invalid([1, -2, 3, -4], fails, lambda _: True, lambda _: None)
    assert checks(found) == {1: "T-1", 3: "T-1"}
