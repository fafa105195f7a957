# SPDX-License-Identifier: GPL-3.0-or-later
"""A52: the server takes a ballot and withholds the receipt; whoever holds the ballot's bytes obtains it."""

from __future__ import annotations

import time

import pytest

from device import Device, check_receipt
from evote.box import BallotBox
from evote.errors import StateError
from office import close_office, encrypt, enter, open_office
from simulator import OPENS
from website import connect, current_plan, head, make_app, serve


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


def test_over_http_a_lost_answer_is_asked_for_again_by_nobody_in_particular(tmp_path) -> None:
    folder = open_office(tmp_path / "e", current_plan())
    with BallotBox.open(folder) as box, serve(make_app(folder, box)) as url:
        with Device(url, {"Authorization": "Bearer ada"}) as ada:
            ballot, kept = ada.encrypt("one", "a"), ada.encrypt("one", "a")
            with connect(url) as connection:  # sends the ballot, and reads no answer
                connection.sendall(head("POST", "/v1/ballot", f"Content-Length: {len(ballot.to_bytes())}"))
                connection.sendall(ballot.to_bytes())
                for _ in range(600):
                    if ada.get("/voter").json()["contests"]["one"] == "voted":
                        break
                    time.sleep(0.05)
            receipt = box.receipt(ballot.to_bytes())
        with Device(url) as nobody:
            assert check_receipt(ballot, nobody.post("/receipt", ballot.to_bytes())) == receipt
            for data in (kept.to_bytes(), ballot.to_bytes()[:-1], ballot.to_bytes() + b" ", b""):
                answer = nobody.post("/receipt", data)
                assert (answer.status_code, answer.json()["error"], answer.json()["check"]) == (
                    404,
                    "NotFound",
                    "BOX-6",
                )
            box.close_vote()
            assert nobody.post("/receipt", ballot.to_bytes()).json()["check"] == "BOX-6"
            found = nobody.post("/reference", {"reference": str(receipt.reference)}).json()
            assert (found["signature"], found["presence"]) == (True, "found")
