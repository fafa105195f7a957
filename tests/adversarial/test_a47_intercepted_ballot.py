# SPDX-License-Identifier: GPL-3.0-or-later
"""A47: a ballot is intercepted before it is cast, and cast by another voter: the victim's becomes a duplicate."""

from __future__ import annotations

import time

import pytest
from click.testing import CliRunner

from evote.cli import main, voter
from evote.errors import InvalidBallot
from evote.manifest import Publication, Timetable
from office import close_office, encrypt, enter, open_office, two_contests


def test_the_victim_makes_a_fresh_ballot(tmp_path) -> None:
    folder = open_office(tmp_path / "e")
    with enter(folder) as box:
        hers = encrypt(box, "ada", "one", "a")
        box.slot(voter="bea", contest="one")
        box.cast("bea", hers.to_bytes())  # the thief is on the same roll
        with pytest.raises(InvalidBallot) as caught:
            box.cast("ada", hers.to_bytes())
        assert caught.value.check == "BAL-4"
        assert box.status("ada")["one"] == "in progress"
        fresh = encrypt(box, "ada", "one", "a")
        fresh.check_receipt(box.cast("ada", fresh.to_bytes()))
        assert box.turnout()["one"] == 2
    close_office(folder)


def test_a_copy_of_a_published_ballot_is_one_too(tmp_path) -> None:
    with enter(open_office(tmp_path / "e")) as box:
        hers = encrypt(box, "ada", "one", "a")
        box.cast("ada", hers.to_bytes())
        box.publish(forced=True)
        with pytest.raises(InvalidBallot) as caught:
            box.cast("bea", hers.to_bytes())
        assert caught.value.check == "BAL-4"


def test_the_command_does_so_and_says_it(tmp_path, monkeypatch) -> None:
    """The thief is quicker than the command: he casts what it has encrypted before it does."""
    now = int(time.time())
    plan = two_contests(
        timetable=Timetable.make(opens=now - 60, closes=now + 86_400, grace_ends=now + 86_400),
        publication=Publication.make(times=(), audience="bureau", delay=600),
    )
    folder = open_office(tmp_path / "e", plan)
    stolen = []
    honest = voter.encrypt_ballot

    def intercepted(election, slot, choice):
        ballot = honest(election, slot, choice)
        if not stolen:
            stolen.append(ballot.to_bytes())
            with enter(folder, now) as box:
                box.cast("bea", ballot.to_bytes())
        return ballot

    monkeypatch.setattr(voter, "encrypt_ballot", intercepted)
    run = CliRunner().invoke(
        main, ["vote", str(folder), "--voter", "ada", "--contest", "one", "--choice", "a"]
    )
    assert run.exit_code == 0, run.output
    assert "report it" in run.output
    assert "Your ballot is in the box" in run.output
    with enter(folder, now) as box:
        assert box.turnout()["one"] == 2
