# SPDX-License-Identifier: GPL-3.0-or-later
"""A48: the record, as it grew, beside the whole attendance list with its times, tells whose ballot is whose.

It tells one in k, k counted in voters of the same contest and publication. (Witnesses add the times at which a log had a
size; the attacker has the sizes here from the log itself.)
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import pytest
from benchmarks.anonymity import Anonymity

from attacker import Mark, Vote, chance, hold_vote, published_order, sealed_rows, with_the_slot_key
from evote.box.slot_key import SlotKey
from evote.manifest import Publication
from polling import close, entered, polling_place
from simulator import CLOSES, OPENS

CONTESTS = ("one", "two")
SIZES = (1, 4, 30, 12)  # voters of each slot; the last one is that of the closing
TIMES = tuple(OPENS + 3600 * (slot + 1) for slot in range(len(SIZES)))
VOTERS = sum(SIZES)
CELLS = len(SIZES) * len(CONTESTS)


@dataclass
class Watched:
    """What an attacker has, and what is true.

    Attributes:
        vote: The truth.
        attendance: Who voted, slot by slot, in the order of the register's clock; finer than its minutes.
        batches: The log's ballots, publication by publication.
        opened: How many ballots the slot keys would have told.
    """

    vote: Vote = field(default_factory=Vote)
    attendance: list[list[Mark]] = field(default_factory=list)
    batches: list[list[bytes]] = field(default_factory=list)
    opened: int = 0


def arrive(watched: Watched, folder: Path, voters: list[int], until: int) -> None:
    """Let the voters of a slot vote, and note what the slot key would tell."""
    box, keys = folder / "private" / "box.db", []

    def note_new() -> None:
        keys.extend(row.key for row in sealed_rows(box) if row.key not in keys)

    before = len(watched.vote.digests)
    arrivals = [(voter, until - 600 + place) for place, voter in enumerate(voters)]
    hold_vote(folder, CONTESTS, arrivals, note_new, watched.vote)
    marks = list(watched.vote.digests)[before:]
    watched.attendance.append(marks)
    key = SlotKey((folder / "private" / "slot.key").read_bytes())
    watched.opened += with_the_slot_key(
        watched.vote, key, dict(zip(keys, marks, strict=True)), sealed_rows(box)
    )


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> Watched:
    times = Publication.make(times=TIMES[:-1], audience="bureau", delay=600)
    folder = polling_place(tmp_path_factory.mktemp("a48") / "e", VOTERS, contests=CONTESTS, publication=times)
    voters = random.sample(range(VOTERS), VOTERS)
    found, seen = Watched(), 0
    for size, time in zip(SIZES, TIMES, strict=True):
        arrive(found, folder, [voters.pop() for _ in range(size)], time)
        if time == TIMES[-1]:
            close(folder)
        else:
            with entered(folder, time + 1) as box:
                assert box.publish() == size * len(CONTESTS)
        order = published_order(folder)
        found.batches.append(order[seen:])
        seen = len(order)
    assert TIMES[-1] < CLOSES
    return found


def score(watched: Watched, batches: list[list[bytes]]) -> int:
    """Guess batch by batch, by order."""
    pairs = zip(watched.attendance, batches, strict=True)
    return sum(watched.vote.by_order(marks, batch) for marks, batch in pairs)


def test_one_guess_in_k_is_right(watched) -> None:
    assert score(watched, watched.batches) <= chance(CELLS)
    assert watched.vote.by_order(watched.vote.digests, chain(*watched.batches)) <= chance(CELLS)


def test_k_is_the_voters_of_a_contest_and_publication(watched) -> None:
    cells = Counter(
        (slot, watched.vote.contest_of(digest))
        for slot, batch in enumerate(watched.batches)
        for digest in batch
    )
    assert sorted(cells.values()) == sorted(SIZES * len(CONTESTS))
    assert Anonymity(tuple(sorted(cells.values()))).right_guesses == CELLS


def test_whoever_guesses_at_random_is_right_as_often_as_the_documentation_says(watched) -> None:
    """That is what «one in k» means, and what the attacks above are measured by."""
    rounds, right = 300, 0
    for _ in range(rounds):
        for marks, batch in zip(watched.attendance, watched.batches, strict=True):
            guesses = {}
            for contest in CONTESTS:
                own = [digest for digest in batch if watched.vote.contest_of(digest) == contest]
                guesses |= dict(
                    zip(
                        (mark for mark in marks if mark[1] == contest),
                        random.sample(own, len(own)),
                        strict=True,
                    )
                )
            right += watched.vote.right(guesses)
    assert abs(right / rounds - CELLS) < 6 * (CELLS / rounds) ** 0.5


def test_a_voter_who_is_alone_in_a_publication_is_not_hidden(watched) -> None:
    """The limit that the template's daily publication is chosen for."""
    (one, two), alone = watched.attendance[0], watched.batches[0]
    assert (
        watched.vote.right({one: alone[0], two: alone[1]})
        + watched.vote.right({one: alone[1], two: alone[0]})
        == 2
    )


def test_with_the_slot_keys_every_ballot_is_relinked(watched) -> None:
    assert watched.opened == VOTERS * len(CONTESTS)


def test_with_the_order_of_arrival_every_ballot_is_relinked(watched) -> None:
    arrivals = [[watched.vote.digests[mark] for mark in marks] for marks in watched.attendance]
    assert score(watched, arrivals) == VOTERS * len(CONTESTS)
