# SPDX-License-Identifier: GPL-3.0-or-later
"""A17: order and time of arrival leave no trace in the record, nor in the databases after the closing."""

from __future__ import annotations

import itertools
import sqlite3

import pytest

from office import close_office, copy, encrypt, enter, open_office, tree
from simulator import CLOSES, OPENS

VOTERS = [("ada", "one"), ("bea", "one"), ("cyd", "one"), ("dan", "two")]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """An open election and the ballots' bytes."""
    folder = open_office(tmp_path_factory.mktemp("a17") / "e")
    with enter(folder) as box:
        ballots = [
            (voter, encrypt(box, voter, contest, choice).to_bytes())
            for (voter, contest), choice in zip(VOTERS, ("a", "b", "blank", "c"), strict=True)
        ]
    return folder, ballots


def run(prepared, target, order, minutes=(1, 2, 3, 4)):
    """Cast in an order at given minutes; return the published folder and the closed one."""
    folder, ballots = prepared
    copy(folder, target)
    receipts = {}
    for place, minute in zip(order, minutes, strict=True):
        voter, ballot = ballots[place]
        with enter(target, OPENS + 60 * minute) as box:
            receipts[voter] = str(box.cast(voter, ballot).reference)
    with enter(target, OPENS + 3700) as box:
        assert box.publish() == len(ballots)
    published = tree(target / "record")
    close_office(target, CLOSES + 1)
    return published, tree(target / "record"), receipts


def dump(path) -> str:
    database = sqlite3.connect(path)
    try:
        return "\n".join(database.iterdump())
    finally:
        database.close()


def test_permuted_arrivals_leave_the_same_record(prepared, tmp_path) -> None:
    honest = run(prepared, tmp_path / "honest", (0, 1, 2, 3))
    for number, order in enumerate(itertools.islice(itertools.permutations(range(4)), 1, None, 4)):
        other = run(prepared, tmp_path / str(number), order)
        assert other == honest  # record when published, record when closed, receipts


def test_other_minutes_leave_the_same_record(prepared, tmp_path) -> None:
    assert run(prepared, tmp_path / "a", (3, 1, 0, 2), (1, 1, 1, 1)) == run(
        prepared, tmp_path / "b", (0, 1, 2, 3), (5, 17, 40, 59)
    )


def test_the_box_itself_forgets_the_order(prepared, tmp_path) -> None:
    for name, order in (("a", (0, 1, 2, 3)), ("b", (3, 2, 1, 0))):
        run(prepared, tmp_path / name, order, (7, 7, 7, 7))
    for file in ("box.db", "register.db"):
        assert dump(tmp_path / "a/private" / file) == dump(tmp_path / "b/private" / file)
    assert (tmp_path / "a/private/box.db").read_bytes() == (tmp_path / "b/private/box.db").read_bytes()


def test_a_ballot_in_another_batch_is_seen(prepared, tmp_path) -> None:
    """What the record does tell, and is meant to: in which publication a ballot came."""
    folder, ballots = prepared
    copy(folder, tmp_path / "late")
    for place, now in ((0, 60), (1, 60), (2, 60)):
        with enter(tmp_path / "late", OPENS + now) as box:
            box.cast(*ballots[place])
    with enter(tmp_path / "late", OPENS + 3700) as box:
        assert box.publish() == 3
        box.cast(*ballots[3])
        assert box.publish() == 0
    close_office(tmp_path / "late")
    published, closed, _ = run(prepared, tmp_path / "honest", (0, 1, 2, 3))
    assert tree(tmp_path / "late/record") != closed
    assert len(published) < len(closed)
