# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has every trace of both databases and the whole attendance list, and tries to tell whose ballot is whose.

What can be had of a channel is an order: of voters, of sealed ballots, of published ballots. Putting one beside
the other, contest by contest, is a guess. If the orders have nothing to do with each other, one guess in each
contest and publication is right on average, whatever their sizes (fixed points of a random permutation).
"""

from __future__ import annotations

import hashlib
import math
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine.default import DefaultDialect

from evote.board import Entry, Kind
from evote.board.record_folder import RecordFolder
from evote.box import BallotBox
from evote.box.ports import SealedBallot
from evote.box.slot_key import SlotKey
from evote.crypto.merkle import leaf_hash
from evote.encoding import encode_base64url
from evote.record.ballot import Ballot
from office import Clock
from polling import encrypted, name

_BLOCK = 4096
Mark = tuple[str, str]
"""A voter in a contest."""


@dataclass
class Vote:
    """What really happened.

    Attributes:
        ballots: Every mark's ballot, in the order of arrival.
        digests: Its digest.
    """

    ballots: dict[Mark, bytes] = field(default_factory=dict)
    digests: dict[Mark, bytes] = field(default_factory=dict)
    _contests: dict[bytes, str] = field(default_factory=dict)

    def add(self, mark: Mark, ballot: bytes) -> None:
        """Note a cast."""
        digest = hashlib.sha256(ballot).digest()
        self.ballots[mark], self.digests[mark], self._contests[digest] = ballot, digest, mark[1]

    def contest_of(self, digest: bytes) -> str:
        """Return a published ballot's contest, as anybody reads it in the record."""
        return self._contests[digest]

    def right(self, guesses: Mapping[Mark, bytes]) -> int:
        """Return how many guesses are right."""
        return sum(self.digests[mark] == digest for mark, digest in guesses.items())

    def by_order(self, marks: Iterable[Mark], digests: Iterable[bytes]) -> int:
        """Put the orders beside each other, contest by contest, forwards and backwards; return the better score."""
        voters, found = list(marks), list(digests)
        assert len(voters) == len(found)
        scores = []
        for order in (found, found[::-1]):
            guesses: dict[Mark, bytes] = {}
            for contest in {contest for _, contest in voters}:
                own = [digest for digest in order if self.contest_of(digest) == contest]
                guesses |= dict(zip((mark for mark in voters if mark[1] == contest), own, strict=False))
            scores.append(self.right(guesses))
        return max(scores)


def chance(cells: int) -> int:
    """Return the score that guessing by chance exceeds less than once in ten million tries.

    Each of `cells` contests and publications gives a right guess on average (Poisson, but for the smallest).
    """
    bound, below, term = 0, math.exp(-cells), math.exp(-cells)
    while below < 1 - 1e-7:
        bound += 1
        term *= cells / bound
        below += term
    return bound


def hold_vote(
    folder: Path,
    contests: Sequence[str],
    arrivals: Sequence[tuple[int, float]],
    after_each: Callable[[], object] = int,
    vote: Vote | None = None,
) -> Vote:
    """Let voters arrive and cast a ballot in every contest.

    Args:
        folder: The election, open.
        contests: Its contests.
        arrivals: Number of a voter and time.
        after_each: Called after every cast.
        vote: What happened before.
    """
    vote = vote or Vote()
    stacks = {contest: encrypted(folder, len(arrivals), contest) for contest in contests}
    clock = Clock()
    with BallotBox.open(folder, clock=clock) as box:
        for number, clock.now in arrivals:
            for contest in contests:
                ballot = stacks[contest].pop()
                box.cast(name(number), ballot)
                vote.add((name(number), contest), ballot)
                after_each()
    return vote


def published_order(folder: Path) -> list[bytes]:
    """Return the digests of the ballots of the log, in its order."""
    record = RecordFolder(folder / "record")
    log = record.log(record.election())
    return [entry.digest for _, entry in log.entries() if entry.kind == Kind.BALLOT]


def needles(ballot: bytes, square: bytes) -> list[bytes]:
    """Return what any trace of a ballot would hold a part of."""
    digest = hashlib.sha256(ballot).digest()
    parsed = Ballot.from_bytes(ballot)
    return [
        digest, digest.hex().encode(), encode_base64url(digest).encode(), square,
        leaf_hash(Entry(Kind.BALLOT, digest).to_bytes()), parsed.ciphertext[8:40], ballot[700:740],
        encode_base64url(parsed.ciphertext).encode()[8:40],
    ]  # fmt: skip


def found_in(material: bytes, wanted: Iterable[bytes]) -> list[bytes]:
    """Return which of the needles are in the material."""
    return [needle for needle in wanted if needle in material]


def positions(material: bytes, digests: Iterable[bytes], *, last: bool = False) -> list[bytes]:
    """Return the digests that are somewhere in the material in the order of their first or last place."""
    where = material.rfind if last else material.find
    return sorted((one for one in digests if where(one) >= 0), key=where)


class Traces:
    """Every block that was ever seen on a disk, once, in the order in which it was seen."""

    def __init__(self, *known: Mapping[str, bytes]) -> None:
        """Leave out what was there before the vote."""
        self._known = {bytes(_BLOCK)} | {block for files in known for block in _blocks(files)}
        self._kept: list[bytes] = []

    def add(self, files: Mapping[str, bytes]) -> None:
        """See some files."""
        for block in _blocks(files):
            if block not in self._known:
                self._known.add(block)
                self._kept.append(block)

    @property
    def raw(self) -> bytes:
        """All blocks."""
        return b"".join(self._kept)


def _blocks(files: Mapping[str, bytes]) -> Iterator[bytes]:
    for data in files.values():
        yield from (data[start : start + _BLOCK] for start in range(0, len(data), _BLOCK))


# States of the box after each commit


@dataclass(frozen=True)
class Seen:
    """What the box held after a commit."""

    sealed: frozenset[bytes]
    published: frozenset[bytes]


class Observer:
    """Reads the box after every commit of whatever process this is, as a debugger or a copy of all files would.

    Attributes:
        seen: After every commit.
    """

    def __init__(self, monkeypatch, read: Callable[[], Seen]) -> None:
        self.seen = [read()]
        commit = DefaultDialect.do_commit

        def watched(dialect: DefaultDialect, connection: object) -> None:
            commit(dialect, connection)
            self.seen.append(read())

        monkeypatch.setattr(DefaultDialect, "do_commit", watched)

    def moves(self) -> list[tuple[frozenset[bytes], frozenset[bytes]]]:
        """Return which sealed ballots went and which published ones came, commit by commit."""
        pairs = zip(self.seen, self.seen[1:], strict=False)
        found = [(old.sealed - new.sealed, new.published - old.published) for old, new in pairs]
        return [(gone, come) for gone, come in found if gone or come]


def by_moves(
    vote: Vote, arrival: Mapping[bytes, Mark], moves: Iterable[tuple[frozenset[bytes], frozenset[bytes]]]
) -> int:
    """Guess within each commit that took sealed ballots away and brought published ones.

    Args:
        vote: Says what is right.
        arrival: Whose each sealed ballot is; in the order of arrival.
        moves: From `Observer`.
    """
    score = 0
    for gone, come in moves:
        marks = [mark for key, mark in arrival.items() if key in gone]
        guesses: dict[Mark, bytes] = {}
        for contest in {contest for _, contest in marks}:
            own = sorted(digest for digest in come if vote.contest_of(digest) == contest)
            guesses |= dict(zip((mark for mark in marks if mark[1] == contest), own, strict=False))
        score += vote.right(guesses)
    return score


def with_the_slot_key(
    vote: Vote, key: SlotKey, arrival: Mapping[bytes, Mark], rows: Iterable[SealedBallot]
) -> int:
    """Open the sealed ballots with the slot key: what the attack would do if the key were not destroyed."""
    guesses = {arrival[row.key]: hashlib.sha256(key.open(row)[1]).digest() for row in rows}
    return vote.right(guesses)


def read_sqlite_box(path: Path) -> Seen:
    """Read a copy of the box."""
    return Seen(
        frozenset(key for (key,) in _query(path, "SELECT key FROM sealed")),
        frozenset(digest for (digest,) in _query(path, "SELECT digest FROM ballots")),
    )


def sealed_rows(path: Path) -> list[SealedBallot]:
    """Return the sealed ballots of an SQLite file."""
    return [SealedBallot(*row) for row in _query(path, "SELECT key, square, slot, sealed FROM sealed")]


def _query(path: Path, statement: str) -> list[tuple]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


# pg_waldump

_RECORD = re.compile(
    r"tx: +(?P<tx>\d+), .*desc: (?P<what>INSERT|DELETE)(?:\+INIT)? off:? (?P<off>\d+).*"
    r"blkref #0: rel \d+/(?P<rel>\d+/\d+) (?:fork main )?blk (?P<blk>\d+)"
)


@dataclass(frozen=True)
class Written:
    """A row that a transaction inserted into a table or deleted from it; its place as PostgreSQL writes a `ctid`."""

    tx: int
    what: str
    table: str
    place: str


def heap_records(text: str, tables: Mapping[str, str]) -> list[Written]:
    """Return insertions and deletions of rows in the order of the write-ahead log.

    Args:
        text: Of pg_waldump.
        tables: Names of the tables that matter by their file, `database/file`.
    """
    return [
        Written(int(found["tx"]), found["what"], tables[found["rel"]], f"({found['blk']},{found['off']})")
        for found in map(_RECORD.search, text.splitlines())
        if found and "rmgr: Heap" in found.string and found["rel"] in tables
    ]
