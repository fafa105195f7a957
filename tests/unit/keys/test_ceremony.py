# SPDX-License-Identifier: GPL-3.0-or-later
"""The dealer ceremony and the drill; quorums; cheating dealers and trustees (A20, A21, A40)."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from evote.crypto.group import verification_base
from evote.crypto.integers import mpz, power, product
from evote.crypto.sealing import TOY_COST
from evote.crypto.shamir import lagrange_at_zero
from evote.crypto.threshold import combine_shares, root_from_combination
from evote.crypto.transcript import hash_to_unit
from evote.encoding import encode_base64url
from evote.errors import (
    EvoteError,
    FaultyTrustee,
    ParameterError,
    StateError,
    VerificationError,
)
from evote.keys.drill import finish_drill, make_drill_shares
from evote.keys.share_file import open_key_share, seal_key_share, verify_key_share
from evote.manifest.template import bureau_policy
from evote.proofs.decryption import compute_decryption_share
from evote.record.keys import Drill, KeyRecord, KeyShareFile
from evote.verify.drill import verify_drill
from evote.verify.keys import verify_key_record
from simulator import dealt

LAWFUL = [
    (head, *pair)
    for head in ("lefevre", "garnier")
    for pair in itertools.combinations(("moreau", "petit", "roux", "fontaine"), 2)
]
UNLAWFUL = [("lefevre", "garnier", "moreau"), ("moreau", "petit", "roux")]


def root_of(trustees, parameters: str = "toy-512") -> tuple[mpz, mpz, mpz]:
    """Let any set of trustees combine shares of one value, whatever the policy says: (R, X, n)."""
    deal, shares, _ = dealt(parameters)
    keys = deal.record
    n = keys.public_key.n
    value = hash_to_unit(n, keys.public_key.parameters.number_bytes, b"quorum", 1)
    quorum: dict[int, dict[int, mpz]] = {}
    for trustee in trustees:
        place = shares[trustee].position
        share = compute_decryption_share(keys.public_key, keys.clearing, value, shares[trustee].secret)
        quorum.setdefault(place.group, {})[place.member] = share
    combined = combine_shares(quorum, keys.clearing, n)
    return root_from_combination(value, combined, keys.clearing, n), value, n


def check_quorums(parameters: str) -> None:
    assert len(LAWFUL) == 12
    roots = set()
    for trustees in LAWFUL:
        root, value, n = root_of(trustees, parameters)
        assert power(root, n, n) == value
        roots.add(root)
    assert len(roots) == 1
    for trustees in UNLAWFUL:
        root, value, n = root_of(trustees, parameters)
        assert power(root, n, n) != value


def test_all_lawful_quorums_open_and_no_unlawful_one() -> None:
    check_quorums("toy-512")


def test_all_lawful_quorums_open_and_no_unlawful_one_at_2048_bits() -> None:
    check_quorums("evote-2048")


def test_a20_indices_are_distinct_and_from_one() -> None:
    assert sum(lagrange_at_zero([1, 3, 4], 24).values()) == 24
    for points in ([0, 1], [1, 1], [-1, 2]):
        with pytest.raises(ParameterError) as caught:
            lagrange_at_zero(points, 24)
        assert caught.value.check == "KEY-3"
    with pytest.raises(ParameterError):
        lagrange_at_zero([1, 30], 2)


def sealed_share(trustee: str = "moreau", code: str = "a long code") -> KeyShareFile:
    deal = dealt()[0]
    return seal_key_share(deal.record, trustee, deal.secrets[trustee], code, TOY_COST)


def test_a_share_file_opens_under_its_code_alone() -> None:
    keys = dealt()[0].record
    file = KeyShareFile.from_bytes(sealed_share().to_bytes())
    share = open_key_share(keys, file, " a long code ")
    assert share.secret == dealt()[1]["moreau"].secret
    assert str(share.secret) not in repr(share)
    assert repr(dealt()[0]).count("key_share") == 0
    with pytest.raises(StateError) as caught:
        open_key_share(keys, file, "another code")
    assert caught.value.check == "KEY-9"
    for part in ("ciphertext", "nonce", "salt"):
        data = bytearray(getattr(file.sealed, part))
        data[0] ^= 1
        with pytest.raises(StateError) as caught:
            open_key_share(
                keys, file.replace(sealed=file.sealed.replace(**{part: bytes(data)})), "a long code"
            )
        assert caught.value.check == "KEY-9"
    for change in ({"memory_kib": 1 << 30}, {"passes": 0}, {"lanes": 100}):
        with pytest.raises(StateError) as caught:
            open_key_share(keys, file.replace(sealed=file.sealed.replace(**change)), "a long code")
        assert caught.value.check == "KEY-9"
    with pytest.raises(ParameterError) as caught:
        sealed_share(code="short")
    assert caught.value.check == "KEY-9"


def test_a_share_file_belongs_to_one_trustee_of_one_key() -> None:
    keys, file = dealt()[0].record, sealed_share()
    for change in ({"keys": b"k" * 32}, {"name": "Somebody Else"}, {"member": 2}):
        with pytest.raises(ParameterError) as caught:
            open_key_share(keys, file.replace(header=file.header.replace(**change)), "a long code")
        assert caught.value.check == "KEY-8"
    renamed = file.header.replace(trustee="petit", name="Claire Petit", member=2)
    with pytest.raises(StateError) as caught:  # the header is authenticated
        open_key_share(keys, file.replace(header=renamed), "a long code")
    assert caught.value.check == "KEY-9"


def test_a21_an_altered_share_is_caught_by_its_holder() -> None:
    deal, shares, _ = dealt()
    verify_key_share(deal.record, shares["moreau"])
    for change in ({"secret": shares["moreau"].secret + 1}, {"signing_key": shares["petit"].signing_key}):
        with pytest.raises(FaultyTrustee) as caught:
            verify_key_share(deal.record, dataclasses.replace(shares["moreau"], **change))
        assert (caught.value.check, caught.value.subject) == ("KEY-5", "moreau")


def refused(keys: KeyRecord, check: str) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_key_record(keys, "toy-512", bureau_policy())
    assert caught.value.check == check


def with_commitment(keys: KeyRecord, group: int, index: int, value: mpz) -> KeyRecord:
    groups = list(keys.groups)
    commitments = list(groups[group].commitments)
    commitments[index] = keys.public_key.number_bytes(value)
    groups[group] = groups[group].replace(commitments=tuple(commitments))
    return keys.replace(groups=tuple(groups))


def test_a21_commitments_that_do_not_open_to_the_right_exponent_are_caught_by_anyone() -> None:
    keys = dealt()[0].record
    verify_key_record(keys, "toy-512", bureau_policy())
    n = keys.public_key.n
    value = keys.commitments(1)[0]
    refused(with_commitment(keys, 0, 0, value * 4 % n), "KEY-6")
    refused(with_commitment(keys, 0, 0, mpz(0)), "KEY-7")
    refused(with_commitment(keys, 1, 1, mpz(1)), "KEY-7")  # a coefficient 0: the threshold would be none
    refused(with_commitment(keys, 1, 1, n - 1), "KEY-7")
    refused(keys.replace(share_bits=64), "KEY-7")
    groups = (keys.groups[0], keys.groups[1].replace(commitments=keys.groups[1].commitments[:1]))
    refused(keys.replace(groups=groups), "KEY-7")
    trustees = keys.groups[1].trustees
    twins = (trustees[0], trustees[1].replace(key=trustees[0].key), *trustees[2:])
    refused(keys.replace(groups=(keys.groups[0], keys.groups[1].replace(trustees=twins))), "KEY-7")
    lower = keys.groups[1].replace(threshold=1, commitments=keys.groups[1].commitments[:1])
    refused(keys.replace(groups=(keys.groups[0], lower)), "KEY-8")


def test_the_drill_is_verified_and_every_lie_is_named() -> None:
    deal, _, drill = dealt()
    keys = deal.record
    verify_drill(keys, Drill.from_bytes(drill.to_bytes()))

    def wrong(changed: Drill, check: str) -> None:
        with pytest.raises(EvoteError) as caught:
            verify_drill(keys, changed)
        assert caught.value.check == check

    wrong(drill.replace(keys=b"k" * 32), "DRL-1")
    wrong(drill.replace(contributions=drill.contributions[1:]), "DRL-1")
    wrong(drill.replace(contributions=drill.contributions[::-1]), "DRL-1")
    wrong(drill.replace(shares=drill.shares[:-1]), "DRL-3")
    first = drill.contributions[0].replace(value=b"v" * 32)
    wrong(drill.replace(contributions=(first, *drill.contributions[1:])), "DRL-3")
    n = keys.public_key.n
    negative = keys.public_key.number_bytes(n - keys.public_key.read_number(drill.roots[0]))
    wrong(drill.replace(roots=(negative, *drill.roots[1:])), "DRL-4")


def test_a20_a_trustee_who_lies_in_the_drill_is_named() -> None:
    deal, shares, drill = dealt()
    liar = dataclasses.replace(shares["roux"], secret=shares["roux"].secret + 1)
    posted = list(drill.shares)
    place = [(one.group, one.member) for one in posted].index((2, 3))
    posted[place] = make_drill_shares(deal.record, liar, drill.contributions)
    with pytest.raises(FaultyTrustee) as caught:
        finish_drill(deal.record, drill.contributions, posted)
    assert (caught.value.check, caught.value.subject) == ("DEC-3", "2.3") or caught.value.check == "DEC-4"


def test_dealt_shares_are_those_of_the_commitments_and_hide_from_repr() -> None:
    deal = dealt()[0]
    for secret in deal.secrets.values():
        assert encode_base64url(secret.key_share) not in repr(secret)
        assert encode_base64url(secret.signing_seed) not in repr(secret)
        assert repr(secret.key_share) not in repr(secret)
    keys = deal.record
    n = keys.public_key.n
    total = product((keys.commitments(g)[0] for g in (1, 2)), n)
    assert power(total, n, n) == verification_base(keys.public_key, keys.clearing)
