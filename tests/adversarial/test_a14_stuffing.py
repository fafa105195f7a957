# SPDX-License-Identifier: GPL-3.0-or-later
"""A14: ballots without attendance marks, marks without ballots, more marks than voters."""

from __future__ import annotations

import hashlib
import sqlite3

import pytest

from evote.errors import StateError
from evote.verify import audit_record
from evote.verify.ballots import square_digest
from office import encrypt, enter, open_office, put
from simulator import CLOSES, World, contest, draft, sealed_manifest, small_world


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> World:
    made = small_world(tmp_path_factory.mktemp("a14") / "w", votes={"one-all": ["a", "b"], "two-x": ["c"]})
    honest = made.copy(tmp_path_factory.mktemp("a14") / "honest")
    honest.close({"one-all": (2, 2), "two-x": (1, 1), "two-y": (0, 0)})
    assert audit_record(honest.record.path, until="closed").verified
    return made


def close(base: World, folder, **marks: tuple[int, int]):
    world = base.copy(folder)
    honest = {"one-all": (2, 2), "two-x": (1, 1), "two-y": (0, 0)}
    world.close({**honest, **{unit.replace("_", "-"): value for unit, value in marks.items()}})
    return audit_record(world.record.path, until="closed")


@pytest.mark.parametrize(
    ("unit", "marks", "check"),
    [
        ("one_all", (1, 1), "ACT-4"),  # a ballot without a mark
        ("one_all", (3, 3), "ACT-4"),  # a mark without a ballot
        ("two_y", (1, 1), "ACT-4"),
        ("two_x", (0, 0), "ACT-4"),
        ("one_all", (2, 3), "ACT-4"),  # as many ballots, another weight
        ("one_all", (5, 4), "ACT-3"),  # more voters than the roll has
        ("one_all", (4, 5), "ACT-3"),  # more weight than the roll has
    ],
)
def test_marks_that_are_not_those_of_the_ballots_are_refused(base, tmp_path, unit, marks, check) -> None:
    report = close(base, tmp_path / "w", **{unit: marks})
    assert [one.check for one in report.failures] == [check]
    assert unit.replace("_", "-") in report.failures[0].detail


def test_marks_moved_between_units_are_refused(base, tmp_path) -> None:
    report = close(base, tmp_path / "w", two_x=(0, 0), two_y=(1, 1))
    assert [one.check for one in report.failures] == ["ACT-4"]


def test_a_ballot_that_the_server_adds_is_refused(base, tmp_path) -> None:
    world = base.copy(tmp_path / "w")
    world.publish([world.encrypt("one-all", "a")])
    world.close({"one-all": (2, 2), "two-x": (1, 1), "two-y": (0, 0)})
    report = audit_record(world.record.path, until="closed")
    assert [one.check for one in report.failures] == ["ACT-4"]


def test_a_full_box_cannot_be_stuffed_with_marks_either(tmp_path) -> None:
    plan = draft((contest("one"),))
    world = World(tmp_path / "w", sealed_manifest(plan, {"one-all": (2, 2)}))
    world.open()
    world.publish([world.encrypt("one-all", "a") for _ in range(3)])
    world.close({"one-all": (3, 3)})
    report = audit_record(world.record.path, until="closed")
    assert [one.check for one in report.failures] == ["ACT-3"]


def voted(folder):
    open_office(folder)
    with enter(folder) as box:
        ballots = {voter: encrypt(box, voter, "one", "a") for voter in ("ada", "bea")}
        for voter, ballot in ballots.items():
            box.cast(voter, ballot.to_bytes())
    return ballots


def refuse_to_close(folder, box) -> None:
    box._premises.clock.now = CLOSES
    with pytest.raises(StateError) as caught:
        box.close_vote()
    assert caught.value.check == "ACT-4"
    assert not (folder / "record" / "close.json").exists()


def refuse_to_open(folder) -> None:
    """A box whose ballots are not those of the marks is not served any more."""
    with pytest.raises(StateError) as caught, enter(folder, CLOSES):
        pass
    assert caught.value.check == "BOX-4"


def test_the_box_does_not_close_over_a_ballot_that_nobody_cast(tmp_path) -> None:
    folder = tmp_path / "e"
    voted(folder)
    with enter(folder) as box:
        stuffed = encrypt(box, "cyd", "one", "a")
        number = stuffed.ballot.numbers(box.public.key)[0]
        urn = box._premises.urn
        square = square_digest(box.public, number)
        assert put(urn, stuffed.to_bytes(), square, CLOSES) == "stored"
        refuse_to_close(folder, box)
    refuse_to_open(folder)


def test_the_box_does_not_close_over_a_ballot_that_is_gone(tmp_path) -> None:
    folder = tmp_path / "e"
    ballots = voted(folder)
    with enter(folder) as box:
        urn = box._premises.urn
        name = urn.keys.current().name(hashlib.sha256(ballots["ada"].to_bytes()).digest())
        with sqlite3.connect(folder / "private" / "box.db") as stolen:
            stolen.execute("DELETE FROM sealed WHERE key = ?", (name,))
        stolen.close()
        refuse_to_close(folder, box)
    refuse_to_open(folder)
