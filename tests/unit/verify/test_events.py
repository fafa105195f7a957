# SPDX-License-Identifier: GPL-3.0-or-later
"""A record whose operations were dropped, moved, changed or made up is refused (EVT-1, REC-1, REC-3)."""

from __future__ import annotations

import pytest

from evote.board import Entry, Kind
from evote.record import layout
from evote.record.events import Event
from evote.verify import audit_record
from simulator import OPENS, World, small_world

EVENTS = 4


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> World:
    """An open election with ballots before, between and after four events."""
    made = small_world(tmp_path_factory.mktemp("events") / "w", votes={"one-all": ["a", "b"]})
    for number in range(EVENTS):
        made.note(now=OPENS + 60 * number, detail=str(number))
        made.publish([made.encrypt("two-x", "a")])
    assert audit_record(made.record.path, until="open").failures == []
    return made


@pytest.fixture
def world(base, tmp_path) -> World:
    return base.copy(tmp_path / "w")


def checks(world: World, **options) -> list[str]:
    report = audit_record(world.record.path, until="open", **options)
    assert not report.verified
    return [finding.check for finding in report.failures]


def path(world: World, number: int):
    return world.record.path / layout.event_path(number)


def items(world: World) -> list[tuple[Kind, bytes]]:
    """Return kind and bytes of every entry, with the events as their files are now."""
    names = {Kind.SEAL: layout.SEAL, Kind.OPEN: layout.OPEN}
    numbers = iter(range(1, EVENTS + 1))
    return [
        (
            item.entry.kind,
            item.ballot
            or world.record.bytes_of(names.get(item.entry.kind) or layout.event_path(next(numbers))),
        )
        for item in world.reader().items()
    ]


def signed_anew(world: World, changed: list[tuple[Kind, bytes]]) -> list[str]:
    """Let the log's own key sign another history; return what is found."""
    world.carry_upwards(changed)
    return checks(world)


def test_events_are_counted_and_alerts_are_noted(world) -> None:
    report = audit_record(world.record.path, until="open")
    assert next(step.count for step in report.steps if step.checks == "EVT") == EVENTS
    assert not any("Alerts" in note for note in report.notes)
    world.note("alert", detail="late-publication")
    report = audit_record(world.record.path, until="open")
    assert report.verified
    assert any(note.startswith("Alerts in the log of operations: 1.") for note in report.notes)


@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_file_that_is_gone(world, number) -> None:
    path(world, number).unlink()
    assert checks(world) == ["REC-3", "EVT-1"]


def test_a_file_that_is_changed(world) -> None:
    changed = Event.from_bytes(path(world, 2).read_bytes()).replace(actor="nobody")
    path(world, 2).write_bytes(changed.to_bytes())
    assert checks(world) == ["REC-3", "REC-3", "EVT-1"]


def test_an_event_left_out_of_log_and_folder(world) -> None:
    """The chain shows a gap even to whoever never saw the log before."""
    kept = [one for one in items(world) if one[1] != path(world, 2).read_bytes()]
    path(world, 2).unlink()
    for number in (3, 4):
        path(world, number).rename(path(world, number - 1))
    assert signed_anew(world, kept) == ["EVT-1"]


def test_events_in_another_order_in_the_log(world) -> None:
    found = items(world)
    places = [place for place, (kind, _) in enumerate(found) if kind == Kind.EVENT]
    found[places[0]], found[places[2]] = found[places[2]], found[places[0]]
    assert signed_anew(world, found) == ["EVT-1"]


def test_an_event_changed_and_signed_anew(world) -> None:
    changed = Event.from_bytes(path(world, 2).read_bytes()).replace(reason="because")
    path(world, 2).write_bytes(changed.to_bytes())
    assert signed_anew(world, items(world)) == ["EVT-1"]


def test_a_time_that_goes_back(world) -> None:
    last = Event.from_bytes(path(world, 4).read_bytes())
    path(world, 4).write_bytes(last.replace(time=OPENS - 60).to_bytes())
    assert signed_anew(world, items(world)) == ["EVT-1"]


def test_an_event_of_another_election(base, world, tmp_path) -> None:
    other = small_world(tmp_path / "other", votes={})
    other.note(now=OPENS + 600)
    path(world, 4).write_bytes(other.record.bytes_of(layout.event_path(1)))
    assert signed_anew(world, items(world)) == ["EVT-1"]


def test_an_event_that_is_in_no_log(world) -> None:
    last = Event.from_bytes(path(world, 4).read_bytes())
    more = last.replace(number=5, previous=last.digest())
    path(world, 5).write_bytes(more.to_bytes())
    assert checks(world) == ["REC-3", "EVT-1"]


def test_an_event_twice_in_the_log(world) -> None:
    found = items(world)
    place = next(place for place, (kind, _) in enumerate(found) if kind == Kind.EVENT)
    assert signed_anew(world, [*found, found[place]]) == ["REC-3", "REC-3", "EVT-1"]


@pytest.mark.parametrize("name", ["events/05.json", "events/x.json", "events/100001.json", "events/a/1.json"])
def test_names_that_no_event_has(world, name) -> None:
    world.write(name, path(world, 4).read_bytes())
    assert "REC-1" in checks(world)


def test_a_file_that_is_no_event(world) -> None:
    """One ballot under the name of an event, named by the log as an event."""
    path(world, 4).write_bytes(world.ballots[0])
    assert signed_anew(world, items(world)) == ["ENC-5"]


def test_entries_of_events_without_files(world) -> None:
    world.append(Kind.EVENT, b"{}")
    assert checks(world) == ["REC-3", "EVT-1"]
    assert Entry.of(Kind.EVENT, b"{}") in [item.entry for item in world.reader().items()]
