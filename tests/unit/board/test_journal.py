# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of operations on disk: chained, whole after a crash at any write, and published once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from evote.board import Kind
from evote.board.journal import Journal, read_chain
from evote.errors import EncodingError, StateError
from evote.record import layout
from evote.record.events import Event
from forgery import refused
from simulator import World, contest, draft, sealed_manifest


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path)


@pytest.fixture
def world(tmp_path) -> World:
    """A sealed election."""
    return World(tmp_path / "w", sealed_manifest(draft((contest("one"),)), {"one-all": (3, 3)}))


def filled(journal: Journal, count: int = 4) -> list[Event]:
    return [
        journal.record("sealed", actor="bea", now=60 * place, detail=str(place)) for place in range(count)
    ]


def logged(world: World) -> list[bytes]:
    return [item.entry.digest for item in world.reader().items() if item.entry.kind == Kind.EVENT]


def test_what_is_recorded_is_read_back(journal) -> None:
    assert list(journal.events()) == []
    made = filled(journal)
    assert list(journal.events()) == made
    assert [one.number for one in made] == [1, 2, 3, 4]
    assert made[3].previous == made[2].digest()
    path = journal.folder / "4.json"
    assert Event.from_bytes(path.read_bytes()) == made[3]
    assert path.stat().st_mode & 0o777 == 0o600


def test_times_are_minutes_and_never_go_back(journal) -> None:
    times = [journal.record("settled", actor="a", now=now).time for now in (1000.9, 1019, 1020, 100, 2000)]
    assert times == [960, 960, 1020, 1020, 1980]


def test_once_adds_nothing_twice(journal) -> None:
    first = journal.record("opened", actor="a", now=60, detail="x", once=True)
    assert journal.record("opened", actor="b", now=900, detail="x", once=True) == first
    assert journal.record("opened", actor="b", now=900, detail="y", once=True).number == 2
    assert journal.record("closed", actor="b", now=900, detail="x", once=True).number == 3
    assert journal.record("opened", actor="b", now=900, detail="x").number == 4


def test_a_bad_text_is_refused_and_nothing_is_written(journal) -> None:
    filled(journal, 1)
    with refused(EncodingError, "ENC-5"):
        journal.record("sealed", actor="a\x1b", now=60)
    assert len(list(journal.events())) == 1


def test_threads_do_not_share_a_number(journal) -> None:
    threads = [threading.Thread(target=filled, args=(journal, 5)) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [one.number for one in journal.events()] == list(range(1, 31))


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("fault", ["gone", "cut", "empty", "changed", "other"])
def test_a_damaged_journal_is_refused_until_it_is_repaired(journal, number, fault) -> None:
    made = filled(journal)
    path = journal.folder / f"{number}.json"
    whole = path.read_bytes()
    if fault == "gone":
        path.unlink()
    elif fault in ("cut", "empty"):
        path.write_bytes(whole[: len(whole) // 2 if fault == "cut" else 0])
    elif fault == "changed":
        path.write_bytes(made[number - 1].replace(actor="bob").to_bytes())
    else:
        path.write_bytes(made[3].to_bytes())
    with pytest.raises(StateError) as caught:
        list(journal.events())
    assert caught.value.check == "EVT-1"
    if number == 3 or fault == "gone":  # what a new event would follow
        with refused(StateError, "EVT-1"):
            journal.record("opened", actor="a", now=60)
    path.write_bytes(whole)
    assert journal.record("opened", actor="a", now=600).number == 5


def test_the_last_places_are_for_the_bureau(journal, monkeypatch) -> None:
    monkeypatch.setattr(layout, "MAX_EVENTS", 1003)
    for _ in range(3):
        journal.record("integrity-checked", actor="a", now=60)
    with refused(StateError, "EVT-2"):
        journal.record("integrity-checked", actor="a", now=60)
    assert journal.record("closed", actor="a", now=60).number == 4
    monkeypatch.setattr(layout, "MAX_EVENTS", 4)
    with refused(StateError, "EVT-2"):
        journal.record("closed", actor="a", now=60)


def deaths(step: str, source: Path, work: Path) -> list[dict[str, object]]:
    """Return what was left and repaired after every death of a step."""
    script = Path(__file__).parents[2] / "kills.py"
    command = [sys.executable, str(script), step, str(source), str(work)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_event_is_there_as_a_whole_or_not_at_all(world, tmp_path) -> None:
    filled(Journal(world.private), 2)
    world.publish_events()
    found = deaths("record", world.folder, tmp_path)
    assert len(found) == 6  # a file and its new name: before, half way, after
    for one in found:
        assert (one["failures"], one["temporary"]) == ([], []), one
        assert one["operations"] == ["sealed", "sealed", "opened"], one


def test_publishing_is_killed_at_any_write_and_done_again(world, tmp_path) -> None:
    filled(Journal(world.private), 3)
    found = deaths("publish", world.folder, tmp_path)
    assert len(found) >= 3 * 2 * 8  # three events, two tiles and two bundles, state, checkpoint
    for one in found:
        assert (one["failures"], one["temporary"]) == ([], []), one


def test_a_half_written_event_never_counts(journal) -> None:
    made = filled(journal, 2)
    (journal.folder / ".3.json.0123.tmp").write_bytes(made[1].to_bytes()[:50])
    assert list(journal.events()) == made
    assert journal.record("opened", actor="b", now=120).number == 3
    assert sorted(path.name for path in journal.folder.iterdir()) == ["1.json", "2.json", "3.json"]


def test_events_from_before_the_seal_follow_it_in_the_log(world) -> None:
    made = filled(Journal(world.private))
    assert world.publish_events() == 4
    assert world.publish_events() == 0
    assert [one for one, _ in read_chain(world.record.path / layout.EVENTS)] == made
    assert logged(world) == [one.digest() for one in made]


def test_a_log_that_takes_no_events_is_left_alone(tmp_path) -> None:
    world = World(tmp_path / "w", sealed_manifest(draft((contest("one"),)), {"one-all": (3, 3)}))
    world.open()
    world.close()
    world.tally()
    before = world.reader().checkpoint
    Journal(world.private).record("attendance-exported", actor="a", now=60)
    assert world.publish_events() == 0
    assert world.reader().checkpoint == before


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_journal_from_a_backup_is_refused(world, kept) -> None:
    journal = Journal(world.private)
    filled(journal)
    world.publish_events()
    whole = {path: path.read_bytes() for path in journal.folder.iterdir()}
    for path in whole:
        if int(path.stem) > kept:
            path.unlink()
    with refused(StateError, "EVT-1"):
        world.publish_events()
    for _ in range(4 - kept):  # as many, and others
        journal.record("settled", actor="a", now=600)
    with refused(StateError, "EVT-1"):
        world.publish_events()
    for path in whole:
        path.write_bytes((world.record.path / layout.EVENTS / path.name).read_bytes())
    journal.record("settled", actor="a", now=600)
    assert world.publish_events() == 1
