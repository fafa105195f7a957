# SPDX-License-Identifier: GPL-3.0-or-later
"""A53: the key of ballot references is lost or stolen; the bureau gives the election a new one by a signed act.

References before and after are told apart. What a stolen key signed is evidence no more where no such ballot is in
the log; what a lost key signed stays evidence. The server alone can change no key.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from evote.ballot import Choice, encrypt_ballot
from evote.board import Kind
from evote.board.lookup import check_reference_in
from evote.crypto.merkle import leaf_hash
from evote.crypto.notes import NoteSigner
from evote.encoding import encode_base64url
from evote.errors import BoardInconsistency, FaultyBoard, InvalidSignature, StateError, VerificationError
from evote.keys.acts import sign_amendment
from evote.record import layout
from evote.record.acts import TrusteeSignature
from evote.record.amendments import ReferenceKeyChange
from evote.record.reference import Receipt, current_reference_key, sign_reference, verify_reference
from evote.record.slot import Slot
from evote.verify import audit_record
from forgery import refused
from simulator import CLOSES, LAWFUL, OPENS, World, contest, draft, sealed_manifest, small_world

PUBLISH_BY = OPENS + 4200
DROPPED = b"d" * 32


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> World:
    return small_world(tmp_path_factory.mktemp("a53") / "w", votes={"one-all": ["a", "b"], "two-x": ["c"]})


@pytest.fixture
def world(base, tmp_path) -> World:
    return base.copy(tmp_path / "w")


def published(world: World) -> bytes:
    return next(leaf_hash(item.entry.to_bytes()) for item in world.reader().items() if item.ballot)


def reference(world: World, signer: NoteSigner, leaf: bytes):
    return sign_reference(world.election, signer, "one", leaf, PUBLISH_BY)


def verdict(world: World, signer: NoteSigner, leaf: bytes, now: int = PUBLISH_BY + 1):
    text = str(reference(world, signer, leaf))
    found = check_reference_in(world.record, world.record.election(), text, now)
    return found.signature, found.presence, found.withdrawn


def checks(world: World, until: str = "open") -> list[str]:
    return [finding.check for finding in audit_record(world.record.path, until=until).failures]


# Told apart


@pytest.mark.parametrize(("cause", "dropped"), [("lost", "missing"), ("stolen", "unknown")])
def test_references_before_and_after_are_told_apart(world, cause, dropped) -> None:
    old = world.reference_signer
    assert verdict(world, old, DROPPED) == (True, "missing", False)
    world.amend(world.amendment(cause))
    assert checks(world) == []
    new = world.reference_signer
    assert verdict(world, new, published(world)) == (True, "found", False)
    assert verdict(world, new, DROPPED) == (True, "missing", False)
    assert verdict(world, old, published(world)) == (True, "found", True)
    assert verdict(world, old, DROPPED) == (True, dropped, True)
    assert verdict(world, old, DROPPED, PUBLISH_BY)[1] == ("pending" if cause == "lost" else "unknown")


def test_each_verdict_has_its_own_words(world) -> None:
    old = world.reference_signer

    def words(signer: NoteSigner, leaf: bytes) -> tuple[str, str]:
        text = str(reference(world, signer, leaf))
        found = check_reference_in(world.record, world.record.election(), text, PUBLISH_BY + 1)
        return found.signature_sentence, found.presence_sentence

    before = words(old, DROPPED)
    world.amend(world.amendment("stolen"))
    after, forged = words(old, DROPPED), words(NoteSigner.generate(old.name), DROPPED)
    assert words(world.reference_signer, DROPPED) == before
    assert len({before, after, forged}) == 3
    assert "no evidence" in after[1]
    assert "withdrawn" in after[0]
    assert words(old, published(world))[1] == words(world.reference_signer, published(world))[1]


def test_keys_are_changed_again_and_each_keeps_its_cause(world) -> None:
    signers = [world.reference_signer]
    for cause in ("stolen", "lost", "stolen"):
        world.amend(world.amendment(cause))
        signers.append(world.reference_signer)
    assert checks(world) == []
    election = world.record.election()
    assert [one.withdrawn for one in election.reference_keys] == ["stolen", "lost", "stolen", ""]
    assert [one.key for one in election.reference_keys] == [one.note_key for one in signers]
    assert current_reference_key(election) == signers[-1].note_key
    found = [verdict(world, signer, DROPPED) for signer in signers]
    assert found == [
        (True, "unknown", True), (True, "missing", True), (True, "unknown", True), (True, "missing", False),
    ]  # fmt: skip


def test_a_device_takes_a_receipt_by_the_key_in_use_alone(world) -> None:
    slot = Slot("one", "all", "one-all", 1)
    old = world.reference_signer
    world.amend(world.amendment("lost"))
    ballot = encrypt_ballot(world.election, slot, Choice("a"))
    publish_by = world.election.manifest.publication.times[0] + world.election.manifest.publication.delay

    def receipt(signer: NoteSigner) -> Receipt:
        return Receipt(
            sign_reference(world.election, signer, "one", ballot.leaf_hash, publish_by), ballot.code
        )

    ballot.check_receipt(receipt(world.reference_signer))
    with refused(FaultyBoard, "REF-6"):
        ballot.check_receipt(receipt(old))
    with refused(FaultyBoard, "REF-2"):
        ballot.check_receipt(receipt(NoteSigner.generate(old.name)))


def test_a_record_with_a_new_key_is_verified_to_its_end(world) -> None:
    world.amend(world.amendment("stolen"))
    world.close()
    world.amend(world.amendment("lost", time=CLOSES))
    world.tally()
    assert checks(world, "end") == []
    (world.record.path / layout.amendment_path(2)).unlink()
    assert "ACT-7" in checks(world, "end")
    assert "REC-3" in checks(world, "end")


# The server alone


def real(tmp_path) -> World:
    """A real election; with toy keys its manifest is refused before, so its acts are looked at alone."""
    return World(tmp_path / "r", sealed_manifest(draft((contest("one"),), mode="REAL"), {"one-all": (3, 3)}))


def test_an_act_that_nobody_signed_changes_no_key_of_a_real_election(tmp_path) -> None:
    world = real(tmp_path)
    world.open()
    old = world.reference_signer
    missing = reference(world, old, DROPPED)
    world.amend(world.amendment("stolen", trustees=()))
    with refused(VerificationError, "ACT-7"):
        world.election.verify_amendment(1)
    with refused(VerificationError, "ACT-7"):
        current_reference_key(world.record.election())
    with refused(VerificationError, "ACT-7"):
        verify_reference(world.record.election(), missing)
    with refused(VerificationError, "ACT-7"):  # the dropped ballot's voter is told of the record's fault
        check_reference_in(world.record, world.record.election(), str(missing), PUBLISH_BY + 1)


@pytest.mark.parametrize(
    "trustees", [LAWFUL, ("lefevre", "petit", "fontaine"), ("garnier", "lefevre", *LAWFUL[1:])]
)
def test_a_lawful_quorum_changes_the_key_of_a_real_election(tmp_path, trustees) -> None:
    world = real(tmp_path)
    world.amend(world.amendment("lost", trustees))
    world.election.verify_amendment(1)
    assert world.election.reference_keys[-1].key == world.reference_signer.note_key


@pytest.mark.parametrize(
    "trustees",
    [("garnier",), ("moreau", "roux"), ("garnier", "moreau"), ("garnier", "lefevre")],
    ids="-".join,
)
@pytest.mark.parametrize("mode", ["REAL", "TEST"])
def test_some_signatures_are_not_enough(tmp_path, world, mode, trustees) -> None:
    here = real(tmp_path) if mode == "REAL" else world
    here.amend(here.amendment("lost", trustees))
    with refused(VerificationError, "ACT-7"):
        here.election.verify_amendment(1)
    if mode == "TEST":
        assert checks(here) == ["ACT-7"]


def test_a_test_election_may_do_without_signatures(world) -> None:
    world.amend(world.amendment("lost", trustees=()))
    assert checks(world) == []


def test_a_trustee_is_counted_once(world) -> None:
    act = world.amendment("lost", ("garnier", "moreau"))
    mine = act.signatures[1]
    world.amend(act.replace(signatures=(*act.signatures, mine)))
    assert checks(world) == ["ACT-7"]


@pytest.mark.parametrize("who", ["nobody", "fontaine"])
def test_a_signature_under_another_name_is_refused(world, who) -> None:
    act = world.amendment("lost")
    first, *others = act.signatures
    world.amend(
        act.replace(signatures=(TrusteeSignature.make(trustee=who, signature=first.signature), *others))
    )
    kind = VerificationError if who == "nobody" else InvalidSignature
    with refused(kind, "ACT-7"):
        world.election.verify_amendment(1)
    assert checks(world) == ["ACT-7"]


def test_the_services_own_keys_do_not_sign_for_trustees(world) -> None:
    act = world.amendment("stolen", trustees=())
    forged = tuple(
        TrusteeSignature.make(trustee=name, signature=signer.key.sign(act.signed_bytes()))
        for name, signer in zip(
            LAWFUL, (world.log_signer, world.register_signer, world.reference_signer), strict=True
        )
    )
    world.amend(act.replace(signatures=forged))
    assert checks(world) == ["ACT-7"]


@pytest.mark.parametrize(
    "change",
    [
        {"election": b"e" * 32},
        {"number": 2},
        {"time": OPENS + 1},
        {"reason": "another"},
        {"change": ReferenceKeyChange.make(key="k+00000000+AA==", cause="lost")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_is_signed(world, change) -> None:
    act = world.amendment("lost")
    changed = act.replace(**change)
    assert changed.signed_bytes() != act.signed_bytes()
    world.record.write(layout.amendment_path(1), changed)
    world.append(Kind.AMEND, changed.to_bytes())
    assert checks(world)[0] == "ACT-7"


def test_the_cause_is_signed(world) -> None:
    """A server that would have lost keys' references forgotten cannot call the key stolen."""
    act = world.amendment("lost")
    world.amend(act.replace(change=act.change.replace(cause="stolen")))
    assert checks(world) == ["ACT-7"]


def test_an_act_of_another_election_is_refused(world, tmp_path) -> None:
    other = small_world(tmp_path / "other", votes={})
    world._next_signer = world.reference_signer
    world.amend(other.amendment("lost"))
    assert checks(world) == ["ACT-7"]


def test_an_act_serves_once(world) -> None:
    act = world.amendment("lost")
    world.amend(act)
    world.amend(world.amendment("stolen", number=2))
    assert checks(world) == []
    again = act.replace(number=3)
    world._next_signer = world.reference_signer
    world.amend(again)
    assert checks(world) == ["ACT-7"]


@pytest.mark.parametrize("whose", ["log", "register", "reference"])
def test_a_key_that_serves_something_else_is_refused(world, whose) -> None:
    signer = getattr(world, f"{whose}_signer")
    key = NoteSigner(world.election.manifest.origin + "/reference", signer.key).note_key.to_text()
    change = ReferenceKeyChange.make(key=key, cause="lost")
    with refused(VerificationError, "ACT-7"):  # no trustee's tool signs it
        world.amendment("lost", change=change)
    world.amendment("lost")
    world.amend(world.amendment("lost", (), change=change))
    assert checks(world) == ["ACT-7"]


def test_a_withdrawn_key_does_not_come_back(world) -> None:
    first = world.reference_signer
    world.amend(world.amendment("lost"))
    change = ReferenceKeyChange.make(key=first.note_key.to_text(), cause="lost")
    world.amend(world.amendment("lost", (), change=change))
    assert checks(world) == ["ACT-7"]


def test_a_key_under_another_name_is_refused(world) -> None:
    change = ReferenceKeyChange.make(
        key=NoteSigner.generate("other/reference").note_key.to_text(), cause="lost"
    )
    world.amend(world.amendment("lost", (), change=change))
    assert checks(world) == ["ACT-7"]


def test_an_amendment_that_is_kept_back_makes_no_reference_invalid(world) -> None:
    """A server hides the act, so that good references would look made up, or lost ones like evidence."""
    world.amend(world.amendment("lost"))
    good, dropped = (
        str(reference(world, world.reference_signer, leaf)) for leaf in (published(world), DROPPED)
    )
    (world.record.path / layout.amendment_path(1)).unlink()
    hidden = world.record.election()
    assert hidden.amendments == ()
    for text in (good, dropped):
        with refused(BoardInconsistency, "ACT-7"):
            check_reference_in(world.record, hidden, text, PUBLISH_BY + 1)
    assert check_reference_in(world.record, hidden, encode_base64url(b"\x01" * 119), 0).signature is False


def test_an_act_that_the_log_does_not_name_makes_no_ballot_missing(world) -> None:
    old = world.reference_signer
    act = world.amendment("stolen")
    world.record.write(layout.amendment_path(1), act)
    text = str(reference(world, old, DROPPED))
    with refused(BoardInconsistency, "ACT-7"):
        check_reference_in(world.record, world.record.election(), text, PUBLISH_BY + 1)
    assert "REC-3" in checks(world)


def test_two_acts_in_another_order_are_refused(world) -> None:
    first = world.amendment("lost")
    world.record.write(layout.amendment_path(1), first)
    world.election = replace(world.election, amendments=(first,))
    second = world.amendment("stolen")
    world.record.write(layout.amendment_path(2), second)
    for act in (second, first):
        world.append(Kind.AMEND, act.to_bytes())
    assert checks(world) == ["ACT-7"]


# The trustees' tool


def test_a_trustee_signs_only_what_is_next(world) -> None:
    act = world.amendment("lost", trustees=())
    moreau = world.shares["moreau"]
    assert sign_amendment(world.election, act, moreau).signatures[0].trustee == "moreau"
    twice = sign_amendment(world.election, sign_amendment(world.election, act, moreau), moreau)
    assert len(twice.signatures) == 1
    with refused(StateError, "ACT-7"):
        sign_amendment(world.election, act.replace(number=2), moreau)
    with refused(VerificationError, "ACT-7"):
        sign_amendment(world.election, act.replace(election=b"e" * 32), moreau)
    world.amend(act)
    with refused(StateError, "ACT-7"):
        sign_amendment(world.election, act, moreau)


def test_a_share_of_another_election_does_not_sign(world) -> None:
    act = world.amendment("lost", trustees=())
    share = world.shares["moreau"]
    other = replace(share, trustee=share.trustee.replace(key=b"k" * 32))
    with refused(StateError, "KEY-8"):
        sign_amendment(world.election, act, other)
