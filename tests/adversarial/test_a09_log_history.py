# SPDX-License-Identifier: GPL-3.0-or-later
"""A9: the log is truncated, forked or rewritten; every earlier checkpoint tells."""

from __future__ import annotations

import shutil

import pytest

from evote.board import Checkpoint, Kind
from evote.errors import BoardInconsistency
from evote.record import layout
from evote.verify import audit_record
from simulator import World, small_world


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> World:
    made = small_world(
        tmp_path_factory.mktemp("a9") / "w", votes={"one-all": ["a", "b", "a"], "two-x": ["c"]}
    )
    assert audit_record(made.record.path, until="open").verified
    return made


@pytest.fixture
def world(base, tmp_path) -> World:
    return base.copy(tmp_path / "w")


def items(world: World) -> list[tuple[Kind, bytes]]:
    files = {Kind.SEAL: layout.SEAL, Kind.OPEN: layout.OPEN, Kind.CLOSE: layout.CLOSE}
    return [
        (one.entry.kind, one.ballot or world.record.bytes_of(files[one.entry.kind]))
        for one in world.reader().items()
    ]


def refuse(world: World, earlier: Checkpoint) -> None:
    """The rewritten log is whole in itself; what it said before convicts it."""
    world.reader().verify_log()
    with pytest.raises(BoardInconsistency) as caught:
        world.reader().verify_extends(earlier)
    assert caught.value.check == "BRD-15"


def test_growth_is_accepted(world) -> None:
    earlier = world.reader().checkpoint
    world.reader().verify_extends(earlier)
    world.publish([world.encrypt("two-y", "a")])
    world.reader().verify_extends(earlier)


def test_a_dropped_tail_is_refused(world) -> None:
    earlier = world.reader().checkpoint
    world.carry_upwards(items(world)[:-1])
    refuse(world, earlier)


def test_two_checkpoints_of_one_size_are_refused(world) -> None:
    earlier = world.reader().checkpoint
    world.carry_upwards([*items(world)[:-1], (Kind.BALLOT, world.encrypt("one-all", "c"))])
    assert world.reader().checkpoint.size == earlier.size
    refuse(world, earlier)


def test_growth_of_another_history_is_refused(world) -> None:
    earlier = world.reader().checkpoint
    more = [(Kind.BALLOT, world.encrypt("one-all", choice)) for choice in ("c", "c", "c")]
    world.carry_upwards([*items(world)[:-1], *more])
    assert world.reader().checkpoint.size > earlier.size
    refuse(world, earlier)


def test_ballots_in_another_order_are_refused(world) -> None:
    earlier = world.reader().checkpoint
    seal, opening, *ballots = items(world)
    world.carry_upwards([seal, opening, *reversed(ballots)])
    refuse(world, earlier)


def test_the_checkpoint_of_another_log_is_refused(world) -> None:
    here = world.reader().checkpoint
    refuse(world, Checkpoint("vote.example.org/other", here.size, here.root))


def test_an_old_checkpoint_over_the_present_files_is_refused(world) -> None:
    old = (world.record.path / "checkpoint").read_bytes()
    world.publish([world.encrypt("two-y", "a")])
    assert audit_record(world.record.path, until="open").verified
    world.write("checkpoint", old)
    assert {one.check for one in audit_record(world.record.path, until="open").failures} & {
        "BRD-11",
        "BRD-10",
        "BRD-14",
    }


def test_a_new_checkpoint_over_the_files_of_before_is_refused(world, tmp_path) -> None:
    before = world.copy(tmp_path / "before")
    world.publish([world.encrypt("two-y", "a")])
    for name in ("tile", "ballots"):
        shutil.rmtree(world.record.path / name)
        shutil.copytree(before.record.path / name, world.record.path / name)
    assert {one.check for one in audit_record(world.record.path, until="open").failures} & {
        "BRD-11",
        "BRD-10",
    }


def test_a_ballot_dropped_after_the_closing_contradicts_the_closing_checkpoint(world) -> None:
    world.close()
    assert audit_record(world.record.path, until="closed").verified
    kept = world.record.bytes_of(layout.CLOSING_CHECKPOINT)
    rest = items(world)
    del rest[2]
    world.carry_upwards(rest)
    world.write(layout.CLOSING_CHECKPOINT, kept)  # what witnesses and trustees were shown
    assert {one.check for one in audit_record(world.record.path, until="closed").failures} == {
        "ACT-4",
        "ACT-5",
    }
