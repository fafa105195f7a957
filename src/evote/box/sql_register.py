# SPDX-License-Identifier: GPL-3.0-or-later
"""The register: who may vote where, and who has voted. It never holds anything of a ballot.

While a vote is being recorded, a ticket stands beside the voter's mark: an HMAC under the slot key, which lives
outside both stores and is replaced after every publication. It is erased within the same cast, and exists so
that an interrupted cast can be finished or undone.

Spec: BOX-3, BOX-6
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Row

from evote.box.database import CODE_POINTS, Database
from evote.box.ports import Attendance, Attendee, Entitlement, InFlight, MarkCount
from evote.box.roll import RegisteredVoter
from evote.errors import StateError
from evote.manifest import Unit
from evote.record.slot import Slot

_HOUR: Final = 3600
_TABLES: Final = MetaData()
_VOTERS: Final = Table(
    "voters",
    _TABLES,
    Column("voter", CODE_POINTS, primary_key=True),
    Column("name", CODE_POINTS, nullable=False),
    sqlite_with_rowid=False,
)
_RIGHTS: Final = Table(
    "entitlements",
    _TABLES,
    Column("contest", CODE_POINTS, primary_key=True),
    Column("voter", CODE_POINTS, primary_key=True),
    Column("section", CODE_POINTS, nullable=False),
    Column("unit", CODE_POINTS, nullable=False),
    Column("weight", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("connected_at", BigInteger, nullable=False),
    Column("voted_at", BigInteger, nullable=False),
    Column("ticket", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
Index("entitlements_of_voter", _RIGHTS.c.voter, _RIGHTS.c.contest)
_IS_IN_FLIGHT = func.length(_RIGHTS.c.ticket) > 0
Index(
    "entitlements_in_flight",
    _RIGHTS.c.contest,
    _RIGHTS.c.voter,
    sqlite_where=_IS_IN_FLIGHT,
    postgresql_where=_IS_IN_FLIGHT,
)
_SALTS: Final = Table(
    "salts",
    _TABLES,
    Column("name", CODE_POINTS, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
_ROLL_SALT: Final = "roll"
_VOTED: Final = _RIGHTS.c.state == Attendance.VOTED.value


def _entitlement(row: Row[Any]) -> Entitlement:
    slot = Slot(row.contest, row.section, row.unit, row.weight)
    return Entitlement(slot, Attendance(row.state), bool(row.ticket), row.voted_at)


def _mark_of(voter: str, contest: str, ticket: bytes) -> Any:
    return and_(_RIGHTS.c.contest == contest, _RIGHTS.c.voter == voter, _RIGHTS.c.ticket == ticket)


class SqlRegister:
    """The register in SQLite or PostgreSQL.

    Spec: BOX-3
    """

    def __init__(self, engine: Engine, owner: str = "", *, create: bool = True) -> None:
        """Open the register.

        Args:
            engine: For this database alone.
            owner: The election folder's own mark; a database with another one is refused.
            create: Whether an empty database becomes an empty register.

        Raises:
            StorageError: It cannot be opened or is no register (BOX-2).
        """
        self._database = Database(engine, "register", _TABLES, owner, create=create)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def alone(self) -> AbstractContextManager[None]:
        """Keep other machines out."""
        return self._database.alone()

    def role(self) -> str:
        """Return the database user and server, or "" for a file."""
        return self._database.role

    def wait_for_others(self) -> None:
        """Wait until all that others began is durable or undone."""
        self._database.wait_for_others()

    # The roll

    def import_roll(self, voters: Iterable[RegisteredVoter], salt: bytes) -> None:
        """Put a roll and its salt in the place of those before.

        Raises:
            StateError: Somebody has connected or voted (BOX-3).
        """
        with self._database.transaction() as connection:
            if connection.execute(select(_RIGHTS.c.voter).where(_RIGHTS.c.state != 0).limit(1)).first():
                raise StateError("Voters have connected; the roll stays as it is.", check="BOX-3")
            for table in _TABLES.sorted_tables:
                connection.execute(delete(table))
            everybody = sorted(voters, key=lambda voter: voter.id)
            names = [{"voter": voter.id, "name": voter.name} for voter in everybody]
            connection.execute(insert(_VOTERS), names)
            rights = [_untouched_right(voter, slot) for voter in everybody for slot in voter.slots]
            connection.execute(insert(_RIGHTS), rights)
            connection.execute(insert(_SALTS).values(name=_ROLL_SALT, salt=salt))

    def roll_salt(self) -> bytes:
        """Return the salt of the roll, b"" before any was imported; secret."""
        row = self._database.one(select(_SALTS.c.salt).where(_SALTS.c.name == _ROLL_SALT))
        return bytes(row.salt) if row else b""

    def voters(self) -> Iterator[RegisteredVoter]:
        """Yield the roll in ascending order of voter ids."""
        joined = (
            select(_VOTERS.c.name, _RIGHTS)
            .join_from(_VOTERS, _RIGHTS, _VOTERS.c.voter == _RIGHTS.c.voter)
            .order_by(_RIGHTS.c.voter, _RIGHTS.c.contest)
        )
        for voter, rows in groupby(self._database.rows(joined), lambda row: str(row.voter)):
            found = list(rows)
            slots = tuple(Slot(row.contest, row.section, row.unit, row.weight) for row in found)
            yield RegisteredVoter(voter, found[0].name, slots)

    def assign_units(self, units: Sequence[Unit]) -> None:
        """Note for every section of a contest the unit that counts it."""
        with self._database.transaction() as connection:
            for unit in units:
                of_unit = and_(_RIGHTS.c.contest == unit.contest, _RIGHTS.c.section.in_(unit.sections))
                connection.execute(update(_RIGHTS).where(of_unit).values(unit=unit.id))

    # One voter

    def rights(self, voter: str) -> dict[str, Entitlement]:
        """Return a voter's rights by contest; none for somebody unknown."""
        statement = select(_RIGHTS).where(_RIGHTS.c.voter == voter).order_by(_RIGHTS.c.contest)
        return {row.contest: _entitlement(row) for row in self._database.rows(statement)}

    def connect(self, voter: str, contest: str, minute: int) -> None:
        """Note that a voter connected; no effect on one who has connected or voted before."""
        is_new = and_(_RIGHTS.c.contest == contest, _RIGHTS.c.voter == voter, _RIGHTS.c.state == 0)
        with self._database.transaction() as connection:
            connection.execute(
                update(_RIGHTS).where(is_new).values(state=Attendance.IN_PROGRESS.value, connected_at=minute)
            )

    def reserve(self, voter: str, contest: str, ticket: bytes, minute: int) -> bool:
        """Set a voter's mark with a ticket; of several attempts exactly one succeeds.

        Returns:
            False if the mark was set before.

        Spec: BOX-6
        """
        is_free = and_(_RIGHTS.c.contest == contest, _RIGHTS.c.voter == voter, ~_VOTED)
        marked = update(_RIGHTS).where(is_free)
        with self._database.transaction() as connection:
            done = connection.execute(
                marked.values(state=Attendance.VOTED.value, voted_at=minute, ticket=ticket)
            )
            return done.rowcount == 1

    def confirm(self, voter: str, contest: str, ticket: bytes) -> None:
        """Make a mark final: the ballot is durable. The ticket is erased; idempotent."""
        with self._database.transaction() as connection:
            connection.execute(
                update(_RIGHTS).where(_mark_of(voter, contest, ticket)).values(ticket=b"", connected_at=0)
            )

    def release(self, voter: str, contest: str, ticket: bytes) -> None:
        """Take a mark back: the ballot is not in the box. The voter is still connected; idempotent."""
        with self._database.transaction() as connection:
            connection.execute(
                update(_RIGHTS)
                .where(_mark_of(voter, contest, ticket))
                .values(state=Attendance.IN_PROGRESS.value, voted_at=0, ticket=b"")
            )

    def in_flight(self) -> list[InFlight]:
        """Return the marks that carry a ticket."""
        statement = select(_RIGHTS.c.voter, _RIGHTS.c.contest, _RIGHTS.c.ticket).where(_IS_IN_FLIGHT)
        return [InFlight(row.voter, row.contest, bytes(row.ticket)) for row in self._database.rows(statement)]

    # Counts and lists

    def marks(self) -> list[MarkCount]:
        """Count the marks by contest, unit and hour; no identities."""
        hour = (_RIGHTS.c.voted_at // _HOUR * _HOUR).label("hour")
        columns = (_RIGHTS.c.contest, _RIGHTS.c.unit, hour)
        counted = select(*columns, func.count().label("voters"), func.sum(_RIGHTS.c.weight).label("weight"))
        statement = counted.where(_VOTED).group_by(*columns).order_by(*columns)
        return [
            MarkCount(row.contest, row.unit, int(row.hour), int(row.voters), int(row.weight))
            for row in self._database.rows(statement)
        ]

    def confirmed(self) -> int:
        """Count the marks without a ticket."""
        counted = select(func.count().label("number")).select_from(_RIGHTS)
        row = self._database.one(counted.where(_VOTED, func.length(_RIGHTS.c.ticket) == 0))
        return int(row.number) if row else 0

    def attendance(self, contest: str) -> list[Attendee]:
        """Return a contest's attendance list, for the bureau alone."""
        joined = select(_VOTERS, _RIGHTS.c.voted_at).join_from(
            _VOTERS, _RIGHTS, _VOTERS.c.voter == _RIGHTS.c.voter
        )
        statement = joined.where(_RIGHTS.c.contest == contest, _VOTED).order_by(_VOTERS.c.voter)
        return [Attendee(row.voter, row.name, row.voted_at) for row in self._database.rows(statement)]

    def connected(self) -> int:
        """Return how many ballots connected voters have not finished."""
        in_progress = _RIGHTS.c.state == Attendance.IN_PROGRESS.value
        row = self._database.one(select(func.count().label("number")).select_from(_RIGHTS).where(in_progress))
        return int(row.number) if row else 0

    def untouched(self) -> bool:
        """Tell whether nobody has connected or voted."""
        return self._database.one(select(_RIGHTS.c.voter).where(_RIGHTS.c.state != 0).limit(1)) is None

    def rebuild(self) -> None:
        """After closing: forget who was connected when, and write everything anew in key order."""
        with self._database.transaction() as connection:
            connection.execute(update(_RIGHTS).values(connected_at=0))
        self._database.rebuild()


def _untouched_right(voter: RegisteredVoter, slot: Slot) -> dict[str, object]:
    return {
        "contest": slot.contest,
        "voter": voter.id,
        "section": slot.section,
        "unit": slot.unit,
        "weight": slot.weight,
        "state": Attendance.NONE.value,
        "connected_at": 0,
        "voted_at": 0,
        "ticket": b"",
    }
