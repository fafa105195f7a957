# SPDX-License-Identifier: GPL-3.0-or-later
"""A21: a dealer who hands out shares or publishes commitments that do not belong together."""

from __future__ import annotations

import dataclasses

import pytest

from evote.crypto.group import verification_base
from evote.crypto.integers import inverse, mpz, power
from evote.crypto.sealing import TOY_COST
from evote.errors import FaultyTrustee, InvalidProof, ParameterError, VerificationError
from evote.keys.share_file import open_key_share, seal_key_share, verify_key_share
from evote.manifest.template import bureau_policy
from evote.record.keys import KeyRecord
from evote.verify.keys import verify_key_record
from forgery import deal_by_hand, refused
from simulator import dealt
from toys import factored_key

POLICY, CODE = bureau_policy(), "a long code"
TRUSTEES = [member.id for _, member in POLICY.members]


def check(keys: KeyRecord) -> None:
    verify_key_record(keys, "toy-512", POLICY)


@pytest.fixture(scope="module")
def keys() -> KeyRecord:
    record = dealt()[0].record
    check(record)
    return record


def with_commitment(keys: KeyRecord, group: int, index: int, value: mpz) -> KeyRecord:
    groups = list(keys.groups)
    commitments = list(groups[group - 1].commitments)
    commitments[index] = keys.public_key.number_bytes(value)
    groups[group - 1] = groups[group - 1].replace(commitments=tuple(commitments))
    return keys.replace(groups=tuple(groups))


def with_group(keys: KeyRecord, group: int, **changes: object) -> KeyRecord:
    groups = list(keys.groups)
    groups[group - 1] = groups[group - 1].replace(**changes)
    return keys.replace(groups=tuple(groups))


@pytest.mark.parametrize("trustee", TRUSTEES)
def test_an_altered_share_is_caught_by_its_holder_when_the_file_is_opened(trustee: str) -> None:
    _, p, q = factored_key()
    deal = dealt()[0]
    file = seal_key_share(deal.record, trustee, deal.secrets[trustee], CODE, TOY_COST)
    assert open_key_share(deal.record, file, CODE).secret == dealt()[1][trustee].secret
    number = bytearray(deal.secrets[trustee].key_share)
    number[-1] ^= 1
    altered = deal.secrets[trustee].replace(key_share=bytes(number))
    file = seal_key_share(deal.record, trustee, altered, CODE, TOY_COST)
    with refused(FaultyTrustee, "KEY-5", trustee):
        open_key_share(deal.record, file, CODE)
    altered = deal.secrets[trustee].replace(signing_seed=b"s" * 32)
    file = seal_key_share(deal.record, trustee, altered, CODE, TOY_COST)
    with refused(FaultyTrustee, "KEY-5", trustee):
        open_key_share(deal.record, file, CODE)
    altered = deal.secrets[trustee].replace(key_share=deal.secrets[trustee].key_share[1:])
    file = seal_key_share(deal.record, trustee, altered, CODE, TOY_COST)
    with refused(FaultyTrustee, "KEY-5", trustee):
        open_key_share(deal.record, file, CODE)
    # one share off by a constant, all commitments right
    record, shares = deal_by_hand(p, q, shifts={trustee: mpz(1)})
    check(record)
    for name, share in shares.items():
        if name != trustee:
            verify_key_share(record, share)
    with refused(FaultyTrustee, "KEY-5", trustee):
        verify_key_share(record, shares[trustee])


@pytest.mark.parametrize(("group", "index"), [(1, 0), (2, 0)])
def test_a_constant_commitment_that_is_altered_is_caught_by_anyone(keys, group: int, index: int) -> None:
    v = verification_base(keys.public_key, keys.clearing)
    value = keys.commitments(group)[index] * v % keys.public_key.n
    with refused(InvalidProof, "KEY-6"):
        check(with_commitment(keys, group, index, value))


def test_a_higher_commitment_that_is_altered_is_caught_by_every_holder(keys) -> None:
    """The coefficient does not enter 1/n; the verification keys of its group do not fit the shares any more."""
    v = verification_base(keys.public_key, keys.clearing)
    altered = with_commitment(keys, 2, 1, keys.commitments(2)[1] * v % keys.public_key.n)
    check(altered)
    for name, share in dealt()[1].items():
        position, trustee = altered.trustee(name)
        held = dataclasses.replace(share, position=position, trustee=trustee)
        if position.group == 1:
            verify_key_share(altered, held)
        else:
            with refused(FaultyTrustee, "KEY-5", name):
                verify_key_share(altered, held)


@pytest.mark.parametrize("what", ["one more", "zero", "one", "the inverse of 2n"])
def test_shares_of_another_exponent_are_caught_by_anyone(what: str) -> None:
    key, p, q = factored_key()
    order = (p >> 1) * (q >> 1)
    right = inverse(key.n, order)
    record, shares = deal_by_hand(p, q)
    check(record)
    secret = {
        "one more": right + 1,
        "zero": mpz(0),
        "one": mpz(1),
        "the inverse of 2n": inverse(2 * key.n, order),
    }[what]
    record, shares = deal_by_hand(p, q, secret=secret)
    for share in shares.values():  # everything fits together but the modulus
        verify_key_share(record, share)
    with refused(InvalidProof, "KEY-6"):
        check(record)


def test_commitments_are_counted_and_in_range(keys) -> None:
    n, own = keys.public_key.n, keys.groups[1].commitments
    for commitments in (own[:1], (*own, own[0])):
        with refused(VerificationError, "KEY-7"):
            check(with_group(keys, 2, commitments=commitments))
    for value in (
        mpz(0),
        n,
        keys.commitments(2)[1] + n if keys.commitments(2)[1] + n < 1 << 512 else n,
        factored_key()[1] * 0,
    ):
        with refused(VerificationError, "KEY-7"):
            check(with_commitment(keys, 2, 1, value))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_coefficient_of_zero_is_no_sharing(keys, sign: int) -> None:
    """With A_1 = +-1 every delegate holds the group's secret: a threshold in name only."""
    with refused(VerificationError, "KEY-7"):
        check(with_commitment(keys, 2, 1, sign % keys.public_key.n))


def test_the_threshold_of_the_manifest_is_the_one_that_was_dealt(keys) -> None:
    lowered = with_group(keys, 2, threshold=1, commitments=keys.groups[1].commitments[:1])
    for other in (
        lowered,
        with_group(keys, 2, size=5),
        with_group(keys, 2, id="others"),
        keys.replace(groups=keys.groups[:1]),
        keys.replace(groups=keys.groups[::-1]),
        with_group(keys, 2, trustees=keys.groups[1].trustees[::-1]),
        with_group(
            keys, 2, trustees=(*keys.groups[1].trustees[:3], keys.groups[1].trustees[3].replace(name="X"))
        ),
        keys.replace(parameters="evote-2048"),
    ):
        with refused(VerificationError, "KEY-8"):
            check(other)


def test_shares_are_bounded_as_the_ceremony_says_and_signing_keys_differ(keys) -> None:
    for change in ({"share_bits": 511}, {"share_bits": 1024}, {"ceremony": "distributed"}):
        with refused(VerificationError, "KEY-7"):
            check(keys.replace(**change))
    trustees = keys.groups[1].trustees
    twins = (trustees[0].replace(key=keys.groups[0].trustees[0].key), *trustees[1:])
    with refused(VerificationError, "KEY-7"):
        check(with_group(keys, 2, trustees=twins))


def test_another_modulus_under_the_same_commitments_is_refused(keys) -> None:
    other, _ = deal_by_hand(*factored_key(1)[1:])
    for changes in ({"modulus": other.modulus}, {"modulus": other.modulus, "certificate": other.certificate}):
        with pytest.raises(VerificationError) as caught:
            check(keys.replace(**changes))
        # KEY-7 where a commitment happens to be larger than the other modulus
        assert caught.value.check in {"KEY-7", "KEY-6" if len(changes) == 2 else "MOD-7", "MOD-6"}
    for modulus in (keys.modulus[1:], b"\0" + keys.modulus[1:], keys.modulus[:-1] + b"\0"):
        with refused(ParameterError, "MOD-1"):
            check(keys.replace(modulus=modulus))


def test_the_committed_secrets_add_up_to_one_over_n(keys) -> None:
    n = keys.public_key.n
    total = keys.commitments(1)[0] * keys.commitments(2)[0] % n
    assert power(total, n, n) == verification_base(keys.public_key, keys.clearing)
