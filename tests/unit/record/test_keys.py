# SPDX-License-Identifier: GPL-3.0-or-later
"""The key record as bytes and numbers; positions; documents of the drill."""

from __future__ import annotations

import dataclasses

import pytest

from evote.crypto.group import delta, verification_base
from evote.crypto.integers import mpz, power
from evote.errors import EncodingError, ParameterError
from evote.proofs.decryption import verify_decryption
from evote.record.key_share import KeyShare, prove_share
from evote.record.keys import Drill, DrillContribution, DrillShares, KeyRecord, KeyShareSecret, ProvenShare
from evote.verify.drill import drill_contexts, drill_items, drill_seed, required_quorums
from forgery import refused
from simulator import dealt

DEAL, SHARES, DRILL = dealt()
KEYS = DEAL.record


def test_records_are_read_back_as_they_were() -> None:
    assert KeyRecord.from_bytes(KEYS.to_bytes()) == KEYS
    assert Drill.from_bytes(DRILL.to_bytes()) == DRILL
    for secret in DEAL.secrets.values():
        assert KeyShareSecret.from_bytes(secret.to_bytes()) == secret
    for shares in DRILL.shares:
        assert DrillShares.from_bytes(shares.to_bytes()) == shares
    for one in DRILL.contributions:
        assert DrillContribution.from_bytes(one.to_bytes()) == one


def test_the_public_key_is_read_or_refused() -> None:
    assert KEYS.public_key.n == int.from_bytes(KEYS.modulus, "big")
    even = KEYS.modulus[:-1] + b"\0"
    short = b"\0" + KEYS.modulus[1:]
    for modulus in (even, short, KEYS.modulus[1:], KEYS.modulus + b"\1", b""):
        with refused(ParameterError, "MOD-1"):
            _ = KEYS.replace(modulus=modulus).public_key
    with refused(ParameterError, "PAR-1"):
        _ = KEYS.replace(parameters="evote-1024").public_key
    with refused(ParameterError, "MOD-1"):
        _ = KEYS.replace(parameters="evote-2048").public_key


def test_verification_keys_are_those_of_the_shares() -> None:
    key = KEYS.public_key
    v = verification_base(key, KEYS.clearing)
    assert KEYS.clearing == delta(4) == 24
    assert set(KEYS.positions) == {(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (2, 4)}
    for share in SHARES.values():
        assert power(v, share.secret, key.n) == share.position.verification_key
        assert KEYS.trustee(share.trustee.id) == (share.position, share.trustee)
        assert 0 <= share.secret < mpz(1) << KEYS.share_bits
    assert [trustee.id for trustee in KEYS.trustees] == list(SHARES)


@pytest.mark.parametrize("name", ["", "nobody", "Moreau", "bureau"])
def test_a_stranger_is_refused(name: str) -> None:
    assert KEYS.trustee("moreau")[0].group == 2
    with refused(ParameterError, "KEY-8"):
        KEYS.trustee(name)


@pytest.mark.parametrize(
    "change",
    [
        {"share_bits": 0},
        {"share_bits": 1 << 17},
        {"groups": ()},
        {"groups": KEYS.groups * 6},
        {"ceremony": "nobody"},
        {"version": 2},
        {"certificate": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_shapes_of_the_key_record(change: dict[str, object]) -> None:
    with refused(EncodingError, "ENC-5"):
        KEYS.replace(**change)


@pytest.mark.parametrize("field", ["group", "member"])
@pytest.mark.parametrize("index", [0, -1, 21])
def test_positions_are_bounded_in_every_document(field: str, index: int) -> None:
    for document in (DRILL.contributions[0], DRILL.shares[0]):
        with refused(EncodingError, "ENC-5"):
            document.replace(**{field: index})


def test_a_drill_has_as_many_values_as_the_specification_says() -> None:
    shares = DRILL.shares[0]
    for values in (shares.values[:-1], (*shares.values, shares.values[0]), ()):
        with refused(EncodingError, "ENC-5"):
            shares.replace(values=values)
    for roots in (DRILL.roots[:-1], (*DRILL.roots, DRILL.roots[0])):
        with refused(EncodingError, "ENC-5"):
            DRILL.replace(roots=roots)


def test_proven_shares_are_bytes_and_numbers() -> None:
    seed = drill_seed(KEYS, DRILL.contributions)
    contexts = drill_contexts(KEYS, seed)
    assert len({context.value for context in contexts}) == 48
    share = SHARES["roux"]
    proven = prove_share(KEYS, share, contexts[0])
    number, proof = proven.numbers(KEYS)
    assert ProvenShare.of(KEYS, number, proof) == proven
    assert (len(proven.share), len(proven.response)) == (64, 113)
    for posted in DRILL.shares:
        for item in drill_items(KEYS, posted, contexts)[:2]:
            verify_decryption(*item)


def test_the_required_quorums_are_the_lowest_indices_and_their_neighbours() -> None:
    quorums = list(required_quorums(KEYS))
    assert quorums[0] == {1: (1,), 2: (1, 2)}
    assert len(quorums) == 1 + 1 + 2 * 2
    members = {(g, i) for quorum in quorums for g, chosen in quorum.items() for i in chosen}
    assert members == set(KEYS.positions)
    assert len({str(quorum) for quorum in quorums}) == len(quorums)
    for quorum in quorums:
        assert [len(quorum[g]) for g in (1, 2)] == [group.threshold for group in KEYS.groups]


def test_nothing_secret_is_shown() -> None:
    share: KeyShare = SHARES["roux"]
    for shown in (repr(share), str(share), repr(DEAL), repr(DEAL.secrets["roux"])):
        assert str(share.secret) not in shown
        assert f"{share.secret:x}" not in shown
        assert repr(DEAL.secrets["roux"].signing_seed) not in shown
        assert repr(DEAL.secrets["roux"].key_share) not in shown
    with pytest.raises(dataclasses.FrozenInstanceError):
        share.secret = mpz(1)
