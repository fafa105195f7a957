# SPDX-License-Identifier: GPL-3.0-or-later
"""The closing against which a proof is checked is the one in the record's signed log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evote.errors import EvoteError
from evote.record import layout
from evote.record.acts import Closing
from evote.verify.attendance import read_closing
from simulator import CLOSES, World, small_world


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = small_world(tmp_path_factory.mktemp("closing") / "w", votes={"one-all": ["a", "b"]})
    world.close()
    return world


def resigned(world: World, **changes: object) -> None:
    act = world.record.read(layout.CLOSE, Closing).replace(**changes, register_signature=b"")
    world.record.write(layout.CLOSE, world._act(act))


def other_root(world: World) -> None:
    marks = world.record.read(layout.CLOSE, Closing).marks
    resigned(world, marks=(marks[0].replace(root=b"x" * 32), *marks[1:]))


def unsigned(world: World) -> None:
    act = world.record.read(layout.CLOSE, Closing)
    world.record.write(layout.CLOSE, act.replace(register_signature=b"s" * 64))


def more_marks(world: World) -> None:
    marks = world.record.read(layout.CLOSE, Closing).marks
    resigned(world, marks=(marks[0].replace(voters=5), *marks[1:]))


def open_checkpoint(world: World) -> None:
    """Name the opening's place as that of the closing."""
    from evote.board.checkpoint import Checkpoint

    reader = world.reader()
    early = Checkpoint(reader.checkpoint.origin, 2, reader.root_at(2))
    world.write(layout.CLOSING_CHECKPOINT, early.sign(world.log_signer))


def larger_checkpoint(world: World) -> None:
    from evote.board.checkpoint import Checkpoint

    reader = world.reader()
    late = Checkpoint(reader.checkpoint.origin, reader.checkpoint.size + 1, b"r" * 32)
    world.write(layout.CLOSING_CHECKPOINT, late.sign(world.log_signer))


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda world: (world.record.path / layout.CLOSE).unlink(), "REC-2"),
        (other_root, "REC-3"),
        (unsigned, "ACT-3"),
        (more_marks, "ACT-3"),
        (lambda world: resigned(world, election=b"e" * 32), "ACT-3"),
        (lambda world: resigned(world, time=CLOSES - 1), "ACT-3"),
        (lambda world: resigned(world, marks=()), "ACT-3"),
        (open_checkpoint, "REC-3"),
        (larger_checkpoint, "ACT-5"),
    ],
)
def test_another_closing_is_refused(
    closed: World, tmp_path: Path, spoil: Callable[[World], object], check: str
) -> None:
    world = closed.copy(tmp_path / "w")
    act = world.record.read(layout.CLOSE, Closing)
    assert read_closing(world.record, world.record.election()) == act
    spoil(world)
    with pytest.raises(EvoteError) as caught:
        read_closing(world.record, world.record.election())
    assert caught.value.check == check
