# SPDX-License-Identifier: GPL-3.0-or-later
"""A1: the server shows a voter another voter's valid reference (French elections abroad, 2022)."""

from __future__ import annotations

import itertools

import pytest

from evote.errors import FaultyBoard
from evote.record.reference import Receipt
from office import encrypt, enter, open_office


def test_a_device_shows_its_own_receipt_and_refuses_every_other(tmp_path) -> None:
    with enter(open_office(tmp_path / "e")) as box:
        cast = {}
        for voter, contest in (
            ("ada", "one"),
            ("bea", "one"),
            ("cyd", "one"),
            ("ada", "two"),
            ("bea", "two"),
        ):
            ballot = encrypt(box, voter, contest, "a")
            cast[voter, contest] = ballot, box.cast(voter, ballot.to_bytes())
        for ballot, receipt in cast.values():
            ballot.check_receipt(receipt)
        for (ballot, own), (_, other) in itertools.permutations(cast.values(), 2):
            for shown in (other, Receipt(other.reference, own.code), Receipt(own.reference, other.code)):
                with pytest.raises(FaultyBoard) as caught:
                    ballot.check_receipt(shown)
                assert caught.value.check == "REF-6"


def test_the_shown_reference_is_valid_for_everybody_else(tmp_path) -> None:
    """What makes the attack work without the comparison: the page «Preuve de vote» finds nothing wrong."""
    with enter(open_office(tmp_path / "e")) as box:
        hers, his = encrypt(box, "ada", "one", "a"), encrypt(box, "bea", "one", "b")
        box.cast("ada", hers.to_bytes())
        for_him = box.cast("bea", his.to_bytes())
        box.publish(forced=True)
        verdict = box.check_reference(str(for_him.reference))
        assert (verdict.signature, verdict.presence) == (True, "found")
        with pytest.raises(FaultyBoard) as caught:
            hers.check_receipt(for_him)
        assert caught.value.check == "REF-6"
