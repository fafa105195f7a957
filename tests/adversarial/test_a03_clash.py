# SPDX-License-Identifier: GPL-3.0-or-later
"""A3: two voters are given one ballot, reference or code; the box refuses it and the device recomputes its own.

Küsters, Truderung, Vogt, "Clash attacks on the verifiability of e-voting systems" (2012).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from evote.crypto.notes import NoteSigner
from evote.errors import FaultyBoard, InvalidBallot
from evote.record.reference import Receipt, sign_reference
from evote.verify import audit_record
from office import encrypt, enter, open_office
from simulator import small_world


def test_one_ballot_cast_by_two_voters_is_refused(tmp_path) -> None:
    with enter(open_office(tmp_path / "e")) as box:
        ballot = encrypt(box, "ada", "one", "a")
        receipt = box.cast("ada", ballot.to_bytes())
        ballot.check_receipt(receipt)
        with pytest.raises(InvalidBallot) as caught:
            box.cast("bea", ballot.to_bytes())
        assert caught.value.check == "BAL-4"
        assert box.status("bea")["one"] != "voted"
        assert box.turnout()["one"] == 1
        own = encrypt(box, "bea", "one", "a")
        own.check_receipt(box.cast("bea", own.to_bytes()))


def test_one_ballot_published_twice_is_refused(tmp_path) -> None:
    world = small_world(tmp_path / "w", votes={"one-all": ["a", "b"]})
    assert audit_record(world.record.path, until="open").verified
    world.publish([world.ballots[0]])
    assert [one.check for one in audit_record(world.record.path, until="open").failures] == ["BAL-4"]


def test_the_device_refuses_the_receipt_of_another_voter(tmp_path) -> None:
    """French elections abroad, 2022: the server shows a voter somebody else's valid reference (A1 too)."""
    with enter(open_office(tmp_path / "e")) as box:
        hers, his = encrypt(box, "ada", "one", "a"), encrypt(box, "bea", "one", "a")
        for_her, for_him = box.cast("ada", hers.to_bytes()), box.cast("bea", his.to_bytes())
        hers.check_receipt(for_her)
        his.check_receipt(for_him)
        for ballot, receipt in (
            (hers, for_him),
            (hers, Receipt(for_her.reference, for_him.code)),
            (hers, Receipt(for_him.reference, for_her.code)),
        ):
            with pytest.raises(FaultyBoard) as caught:
                ballot.check_receipt(receipt)
            assert caught.value.check == "REF-6"


def test_the_device_refuses_a_receipt_for_another_contest_of_the_same_voter(tmp_path) -> None:
    with enter(open_office(tmp_path / "e")) as box:
        one, two = encrypt(box, "ada", "one", "a"), encrypt(box, "ada", "two", "a")
        box.cast("ada", one.to_bytes())
        receipt = box.cast("ada", two.to_bytes())
        with pytest.raises(FaultyBoard) as caught:
            one.check_receipt(receipt)
        assert caught.value.check == "REF-6"


def test_the_device_refuses_a_reference_that_the_election_did_not_sign(tmp_path) -> None:
    with enter(open_office(tmp_path / "e")) as box:
        ballot = encrypt(box, "ada", "one", "a")
        good = box.cast("ada", ballot.to_bytes())
        election = box.public
        other = NoteSigner.generate(election.manifest.origin + "/reference")
        foreign = sign_reference(election, other, "one", ballot.leaf_hash, good.reference.publish_by)
        for reference, check in (
            (foreign, "REF-2"),  # another key id
            (replace(foreign, key_id=good.reference.key_id), "REF-3"),
            (replace(good.reference, publish_by=good.reference.publish_by + 1), "REF-3"),
            (replace(good.reference, election_prefix=bytes(8)), "REF-2"),
        ):
            with pytest.raises(FaultyBoard) as caught:
                ballot.check_receipt(Receipt(reference, good.code))
            assert caught.value.check == check
