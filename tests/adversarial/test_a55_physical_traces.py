# SPDX-License-Identifier: GPL-3.0-or-later
"""A55: tickets, row versions, write-ahead logs, backups, a standby or copies of files tell whose ballot is whose.

The attacker has all of it, from the first cast to after the closing, and the register with its order of arrivals. What
they lack is the slot key. With it, the same attack succeeds for every ballot.
"""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

from sqlalchemy.engine import make_url

from attacker import (
    Observer,
    Seen,
    Traces,
    Vote,
    by_moves,
    chance,
    found_in,
    heap_records,
    hold_vote,
    needles,
    positions,
    published_order,
    read_sqlite_box,
    sealed_rows,
    with_the_slot_key,
)
from evote.box import publication
from evote.box.ports import SealedBallot
from evote.box.slot_key import SlotKey
from polling import close, entered, polling_place
from postgres import Cluster, Servers, files_under
from simulator import OPENS

CONTESTS = ("one", "two")
VOTERS = 40
CAST = VOTERS * len(CONTESTS)


def arrivals() -> list[tuple[int, float]]:
    """Return voters in a random order, one every few seconds."""
    numbers = list(range(VOTERS))
    random.shuffle(numbers)
    return [(number, OPENS + 60 + 7 * place) for place, number in enumerate(numbers)]


def publish(folder: Path) -> None:
    with entered(folder, OPENS + 3700) as box:
        assert box.publish() == CAST


def slot_key(folder: Path) -> SlotKey:
    return SlotKey((folder / "private" / "slot.key").read_bytes())


def all_needles(vote: Vote, key: SlotKey, rows: list[SealedBallot]) -> list[bytes]:
    squares = {body: square for square, body in map(key.open, rows)}
    return [needle for ballot in vote.ballots.values() for needle in needles(ballot, squares[ballot])]


# SQLite


def test_sqlite_files_copied_after_every_commit(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(publication, "_CHUNK", 4)  # as a slot of many ballots is worked through
    folder = polling_place(tmp_path / "e", VOTERS, contests=CONTESTS)
    box = folder / "private" / "box.db"
    traces, keys = Traces(), [frozenset()]

    def copy_everything() -> None:
        traces.add(files_under(folder))
        keys.append(read_sqlite_box(box).sealed)

    vote = hold_vote(folder, CONTESTS, arrivals(), copy_everything)
    new = [next(iter(after - before)) for before, after in pairwise(keys)]
    arrival = dict(zip(new, vote.digests, strict=True))  # whose each sealed row is: known for sure
    key, rows = slot_key(folder), sealed_rows(box)
    wanted = all_needles(vote, key, rows)
    assert len({len(row.sealed) for row in rows}) == 1
    assert found_in(traces.raw, wanted) == []
    assert len(found_in(traces.raw, arrival)) == CAST  # sealed ballots can be found

    observer = Observer(monkeypatch, lambda: read_sqlite_box(box))
    publish(folder)
    monkeypatch.undo()
    assert len(found_in(b"".join(files_under(folder).values()), wanted)) > CAST  # and published ones
    assert by_moves(vote, arrival, observer.moves()) <= chance(len(CONTESTS))
    assert found_in(box.read_bytes(), [row.key for row in rows]) == []  # freed pages are overwritten
    after = box.read_bytes()
    close(folder)
    channels = {
        "log": published_order(folder),
        "published": positions(after, vote.digests.values()),
        "closed": positions(box.read_bytes(), vote.digests.values()),
        "closed, last": positions(box.read_bytes(), vote.digests.values(), last=True),
    }
    for channel, order in channels.items():
        assert vote.by_order(vote.digests, order) <= chance(len(CONTESTS)), channel
    everything = b"".join(files_under(folder).values())
    assert key.key not in everything
    assert with_the_slot_key(vote, key, arrival, rows) == CAST  # so the key must go
    assert vote.by_order(vote.digests, vote.digests.values()) == CAST  # and so must every order of arrival


# PostgreSQL


class Databases:
    """Register and box on one server, seen by its administrator."""

    def __init__(self, servers: Servers) -> None:
        self.server: Cluster = servers.new("primary", archive=True)
        self.urls = self.server.fresh_urls()
        self.register, self.box = (make_url(url).database for url in self.urls)
        self.standby = servers.standby_of(self.server)

    def rows(self, statement: str) -> list[tuple]:
        return self.server.sql(statement, database=self.box)

    def seen(self) -> Seen:
        keys, digests = self.rows("SELECT key FROM sealed"), self.rows("SELECT digest FROM ballots")
        return Seen(frozenset(key for (key,) in keys), frozenset(digest for (digest,) in digests))

    def marks(self) -> list[tuple[str, str]]:
        statement = "SELECT voter, contest FROM entitlements WHERE state = 2 ORDER BY xmin::text::bigint"
        return self.server.sql(statement, database=self.register)

    def ordered(self, by: str) -> list[bytes]:
        return [digest for (digest,) in self.rows(f"SELECT digest FROM ballots ORDER BY {by}")]

    def table(self, name: str) -> str:
        return self.rows(f"SELECT pg_relation_filepath('{name}')")[0][0].removeprefix("base/")

    def wal_text(self) -> str:
        self.server.finish_segment()
        return self.server.wal_text(self.server.archive)

    @staticmethod
    def traced(vote: Vote, files: dict[str, bytes], known, *, last: bool = False) -> list[bytes]:
        traces = Traces(*known)
        traces.add(files)
        return positions(traces.raw, vote.digests.values(), last=last)

    def archived(self) -> dict[str, bytes]:
        self.server.finish_segment()
        return files_under(self.server.archive)

    def backup(self, name: str) -> dict[str, bytes]:
        return files_under(self.server.base_backup(self.server.data.parent / name))


def test_postgresql_with_its_log_its_backups_and_its_standby(tmp_path, servers, monkeypatch) -> None:
    monkeypatch.setattr(publication, "_CHUNK", 4)
    databases = Databases(servers)
    folder = polling_place(tmp_path / "e", VOTERS, databases.urls, CONTESTS)
    known = databases.backup("before"), databases.archived()
    vote = hold_vote(folder, CONTESTS, arrivals())
    marks = databases.marks()
    assert marks == list(vote.digests)  # row versions tell the order of arrivals in the register …
    statement = "SELECT key, square, slot, sealed FROM sealed ORDER BY xmin::text::bigint"
    rows = [SealedBallot(*row) for row in databases.rows(statement)]
    arrival = dict(zip((row.key for row in rows), marks, strict=True))  # … and in the box
    places = {place: key for key, place in databases.rows("SELECT key, ctid::text FROM sealed")}
    tables = {databases.table(table): table for table in ("sealed", "ballots")}
    key = slot_key(folder)
    traces = Traces(*known)
    for files in (databases.archived(), databases.backup("during"), files_under(databases.standby.data)):
        traces.add(files)
    assert found_in(traces.raw, all_needles(vote, key, rows)) == []
    assert len(found_in(traces.raw, arrival)) == CAST

    observer = Observer(monkeypatch, databases.seen)
    publish(folder)
    monkeypatch.undo()
    written = heap_records(databases.wal_text(), tables)
    scores = {
        "commits": by_moves(vote, arrival, observer.moves()),
        "transactions": by_moves(vote, arrival, moves_of(written, places, databases)),
    }
    orders = {
        "ctid": databases.ordered("ctid"),
        "xmin": databases.ordered("xmin::text::bigint, ctid"),
        "log": published_order(folder),
        "write-ahead log": databases.traced(vote, databases.archived(), known),
        "standby": databases.traced(vote, files_under(databases.standby.data), known),
    }
    close(folder)
    orders |= {
        "ctid after closing": databases.ordered("ctid"),
        "backup": databases.traced(vote, databases.backup("after"), known),
        "write-ahead log to its end": databases.traced(vote, databases.archived(), known, last=True),
    }
    scores |= {channel: vote.by_order(marks, order) for channel, order in orders.items()}
    assert {channel: score for channel, score in scores.items() if score > chance(len(CONTESTS))} == {}
    assert databases.rows("SELECT count(DISTINCT xmin::text) FROM ballots") == [(1,)]
    assert with_the_slot_key(vote, key, arrival, rows) == CAST
    for files in (databases.archived(), databases.backup("end"), files_under(folder)):
        traces.add(files)
    assert key.key not in traces.raw


def moves_of(written, places, databases) -> list[tuple[frozenset[bytes], frozenset[bytes]]]:
    """Return which sealed ballots went and which published ones came, by transaction of the write-ahead log."""
    digests = {place: digest for digest, place in databases.rows("SELECT digest, ctid::text FROM ballots")}
    found: dict[int, tuple[set[bytes], set[bytes]]] = {}
    for one in written:
        gone, come = found.setdefault(one.tx, (set(), set()))
        if (one.table, one.what) == ("sealed", "DELETE"):
            gone.add(places[one.place])
        elif (one.table, one.what) == ("ballots", "INSERT"):
            come.add(digests[one.place])
    for place in (0, 1):  # the log was read rightly
        assert len(set().union(*(pair[place] for pair in found.values()))) == CAST
    return [(frozenset(gone), frozenset(come)) for gone, come in found.values()]
