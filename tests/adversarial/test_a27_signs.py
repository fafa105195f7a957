# SPDX-License-Identifier: GPL-3.0-or-later
"""A27: what differs by a sign only. Squared equations take both, so the rules must name one."""

from __future__ import annotations

import dataclasses

from evote.crypto.integers import mpz, power, random_bits
from evote.crypto.paillier import decrypt_integer
from evote.crypto.threshold import combine_shares
from evote.crypto.transcript import hash_to_unit
from evote.errors import InvalidProof
from evote.proofs import decryption
from evote.proofs.decryption import (
    DecryptionStatement,
    compute_decryption_share,
    find_invalid_decryptions,
    prove_decryption,
    tally_context,
    verify_decryption,
)
from evote.proofs.opening import OpeningStatement, verify_opening
from evote.proofs.selection import verify_selection
from forgery import refused
from simulator import dealt
from toys import factored_key, prove


def test_the_negative_of_a_ciphertext_encrypts_the_same_vote() -> None:
    """Why two ballots with one square are a copy (A4)."""
    key, p, q = factored_key()
    statement, proof = prove(key, 2)
    verify_selection(statement, proof)
    negative = key.square - statement.ciphertext
    assert decrypt_integer(key, p, q, negative) == decrypt_integer(key, p, q, statement.ciphertext)
    assert power(negative, mpz(2), key.square) == power(statement.ciphertext, mpz(2), key.square)


def test_a_share_has_one_sign() -> None:
    deal, shares, _ = dealt()
    keys, holder = deal.record, shares["petit"]
    key = keys.public_key
    context = tally_context(key, b"e" * 32, 1, b"r" * 32, "u", hash_to_unit(key.n, 64, b"a27", 0))
    value = compute_decryption_share(key, keys.clearing, context.value, holder.secret)
    assert 0 < 2 * value < key.n
    statement = DecryptionStatement(key, keys.clearing, 512, holder.position, context, value)
    verify_decryption(statement, prove_decryption(statement, holder.secret, random_bits))
    negative = dataclasses.replace(statement, share=key.n - value)
    item = negative, prove_decryption(negative, holder.secret, random_bits)
    decryption._verify_equations(item)  # both signs satisfy them
    with refused(InvalidProof, "DEC-2"):
        verify_decryption(*item)
    assert {index: error.check for index, error in find_invalid_decryptions([item]).items()} == {0: "DEC-2"}


def test_the_sign_of_a_share_does_not_change_what_is_opened() -> None:
    """Exponents of the combination are even: nobody gains by posting the other sign."""
    deal, shares, _ = dealt()
    keys, key = deal.record, deal.record.public_key
    x = hash_to_unit(key.n, 64, b"a27", 1)
    values = {
        name: compute_decryption_share(key, keys.clearing, x, share.secret) for name, share in shares.items()
    }
    one = {1: {1: values["lefevre"]}, 2: {1: values["moreau"], 3: values["roux"]}}
    other = {1: {1: key.n - values["lefevre"]}, 2: {1: values["moreau"], 3: key.n - values["roux"]}}
    assert combine_shares(one, keys.clearing, key.n) == combine_shares(other, keys.clearing, key.n)


def test_an_opening_has_one_sign() -> None:
    """(-R)^n = -R^n, n being odd: the nonce's negative opens the negative sum and not this one."""
    key, _, _ = factored_key()
    root = mpz(12345)
    ciphertext = key.message_power(mpz(1)) * power(root, key.n, key.square) % key.square
    statement = OpeningStatement(key, ciphertext, 2, 4, 1)
    assert verify_opening(statement, mpz(1), root) == (1, 0)
    with refused(InvalidProof, "OPN-2"):
        verify_opening(statement, mpz(1), key.n - root)
