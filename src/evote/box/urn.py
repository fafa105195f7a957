# SPDX-License-Identifier: GPL-3.0-or-later
"""The ballot box's store: ballots by digest. It holds no voter, no time of arrival and no order.

A ballot's publication slot is the only thing that came with its arrival; it is erased at closing.

Spec: BOX-4, BAL-4
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from evote.box.database import Database
from evote.errors import InvalidBallot

_NUMBER: Final = 0x65764231  # "evB1"
_PAGE: Final = 256
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS ballots (
        digest BLOB PRIMARY KEY, square BLOB NOT NULL UNIQUE, slot INTEGER NOT NULL, body BLOB NOT NULL
        ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS by_slot ON ballots (slot)",
    "CREATE TABLE IF NOT EXISTS published (name TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class StoredBallot:
    """A ballot and the time at which it is published; slot 0 once the box was rebuilt."""

    slot: int
    body: bytes = field(repr=False)


class BallotStore:
    """The box's database.

    Spec: BOX-4
    """

    def __init__(self, path: Path) -> None:
        """Open the store, or begin an empty one.

        Raises:
            StorageError: The file cannot be opened or is no ballot store (BOX-2).
        """
        self._database = Database(path, _NUMBER, _SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def put(self, body: bytes, square: bytes, slot: int) -> None:
        """Store a ballot durably.

        Args:
            body: Its canonical bytes, verified.
            square: Digest of c^2 mod n^2.
            slot: The time at which it is published.

        Raises:
            InvalidBallot: The box holds this ballot, or one with the same c^2 (BAL-4).
            StorageError: It could not be stored.

        Spec: BAL-4
        """
        digest = hashlib.sha256(body).digest()
        with self._database.transaction() as connection:
            done = connection.execute(
                "INSERT OR IGNORE INTO ballots (digest, square, slot, body) VALUES (?, ?, ?, ?)",
                (digest, square, slot, body),
            )
            if done.rowcount != 1:
                raise InvalidBallot(
                    "The box holds a copy of this ballot; encrypt the choice afresh and cast that.",
                    check="BAL-4",
                )

    def get(self, digest: bytes) -> StoredBallot | None:
        """Return a ballot by the SHA-256 of its bytes, or None."""
        row = self._database.one("SELECT slot, body FROM ballots WHERE digest = ?", (digest,))
        return StoredBallot(*row) if row else None

    def digests(self) -> Iterator[bytes]:
        """Yield the SHA-256 of every ballot in key order; constant memory."""
        last = b""
        while rows := self._database.rows(
            "SELECT digest FROM ballots WHERE digest > ? ORDER BY digest LIMIT ?", (last, _PAGE)
        ):
            yield from (digest for (digest,) in rows)
            last = rows[-1][0]

    def bodies(self) -> Iterator[bytes]:
        """Yield every ballot in key order; constant memory."""
        last = b""
        while rows := self._database.rows(
            "SELECT digest, body FROM ballots WHERE digest > ? ORDER BY digest LIMIT ?", (last, _PAGE)
        ):
            yield from (body for _, body in rows)
            last = rows[-1][0]

    def count(self) -> int:
        """Return the number of ballots."""
        return int(self._database.one("SELECT count(*) FROM ballots")[0])

    def due(self, after: int, until: int) -> list[bytes]:
        """Return the digests of the ballots whose slot is in (after, until], in key order."""
        statement = "SELECT digest FROM ballots WHERE slot > ? AND slot <= ? ORDER BY digest"
        return [digest for (digest,) in self._database.rows(statement, (after, until))]

    @property
    def published_until(self) -> int:
        """The last publication time that is done; -1 before the first."""
        row = self._database.one("SELECT until FROM published WHERE name = 'slot'")
        return int(row[0]) if row else -1

    def mark_published(self, until: int) -> None:
        """Note that every slot up to a time is published; no ballot may be given such a slot any more."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO published VALUES ('slot', ?) "
                "ON CONFLICT (name) DO UPDATE SET until = max(until, excluded.until)",
                (until,),
            )

    def rebuild(self) -> None:
        """After closing: erase the slots and write the file anew in key order.

        Spec: BOX-10
        """
        with self._database.transaction() as connection:
            connection.execute("UPDATE ballots SET slot = 0")
            connection.execute("DELETE FROM published")
        self._database.rebuild(on_disk=True)
