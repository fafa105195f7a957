# SPDX-License-Identifier: GPL-3.0-or-later
"""A voter's proof and the bureau's list: right for everybody, refused by a named check if anything is changed."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electorate import SALT, crowd, held, line, marked, seal
from evote.box.roll import voter_salt
from evote.crypto.merkle import root_of
from evote.errors import VerificationError
from evote.record.acts import Closing
from evote.record.attendance import AttendanceLine, AttendanceProof
from evote.verify.attendance import verify_attendance, verify_attendance_list, verify_roll
from simulator import OPENS

ROLL = [
    *crowd(6, {1, 4}),
    line("v0", "two", "x", minute=OPENS),
    line("v1", "two", "y", weight=3),
    line("v2", "two", "z", weight=2, minute=OPENS + 60),
]
ELECTION, CLOSING, TREES = held(ROLL)


def refused(check: str, proof: AttendanceProof, closing: Closing = CLOSING) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_attendance(ELECTION, closing, proof)
    assert caught.value.check == check


@pytest.mark.parametrize("size", range(1, 34))
def test_everybody_of_a_roll_of_any_size_gets_the_right_answer(size: int) -> None:
    voted = {number for number in range(size) if random.Random(size).getrandbits(size) >> number & 1}
    election, closing, trees = held(crowd(size, voted))
    for number in range(size):
        proof = trees["one-all"].prove(election.id, f"v{number}")
        verify_attendance(election, closing, proof)
        assert proof.present == (number in voted)
    verify_attendance_list(election, closing, crowd(size, voted))


@given(st.sets(st.integers(0, 11)), st.integers(0, 11), st.integers(0, 11))
def test_no_place_but_ones_own_and_no_answer_but_ones_own(voted: set[int], own: int, other: int) -> None:
    election, closing, trees = held(crowd(12, voted))
    proof = trees["one-all"].prove(election.id, f"v{own}")
    neighbour = trees["one-all"].prove(election.id, f"v{other}")
    forgeries = [
        (proof.replace(present=not proof.present), "ATT-6"),
        (proof.replace(place=neighbour.place), "ATT-5"),
        (proof.replace(salt=neighbour.salt), "ATT-5"),
        (proof.replace(place=neighbour.place, roll_path=neighbour.roll_path), "ATT-5"),
        (
            neighbour.replace(
                roll_path=proof.roll_path, place=proof.place, voter=proof.voter, salt=proof.salt
            ),
            "ATT-6",
        ),
    ]
    verify_attendance(election, closing, proof)
    for forged, check in forgeries[:1] if own == other else forgeries:
        with pytest.raises(VerificationError) as caught:
            verify_attendance(election, closing, forged)
        assert caught.value.check == check


def flipped(value: bytes) -> bytes:
    return bytes([value[0] ^ 1]) + value[1:]


CHANGES = {
    "election": (lambda one: flipped(one.election), "ATT-4"),
    "contest": (lambda _: "one", "ATT-4"),  # it has no such section
    "unknown contest": (lambda _: "three", "ATT-4"),
    "section": (lambda _: "z", "ATT-5"),  # counted by another unit
    "section of the unit": (lambda _: "y", "ATT-5"),
    "unknown section": (lambda _: "all", "ATT-4"),
    "voter": (lambda _: "v1", "ATT-5"),
    "weight": (lambda one: one.weight + 1, "ATT-5"),
    "present": (lambda one: not one.present, "ATT-6"),
    "salt": (lambda one: flipped(one.salt), "ATT-5"),
    "place": (lambda one: 1 - one.place, "ATT-5"),
    "place beyond": (lambda _: 2, "ATT-5"),
    "huge place": (lambda _: 2**53 - 1, "ATT-5"),
    "roll_path": (lambda one: (flipped(one.roll_path[0]),), "ATT-5"),
    "longer roll_path": (lambda one: (*one.roll_path, SALT), "ATT-5"),
    "shorter roll_path": (lambda _: (), "ATT-5"),
    "attendance_path": (lambda one: (flipped(one.attendance_path[0]),), "ATT-6"),
    "longer attendance_path": (lambda one: (*one.attendance_path, SALT), "ATT-6"),
    "shorter attendance_path": (lambda _: (), "ATT-6"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_field_of_a_proof_is_checked(change: str) -> None:
    proof = TREES["two-x"].prove(ELECTION.id, "v0")
    verify_attendance(ELECTION, CLOSING, proof)
    value, check = CHANGES[change]
    field = next(
        name for name in sorted(AttendanceProof.model_fields, key=len, reverse=True) if name in change
    )
    refused(check, proof.replace(**{field: value(proof)}))


def test_every_field_is_among_the_changes() -> None:
    assert set(AttendanceProof.model_fields) - {"type", "version"} <= set(CHANGES)


def test_the_proof_is_checked_against_this_closing_alone() -> None:
    proof = TREES["two-x"].prove(ELECTION.id, "v0")
    refused("ATT-4", proof, CLOSING.replace(election=SALT))
    refused("ATT-6", proof, CLOSING.replace(marks=CLOSING.marks[:1]))
    spoilt = [one.replace(root=SALT) if one.unit == "two-x" else one for one in CLOSING.marks]
    refused("ATT-6", proof, CLOSING.replace(marks=tuple(spoilt)))


def test_a_mark_of_another_election_or_unit_is_no_mark_here() -> None:
    twin = seal(ROLL)
    assert twin.manifest == ELECTION.manifest
    assert twin.id != ELECTION.id
    other = TREES["one-all"].prove(twin.id, "v1")
    refused("ATT-6", other.replace(election=ELECTION.id))


def list_refused(check: str, lines: list[AttendanceLine]) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_attendance_list(ELECTION, CLOSING, lines)
    assert caught.value.check == check


def test_the_list_of_the_closing_is_accepted_in_any_order() -> None:
    verify_attendance_list(ELECTION, CLOSING, ROLL[::-1])
    verify_roll(ELECTION.manifest, ROLL[::-1])
    later = [replace(one, name="", minute=one.minute and one.minute + 60) for one in ROLL]
    verify_attendance_list(ELECTION, CLOSING, later)  # names and minutes are in no commitment


@given(st.integers(0, len(ROLL) - 1), st.data())
def test_every_line_of_the_list_counts(place: int, data: st.DataObject) -> None:
    one, rest = ROLL[place], ROLL[:place] + ROLL[place + 1 :]
    list_refused("ATT-8", rest)
    list_refused("ATT-8", [*ROLL, one])
    list_refused("ATT-8", [*ROLL, line("new", one.contest, one.section, minute=one.minute)])
    column, value, check = data.draw(
        st.sampled_from([
            ("voter", "new", "ATT-8"),
            ("contest", "three", "ATT-8"),
            ("section", "nowhere", "ATT-8"),
            ("weight", one.weight + 1, "ATT-8"),
            ("salt", flipped(one.salt), "ATT-8"),
            ("minute", 0 if one.minute else OPENS, "ATT-9"),
        ])
    )  # fmt: skip
    list_refused(check, [*rest, replace(one, **{column: value})])


def test_marks_that_change_places_are_noticed() -> None:
    """As many, of the same weight, at other people's places."""
    list_refused("ATT-9", marked(marked(ROLL, "v4", 0), "v5", OPENS))


def test_voters_who_change_sections_of_a_unit_are_noticed() -> None:
    swap = {("v0", "x"): "y", ("v1", "y"): "x"}
    lines = [replace(one, section=swap.get((one.voter, one.section), one.section)) for one in ROLL]
    list_refused("ATT-8", lines)


def test_a_closing_of_another_election_is_refused() -> None:
    with pytest.raises(VerificationError) as caught:
        verify_attendance_list(ELECTION, CLOSING.replace(election=SALT), ROLL)
    assert caught.value.check == "ATT-9"


@pytest.mark.parametrize("change", [{"voters": 5}, {"weight": 5}, {"root": root_of([])}])
def test_another_sealed_roll_is_noticed(change: dict[str, object]) -> None:
    roll = (ELECTION.manifest.roll[0].replace(**change), *ELECTION.manifest.roll[1:])
    with pytest.raises(VerificationError) as caught:
        verify_roll(ELECTION.manifest.replace(roll=roll), ROLL)
    assert (caught.value.check, caught.value.subject) == ("ATT-8", "one-all")


def test_who_stands_twice_in_a_contest_is_noticed_in_one_unit_or_two() -> None:
    """The roll was sealed that way: number, weight and root fit."""
    for again in (
        replace(ROLL[0], salt=voter_salt(SALT, "one", "another")),
        replace(ROLL[6], section="z", salt=voter_salt(SALT, "two", "another")),
    ):
        lines = [*ROLL, again]
        with pytest.raises(VerificationError) as caught:
            verify_roll(seal(lines).manifest, lines)
        assert (caught.value.check, caught.value.subject) == ("ATT-8", "v0")
