# SPDX-License-Identifier: GPL-3.0-or-later
"""The ballot box's database: it holds no voter, no time of arrival and no order.

A ballot that is not published lies sealed, under names that only the slot key can make; a published one by
its digest. All that a row tells of its arrival is the publication slot, which is erased at closing.

Spec: BOX-4, BAL-4
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from evote.box.database import Database
from evote.box.ports import NONCE_BYTES, BoxState, PublishedBallot, PutResult, SealedBallot, SealedHead

_PAGE: Final = 256
_TABLES: Final = MetaData()
_SEALED: Final = Table(
    "sealed",
    _TABLES,
    Column("key", LargeBinary, primary_key=True),
    Column("square", LargeBinary, nullable=False, unique=True),
    Column("slot", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
_PUBLISHED: Final = Table(
    "ballots",
    _TABLES,
    Column("digest", LargeBinary, primary_key=True),
    Column("square", LargeBinary, nullable=False, unique=True),
    Column("slot", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
_STATE: Final = Table(
    "state",
    _TABLES,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("slot_key", LargeBinary, nullable=False),
    Column("closed_until", BigInteger, nullable=False),
    Column("published_until", BigInteger, nullable=False),
    Column("log_size", BigInteger, nullable=False),
    Column("log_root", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
_STATE_FIELDS: Final = ("slot_key", "closed_until", "published_until", "log_size", "log_root")


def _values(state: BoxState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in _STATE_FIELDS}


def _sealed_values(ballot: SealedBallot) -> dict[str, Any]:
    return {"key": ballot.key, "square": ballot.square, "slot": ballot.slot, "sealed": ballot.sealed}


class SqlBox:
    """The ballots in SQLite or PostgreSQL.

    Spec: BOX-4
    """

    def __init__(self, engine: Engine, owner: str = "", *, create: bool = True) -> None:
        """Open the box.

        Args:
            engine: For this database alone.
            owner: The election folder's own mark; a database with another one is refused.
            create: Whether an empty database becomes an empty box.

        Raises:
            StorageError: It cannot be opened or is no ballot box (BOX-2).
        """
        self._database = Database(engine, "box", _TABLES, owner, create=create)
        dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._insert: Any = dialect.insert  # the two that can skip a row that is there

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def role(self) -> str:
        """Return the database user and server, or "" for a file."""
        return self._database.role

    def wait_for_others(self) -> None:
        """Wait until all that others began is durable or undone."""
        self._database.wait_for_others()

    # What the box remembers

    def state(self) -> BoxState:
        """Return what the box remembers."""
        row = self._database.one(select(_STATE))
        if row is None:
            return BoxState()
        return BoxState(
            bytes(row.slot_key), row.closed_until, row.published_until, row.log_size, bytes(row.log_root)
        )

    def set_state(self, old: BoxState, new: BoxState) -> bool:
        """Replace the state if it is still the old one; tell whether it was."""
        with self._database.transaction() as connection:
            return self._replace(connection, old, new)

    def _replace(self, connection: Connection, old: BoxState, new: BoxState) -> bool:
        if old == BoxState():
            first = self._insert(_STATE).values(id=1, **_values(old)).on_conflict_do_nothing()
            connection.execute(first)
        unchanged = [_STATE.c[name] == value for name, value in _values(old).items()]
        done = connection.execute(update(_STATE).where(*unchanged).values(**_values(new)))
        return done.rowcount == 1

    # Ballots that are not published

    def put(self, ballot: SealedBallot, digest: bytes, square: bytes, slot_key: bytes) -> PutResult:
        """Store a ballot durably, if it is no copy and the box's state names this slot key.

        Spec: BAL-4
        """
        is_published = exists().where(or_(_PUBLISHED.c.digest == digest, _PUBLISHED.c.square == square))
        row = select(
            *(literal(value, _SEALED.c[name].type) for name, value in _sealed_values(ballot).items())
        )
        allowed = row.where(exists().where(_STATE.c.slot_key == slot_key), ~is_published)
        statement = self._insert(_SEALED).from_select(list(_sealed_values(ballot)), allowed)
        with self._database.transaction() as connection:
            if connection.execute(statement.on_conflict_do_nothing().returning(_SEALED.c.key)).first():
                return "stored"
        return "copy" if self.state().slot_key == slot_key else "stale"

    def sealed(self, keys: Sequence[bytes]) -> list[SealedBallot]:
        """Return those of some sealed ballots that are there."""
        rows = self._database.rows(select(_SEALED).where(_SEALED.c.key.in_(keys)))
        return [SealedBallot(bytes(row.key), bytes(row.square), row.slot, bytes(row.sealed)) for row in rows]

    def sealed_heads(self) -> Iterator[SealedHead]:
        """Yield name, slot and nonce of every sealed ballot, in key order."""
        nonce = func.substr(_SEALED.c.sealed, 1, NONCE_BYTES).label("nonce")
        statement = select(_SEALED.c.key, _SEALED.c.slot, nonce).order_by(_SEALED.c.key)
        return (
            SealedHead(bytes(row.key), row.slot, bytes(row.nonce)) for row in self._database.rows(statement)
        )

    # Publication

    def add(self, ballots: Sequence[PublishedBallot]) -> None:
        """Add published ballots; those that are there stay."""
        rows = [
            {"digest": one.digest, "square": one.square, "slot": one.slot, "body": one.body}
            for one in ballots
        ]
        there = [_PUBLISHED.c.digest]  # any other conflict must not pass unseen
        with self._database.transaction() as connection:
            connection.execute(self._insert(_PUBLISHED).on_conflict_do_nothing(index_elements=there), rows)

    def turn(self, old: BoxState, new: BoxState, rest: Sequence[SealedBallot]) -> bool:
        """Replace the state, and all sealed ballots by `rest`; False, and nothing done, if the state is not `old`."""
        with self._database.transaction() as connection:
            if not self._replace(connection, old, new):
                return False
            connection.execute(delete(_SEALED))
            if rest:
                ordered = sorted(rest, key=lambda ballot: ballot.key)
                connection.execute(insert(_SEALED), [_sealed_values(ballot) for ballot in ordered])
            return True

    # Published ballots

    def published(self, digest: bytes) -> PublishedBallot | None:
        """Return a published ballot by the SHA-256 of its bytes, or None."""
        row = self._database.one(select(_PUBLISHED).where(_PUBLISHED.c.digest == digest))
        return (
            PublishedBallot(bytes(row.digest), bytes(row.square), row.slot, bytes(row.body)) if row else None
        )

    def digests(self) -> Iterator[bytes]:
        """Yield the digest of every published ballot in ascending order; constant memory."""
        return (digest for digest, _ in self._pages(_PUBLISHED.c.digest))

    def bodies(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield digest and bytes of every published ballot in ascending order of digests; constant memory."""
        return self._pages(_PUBLISHED.c.body)

    def _pages(self, column: Column[bytes]) -> Iterator[tuple[bytes, bytes]]:
        last = b""
        ordered = select(_PUBLISHED.c.digest, column.label("wanted")).order_by(_PUBLISHED.c.digest)
        while rows := self._database.rows(ordered.where(_PUBLISHED.c.digest > last).limit(_PAGE)):
            yield from ((bytes(row.digest), bytes(row.wanted)) for row in rows)
            last = bytes(rows[-1].digest)

    def count(self) -> int:
        """Return the number of ballots, published or not."""
        row = self._database.one(
            select(
                select(func.count()).select_from(_SEALED).scalar_subquery().label("sealed"),
                select(func.count()).select_from(_PUBLISHED).scalar_subquery().label("published"),
            )
        )
        return int(row.sealed + row.published) if row else 0

    def rebuild(self) -> None:
        """After closing: erase the slots and write everything anew in key order.

        Spec: BOX-10
        """
        with self._database.transaction() as connection:
            connection.execute(update(_PUBLISHED).values(slot=0))
        self._database.rebuild(on_disk=True)
