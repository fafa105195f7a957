# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.box.roll import Roll, parse_roll
from evote.errors import ParameterError
from evote.record.slot import Slot

from .conftest import ROLL, make_draft

DRAFT = make_draft()
HEAD = "voter_id,name,contests\n"


def test_sections_and_weights_are_read() -> None:
    roll = parse_roll(ROLL.encode(), DRAFT)
    slots = {voter.id: voter.slots for voter in roll.entries}
    assert (roll.voters, roll.entitlements) == (5, 7)
    assert slots["bea"] == (Slot("council", "north", "council-north", 3), Slot("board", "france", "board", 1))


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + ROLL.encode(), ROLL.replace("\n", "\r\n").encode()])
def test_marks_of_other_programs_are_tolerated(data: bytes) -> None:
    assert parse_roll(data, DRAFT) == parse_roll(ROLL.encode(), DRAFT)


@pytest.mark.parametrize(
    "line",
    [
        "ada-lovelace,Ada",
        "ada-lovelace,Ada,board,more",
        ",Ada,board",
        "x" * 101 + ",Ada,board",
        "ada-lovelace," + "x" * 201 + ",board",
        "ada-lovelace,Ada,",
        "ada-lovelace,Ada,board;",
        "ada-lovelace,Ada,senate",
        "ada-lovelace,Ada,council",
        "ada-lovelace,Ada,council:west",
        "ada-lovelace,Ada,council:north:1:1",
        "ada-lovelace,Ada,council:north;council:south",
        "ada-lovelace,Ada,board::0",
        "ada-lovelace,Ada,board::-1",
        "ada-lovelace,Ada,board::1000001",
        "ada-lovelace,Ada,board::01",
        "ada-lovelace,Ada,board::1_0",
        "ada-lovelace,Ada,board::١٢",
        "ada-lovelace,Ada,board::1.5",
        "a\x00da,Ada,board",
        "ada-lovelace,A\u202eda,board",
        'ada-lovelace,"A\nda",board',
        'ada-lovelace,"Ada,board',
        "bea,Ada,board",
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(line: str) -> None:
    text = f"{HEAD}bea,Bea,board\n{line}\n"
    with pytest.raises(ParameterError, match=r"line [34]") as caught:
        parse_roll(text.encode(), DRAFT)
    assert caught.value.check == "BOX-1"


def test_every_bad_line_is_counted_and_ten_are_named() -> None:
    text = HEAD + "".join(f"v{i},V,senate\n" for i in range(12))
    with pytest.raises(ParameterError, match=r"line 11: .* and 2 more bad lines") as caught:
        parse_roll(text.encode(), DRAFT)
    assert "line 12" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"a,b\n", HEAD.encode(), HEAD.encode() + b"\xff,A,board\n", b"\x00"])
def test_a_file_that_is_no_roll_is_refused(data: bytes) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_roll(data, DRAFT)
    assert caught.value.check == "BOX-1"


@given(st.binary(max_size=200))
def test_hostile_bytes_give_only_the_one_error(data: bytes) -> None:
    for text in (data, HEAD.encode() + data):
        with pytest.raises(ParameterError) as caught:
            parse_roll(text, DRAFT)
        assert caught.value.check == "BOX-1"


def test_commitments_follow_the_plan_and_not_the_order_of_the_file() -> None:
    roll = parse_roll(ROLL.encode(), DRAFT)
    made = roll.commitments(DRAFT, bytes(32))
    assert [(one.unit, one.voters, one.weight) for one in made] == [
        ("council-north", 3, 5),
        ("council-south", 2, 3),
        ("board", 2, 2),
    ]
    assert Roll(roll.entries[::-1]).commitments(DRAFT, bytes(32)) == made
    assert all(a.root != b.root for a, b in zip(made, roll.commitments(DRAFT, b"\1" * 32), strict=True))
    other = parse_roll(ROLL.replace("bea,Bea,council:north:3", "bea,Bea,council:north:2").encode(), DRAFT)
    assert other.commitments(DRAFT, bytes(32))[0].root != made[0].root
