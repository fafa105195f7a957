# SPDX-License-Identifier: GPL-3.0-or-later
"""A45: no proof brings its own keys, bases or statement; the verifier derives them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from evote.crypto.group import PublicKey, verification_base
from evote.encoding import canonical_json
from evote.errors import EncodingError
from evote.proofs.decryption import DecryptionProof
from evote.proofs.modulus import ModulusCertificate
from evote.proofs.selection import SelectionProof
from evote.record.ballot import Ballot, BallotProof
from evote.record.keys import CertificateRecord, DrillShares, KeyRecord, ProvenShare
from evote.record.tally import DecryptionShare
from forgery import refused
from simulator import World, contest, dealt, draft, sealed_manifest

FIELDS = {
    BallotProof: {"a", "e", "z"},
    ProvenShare: {"share", "value_commitment", "key_commitment", "response"},
    CertificateRecord: {"roots", "square_roots"},
    Ballot: {"type", "version", "election", "contest", "unit", "weight", "ciphertext", "proof"},
    DecryptionShare: {
        "type", "version", "election", "closing_size", "closing_root", "unit", "trustee", "proven", "signature",
    },
    DrillShares: {"type", "version", "keys", "seed", "group", "member", "values"},
    KeyRecord: {
        "type", "version", "parameters", "ceremony", "modulus", "share_bits", "groups", "certificate",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", FIELDS, ids=lambda kind: kind.__name__)
def test_documents_have_these_fields_and_no_others(kind) -> None:
    assert set(kind.model_fields) == FIELDS[kind]


def test_proofs_in_memory_hold_their_moves_alone() -> None:
    moves = {
        SelectionProof: ["commitments", "challenges", "responses"],
        DecryptionProof: ["value_commitment", "key_commitment", "response"],
        ModulusCertificate: ["roots", "square_roots"],
    }
    for kind, names in moves.items():
        assert [field.name for field in dataclasses.fields(kind)] == names


def test_a_key_holds_its_modulus_and_derives_its_bases() -> None:
    assert [field.name for field in dataclasses.fields(PublicKey)] == ["parameters", "n"]
    keys = dealt()[0].record
    again = KeyRecord.from_bytes(keys.to_bytes())
    for name in ("root_base", "base"):
        assert getattr(again.public_key, name) == getattr(keys.public_key, name)
    assert verification_base(again.public_key, again.clearing) == verification_base(
        keys.public_key, keys.clearing
    )
    assert again.positions == keys.positions


@pytest.mark.parametrize(
    "field", ["key", "n", "g", "h", "base", "verification_key", "public_key", "options", "challenge"]
)
def test_a_ballot_that_brings_its_own_is_refused(tmp_path, field: str) -> None:
    world = World(tmp_path / "w", sealed_manifest(draft((contest("one"),)), {"one-all": (9, 9)}))
    data = world.encrypt("one-all", "a")
    plain = json.loads(data)
    assert canonical_json(plain) == data
    for place in (plain, plain["proof"]):
        place[field] = "QQ"
        with refused(EncodingError, "ENC-5"):
            Ballot.from_bytes(canonical_json(plain))
        del place[field]
    assert Ballot.from_bytes(canonical_json(plain)).to_bytes() == data


@pytest.mark.parametrize("field", ["v", "vi", "verification_key", "base", "value", "challenge"])
def test_a_share_that_brings_its_own_is_refused(field: str) -> None:
    drill = json.loads(dealt()[2].to_bytes())
    shares = drill["shares"][0]
    DrillShares.from_bytes(canonical_json(shares))
    for place in (shares, shares["values"][0]):
        place[field] = "QQ"
        with refused(EncodingError, "ENC-5"):
            DrillShares.from_bytes(canonical_json(shares))
        del place[field]
