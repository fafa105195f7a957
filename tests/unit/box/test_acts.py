# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from evote.board import Entry, Kind
from evote.box import BallotBox, Phase, acts, setup
from evote.box.attendance import sealed_trees
from evote.box.casting import minute
from evote.box.operations import note_operation
from evote.box.ports import PublishedBallot
from evote.box.publication import publish_rest
from evote.crypto.notes import NoteKey, open_note
from evote.errors import EvoteError, NotOpen, StateError
from evote.record import layout
from evote.record.acts import Closing, Opening
from evote.verify import audit_record
from evote.verify.acts import verify_opening_act
from office import put

from .conftest import CLOSES, FIRST, GRACE_ENDS, OPENS, ROLL, World, encrypt


def _vote(box: BallotBox) -> None:
    for voter, contest in (("ada-lovelace", "board"), ("bea", "council"), ("cyd", "council")):
        box.cast(voter, encrypt(box, voter, contest).to_bytes())


def _refused(box: BallotBox, act: str, error: type[EvoteError], check: str) -> str:
    with pytest.raises(error) as caught:
        getattr(box, act)()
    assert caught.value.check == check
    return str(caught.value)


def test_opening_is_a_signed_zero_state(world_of: Callable[[Path], World], sealed: Path) -> None:
    world = world_of(sealed)
    world.clock.now = OPENS - 100
    box = world.enter()
    act = box.open_vote()
    assert (act.ballots, act.marks, act.early, act.time) == (0, 0, True, OPENS - 100)
    verify_opening_act(box.public, act)
    assert box.phase == Phase.OPEN
    assert audit_record(world.record, until="open").verified
    _refused(box, "open_vote", StateError, "ACT-2")


def test_opening_waits_for_the_seal(world_of: Callable[[Path], World], drafted: Path) -> None:
    box = world_of(drafted).enter()
    assert box.phase == Phase.DRAFT
    _refused(box, "open_vote", StateError, "ACT-1")
    _refused(box, "close_vote", NotOpen, "ACT-3")


def test_opening_waits_for_the_hour(world_of: Callable[[Path], World], sealed_for_real: Path) -> None:
    world = world_of(sealed_for_real)
    box = world.enter()
    world.clock.now = OPENS - 1
    _refused(box, "open_vote", NotOpen, "ACT-2")
    assert not (world.record / "open.json").exists()
    world.clock.now = OPENS
    assert not box.open_vote().early


def test_opening_goes_on_after_a_crash(world_of: Callable[[Path], World], sealed: Path) -> None:
    world = world_of(sealed)
    act = world.enter().open_vote()
    copy = world_of(sealed)
    (copy.record / "open.json").write_bytes(act.to_bytes())  # written, and the log has nothing
    copy.clock.now += 500
    box = copy.enter()
    assert box.phase == Phase.SEALED
    assert box.open_vote() == act
    assert audit_record(copy.record, until="open").verified


def test_a_box_that_is_not_empty_does_not_open(world_of: Callable[[Path], World], sealed: Path) -> None:
    world = world_of(sealed)
    world.premises().urn.store.add([PublishedBallot(b"d" * 32, b"s" * 32, 1, b"ballot")])
    _refused(world.enter(), "open_vote", StateError, "ACT-2")


def test_an_attendance_list_that_is_not_empty_does_not_open(
    world_of: Callable[[Path], World], sealed: Path
) -> None:
    world = world_of(sealed)
    world.premises().register.connect("bea", "board", 60)
    _refused(world.enter(), "open_vote", StateError, "ACT-2")


def test_another_roll_than_the_sealed_one_does_not_open(
    world_of: Callable[[Path], World], sealed: Path
) -> None:
    world = world_of(sealed)
    setup.import_roll(world.directory, ROLL.encode())
    _refused(world.enter(), "open_vote", StateError, "ACT-2")


def test_closing_publishes_everything_and_commits_to_the_attendance(world: World) -> None:
    box = world.enter()
    _vote(box)
    world.clock.now = CLOSES + 5
    act = box.close_vote()
    assert [(one.unit, one.voters, one.weight) for one in act.marks] == [
        ("council-north", 1, 3),
        ("council-south", 1, 2),
        ("board", 1, 1),
    ]
    trees = sealed_trees(world.premises())
    assert [one.root for one in act.marks] == [tree.attendance_root(box.public.id) for tree in trees.values()]
    assert (box.phase, act.early) == (Phase.CLOSED, False)
    assert audit_record(world.record, until="closed").verified
    assert box.close_vote() == act
    assert not (world.directory / "private" / "slot.key").exists()
    with pytest.raises(NotOpen) as caught:
        box.cast("eve", encrypt(box, "eve", "council").to_bytes())
    assert caught.value.check == "BOX-8"
    assert box.status("eve")["council"] == "not voted"
    with pytest.raises(StateError) as late:
        box.receipt(next(world.premises().urn.ballots()).body)
    assert late.value.check == "BOX-6"


def test_a_register_with_another_roll_does_not_close(world: World) -> None:
    box = world.enter()
    _vote(box)
    path = world.directory / "private" / "register.db"
    with sqlite3.connect(path) as changed:
        changed.execute("UPDATE entitlements SET weight = 2 WHERE voter = 'eve'")
    changed.close()
    assert "not the sealed one" in _refused(box, "close_vote", StateError, "ATT-3")
    assert not (world.record / "close.json").exists()


def test_an_election_without_voters_closes(world: World) -> None:
    act = world.enter().close_vote()
    assert act.early
    assert sum(one.voters for one in act.marks) == 0
    assert audit_record(world.record, until="closed").verified


def test_a_real_election_closes_at_its_hour(world_of: Callable[[Path], World], sealed_for_real: Path) -> None:
    world = world_of(sealed_for_real)
    box = world.enter()
    world.clock.now = OPENS
    box.open_vote()
    ballot = encrypt(box, "bea", "board").to_bytes()
    world.clock.now = CLOSES - 1
    _refused(box, "close_vote", NotOpen, "ACT-3")
    world.clock.now = CLOSES
    assert "1 ballots" in _refused(box, "close_vote", StateError, "ACT-3")
    box.cast("bea", ballot)
    assert not box.close_vote().early


def test_after_grace_nobody_is_waited_for(world_of: Callable[[Path], World], sealed_for_real: Path) -> None:
    world = world_of(sealed_for_real)
    box = world.enter()
    world.clock.now = OPENS
    box.open_vote()
    box.slot("bea", "board")
    world.clock.now = GRACE_ENDS
    assert sum(one.voters for one in box.close_vote().marks) == 0


@pytest.mark.parametrize("fault", ["mark", "ballot"])
def test_marks_and_ballots_must_agree(world: World, fault: str) -> None:
    box = world.enter()
    _vote(box)
    premises = world.premises()
    if fault == "mark":
        assert premises.register.reserve("dan", "council", b"t", OPENS)
        premises.register.confirm("dan", "council", b"t")
        numbers = ("2 attendance marks of weight 3", "1 ballots of weight 2")
    else:
        body = encrypt(box, "dan", "council").to_bytes()
        assert put(premises.urn, body, b"s" * 32, 1) == "stored"
        numbers = ("1 attendance marks of weight 2", "2 ballots of weight 3")
    before = world.files()
    sentence = _refused(box, "close_vote", StateError, "ACT-4")
    assert all(number in sentence for number in numbers)
    assert world.files() == before
    assert box.phase == Phase.OPEN


@pytest.mark.parametrize("steps", range(6))
def test_closing_goes_on_after_a_crash_at_any_step(world: World, steps: int) -> None:
    box = world.enter()
    _vote(box)
    premises = world.premises()
    act = None
    if steps > 0:
        with premises.log() as log:
            ballots = sorted(premises.urn.sealed(), key=lambda one: one[0].digest)[:2]
            log.append([(Entry(Kind.BALLOT, one.digest), ballot.body) for one, ballot in ballots])
    if steps > 1:
        publish_rest(premises)
    if steps > 2:
        act = acts._make_closing(premises, sealed_trees(premises))
        premises.record.write(layout.CLOSE, act)
        assert box.phase == Phase.CLOSED
    if steps > 3 and act:
        with premises.log() as log:
            log.append([(Entry.of(Kind.CLOSE, act.to_bytes()), b"")])
    if steps > 4 and act:
        acts._log_closing(premises, act, "service")
        premises.urn.store.rebuild()
    world.clock.now += 60
    closed = world.enter().close_vote()
    assert act in (None, closed)
    assert premises.record.read(layout.CLOSE, Closing) == closed
    assert audit_record(world.record, until="closed").verified


def test_the_closing_checkpoint_ends_with_the_closing_whatever_came_after(world: World) -> None:
    box, premises = world.enter(), world.premises()
    _vote(box)
    act = box.close_vote()
    (world.record / layout.CLOSING_CHECKPOINT).unlink()  # as if the process had died before it was kept
    note_operation(premises, "integrity-checked")
    assert world.enter().close_vote() == act
    assert audit_record(world.record, until="closed").verified


def test_a_cast_that_crashed_is_settled_before_the_count(world: World) -> None:
    box = world.enter()
    ballot = encrypt(box, "ada-lovelace", "board").to_bytes()
    premises = world.premises()
    key = premises.urn.keys.current()
    ticket = key.ticket(key.seal(ballot, bytes(32), FIRST).head)
    assert premises.register.reserve("ada-lovelace", "board", ticket, minute(world.clock.now))
    assert sum(one.voters for one in box.close_vote().marks) == 0


def test_proof_of_attendance_names_no_ballot(world: World) -> None:
    box = world.enter()
    with pytest.raises(StateError) as caught:
        box.attendance_proof("bea", "council")
    assert caught.value.check == "BOX-7"
    _vote(box)
    key = NoteKey.from_text(box.public.seal.register_key)
    lines = open_note(box.attendance_proof("bea", "council"), [key]).splitlines()
    assert lines[0] == "evote/attendance/v1"
    assert lines[3:] == ["council", "bea", str(OPENS + 60)]


def test_turnout_is_counted(world: World) -> None:
    box = world.enter()
    _vote(box)
    assert box.turnout() == {"council": 2, "board": 1}
    assert box.turnout_by_hour() == {"council": {OPENS: 2}, "board": {OPENS: 1}}


def test_the_opening_is_read_back_as_it_was_written(world: World) -> None:
    assert world.premises().record.read(layout.OPEN, Opening).time == OPENS + 60
