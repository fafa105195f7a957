# SPDX-License-Identifier: GPL-3.0-or-later
"""What a register must do.

Spec: BOX-3, BOX-6, BOX-7
"""

from __future__ import annotations

from functools import partial
from typing import Final

from evote.box.ports import Attendance, Attendee, InFlight, MarkCount, RegisterStore
from evote.box.roll import RegisteredVoter
from evote.errors import StateError
from evote.manifest import Unit
from evote.record.slot import Slot
from evote.testing.requirements import at_once, require, require_equal, require_refusal

_SALT: Final = bytes(range(32))
_TICKET, _OTHER_TICKET = b"\x01" * 32, b"\x02" * 32
_MINUTE: Final = 60
_HOUR: Final = 3600


def _voter(name: str, *contests: str, weight: int = 1) -> RegisteredVoter:
    return RegisteredVoter(
        name, name.title(), tuple(Slot(contest, "north", f"{contest}-unit", weight) for contest in contests)
    )


_ROLL: Final = (
    _voter("zoé", "council", "board"),
    _voter("Bea", "council", weight=3),
    _voter("ada", "council", "board"),
    _voter("'; DROP TABLE voters; --", "board"),
)


class RegisterStoreSuite:
    """Tests of a register; a subclass gives the fixture `register`, an empty one.

    Spec: BOX-3
    """

    def test_an_empty_register_knows_nobody(self, register: RegisterStore) -> None:
        """Nothing is made up."""
        require_equal(register.roll_salt(), b"", "A register without a roll has no salt.")
        require_equal(list(register.voters()), [], "A register without a roll has no voters.")
        require_equal(register.rights("ada"), {}, "Nobody has a right before a roll is there.")
        require(register.untouched(), "An empty register is untouched.")
        require_equal(register.marks(), [], "An empty register has no marks.")

    def test_the_roll_comes_back_in_the_order_of_code_points(self, register: RegisterStore) -> None:
        """Every voter, name, section, unit and weight."""
        register.import_roll(_ROLL, _SALT)
        require_equal(register.roll_salt(), _SALT, "The salt comes back.")
        expected = sorted(_ROLL, key=lambda voter: voter.id)
        found = list(register.voters())
        require_equal([one.id for one in found], [one.id for one in expected], "Order of voter ids.")
        require_equal(
            [(one.name, sorted(one.slots, key=lambda slot: slot.contest)) for one in found],
            [(one.name, sorted(one.slots, key=lambda slot: slot.contest)) for one in expected],
            "Names and slots come back.",
        )

    def test_a_roll_replaces_the_one_before(self, register: RegisterStore) -> None:
        """Nothing of the old one is left."""
        register.import_roll(_ROLL, _SALT)
        register.import_roll(_ROLL[:1], bytes(32))
        require_equal([one.id for one in register.voters()], ["zoé"], "The old roll is gone.")
        require_equal(register.rights("ada"), {}, "Who is not on the new roll has no right.")
        require_equal(register.roll_salt(), bytes(32), "The salt is the new one.")

    def test_the_roll_is_fixed_once_somebody_connected(self, register: RegisterStore) -> None:
        """A refusal changes nothing."""
        register.import_roll(_ROLL, _SALT)
        register.connect("ada", "board", _MINUTE)
        require_refusal(lambda: register.import_roll(_ROLL[:1], bytes(32)), StateError, "BOX-3")
        require_equal(register.roll_salt(), _SALT, "A refused roll changes nothing.")
        require(not register.untouched(), "Somebody is connected.")

    def test_units_are_assigned_by_section(self, register: RegisterStore) -> None:
        """Of the unit's own contest only."""
        register.import_roll(_ROLL, _SALT)
        register.assign_units(
            [Unit.make(id="new", contest="board", sections=("north", "south"), merge_into="")]
        )
        units = {contest: right.slot.unit for contest, right in register.rights("ada").items()}
        require_equal(units, {"board": "new", "council": "council-unit"}, "Units after the assignment.")

    def test_who_connects_is_in_progress(self, register: RegisterStore) -> None:
        """Once, and never back."""
        register.import_roll(_ROLL, _SALT)
        register.connect("ada", "board", _MINUTE)
        register.connect("ada", "board", 2 * _MINUTE)
        register.connect("ada", "senate", _MINUTE)
        register.connect("nobody", "board", _MINUTE)
        states = {contest: right.state for contest, right in register.rights("ada").items()}
        require_equal(
            states, {"board": Attendance.IN_PROGRESS, "council": Attendance.NONE}, "States of the voter."
        )
        require_equal(register.connected(), 1, "One right is in progress.")

    def test_a_mark_is_reserved_confirmed_and_final(self, register: RegisterStore) -> None:
        """Only the very ticket confirms; a mark without a ticket cannot be released."""
        register.import_roll(_ROLL, _SALT)
        require(register.reserve("Bea", "council", _TICKET, 2 * _MINUTE), "A free mark is reserved.")
        require(
            not register.reserve("Bea", "council", _OTHER_TICKET, 3 * _MINUTE), "A mark is reserved once."
        )
        require_equal(register.in_flight(), [InFlight("Bea", "council", _TICKET)], "The ticket is there.")
        require(register.rights("Bea")["council"].in_flight, "The voter's cast is in flight.")
        register.confirm("Bea", "council", _OTHER_TICKET)
        register.release("Bea", "council", _OTHER_TICKET)
        require_equal(len(register.in_flight()), 1, "Another ticket changes nothing.")
        register.confirm("Bea", "council", _TICKET)
        register.confirm("Bea", "council", _TICKET)
        register.release("Bea", "council", _TICKET)
        right = register.rights("Bea")["council"]
        require_equal(
            (right.state, right.in_flight, right.voted_at),
            (Attendance.VOTED, False, 2 * _MINUTE),
            "A confirmed mark is final.",
        )
        require(not register.reserve("Bea", "council", _TICKET, 4 * _MINUTE), "A final mark stays.")
        require_equal(register.in_flight(), [], "The ticket is erased.")

    def test_a_released_voter_is_still_connected(self, register: RegisterStore) -> None:
        """And can vote."""
        register.import_roll(_ROLL, _SALT)
        register.reserve("ada", "board", _TICKET, _MINUTE)
        register.release("ada", "board", _TICKET)
        right = register.rights("ada")["board"]
        require_equal(
            (right.state, right.in_flight, right.voted_at), (Attendance.IN_PROGRESS, False, 0), "Released."
        )
        require_equal(register.marks(), [], "A released mark does not count.")
        require(register.reserve("ada", "board", _OTHER_TICKET, _MINUTE), "The voter can vote.")

    def test_nobody_else_is_marked(self, register: RegisterStore) -> None:
        """Whatever the ids hold."""
        register.import_roll(_ROLL, _SALT)
        hostile = _ROLL[3].id
        require(register.reserve(hostile, "board", _TICKET, _MINUTE), "An id is a text like any other.")
        for voter, contest in (("ADA", "board"), ("ada ", "board"), ("ada", "Board"), ("nobody", "board")):
            require(
                not register.reserve(voter, contest, _TICKET, _MINUTE), f"{voter} in {contest} is nobody."
            )
        require_equal([one.voter for one in register.in_flight()], [hostile], "One voter is marked.")

    def test_of_many_reservations_at_once_one_succeeds(self, register: RegisterStore) -> None:
        """Threads stand for processes."""
        register.import_roll(_ROLL, _SALT)
        tries = [partial(register.reserve, "ada", "council", bytes([i]) * 32, _MINUTE) for i in range(8)]
        require_equal(sum(at_once(tries)), 1, "Of several reservations at once exactly one succeeds.")
        require_equal(len(register.in_flight()), 1, "One ticket is there.")

    def test_marks_are_counted_by_contest_unit_and_hour(self, register: RegisterStore) -> None:
        """With their weights; a mark in flight counts."""
        register.import_roll(_ROLL, _SALT)
        for voter, minute in (("ada", _MINUTE), ("Bea", _HOUR - _MINUTE), ("zoé", _HOUR)):
            register.reserve(voter, "council", _TICKET, minute)
        register.confirm("ada", "council", _TICKET)
        register.reserve("ada", "board", _TICKET, _HOUR)
        require_equal(register.confirmed(), 1, "One mark is confirmed; the others carry tickets.")
        require_equal(
            sorted(register.marks(), key=lambda one: (one.contest, one.unit, one.hour)),
            [
                MarkCount("board", "board-unit", _HOUR, 1, 1),
                MarkCount("council", "council-unit", 0, 2, 4),
                MarkCount("council", "council-unit", _HOUR, 1, 1),
            ],
            "Counts by contest, unit and hour.",
        )
        require_equal(
            register.attendance("council"),
            [
                Attendee("Bea", "Bea", _HOUR - _MINUTE),
                Attendee("ada", "Ada", _MINUTE),
                Attendee("zoé", "Zoé", _HOUR),
            ],
            "The attendance list is in the order of voter ids.",
        )

    def test_rebuilding_loses_nothing(self, register: RegisterStore) -> None:
        """And it works afterwards."""
        register.import_roll(_ROLL, _SALT)
        register.reserve("ada", "council", _TICKET, _MINUTE)
        register.confirm("ada", "council", _TICKET)
        register.connect("zoé", "council", _MINUTE)
        before = register.marks(), register.attendance("council"), list(register.voters())
        register.rebuild()
        after = register.marks(), register.attendance("council"), list(register.voters())
        require_equal(after, before, "Rebuilding keeps roll and marks.")
        require(not register.reserve("ada", "council", _OTHER_TICKET, _MINUTE), "Marks still bind.")
        require_equal(register.roll_salt(), _SALT, "The salt stays.")

    def test_who_is_alone_is_alone(self, register: RegisterStore) -> None:
        """Entering and leaving again and again."""
        for _ in range(3):
            with register.alone():
                require(register.untouched(), "The register works inside.")
