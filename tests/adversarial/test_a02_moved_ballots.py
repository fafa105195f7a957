# SPDX-License-Identifier: GPL-3.0-or-later
"""A2: a ballot is moved to another contest, unit or weight; the audit of the record and the box refuse it."""

from __future__ import annotations

import json

import pytest

from evote.encoding import canonical_json
from evote.errors import InvalidBallot, NotEligible
from evote.verify import audit_record
from office import encrypt, enter, open_office
from simulator import small_world

MOVES = [
    ({"contest": "one", "unit": "one-all"}, "SEL-3"),  # another contest
    ({"unit": "two-y"}, "SEL-3"),  # another unit, and with it another section
    ({"unit": "one-all"}, "BAL-3"),  # a unit of another contest
    ({"contest": "one"}, "BAL-3"),
    ({"unit": "two-z"}, "BAL-3"),  # no such unit
    ({"contest": "three", "unit": "two-x"}, "BAL-3"),
]


def moved(ballot: bytes, change: dict[str, object]) -> bytes:
    return canonical_json({**json.loads(ballot), **change})


@pytest.mark.parametrize(("change", "check"), MOVES)
def test_a_moved_ballot_in_a_record_is_refused(tmp_path, change, check) -> None:
    world = small_world(tmp_path / "w", votes={"one-all": ["a", "b"], "two-x": ["c"]})
    honest = world.encrypt("two-x", "a")
    world.publish([honest])
    assert audit_record(world.record.path, until="open").verified
    world.publish([moved(world.encrypt("two-x", "b"), change)])
    report = audit_record(world.record.path, until="open")
    assert [finding.check for finding in report.failures] == [check]
    assert report.failures[0].subject.startswith("ballot ")


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"contest": "one", "unit": "one-all"}, "SEL-3"),
        ({"unit": "two-y"}, "BAL-3"),  # not the voter's unit, so refused before the proof
        ({"unit": "one-all"}, "BAL-3"),
        ({"contest": "one"}, "BAL-3"),
        ({"weight": 2}, "BAL-3"),
    ],
)
def test_a_moved_ballot_is_refused_at_the_box(tmp_path, change, check) -> None:
    folder = open_office(tmp_path / "e")
    with enter(folder) as box:
        ballot = encrypt(box, "ada", "two", "a").to_bytes()
        with pytest.raises(InvalidBallot) as caught:
            box.cast("ada", moved(ballot, change))
        assert caught.value.check == check
        assert box.turnout() == {"one": 0, "two": 0}
        box.cast("ada", ballot)
        assert box.turnout() == {"one": 0, "two": 1}


def test_a_ballot_of_the_same_contest_made_for_another_units_voter_is_refused(tmp_path) -> None:
    with enter(open_office(tmp_path / "e")) as box:
        ballot = encrypt(box, "cyd", "two", "a").to_bytes()
        with pytest.raises(InvalidBallot) as caught:
            box.cast("ada", ballot)
        assert caught.value.check == "BAL-3"
        box.cast("cyd", ballot)


def test_a_ballot_moved_to_a_contest_without_the_voter_is_refused(tmp_path) -> None:
    with enter(open_office(tmp_path / "e")) as box:
        ballot = encrypt(box, "dan", "two", "a").to_bytes()
        with pytest.raises(NotEligible) as caught:
            box.cast("dan", moved(ballot, {"contest": "one", "unit": "one-all"}))
        assert caught.value.check == "BOX-7"
        box.cast("dan", ballot)
