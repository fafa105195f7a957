# SPDX-License-Identifier: GPL-3.0-or-later
"""A5: weak Fiat-Shamir. Every item of every transcript counts; a hash of less is forged.

For each item there is a pair of moves that differ in this item alone: their challenges differ, and would be the
same if the item were dropped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from evote.crypto.fixed_base import base_table
from evote.crypto.group import PublicKey
from evote.crypto.integers import inverse, mpz, power, random_below, random_bits
from evote.crypto.transcript import challenge
from evote.errors import InvalidProof
from evote.proofs import decryption, selection
from evote.proofs.decryption import (
    DecryptionContext,
    DecryptionStatement,
    Position,
    drill_context,
    tally_context,
)
from evote.proofs.selection import (
    SelectionProof,
    SelectionStatement,
    SelectionWitness,
    encrypt_option,
    find_invalid_selections,
    prove_selection,
    verify_selection,
)
from forgery import deal_by_hand, refused
from simulator import dealt
from toys import TOY, factored_key, prove, statement_of

Items = tuple[str, tuple[bytes, ...]]


def items_of(module, compute: Callable[[], object]) -> Items:
    """Return domain and items that a challenge is computed from."""
    seen: list[Items] = []

    def record(domain: str, items) -> mpz:
        seen.append((domain, tuple(items)))
        return challenge(*seen[-1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "challenge", record)
        compute()
    assert len(seen) == 1
    return seen[0]


def check_that_each_item_counts(base: Items, variants: Sequence[Items]) -> None:
    """Variant k differs from the base in item k alone, and so does its challenge."""
    domain, items = base
    assert len(variants) == len(items)
    for k, (other_domain, others) in enumerate(variants):
        assert other_domain == domain
        assert [place for place, item in enumerate(items) if others[place] != item] == [k]
        assert challenge(domain, items) != challenge(domain, others)
        dropped = [[item for place, item in enumerate(one) if place != k] for one in (items, others)]
        assert challenge(domain, dropped[0]) == challenge(domain, dropped[1])


def test_each_item_of_a_selection_counts() -> None:
    statement, proof = prove(factored_key()[0], 1)
    verify_selection(statement, proof)
    moves = list(proof.commitments)

    def items(commitments=moves, **changes: object) -> Items:
        other = dataclasses.replace(statement, **changes)
        return items_of(selection, lambda: selection._challenge(other, commitments))

    key = statement.key
    shifted = PublicKey(TOY, key.n - 2)  # the same width, another modulus
    variants = [
        items(election=b"f" * 32),
        items(contest="other"),
        items(unit="other"),
        items(weight=2),
        items(options=5),
        items(digit_bits=11),
        items(key=shifted),
        items(ciphertext=statement.ciphertext + 1),
        *(items([*moves[:i], moves[i] + 1, *moves[i + 1 :]]) for i in range(len(moves))),
    ]
    base = items()
    assert base[0] == "evote/v1/selection"
    assert len(base[1]) == 8 + statement.options
    check_that_each_item_counts(base, variants)


def decryption_statement(context: DecryptionContext) -> DecryptionStatement:
    keys = dealt()[0].record
    return DecryptionStatement(keys.public_key, keys.clearing, 512, keys.positions[2, 1], context, mpz(9))


def decryption_items(context: DecryptionContext, moves=(5, 6), place=(2, 1, 7), share=9) -> Items:
    statement = dataclasses.replace(
        decryption_statement(context), position=Position(*map(mpz, place)), share=mpz(share)
    )
    return items_of(decryption, lambda: decryption._challenge(statement, *map(mpz, moves)))


def last_items(context: DecryptionContext) -> list[Items]:
    """Return the variants in what a tally's and a drill's transcript have in common."""
    return [
        decryption_items(context, place=(1, 1, 7)),
        decryption_items(context, place=(2, 2, 7)),
        decryption_items(context, place=(2, 1, 8)),
        decryption_items(context, share=10),
        decryption_items(context, moves=(4, 6)),
        decryption_items(context, moves=(5, 7)),
    ]


def test_each_item_of_a_decryption_share_counts() -> None:
    key = dealt()[0].record.public_key

    def context(election=b"e" * 32, size=3, root=b"r" * 32, unit="u", ciphertext=11) -> DecryptionContext:
        return tally_context(key, election, size, root, unit, mpz(ciphertext))

    base = decryption_items(context())
    assert base[0] == "evote/v1/decryption"
    assert len(base[1]) == 11
    first = [
        context(election=b"f" * 32),
        context(size=4),
        context(root=b"s" * 32),
        context(unit="w"),
        context(ciphertext=11 + key.n),  # the same X modulo n
    ]
    check_that_each_item_counts(base, [*map(decryption_items, first), *last_items(context())])


def test_each_item_of_a_drill_share_counts() -> None:
    key = dealt()[0].record.public_key

    def context(digest=b"k" * 32, index=1, value=11) -> DecryptionContext:
        return drill_context(key, digest, index, mpz(value))

    base = decryption_items(context())
    assert base[0] == "evote/v1/drill"
    assert len(base[1]) == 9
    first = [context(digest=b"l" * 32), context(index=2), context(value=12)]
    check_that_each_item_counts(base, [*map(decryption_items, first), *last_items(context())])


REPLAYS = {0: {"election": b"f" * 32}, 1: {"contest": "other"}, 2: {"unit": "other"}, 3: {"weight": 7}}


@pytest.mark.parametrize("dropped", REPLAYS)
def test_without_an_item_a_ballot_is_replayed_where_it_was_not_cast(dropped: int, monkeypatch) -> None:
    moved = lambda item: (dataclasses.replace(item[0], **REPLAYS[dropped]), item[1])  # noqa: E731
    honest = prove(factored_key()[0], 1)
    verify_selection(*honest)
    with refused(InvalidProof, "SEL-3"):
        verify_selection(*moved(honest))
    monkeypatch.setattr(
        selection,
        "challenge",
        lambda domain, items: challenge(domain, [*items[:dropped], *items[dropped + 1 :]]),
    )
    weak = prove(factored_key()[0], 1)
    verify_selection(*weak)
    verify_selection(*moved(weak))  # what the item is for


def hash_of_the_commitments_alone(domain: str, items: Sequence[bytes]) -> mpz:
    return challenge(domain, items[8:])


def test_a_hash_of_the_commitments_alone_is_forged_for_a_plaintext_that_is_no_option(monkeypatch) -> None:
    """First the commitments, then their hash, then a ciphertext that fits: two lines of algebra."""
    key = factored_key()[0]
    powers = base_table(key)
    offset, masks = random_below(key.n), [random_bits(TOY.response_bits - 1) for _ in range(2)]
    commitments = (powers(masks[0]) * key.message_power(offset) % key.square, powers(masks[1]))
    encoded = [key.ciphertext_bytes(a) for a in commitments]
    e = challenge("evote/v1/selection", encoded)
    # branch 1 has e_1 = 0; branch 0 needs offset + (x - m_0) e = 0 modulo n, and x is still free
    plaintext = (1 - offset * inverse(e, key.n)) % key.n
    nonce = random_bits(TOY.nonce_bits)
    statement = statement_of(key, encrypt_option(key, plaintext, nonce, powers), options=2)
    forged = SelectionProof(commitments, (e, mpz(0)), (masks[0] + e * nonce, masks[1]))
    assert plaintext not in {statement.message(0), statement.message(1)}
    with monkeypatch.context() as patch:
        patch.setattr(selection, "challenge", hash_of_the_commitments_alone)
        verify_selection(statement, forged)
    with refused(InvalidProof, "SEL-3"):
        verify_selection(statement, forged)
    assert find_invalid_selections([(statement, forged)])[0].check == "SEL-3"


def test_without_the_share_in_the_hash_whoever_knows_the_factors_proves_a_wrong_share(monkeypatch) -> None:
    """t1 off by a factor first, then X_gi off by the root of it: the cheating dealer's way past the drill."""
    _, p, q = factored_key()
    keys, shares = deal_by_hand(p, q)
    key, holder = keys.public_key, shares["moreau"]
    context = tally_context(key, b"e" * 32, 3, b"r" * 32, "u", random_below(key.n))
    right = decryption.compute_decryption_share(key, keys.clearing, context.value, holder.secret)
    statement = DecryptionStatement(key, keys.clearing, 512, holder.position, context, right)
    decryption.verify_decryption(
        statement, decryption.prove_decryption(statement, holder.secret, random_bits)
    )

    def without_share(domain: str, items: Sequence[bytes]) -> mpz:
        return challenge(domain, [*items[:8], *items[9:]])

    order, error = (p >> 1) * (q >> 1), power(mpz(3), mpz(2), key.n)
    with monkeypatch.context() as patch:
        patch.setattr(decryption, "challenge", without_share)
        honest = decryption.prove_decryption(statement, holder.secret, random_bits)
        t1 = honest.value_commitment * error % key.n
        mask = (
            honest.response
            - decryption._challenge(statement, honest.value_commitment, honest.key_commitment) * holder.secret
        )
        e = decryption._challenge(statement, t1, honest.key_commitment)
        wrong = right * power(inverse(error, key.n), inverse(2 * e, order), key.n) % key.n
        wrong = min(wrong, key.n - wrong)
        claimed = dataclasses.replace(statement, share=wrong)
        forged = decryption.DecryptionProof(t1, honest.key_commitment, mask + e * holder.secret)
        decryption.verify_decryption(claimed, forged)
    assert wrong != right
    with refused(InvalidProof, "DEC-3"):
        decryption.verify_decryption(claimed, forged)


def test_the_forgery_of_the_commitments_hash_needs_that_weakness_alone(monkeypatch) -> None:
    """Under the same weak hash the honest prover still verifies: nothing else was broken for the attack."""
    monkeypatch.setattr(selection, "challenge", hash_of_the_commitments_alone)
    key = factored_key()[0]
    statement, proof = prove(key, 2)
    verify_selection(statement, proof)
    nonce = random_bits(TOY.nonce_bits)
    other: SelectionStatement = statement_of(
        key, encrypt_option(key, statement.message(0), nonce, base_table(key))
    )
    again = prove_selection(other, SelectionWitness(0, nonce), base_table(key), random_bits)
    verify_selection(other, again)
