# SPDX-License-Identifier: GPL-3.0-or-later
"""A41: a modulus with one factor that is small enough to forge by trial; the count still cannot change."""

from __future__ import annotations

import hashlib

import gmpy2
import pytest

from evote.crypto.fixed_base import base_table
from evote.crypto.group import PublicKey
from evote.crypto.integers import inverse, mpz, power, random_bits
from evote.crypto.threshold import combine_shares, root_from_combination
from evote.crypto.transcript import u32
from evote.errors import InvalidProof
from evote.manifest.template import bureau_policy
from evote.proofs import selection
from evote.proofs.decryption import compute_decryption_share
from evote.proofs.opening import OpeningStatement, open_with_root, verify_opening
from evote.proofs.selection import (
    SelectionProof,
    SelectionStatement,
    encrypt_option,
    find_invalid_selections,
    verify_selection,
)
from evote.verify.keys import verify_key_record
from forgery import deal_by_hand, refused
from toys import BITS, TOY, prove, statement_of


def crooked_primes(bits: int) -> tuple[mpz, mpz]:
    """Return primes p of `bits` bits and q, both 3 modulo 4, whose product has 512 bits."""

    def blum(start: mpz) -> mpz:
        while (start := gmpy2.next_prime(start)) % 4 != 3:
            pass
        return start

    p = blum(mpz(1) << (bits - 1))
    return p, blum((mpz(1) << 512) // p * 3 // 4 + random_bits(100))


def challenge_state(statement: SelectionStatement, commitments: list[mpz]):
    """Return SHA-256 of the challenge's input up to its last commitment, so that a try costs one block."""
    seen: list[tuple[str, list[bytes]]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "challenge", lambda domain, items: seen.append((domain, list(items))))
        selection._challenge(statement, commitments)
    domain, items = seen[0]
    data = u32(len(domain)) + domain.encode() + u32(len(items))
    data += b"".join(u32(len(item)) + item for item in items[:-1]) + u32(len(items[-1]))
    return hashlib.sha256(data)


def forge(key: PublicKey, p: mpz, plaintext: mpz, nonce: mpz) -> tuple[SelectionStatement, SelectionProof]:
    """Prove «option 0» of a plaintext that is one only modulo q: about p tries.

    Branch 1 is simulated with a chosen e_1, and branch 0 holds modulo p only if e_0 = E - e_1 vanishes there.
    """
    powers = base_table(key)
    statement = statement_of(key, encrypt_option(key, plaintext, nonce, powers), options=2)
    e1, masks = random_bits(200), [random_bits(TOY.response_bits - 2) for _ in range(2)]
    shift = key.message_power((statement.message(1) - plaintext) * e1)
    commitments = [powers(masks[0]), powers(masks[1]) * shift % key.square]
    state, last = challenge_state(statement, commitments), commitments[1]
    while True:
        attempt = state.copy()
        attempt.update(int(last).to_bytes(128, "big"))
        e0 = (mpz(int.from_bytes(attempt.digest(), "big")) - e1) % (mpz(1) << 256)
        if e0 % p == 0:
            break
        masks[1] += 1
        last = last * key.base % key.square
    proof = SelectionProof((commitments[0], last), (e0, e1), (masks[0] + e0 * nonce, masks[1] + e1 * nonce))
    return statement, proof


def check_that_the_count_does_not_change(bits: int, *, certified: bool) -> None:
    p, q = crooked_primes(bits)
    keys, shares = deal_by_hand(p, q)
    key = keys.public_key
    if certified:
        verify_key_record(keys, "toy-512", bureau_policy())
    else:
        with refused(InvalidProof, "MOD-4"):
            verify_key_record(keys, "toy-512", bureau_policy())
    plaintext = (1 + q * inverse(q, p) * 1000) % key.n  # option 0 modulo q, 1001 votes modulo p
    statement, proof = forge(key, p, plaintext, random_bits(TOY.nonce_bits))
    verify_selection(statement, proof)
    honest = [prove(key, option, options=2) for option in (0, 1, 1)]
    assert find_invalid_selections([*honest, (statement, proof)]) == {}

    def open_sum(items) -> tuple[OpeningStatement, mpz, mpz]:
        total = mpz(1)
        for one, _ in items:
            total = total * one.ciphertext % key.square
        x = total % key.n
        quorum = {1: {}, 2: {}}
        for name in ("garnier", "petit", "fontaine"):
            place = shares[name].position
            own = compute_decryption_share(key, keys.clearing, x, shares[name].secret)
            quorum[place.group][place.member] = own
        root = root_from_combination(x, combine_shares(quorum, keys.clearing, key.n), keys.clearing, key.n)
        opening = OpeningStatement(key, total, 2, BITS, len(items))
        return opening, open_with_root(opening, root), root

    assert verify_opening(*open_sum(honest)) == (1, 2)
    opening, value, root = open_sum([*honest, (statement, proof)])
    assert value % p == (1001 + 1 + 2 * (1 << BITS)) % p
    assert power(root, key.n, key.n) == opening.ciphertext % key.n
    with refused(InvalidProof, "OPN-3"):
        verify_opening(opening, value, root)
    with refused(InvalidProof, "OPN-2"):  # and no other number opens it in the range
        verify_opening(opening, mpz(2 + (2 << BITS)), root)


def test_a_forged_ballot_is_taken_and_the_opening_leaves_the_range() -> None:
    """A factor of 13 bits, where the forgery takes no time; the key is refused before."""
    check_that_the_count_does_not_change(13, certified=False)


@pytest.mark.slow
def test_the_same_with_a_factor_that_the_certificate_lets_pass() -> None:
    """A factor of 21 bits, a million tries."""
    check_that_the_count_does_not_change(21, certified=True)
