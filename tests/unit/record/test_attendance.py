# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of the attendance list, what is committed to of them, and the list as a file."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electorate import SALT, crowd, held, line, plan
from evote.box.roll import voter_salt
from evote.crypto.merkle import EMPTY_ROOT
from evote.errors import EncodingError, NotEligible, VerificationError
from evote.record.attendance import AttendanceLine, AttendanceProof, attendance_mark, roll_entry, unit_trees
from evote.record.attendance_list import read_attendance_list, write_attendance_list
from simulator import OPENS

ADA = AttendanceLine("ada", "Ada", "council", "north", 2, 1718090040, voter_salt(bytes(32), "council", "ada"))


def test_vectors_of_the_specification() -> None:
    assert ADA.salt.hex() == "5032470d66ef4e05b055e882924961dc7f5d45759bd5b55a02bd0acdceb4dbea"
    election, unit = b"\x11" * 32, "council-north"
    entry = roll_entry(unit, "ada", "north", 2, ADA.salt)
    mark = attendance_mark(election, unit, "ada", ADA.salt, voted=True)
    assert (entry, mark) == (ADA.entry(unit), ADA.mark(election, unit))
    assert entry.hex() == "e1448260b1565f1110fbd3e242fdb6e1cff73b9e07d5396f3c48f5a36baea6a0"
    assert mark.hex() == "17f3c73e7e9e32c0c4bcdf630564e6ae4596d506d3ed913c0ea51b77597643bf"
    absent = attendance_mark(election, unit, "ada", ADA.salt, voted=False)
    assert absent == replace(ADA, minute=0).mark(election, unit)
    assert absent.hex() == "c3660d428545df0d0e77c9670cf1e9af7a87ff1def32296aa1f3711b64af194a"


def test_every_voter_has_a_salt_of_their_own_in_every_contest() -> None:
    salts = {voter_salt(SALT, contest, voter) for contest in ("a", "ab") for voter in ("bc", "c", "x")}
    assert len(salts) == 6
    assert voter_salt(bytes(32), "a", "c") not in salts


def test_an_entry_depends_on_voter_section_weight_salt_and_a_mark_on_voter_salt_voted() -> None:
    changes = {
        "voter": "bea", "name": "Bea", "contest": "board", "section": "south", "weight": 3, "salt": SALT, "minute": 0,
    }  # fmt: skip
    others = {field: replace(ADA, **{field: value}) for field, value in changes.items()}
    entries = {field for field, one in others.items() if one.entry("u") != ADA.entry("u")}
    marks = {field for field, one in others.items() if one.mark(SALT, "u") != ADA.mark(SALT, "u")}
    assert entries == {"voter", "section", "weight", "salt"}
    assert marks == {"voter", "salt", "minute"}
    assert replace(ADA, minute=ADA.minute + 60).mark(SALT, "u") == ADA.mark(SALT, "u")
    assert ADA.entry("v") != ADA.entry("u")
    assert ADA.mark(SALT, "u") not in (ADA.mark(SALT, "v"), ADA.mark(bytes(32), "u"))


def test_places_do_not_depend_on_the_order_of_the_lines() -> None:
    lines = crowd(9, {2, 3})
    first, second = unit_trees(plan(), lines), unit_trees(plan(), lines[::-1])
    assert first["one-all"].lines == second["one-all"].lines
    assert first["one-all"].roll_root == second["one-all"].roll_root
    assert (first["one-all"].voters, first["one-all"].marked) == (9, (2, 2))
    assert first["two-z"].roll_root == EMPTY_ROOT


def test_a_line_without_a_unit_is_refused() -> None:
    for stranger in (line("zoe", "three"), line("zoe", "two", "all")):
        with pytest.raises(VerificationError) as caught:
            unit_trees(plan(), [*crowd(2), stranger])
        assert caught.value.check == "ATT-8"


def test_nobody_has_a_proof_who_is_not_on_the_roll() -> None:
    with pytest.raises(NotEligible) as caught:
        unit_trees(plan(), crowd(2))["one-all"].prove(SALT, "zoe")
    assert caught.value.check == "BOX-7"


def test_a_proof_is_read_back_and_hides_its_salt() -> None:
    election, _, trees = held(crowd(5, {1}))
    proof = trees["one-all"].prove(election.id, "v1")
    assert AttendanceProof.from_bytes(proof.to_bytes()) == proof
    assert proof.present
    salt = voter_salt(SALT, "one", "v1")
    for text in (repr(proof), repr(trees["one-all"].lines)):
        assert repr(salt) not in text
        assert "salt" not in text


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"type": "evote/attendance"},
        {"voter": ""},
        {"voter": "x" * 101},
        {"voter": "a\u202eb"},
        {"weight": -1},
        {"present": 1},
        {"minute": OPENS},
        {"salt": b"s" * 31},
        {"place": -1},
        {"roll_path": (b"s" * 32,) * 54},
        {"attendance_path": (b"s" * 33,)},
        {"unit": "one-all"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_proof_of_another_shape_is_refused(change: dict[str, object]) -> None:
    election, _, trees = held(crowd(5, {1}))
    proof = trees["one-all"].prove(election.id, "v1")
    with pytest.raises(EncodingError) as caught:
        AttendanceProof.make(**{**dict(proof), **change})
    assert caught.value.check == "ENC-5"


LINES = st.lists(
    st.builds(
        AttendanceLine,
        voter=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=100),
        name=st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=20),
        contest=st.sampled_from(["one", "two"]),
        section=st.sampled_from(["all", "x"]),
        weight=st.integers(1, 10**6),
        minute=st.integers(0, 40_000_000).map(lambda count: 60 * count),
        salt=st.binary(min_size=32, max_size=32),
    ),
    max_size=5,
)


@given(LINES)
def test_a_list_is_read_back(lines: list[AttendanceLine]) -> None:
    data = write_attendance_list(lines)
    assert read_attendance_list(data) == tuple(lines)
    assert read_attendance_list(b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")) == tuple(lines)


GOOD = next(csv.reader(io.StringIO(write_attendance_list([ADA]).decode().splitlines()[1])))


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (0, ""),
        (0, "x" * 101),
        (4, ""),
        (4, "-1"),
        (4, "1.0"),
        (4, "١"),
        (4, "1" * 16),
        (5, "2024-06-11"),
        (5, "2024-06-11T07:14:00Z"),
        (5, "2024-6-11T07:14Z"),
        (5, "1970-01-01T00:00Z"),
        (5, "1960-01-01T00:00Z"),
        (5, "0"),
        (6, ""),
        (6, GOOD[6] + "="),
        (6, GOOD[6][:-1]),
        (6, GOOD[6] + "AAAA"),
        (6, "é" * 43),
    ],
)
def test_a_bad_line_of_a_list_is_named(column: int, text: str) -> None:
    head, good = write_attendance_list([ADA]).decode().splitlines()
    row = [*GOOD]
    row[column] = text
    bad = ",".join(row)
    assert read_attendance_list(f"{head}\n{good}\n".encode()) == (ADA,)
    with pytest.raises(EncodingError, match="line 3") as caught:
        read_attendance_list(f"{head}\n{good}\n{bad}\n".encode())
    assert caught.value.check == "ATT-7"


@given(st.binary(max_size=120))
def test_hostile_bytes_give_only_the_one_error(data: bytes) -> None:
    for text in (data, write_attendance_list([]) + b"x" + data):
        with pytest.raises(EncodingError) as caught:
            read_attendance_list(text)
        assert caught.value.check == "ATT-7"
