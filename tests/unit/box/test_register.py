# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evote.box.register import Attendance, InFlight, Marks, Register
from evote.box.roll import parse_roll
from evote.errors import ParameterError, StateError

from .conftest import ROLL, make_draft

DRAFT = make_draft()
TICKET = b"\1" * 32


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    found = Register(tmp_path / "register.db")
    found.replace_roll(parse_roll(ROLL.encode(), DRAFT))
    yield found
    found.close()


def test_the_roll_comes_back(register: Register) -> None:
    given = parse_roll(ROLL.encode(), DRAFT)
    found = register.roll(DRAFT)
    assert found.commitments(DRAFT, bytes(32)) == given.commitments(DRAFT, bytes(32))
    assert {voter.name for voter in found.entries} == {voter.name for voter in given.entries}


def test_a_new_roll_has_a_new_salt(register: Register) -> None:
    salt = register.roll_salt
    register.replace_roll(parse_roll(ROLL.encode(), DRAFT))
    assert register.roll_salt != salt
    assert len(salt) == 32


def test_the_roll_is_fixed_once_somebody_connected(register: Register) -> None:
    register.mark_in_progress("ada-lovelace", "board", 0)
    with pytest.raises(StateError) as caught:
        register.replace_roll(parse_roll(ROLL.encode(), DRAFT))
    assert caught.value.check == "BOX-3"


def test_a_roll_of_another_plan_is_noticed(register: Register) -> None:
    plan = DRAFT.replace(
        contests=DRAFT.contests[:1], counting=DRAFT.counting.replace(units=DRAFT.counting.units[:2])
    )
    with pytest.raises(ParameterError) as caught:
        register.roll(plan)
    assert caught.value.check == "BOX-1"


def test_an_empty_register_has_no_roll(tmp_path: Path) -> None:
    empty = Register(tmp_path / "empty.db")
    with pytest.raises(StateError) as caught:
        _ = empty.roll_salt
    assert caught.value.check == "BOX-1"
    empty.close()


def test_one_reservation_wins_and_is_confirmed(register: Register) -> None:
    register.mark_in_progress("bea", "council", 59)
    assert register.connected() == 1
    assert register.reserve("bea", "council", TICKET, 125)
    assert not register.reserve("bea", "council", b"\2" * 32, 125)
    assert register.in_flight() == [InFlight("bea", "council", TICKET)]
    assert register.voted_at("bea", "council") == 0
    register.confirm("bea", "council", b"\2" * 32)
    assert len(register.in_flight()) == 1
    register.confirm("bea", "council", TICKET)
    register.release("bea", "council", TICKET)
    assert register.in_flight() == []
    assert register.voted_at("bea", "council") == 120
    assert register.marks() == {"council-north": Marks(1, 3)}
    assert register.turnout() == {"council": 1}
    assert register.turnout_by_hour() == {"council": {0: 1}}
    assert register.attendance("council") == [("bea", "Bea", 120)]
    assert not register.reserve("bea", "council", TICKET, 180)


def test_a_released_voter_is_still_connected(register: Register) -> None:
    assert register.reserve("ada-lovelace", "board", TICKET, 125)
    register.release("ada-lovelace", "board", TICKET)
    found = register.status("ada-lovelace")
    assert found["board"].state == Attendance.IN_PROGRESS
    assert not found["board"].in_flight
    assert found["council"].state == Attendance.NONE
    assert register.marks() == {}


def test_who_is_on_no_roll_has_nothing(register: Register) -> None:
    assert register.entitlement("eve", "board") is None
    assert register.entitlement("zoe", "board") is None
    assert register.status("zoe") == {}
    assert not register.reserve("zoe", "board", TICKET, 1)
