# SPDX-License-Identifier: GPL-3.0-or-later
"""The integrity check finds each thing that can be wrong, and nothing where nothing is."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from evote.board.journal import Journal
from evote.box import BallotBox
from evote.box.alerts import Alert, AlertKind
from evote.box.ports import PublishedBallot
from evote.cli import main
from evote.errors import InvalidBallot, StateError
from evote.verify.ballots import square_digest

from .conftest import CLOSES, FIRST, SECOND, World, encrypt


def _vote(box: BallotBox) -> dict[str, bytes]:
    ballots = {voter: encrypt(box, voter, "council").to_bytes() for voter in ("bea", "cyd", "dan")}
    for voter, ballot in ballots.items():
        box.cast(voter, ballot)
    return ballots


def _kinds(box: BallotBox) -> list[AlertKind]:
    return [alert.kind for alert in box.check_integrity(actor="anne", reason="test").alerts]


def _execute(world: World, file: str, statement: str, *values: object) -> None:
    with sqlite3.connect(world.directory / "private" / file) as database:
        assert database.execute(statement, values).rowcount > 0
    database.close()


def test_nothing_is_wrong_from_the_sealing_to_the_closing(
    world_of: Callable[[Path], World], sealed: Path
) -> None:
    world = world_of(sealed)
    box = world.enter()
    assert _kinds(box) == []
    box.open_vote()
    assert _kinds(box) == []
    _vote(box)
    assert box.check_integrity().sound
    world.clock.now = FIRST
    box.publish()
    assert _kinds(box) == []
    world.clock.now = CLOSES
    box.close_vote()
    assert _kinds(box) == []
    noted = [event.operation for event in Journal(world.directory / "private").events()]
    assert noted.count("integrity-checked") == 5
    assert "alert" not in noted


def test_a_draft_cannot_be_checked(world_of: Callable[[Path], World], drafted: Path) -> None:
    with pytest.raises(StateError) as caught:
        world_of(drafted).enter().check_integrity()
    assert caught.value.check == "ACT-1"


def test_a_mark_without_a_ballot(world: World) -> None:
    box = world.enter()
    _vote(box)
    _execute(world, "register.db", "UPDATE entitlements SET state = 2, voted_at = 60 WHERE voter = 'eve'")
    (alert,) = box.check_integrity().alerts
    assert (alert.kind, alert.subject) == (AlertKind.BALLOTS_AND_MARKS_DIFFER, "council-north")
    assert "eve" not in alert.detail
    events = [event for event in Journal(world.directory / "private").events() if event.operation == "alert"]
    assert [event.detail for event in events] == ["ballots-and-marks-differ"]


def test_an_altered_ballot(world: World) -> None:
    box = world.enter()
    _vote(box)
    _execute(world, "box.db", "UPDATE sealed SET sealed = zeroblob(200)")
    assert _kinds(box) == [AlertKind.BALLOT_ALTERED]


def test_a_ballot_that_the_box_has_lost(world: World) -> None:
    box = world.enter()
    ballots = _vote(box)
    box.publish(forced=True)
    _execute(world, "box.db", "DELETE FROM ballots WHERE digest = ?", hashlib.sha256(ballots["bea"]).digest())
    assert _kinds(box) == [AlertKind.BALLOTS_AND_MARKS_DIFFER, AlertKind.BALLOT_LOST]


def test_a_ballot_that_is_called_published_and_is_not(world: World) -> None:
    box = world.enter()
    ballot = encrypt(box, "eve", "council")
    square = square_digest(box.public, ballot.ballot.numbers(box.public.key)[0])
    body = ballot.to_bytes()
    row = PublishedBallot(hashlib.sha256(body).digest(), square, FIRST, body)
    world.premises().urn.store.add([row])
    assert _kinds(box) == [AlertKind.BALLOTS_AND_MARKS_DIFFER, AlertKind.BALLOT_ALTERED]


def test_a_publication_that_is_late(world: World) -> None:
    box = world.enter()
    _vote(box)
    world.clock.now = FIRST + 600 - 1
    assert _kinds(box) == []
    world.clock.now = FIRST + 600
    assert _kinds(box) == [AlertKind.LATE_PUBLICATION]
    box.publish()
    world.clock.now = SECOND
    assert _kinds(box) == []


def test_a_slot_key_that_is_gone(world: World) -> None:
    box = world.enter()
    _vote(box)
    (world.directory / "private" / "slot.key").unlink()
    assert _kinds(box) == [AlertKind.CASTS_UNSETTLED]


def test_a_record_that_does_not_verify(world: World) -> None:
    box = world.enter()
    _vote(box)
    box.publish(forced=True)
    path = world.record / "open.json"
    path.write_bytes(path.read_bytes().replace(b'"early":false', b'"early":true'))
    assert set(_kinds(box)) == {AlertKind.RECORD_WRONG}


def test_another_software(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from evote.box import integrity

    box = world.enter()
    monkeypatch.setattr(integrity, "software", lambda: box.public.manifest.software.replace(release="other"))
    assert _kinds(box) == [AlertKind.SOFTWARE_CHANGED]


def test_a_copy_is_told_when_it_is_cast(world: World) -> None:
    alerts: list[Alert] = []
    with BallotBox.open(world.directory, clock=world.clock, on_alert=alerts.append) as box:
        ballot = encrypt(box, "bea", "board").to_bytes()
        box.cast("ada-lovelace", ballot)
        with pytest.raises(InvalidBallot):
            box.cast("bea", ballot)
    assert [(alert.kind, alert.subject) for alert in alerts] == [(AlertKind.COPY_REFUSED, "board")]
    assert "bea" not in alerts[0].detail


def test_the_command_says_what_is_wrong(world_of: Callable[[Path], World], sealed: Path) -> None:
    world = world_of(sealed)
    run = CliRunner().invoke(main, ["integrity", str(world.directory), "--reason", "before the opening"])
    assert (run.exit_code, run.output) == (0, "Nothing is wrong.\n")
    path = world.record / "README.txt"
    path.write_bytes(b"Another text.\n")
    run = CliRunner().invoke(main, ["integrity", str(world.directory), "--json"])
    assert run.exit_code == 1
    assert '"kind": "record-wrong"' in run.output
