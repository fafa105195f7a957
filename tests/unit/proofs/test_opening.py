# SPDX-License-Identifier: GPL-3.0-or-later
"""OPN: the opening is the proof of the count; capacity, overflow and a crooked modulus (A27, A29, A41)."""

from __future__ import annotations

import dataclasses
import itertools

import gmpy2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.crypto.fixed_base import plain_power
from evote.crypto.group import PublicKey
from evote.crypto.integers import is_prime, mpz, power, random_below, random_bits
from evote.crypto.paillier import decrypt_integer
from evote.errors import InvalidProof
from evote.proofs.opening import OpeningStatement, decode_counts, open_with_root, verify_opening
from evote.proofs.selection import SelectionProof, _challenge, encrypt_option, verify_selection
from toys import BITS, OPTIONS, TOY, factored_key, statement_of


def opened(counts: list[int], bits: int = BITS) -> tuple[OpeningStatement, mpz, mpz]:
    """Return a sum with its opening: the statement, m, R."""
    key = factored_key()[0]
    value = sum(mpz(count) << (bits * place) for place, count in enumerate(counts))
    exponent = random_bits(TOY.nonce_bits)
    root = power(key.root_base, exponent, key.n)
    ciphertext = key.message_power(value) * power(key.base, exponent, key.square) % key.square
    return OpeningStatement(key, ciphertext, len(counts), bits, sum(counts)), value, root


def refused(statement: OpeningStatement, value: mpz, root: mpz, check: str) -> None:
    with pytest.raises(InvalidProof) as caught:
        verify_opening(statement, value, root)
    assert caught.value.check == check


@given(st.lists(st.integers(0, 200), min_size=2, max_size=5))
def test_the_counts_are_those_that_went_in(counts: list[int]) -> None:
    statement, value, root = opened(counts)
    assert open_with_root(statement, root) == value
    assert verify_opening(statement, value, root) == tuple(counts)
    key, p, q = factored_key()
    assert decrypt_integer(key, p, q, statement.ciphertext) == value


def test_anything_else_is_refused() -> None:
    statement, value, root = opened([3, 0, 2, 1])
    key = statement.key
    refused(statement, value, mpz(0), "OPN-1")
    refused(statement, value, root + key.n, "OPN-1")
    refused(statement, value, factored_key()[1], "OPN-1")
    refused(statement, value, key.n - root, "OPN-2")
    refused(statement, value + (1 << BITS) - 1, root, "OPN-2")  # one vote moved from one counter to the next
    refused(statement, value + 1, root, "OPN-4")
    refused(statement, value + key.n, root, "OPN-3")
    refused(statement, mpz(-1), root, "OPN-3")
    refused(dataclasses.replace(statement, weight=5), value, root, "OPN-4")
    refused(dataclasses.replace(statement, ciphertext=statement.ciphertext + 1), value, root, "OPN-2")
    with pytest.raises(InvalidProof) as caught:
        open_with_root(statement, root * 2 % key.n)
    assert caught.value.check == "OPN-2"


def test_an_empty_sum_opens_to_zero() -> None:
    statement = OpeningStatement(factored_key()[0], mpz(1), OPTIONS, BITS, 0)
    assert verify_opening(statement, mpz(0), mpz(1)) == (0,) * OPTIONS


def test_a29_the_greatest_weight_that_fits_is_counted_and_one_more_is_not() -> None:
    full = (1 << BITS) - 1
    statement, value, root = opened([0, full, 0])
    assert verify_opening(statement, value, root) == (0, full, 0)
    statement, value, root = opened([0, full + 1, 0])  # carries into the next list
    refused(statement, value, root, "OPN-4")
    assert decode_counts(dataclasses.replace(statement, weight=1), value) == (0, 0, 1)


def crooked_key() -> tuple[PublicKey, mpz, mpz]:
    """Return a modulus with one small prime factor p, and a large one q; no certificate would pass."""
    p = mpz(4099)
    while True:
        q = gmpy2.next_prime(random_below(mpz(1) << 500) | (mpz(3) << 498))
        if is_prime(q) and (p * q).bit_length() == 512:
            return PublicKey(TOY, p * q), p, q


def test_a41_a_ballot_forged_modulo_a_small_factor_cannot_change_the_count() -> None:
    """Such a ballot passes SEL, its plaintext is no vote, and the opening leaves the range."""
    key, p, q = crooked_key()
    powers = plain_power(key)
    # a plaintext that is option 0 modulo q and anything modulo p: only modulo p the statement is false
    plaintext = (1 + q * gmpy2.invert(q, p) * 5) % key.n
    assert plaintext % q == 1
    assert plaintext % p == 6
    nonce = random_bits(TOY.nonce_bits)
    statement = statement_of(key, encrypt_option(key, plaintext, nonce, powers), options=2)
    for _ in itertools.repeat(None):  # about p tries: the challenge of the true branch must vanish modulo p
        masks = [random_bits(TOY.response_bits - 1) for _ in range(2)]
        e1 = random_bits(256)
        m1 = mpz(1) << BITS
        commitments = (
            powers(masks[0]),
            powers(masks[1]) * key.message_power((m1 - plaintext) * e1) % key.square,
        )
        e0 = (_challenge(statement, commitments) - e1) % (mpz(1) << 256)
        if e0 % p == 0:
            break
    forged = SelectionProof(commitments, (e0, e1), (masks[0] + e0 * nonce, masks[1] + e1 * nonce))
    verify_selection(statement, forged)
    root = power(key.root_base, nonce, key.n)
    opening = OpeningStatement(key, statement.ciphertext, 2, BITS, 1)
    assert open_with_root(opening, root) == plaintext
    refused(opening, plaintext, root, "OPN-3")
