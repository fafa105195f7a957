# SPDX-License-Identifier: GPL-3.0-or-later
"""A20, in the library: indices of shares, wrong and missing shares, and who can open at all."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from evote.crypto.integers import mpz, power, random_bits
from evote.crypto.shamir import lagrange_at_zero
from evote.crypto.threshold import combine_shares, root_from_combination
from evote.crypto.transcript import hash_to_unit
from evote.errors import InvalidProof, ParameterError
from evote.proofs.decryption import (
    DecryptionStatement,
    compute_decryption_share,
    find_invalid_decryptions,
    prove_decryption,
    tally_context,
    verify_decryption,
)
from forgery import refused
from simulator import dealt

HEADS, DELEGATES = ("lefevre", "garnier"), ("moreau", "petit", "roux", "fontaine")
KEYS, SHARES = dealt()[0].record, dealt()[1]
KEY = KEYS.public_key
X = hash_to_unit(KEY.n, 64, b"a20", 0)


@pytest.mark.parametrize("points", [(0,), (0, 1), (1, 1), (2, 3, 2), (-1, 2), (1, -1), (-24,)])
def test_an_index_that_is_zero_negative_or_repeated_is_refused(points: tuple[int, ...]) -> None:
    assert lagrange_at_zero((1, 2), 24) == {1: 48, 2: -24}
    with refused(ParameterError, "KEY-3"):
        lagrange_at_zero(points, 24)


@pytest.mark.parametrize("points", [(1, 26), (2, 7, 30), (1, 6)])
def test_an_index_that_the_clearing_factor_does_not_serve_is_refused(points: tuple[int, ...]) -> None:
    with refused(ParameterError, "KEY-3"):
        lagrange_at_zero(points, 24)


def test_a_trustee_beyond_the_group_has_no_position() -> None:
    delegates = KEYS.groups[1]
    trustees = (*delegates.trustees[:3], delegates.trustees[3].replace(index=5))
    stretched = KEYS.replace(groups=(KEYS.groups[0], delegates.replace(trustees=trustees)))
    assert KEYS.trustee("fontaine")[0].member == 4
    with refused(ParameterError, "KEY-8"):
        stretched.trustee("fontaine")


def shares_of(trustees) -> dict[int, dict[int, mpz]]:
    """Return the right shares of X by these trustees, lawful or not."""
    found: dict[int, dict[int, mpz]] = {}
    for name in trustees:
        share = SHARES[name]
        value = compute_decryption_share(KEY, KEYS.clearing, X, share.secret)
        found.setdefault(share.position.group, {})[share.position.member] = value
    return found


def root_of(quorum: dict[int, dict[int, mpz]]) -> mpz:
    return root_from_combination(X, combine_shares(quorum, KEYS.clearing, KEY.n), KEYS.clearing, KEY.n)


def test_the_twelve_lawful_quorums_give_the_one_root() -> None:
    quorums = [(head, *pair) for head in HEADS for pair in itertools.combinations(DELEGATES, 2)]
    roots = {root_of(shares_of(quorum)) for quorum in quorums}
    assert len(quorums) == 12
    assert len(roots) == 1
    assert power(roots.pop(), KEY.n, KEY.n) == X


@pytest.mark.parametrize(
    "trustees", [("lefevre", "garnier", "moreau"), ("moreau", "petit", "roux"), DELEGATES, HEADS]
)
def test_an_unlawful_set_does_not_open_whatever_it_tries(trustees) -> None:
    """The policy is arithmetic: with every check of it bypassed, no choice of the set's shares gives the root."""
    everything = shares_of(trustees)
    for size in range(1, len(trustees) + 1):
        for chosen in itertools.combinations(trustees, size):
            root = root_of(shares_of(chosen))
            assert power(root, KEY.n, KEY.n) != X
    assert sum(map(len, everything.values())) == len(trustees)


def test_both_heads_together_are_not_two_parts_of_one_polynomial() -> None:
    """A group of threshold 1 gives the same share twice: more of them add nothing."""
    assert SHARES["lefevre"].secret == SHARES["garnier"].secret
    both = {1: shares_of(HEADS)[1], 2: shares_of(DELEGATES[:2])[2]}
    one = {1: {1: both[1][1]}, 2: both[2]}
    assert power(root_of(one), KEY.n, KEY.n) == X
    assert power(root_of(both), KEY.n, KEY.n) == X  # interpolation of a constant


def test_more_delegates_than_needed_open_too_and_a_wrong_one_among_them_spoils_it() -> None:
    quorum = {1: shares_of(HEADS[:1])[1], 2: shares_of(DELEGATES)[2]}
    assert power(root_of(quorum), KEY.n, KEY.n) == X
    quorum[2][3] = quorum[2][3] * 4 % KEY.n
    assert power(root_of(quorum), KEY.n, KEY.n) != X


def item_of(name: str):
    context = tally_context(KEY, b"e" * 32, 9, b"r" * 32, "u", X)
    share = SHARES[name]
    value = compute_decryption_share(KEY, KEYS.clearing, context.value, share.secret)
    statement = DecryptionStatement(KEY, KEYS.clearing, KEYS.share_bits, share.position, context, value)
    return statement, prove_decryption(statement, share.secret, random_bits)


@pytest.mark.parametrize("wrong", range(6))
def test_the_wrong_share_is_named_among_right_ones(wrong: int) -> None:
    items = [item_of(name) for name in SHARES]
    assert find_invalid_decryptions(items) == {}
    statement, proof = items[wrong]
    value = statement.share * 4 % KEY.n
    items[wrong] = dataclasses.replace(statement, share=min(value, KEY.n - value)), proof
    with refused(InvalidProof, "DEC-3"):
        verify_decryption(*items[wrong])
    found = find_invalid_decryptions(items)
    assert {index: error.check for index, error in found.items()} == {wrong: "DEC-3"}


@pytest.mark.parametrize(("x", "w"), [(0, 1), (1, 0), (KEY.n, 1), (1, KEY.n)])
def test_a_value_that_is_no_unit_has_no_root(x: int, w: int) -> None:
    with refused(ParameterError, "PAR-3"):
        root_from_combination(mpz(x), mpz(w), KEYS.clearing, KEY.n)


@pytest.mark.slow
def test_the_same_at_2048_bits() -> None:
    deal, shares, _ = dealt("evote-2048")
    keys, key = deal.record, deal.record.public_key
    value = hash_to_unit(key.n, 256, b"a20", 0)

    def root(trustees) -> mpz:
        quorum: dict[int, dict[int, mpz]] = {}
        for name in trustees:
            share = shares[name]
            own = compute_decryption_share(key, keys.clearing, value, share.secret)
            quorum.setdefault(share.position.group, {})[share.position.member] = own
        return root_from_combination(
            value, combine_shares(quorum, keys.clearing, key.n), keys.clearing, key.n
        )

    roots = {root((head, *pair)) for head in HEADS for pair in itertools.combinations(DELEGATES, 2)}
    assert len(roots) == 1
    assert power(roots.pop(), key.n, key.n) == value
    for trustees in (("lefevre", "garnier", "moreau"), ("moreau", "petit", "roux")):
        assert power(root(trustees), key.n, key.n) != value
