# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil

import pytest

from evote.board import Kind
from evote.board.journal import Journal
from evote.errors import ParameterError, StateError, TallyMismatch
from evote.record import layout
from evote.record.tally import SeatsRecord
from evote.tally.session import finish_tally, posted_trustees, start_tally
from evote.verify import audit_record, verify_closing
from simulator import LAWFUL, World, contest, small_world

VOTES = {"one-all": ["a", "b", "a"], "two-x": ["c"], "two-y": ["b"]}


def silent(*_: object) -> None:
    """Report no progress."""


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> World:
    made = small_world(tmp_path_factory.mktemp("t") / "w", votes=VOTES)
    made.close()
    made.decrypt()
    return made


@pytest.fixture
def world(base, tmp_path) -> World:
    return base.copy(tmp_path / "w")


def kinds(world: World) -> list[Kind]:
    after = [one.entry.kind for one in world.reader().items()]
    return after[after.index(Kind.CLOSE) + 1 :]


def test_finish_does_what_start_left_out(world) -> None:
    assert kinds(world) == []
    outcome = finish_tally(world.folder, {}, silent)
    assert outcome.ended
    assert kinds(world) == [
        Kind.EVENT,
        *[Kind.SUM] * 3,
        *[Kind.SHARE] * 9,
        *[Kind.RESULT] * 3,
        Kind.EVENT,
        Kind.END,
    ]
    noted = [(one.operation, one.actor) for one in Journal(world.private).events()]
    assert noted == [("tally-started", "service"), ("tally-finished", "service")]
    assert audit_record(world.record.path).verified


def test_start_and_finish_are_done_once(world) -> None:
    for _ in range(2):
        start_tally(world.folder, silent, actor="the secretary")
        assert kinds(world) == [Kind.EVENT] + [Kind.SUM] * 3
    size = len(kinds(world))
    finish_tally(world.folder, {}, silent)
    done = kinds(world)
    finish_tally(world.folder, {}, silent)
    assert kinds(world) == done
    assert size < len(done)


def test_files_of_a_stage_that_never_entered_the_log_are_written_anew(world) -> None:
    for name in ("shares/one-all/petit.json", "results/two-z.json", "sums/stale.json"):
        world.write(name, b"{}")
    with pytest.raises(Exception) as caught:
        finish_tally(world.folder, {}, silent)  # a stranger's file: the record does not verify
    assert caught.value.check == "REC-1"
    for name in ("results/two-z.json", "sums/stale.json"):
        (world.record.path / name).unlink()
    finish_tally(world.folder, {}, silent)
    assert audit_record(world.record.path).verified


def test_who_has_posted(world) -> None:
    closing = verify_closing(world.record.path)
    assert posted_trustees(world.folder, closing) == ["garnier", "moreau", "roux"]
    (world.folder / "inbox" / "moreau" / "two-y.json").unlink()
    assert posted_trustees(world.folder, closing) == ["garnier", "roux"]


def test_an_election_without_ballots_needs_no_trustee(tmp_path) -> None:
    world = small_world(tmp_path / "w", votes={})
    world.close()
    outcome = finish_tally(world.folder, {}, silent)
    assert {result.counts for result in outcome.results.values()} == {(0, 0, 0, 0)}
    assert {seats.vacant for seats in outcome.seats.values()} == {5}
    assert audit_record(world.record.path).verified


def test_without_the_logs_key_nothing_enters_the_record(world) -> None:
    shutil.rmtree(world.private)
    before = sorted(world.record.files())
    outcome = finish_tally(world.folder, {}, silent)
    assert not outcome.ended
    assert sorted(world.record.files()) == before
    assert (outcome.folder / "results" / "one-all.json").is_file()


# A tie that needs a drawing of lots


@pytest.fixture
def tied(tmp_path) -> World:
    by_lot = contest("one", lists=2, seats=1).replace(tie_rule=("most-votes", "lot"))
    made = small_world(tmp_path / "w", votes={"one-all": ["a", "b", "blank"]}, contests=(by_lot,))
    made.close()
    made.decrypt()
    return made


def test_a_tie_waits_for_the_lot(tied) -> None:
    with pytest.raises(StateError) as caught:
        finish_tally(tied.folder, {}, silent)
    assert (caught.value.check, caught.value.subject) == ("SEA-6", "a,b")
    assert set(kinds(tied)) <= {Kind.EVENT, Kind.SUM}
    outcome = finish_tally(tied.folder, {"one": ("b", "a")}, silent)
    assert [one.seats for one in outcome.seats["one"].lists] == [0, 1]
    assert tied.record.read(layout.seats_path("one"), SeatsRecord).lots == ("b", "a")
    assert audit_record(tied.record.path).verified


def test_a_lot_that_nothing_needed_is_refused(world) -> None:
    with pytest.raises(TallyMismatch) as caught:
        finish_tally(world.folder, {"one": ("b", "a", "c")}, silent)
    assert caught.value.check == "SEA-8"


def test_the_key_holders_stand_in_the_minutes(world) -> None:
    finish_tally(world.folder, {}, silent)
    minutes = world.record.path / layout.minutes_path("one")
    assert len(LAWFUL) == 3
    text = minutes.read_text()
    assert (
        '"key_holders":["Paul Garnier (secretary)","Philippe Moreau (delegate)","Samir Roux (delegate)"]'
        in text
    )


def test_an_ended_tally_is_not_touched_by_another_drawing_of_lots(tmp_path) -> None:
    """The seats of a tie by lot are those of the recorded drawing; a later call with another changes nothing."""
    by_lot = contest("one", lists=2, seats=1).replace(tie_rule=("most-votes", "lot"))
    world = small_world(tmp_path / "world", votes={"one-all": ["a", "b"]}, contests=(by_lot,))
    world.close()
    start_tally(world.folder, lambda *_: None)
    world.decrypt()
    with pytest.raises(StateError) as caught:
        finish_tally(world.folder, {}, lambda *_: None)
    assert caught.value.check == "SEA-6"
    with pytest.raises(ParameterError):
        finish_tally(world.folder, {"two": ("a", "b")}, lambda *_: None)
    first = finish_tally(world.folder, {"one": ("b", "a")}, lambda *_: None)
    assert [one.seats for one in first.seats["one"].lists] == [0, 1]
    assert audit_record(world.record.path).verified
    again = finish_tally(world.folder, {"one": ("a", "b")}, lambda *_: None)
    assert again.seats == first.seats
    assert again.results == first.results
    assert audit_record(world.record.path).verified
