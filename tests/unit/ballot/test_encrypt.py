# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pickle

import pytest

from evote.ballot import Choice, EncryptedBallot, encrypt_ballot
from evote.board import Entry, Kind
from evote.crypto.fixed_base import plain_power
from evote.crypto.merkle import leaf_hash
from evote.errors import FaultyBoard, ParameterError
from evote.record.ballot import Ballot
from evote.record.reference import Receipt, short_code, sign_reference
from evote.record.slot import Slot
from simulator import CLOSES, OPENS, World, audit_ballots, contest, draft, sealed_manifest

SLOT = Slot("one", "x", "one-x", 2)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    plan = draft((contest("one", sections=("x", "y")), contest("two")))
    return World(
        tmp_path_factory.mktemp("b") / "w", sealed_manifest(plan, {u.id: (5, 9) for u in plan.counting.units})
    )


def findings(world: World, *ballots: bytes) -> list[str]:
    return [check for check, _ in audit_ballots(world.election, ballots)[1]]


@pytest.mark.parametrize("choice", ["a", "b", "c", "blank"])
def test_every_choice_gives_a_ballot_that_verifies(world, choice) -> None:
    ballot = encrypt_ballot(world.election, SLOT, Choice(choice))
    assert findings(world, ballot.to_bytes()) == []
    read = Ballot.from_bytes(ballot.to_bytes())
    assert (read.election, read.contest, read.unit, read.weight) == (world.election.id, "one", "one-x", 2)


def test_with_and_without_a_table(world) -> None:
    ballot = encrypt_ballot(world.election, SLOT, Choice.list("a"), powers=plain_power(world.election.key))
    assert findings(world, ballot.to_bytes()) == []


@pytest.mark.parametrize("choice", ["d", "A", "", "one", "Blank", "0"])
def test_a_choice_that_is_not_on_the_list_is_refused(world, choice) -> None:
    with pytest.raises(ParameterError) as caught:
        encrypt_ballot(world.election, SLOT, Choice(choice))
    assert caught.value.check == "MAN-1"


@pytest.mark.parametrize("choice", ["a", "blank", None])
def test_a_choice_that_is_none_is_refused(world, choice) -> None:
    encrypt_ballot(world.election, SLOT, Choice("a"))
    with pytest.raises(ParameterError) as caught:
        encrypt_ballot(world.election, SLOT, choice)
    assert caught.value.check == "MAN-1"


def test_a_contest_that_is_not_there_is_refused(world) -> None:
    with pytest.raises(ParameterError) as caught:
        encrypt_ballot(world.election, Slot("three", "x", "one-x", 1), Choice.blank())
    assert caught.value.check == "MAN-1"


def test_the_same_choice_encrypted_twice_is_two_ballots(world) -> None:
    first, second = (encrypt_ballot(world.election, SLOT, Choice.blank()) for _ in range(2))
    assert first.ballot.ciphertext != second.ballot.ciphertext
    assert first.code != second.code
    assert findings(world, first.to_bytes(), second.to_bytes()) == []
    assert findings(world, first.to_bytes(), first.to_bytes()) == ["BAL-4"]


def test_all_ballots_of_a_contest_are_equally_long(world) -> None:
    lengths = {
        len(encrypt_ballot(world.election, SLOT, Choice(one)).to_bytes())
        for one in ("a", "b", "c", "blank") * 3
    }
    assert len(lengths) == 1


def test_code_and_leaf_are_known_before_anything_is_sent(world) -> None:
    ballot = encrypt_ballot(world.election, SLOT, Choice.list("b"))
    leaf = leaf_hash(Entry.of(Kind.BALLOT, ballot.to_bytes()).to_bytes())
    assert (ballot.leaf_hash, ballot.code) == (leaf, short_code(world.election.id, leaf))
    ballot.check_receipt(receipt(world, ballot))


def receipt(world: World, ballot: EncryptedBallot, publish_by: int = OPENS + 3600 + 600) -> Receipt:
    reference = sign_reference(world.election, world.reference_signer, "one", ballot.leaf_hash, publish_by)
    return Receipt(reference, ballot.code)


@pytest.mark.parametrize("publish_by", [5, OPENS + 3600, OPENS + 4201, CLOSES + 86_400])
def test_a_receipt_that_puts_publication_off_is_refused(world, publish_by) -> None:
    ballot = encrypt_ballot(world.election, SLOT, Choice.list("b"))
    ballot.check_receipt(receipt(world, ballot))
    with pytest.raises(FaultyBoard) as caught:
        ballot.check_receipt(receipt(world, ballot, publish_by))
    assert caught.value.check == "REF-6"


def test_a_choice_is_not_shown(world) -> None:
    ballot = encrypt_ballot(world.election, SLOT, Choice.list("b"))
    assert "b" not in repr(Choice.list("b")).removeprefix("Choice")
    assert "ciphertext" not in repr(ballot)
    assert (Choice.list("blank"), Choice.blank().id) == (Choice.blank(), "blank")


def test_neither_choice_nor_nonce_is_kept(world) -> None:
    """What is left after encryption is what is sent: rebuilt from the bytes it is the same object."""
    ballot = encrypt_ballot(world.election, SLOT, Choice.list("b"))
    assert Ballot.from_bytes(ballot.to_bytes()) == ballot.ballot
    assert set(vars(ballot)) <= {"election", "ballot", "_bytes", "leaf_hash"}
    assert pickle.loads(pickle.dumps(ballot.ballot)) == ballot.ballot


@pytest.mark.parametrize(
    "slot", [Slot("one", "x", "one-z", 1), Slot("two", "x", "one-x", 1), Slot("one", "x", "two-x", 1)]
)
def test_a_slot_of_no_unit_of_the_contest_is_refused(world, slot) -> None:
    with pytest.raises(ParameterError):
        encrypt_ballot(world.election, slot, Choice.blank())
