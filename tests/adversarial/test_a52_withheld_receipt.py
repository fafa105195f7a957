# SPDX-License-Identifier: GPL-3.0-or-later
"""A52: the server takes a ballot and withholds the receipt; whoever holds the ballot's bytes obtains it."""

from __future__ import annotations

import pytest

from evote.errors import StateError
from office import close_office, encrypt, enter, open_office
from simulator import OPENS


def test_the_same_receipt_again_without_signing_in(tmp_path) -> None:
    folder = open_office(tmp_path / "e")
    with enter(folder) as box:
        ballot = encrypt(box, "ada", "one", "a")
        withheld = box.cast("ada", ballot.to_bytes())
    for now in (OPENS + 60, OPENS + 3700):  # before its publication, and after it
        with enter(folder, now) as box:
            box.publish()
            receipt = box.receipt(ballot.to_bytes())
        assert receipt == withheld
        ballot.check_receipt(receipt)


def test_only_for_ballots_that_the_box_holds(tmp_path) -> None:
    folder = open_office(tmp_path / "e")
    with enter(folder) as box:
        cast, kept = encrypt(box, "ada", "one", "a").to_bytes(), encrypt(box, "ada", "one", "a").to_bytes()
        box.cast("ada", cast)
        for data in (kept, cast[:-1], cast + b" ", b""):
            with pytest.raises(StateError) as caught:
                box.receipt(data)
            assert caught.value.check == "BOX-6"


def test_after_the_closing_the_record_says_it(tmp_path) -> None:
    folder = open_office(tmp_path / "e")
    with enter(folder) as box:
        ballot = encrypt(box, "ada", "one", "a")
        reference = str(box.cast("ada", ballot.to_bytes()).reference)
    close_office(folder)
    with enter(folder) as box:
        with pytest.raises(StateError) as caught:
            box.receipt(ballot.to_bytes())
        assert caught.value.check == "BOX-6"
        (found,) = box.find(ballot.code)
        assert found.contest == "one"
        assert box.check_reference(reference).presence == "found"
