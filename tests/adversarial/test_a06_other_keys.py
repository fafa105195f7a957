# SPDX-License-Identifier: GPL-3.0-or-later
"""A6: a proof made under another modulus or other keys."""

from __future__ import annotations

import dataclasses

import pytest

from evote.errors import InvalidProof, VerificationError
from evote.keys.drill import contribute_to_drill
from evote.manifest.template import bureau_policy
from evote.proofs import selection
from evote.proofs.decryption import verify_decryption
from evote.proofs.modulus import prove_modulus, verify_modulus
from evote.proofs.selection import verify_selection
from evote.record.ballot import Ballot
from evote.record.election import PublicElection
from evote.record.key_share import prove_share
from evote.record.keys import DrillShares
from evote.verify.drill import drill_contexts, drill_items, drill_seed, verify_drill
from evote.verify.keys import verify_key_record
from forgery import deal_by_hand, refused
from simulator import World, contest, dealt, draft, sealed_manifest
from toys import factored_key, prove


def test_a_selection_proof_holds_under_its_own_modulus_only() -> None:
    key, other = factored_key()[0], factored_key(1)[0]
    statement, proof = prove(key, 1)
    verify_selection(statement, proof)
    if max(statement.ciphertext, *proof.commitments) < other.square:
        with refused(InvalidProof, "SEL-3"):
            verify_selection(dataclasses.replace(statement, key=other), proof)
    # even with the modulus left out of the hash, the equations are modulo n^2
    with pytest.raises(InvalidProof):
        selection._verify_equations((dataclasses.replace(statement, key=other), proof))


def test_a_modulus_certificate_is_of_one_modulus() -> None:
    (key, p, q), other = factored_key(), factored_key(1)[0]
    certificate = prove_modulus(key, p, q)
    verify_modulus(key, certificate)
    with pytest.raises(InvalidProof) as caught:
        verify_modulus(other, certificate)
    assert caught.value.check in {"MOD-6", "MOD-7"}


def test_a_ballot_of_another_key_record_is_of_another_election(tmp_path) -> None:
    """The election id covers the keys: an election with the same manifest and other keys has another id."""
    manifest = sealed_manifest(draft((contest("one"),)), {"one-all": (9, 9)})
    world = World(tmp_path / "w", manifest)
    ballot = Ballot.from_bytes(world.encrypt("one-all", "a"))
    verify_selection(*world.election.selection_item(ballot))
    keys, _ = deal_by_hand(*factored_key()[1:])
    other = PublicElection(world.election.seal.replace(keys=keys.digest()), manifest, keys)
    assert other.id != world.election.id
    with refused(VerificationError, "BAL-2"):
        other.selection_item(ballot)
    renamed = ballot.replace(election=other.id)
    with pytest.raises(InvalidProof) as caught:
        verify_selection(*other.selection_item(renamed))
    assert caught.value.check in {"SEL-2", "SEL-3"}
    with refused(VerificationError, "ACT-1"):
        PublicElection(world.election.seal, manifest, keys)


def test_a_key_record_with_the_same_modulus_and_other_shares_is_another_election() -> None:
    """Same n, dealt twice: nothing of the first deal is taken in the second."""
    _, p, q = factored_key()
    (one, shares), (two, _) = deal_by_hand(p, q), deal_by_hand(p, q)
    for keys in (one, two):
        verify_key_record(keys, "toy-512", bureau_policy())
    assert one.modulus == two.modulus
    assert one.digest() != two.digest()
    seed = drill_seed(one, contributions(one, shares))
    context = drill_contexts(one, seed)[0]
    proven = prove_share(one, shares["moreau"], context)
    posted = DrillShares.make(keys=one.digest(), seed=seed, group=2, member=1, values=(proven,) * 48)
    verify_decryption(*drill_items(one, posted, [context] * 48)[0])
    with refused(InvalidProof, "DEC-3"):  # v_gi and the digest of the keys are in the hash
        verify_decryption(*drill_items(two, posted, [context] * 48)[0])


def contributions(keys, shares):
    return [contribute_to_drill(keys, shares[name]) for name in shares]


def test_the_drill_of_another_key_is_refused() -> None:
    deal, _, drill = dealt()
    verify_drill(deal.record, drill)
    keys, _ = deal_by_hand(*factored_key()[1:])
    with refused(VerificationError, "DRL-1"):
        verify_drill(keys, drill)
    with refused(VerificationError, "DRL-1"):
        verify_drill(keys, drill.replace(keys=keys.digest()))
