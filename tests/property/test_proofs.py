# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every proof, opening and sharing, whatever the numbers are."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.crypto.group import delta
from evote.crypto.integers import mpz, power, product, random_bits
from evote.crypto.shamir import evaluate, lagrange_at_zero, random_polynomial
from evote.crypto.threshold import combine_shares, root_from_combination
from evote.errors import InvalidProof
from evote.proofs.decryption import (
    DecryptionStatement,
    compute_decryption_share,
    drill_context,
    find_invalid_decryptions,
    prove_decryption,
    tally_context,
    verify_decryption,
)
from evote.proofs.opening import OpeningStatement, open_with_root, verify_opening
from evote.proofs.selection import find_invalid_selections, verify_selection
from forgery import changed
from simulator import dealt
from toys import TOY, factored_key, prove

names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
places = st.fixed_dictionaries(
    {
        "election": st.binary(min_size=32, max_size=32),
        "contest": names,
        "unit": names,
        "weight": st.integers(1, (1 << 53) - 1),
        "options": st.integers(2, 6),
        "digit_bits": st.integers(1, 40),
    }
)


@given(places, st.data())
def test_every_true_selection_is_proved_in_every_place(place: dict[str, object], data: st.DataObject) -> None:
    item = prove(factored_key()[0], data.draw(st.integers(0, place["options"] - 1)), **place)
    verify_selection(*item)
    assert find_invalid_selections([item, item]) == {}


@given(places, places, st.data())
def test_no_proof_moves_to_another_place(here, there, data: st.DataObject) -> None:
    statement, proof = prove(factored_key()[0], data.draw(st.integers(0, here["options"] - 1)), **here)
    moved = dataclasses.replace(statement, **there)
    if moved != statement:
        with pytest.raises(InvalidProof) as caught:
            verify_selection(moved, proof)
        assert caught.value.check == ("SEL-1" if there["options"] != here["options"] else "SEL-3")


@given(st.sampled_from(["commitments", "challenges", "responses"]), st.integers(0, 3), st.integers(0, 4000))
def test_no_bit_of_a_selection_proof_is_free(field: str, index: int, bit: int) -> None:
    """Every bit is checked, at once by both verifiers."""
    sizes = {
        "commitments": 8 * TOY.ciphertext_bytes,
        "challenges": TOY.challenge_bits,
        "responses": TOY.response_bits,
    }
    statement, proof = prove(factored_key()[0], 1)
    spoilt = changed(proof, field, index, getattr(proof, field)[index] ^ (mpz(1) << (bit % sizes[field])))
    with pytest.raises(InvalidProof) as caught:
        verify_selection(statement, spoilt)
    assert find_invalid_selections([(statement, spoilt)])[0].check == caught.value.check


def decryption_item(trustee: str, x: int, unit: str, *, drill: bool):
    deal, shares, _ = dealt()
    keys, share = deal.record, shares[trustee]
    key = keys.public_key
    value = power(mpz(x), mpz(2), key.n)
    context = (
        drill_context(key, b"k" * 32, 1, value)
        if drill
        else tally_context(key, b"e" * 32, 1, b"r" * 32, unit, value)
    )
    own = compute_decryption_share(key, keys.clearing, value, share.secret)
    statement = DecryptionStatement(key, keys.clearing, 512, share.position, context, own)
    return statement, prove_decryption(statement, share.secret, random_bits)


trustees = st.sampled_from(["lefevre", "garnier", "moreau", "petit", "roux", "fontaine"])


@given(trustees, st.integers(2, 2**500), names, st.booleans())
def test_every_true_share_is_proved(trustee: str, x: int, unit: str, drill: bool) -> None:
    item = decryption_item(trustee, x, unit, drill=drill)
    verify_decryption(*item)
    assert find_invalid_decryptions([item, item]) == {}


@given(st.sampled_from(["value_commitment", "key_commitment", "response"]), st.integers(0, 4000))
def test_no_bit_of_a_decryption_proof_is_free(field: str, bit: int) -> None:
    statement, proof = decryption_item("petit", 3, "u", drill=False)
    bits = 512 if field != "response" else 904
    spoilt = dataclasses.replace(proof, **{field: getattr(proof, field) ^ (mpz(1) << (bit % bits))})
    with pytest.raises(InvalidProof) as caught:
        verify_decryption(statement, spoilt)
    assert caught.value.check in {"DEC-1", "DEC-3"}
    assert find_invalid_decryptions([(statement, spoilt)])[0].check == caught.value.check


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 20)), min_size=1, max_size=8))
def test_the_sum_of_ballots_opens_to_the_counts(votes: list[tuple[int, int]]) -> None:
    """Encrypt, weigh, sum, decrypt by the bureau, open: what went in comes out, for anyone to check."""
    deal, shares, _ = dealt()
    keys, key = deal.record, deal.record.public_key
    items = [prove(key, option, weight=weight) for option, weight in votes]
    total = product((power(s.ciphertext, mpz(s.weight), key.square) for s, _ in items), key.square)
    x = total % key.n
    quorum: dict[int, dict[int, mpz]] = {1: {}, 2: {}}
    for name in ("garnier", "petit", "fontaine"):
        place = shares[name].position
        quorum[place.group][place.member] = compute_decryption_share(
            key, keys.clearing, x, shares[name].secret
        )
    root = root_from_combination(x, combine_shares(quorum, keys.clearing, key.n), keys.clearing, key.n)
    statement = OpeningStatement(key, total, 4, 10, sum(weight for _, weight in votes))
    expected = tuple(sum(weight for option, weight in votes if option == wanted) for wanted in range(4))
    value = open_with_root(statement, root)
    assert verify_opening(statement, value, root) == expected
    with pytest.raises(InvalidProof):
        verify_opening(statement, value + 1, root)
    with pytest.raises(InvalidProof):
        verify_opening(statement, value, root * 2 % key.n)


@given(st.integers(1, 6), st.data())
def test_too_few_shares_fit_every_secret(threshold: int, data: st.DataObject) -> None:
    """threshold - 1 points of a polynomial over a field: for each other secret there is one that goes through them."""
    modulus, size = mpz(2) ** 61 - 1, 7
    polynomial = random_polynomial(mpz(1234), threshold - 1, modulus)
    points = data.draw(st.permutations(range(1, size + 1)))[: threshold - 1]
    held = {point: evaluate(polynomial, point, modulus) for point in points}
    another = mpz(data.draw(st.integers(0, 2**60)))
    # the polynomial through (0, another) and the held points, at a further point, and back at zero
    further = next(point for point in range(1, size + 1) if point not in held)
    clearing = delta(size)
    coefficients = lagrange_at_zero([*points, further], clearing)
    rest = another * clearing - sum(coefficients[i] * value for i, value in held.items())
    value = rest * pow(coefficients[further], -1, modulus) % modulus
    combined = sum(coefficients[i] * one for i, one in {**held, further: value}.items())
    assert combined % modulus == another * clearing % modulus
