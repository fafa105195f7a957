# SPDX-License-Identifier: GPL-3.0-or-later
"""The register: who may vote where, and who has voted. It never holds anything of a ballot.

While a vote is being recorded, a ticket stands beside the voter's mark: an HMAC of the ballot under the slot
key, which lives outside both stores and is replaced after every publication. It is erased within the same
cast, and exists so that an interrupted cast can be finished or undone.

Spec: BOX-3, BOX-6
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from evote.box.database import Database
from evote.box.roll import RegisteredVoter, Roll
from evote.errors import ParameterError, StateError
from evote.manifest import Election
from evote.record.slot import Slot

_NUMBER: Final = 0x65765231  # "evR1"
_MINUTE: Final = 60
_HOUR: Final = 3600
_SALT_BYTES: Final = 32
_ROLL_SALT: Final = ""  # contest ids are never empty
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS voters (voter TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS entitlements (
        contest TEXT NOT NULL, voter TEXT NOT NULL, section TEXT NOT NULL, unit TEXT NOT NULL,
        weight INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0, connected_at INTEGER NOT NULL DEFAULT 0,
        voted_at INTEGER NOT NULL DEFAULT 0, ticket BLOB NOT NULL DEFAULT x'',
        PRIMARY KEY (contest, voter)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS of_voter ON entitlements (voter, contest)",
    "CREATE INDEX IF NOT EXISTS in_flight ON entitlements (contest, voter) WHERE ticket <> x''",
    "CREATE TABLE IF NOT EXISTS salts (name TEXT PRIMARY KEY, salt BLOB NOT NULL) WITHOUT ROWID",
)
_PLACE: Final = "contest, section, unit, weight, state, ticket"


class Attendance(IntEnum):
    """What the register knows of a voter in a contest."""

    NONE = 0
    IN_PROGRESS = 1
    VOTED = 2


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A voter's right to one ballot.

    Attributes:
        slot: Contest, section, unit and weight.
        state: Whether the voter is connected or has voted.
        in_flight: A cast was begun and not finished.
    """

    slot: Slot
    state: Attendance
    in_flight: bool


@dataclass(frozen=True, slots=True)
class InFlight:
    """A mark whose ballot may or may not be in the box."""

    voter: str
    contest: str
    ticket: bytes


@dataclass(frozen=True, slots=True)
class Marks:
    """Attendance marks of one unit.

    Attributes:
        voters: How many voters have voted.
        weight: Their total weight.
    """

    voters: int = 0
    weight: int = 0


def _entitlement(row: Sequence[Any]) -> Entitlement:
    contest, section, unit, weight, state, ticket = row
    return Entitlement(Slot(contest, section, unit, weight), Attendance(state), bool(ticket))


class Register:
    """The register's database.

    Spec: BOX-3
    """

    def __init__(self, path: Path) -> None:
        """Open the register, or begin an empty one.

        Raises:
            StorageError: The file cannot be opened or is no register (BOX-2).
        """
        self._database = Database(path, _NUMBER, _SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    # The roll

    def replace_roll(self, roll: Roll) -> None:
        """Put a roll in the place of the one before, with fresh salts.

        Raises:
            StateError: Somebody has connected or voted (BOX-3).
        """
        contests = sorted({slot.contest for voter in roll.entries for slot in voter.slots})
        with self._database.transaction() as connection:
            if connection.execute("SELECT 1 FROM entitlements WHERE state <> 0 LIMIT 1").fetchone():
                raise StateError("Voters have connected; the roll stays as it is.", check="BOX-3")
            for table in ("voters", "entitlements", "salts"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of this module
            connection.executemany(
                "INSERT INTO voters VALUES (?, ?)", ((voter.id, voter.name) for voter in roll.entries)
            )
            connection.executemany(
                "INSERT INTO entitlements (contest, voter, section, unit, weight) VALUES (?, ?, ?, ?, ?)",
                (
                    (slot.contest, voter.id, slot.section, slot.unit, slot.weight)
                    for voter in roll.entries
                    for slot in voter.slots
                ),
            )
            connection.executemany(
                "INSERT INTO salts VALUES (?, ?)",
                ((name, secrets.token_bytes(_SALT_BYTES)) for name in [_ROLL_SALT, *contests]),
            )

    def roll(self, election: Election) -> Roll:
        """Return the roll, with the units of the given counting plan.

        Raises:
            ParameterError: The roll names a contest or section that the election does not have (BOX-1).
        """
        slots: dict[str, list[Slot]] = {}
        statement = "SELECT voter, contest, section, weight FROM entitlements ORDER BY voter, contest"
        for voter, contest, section, weight in self._database.rows(statement):
            try:
                unit = election.unit_of(contest, section).id
            except ParameterError:
                raise ParameterError(
                    f"The roll names section {section!r} of {contest!r}, which the election does not have; "
                    "import the roll again.",
                    check="BOX-1",
                    subject=contest,
                ) from None
            slots.setdefault(voter, []).append(Slot(contest, section, unit, weight))
        voters = self._database.rows("SELECT voter, name FROM voters ORDER BY voter")
        return Roll(
            tuple(RegisteredVoter(voter, name, tuple(slots.get(voter, ()))) for voter, name in voters)
        )

    def assign_units(self, election: Election) -> None:
        """Note for every section the unit that counts it in the plan that is sealed."""
        pairs = (
            (unit.id, unit.contest, section) for unit in election.counting.units for section in unit.sections
        )
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE entitlements SET unit = ? WHERE contest = ? AND section = ?", pairs
            )

    @property
    def roll_salt(self) -> bytes:
        """The salt of the roll's commitments; secret.

        Raises:
            StateError: No roll was imported (BOX-1).
        """
        salt = self._salt(_ROLL_SALT)
        if not salt:
            raise StateError("There is no roll yet; import it first.", check="BOX-1", subject="roll")
        return salt

    def attendance_salt(self, contest: str) -> bytes:
        """Return the salt of a contest's attendance list; secret, b"" for a contest without voters."""
        return self._salt(contest)

    def _salt(self, name: str) -> bytes:
        row = self._database.one("SELECT salt FROM salts WHERE name = ?", (name,))
        return bytes(row[0]) if row else b""

    # One voter

    def entitlement(self, voter: str, contest: str) -> Entitlement | None:
        """Return a voter's right to vote in a contest, or None if they are not on its roll."""
        statement = f"SELECT {_PLACE} FROM entitlements WHERE contest = ? AND voter = ?"  # noqa: S608
        row = self._database.one(statement, (contest, voter))
        return _entitlement(row) if row else None

    def status(self, voter: str) -> dict[str, Entitlement]:
        """Return all of a voter's rights by contest; none for an unknown voter."""
        statement = f"SELECT {_PLACE} FROM entitlements WHERE voter = ? ORDER BY contest"  # noqa: S608
        return {row[0]: _entitlement(row) for row in self._database.rows(statement, (voter,))}

    def voted_at(self, voter: str, contest: str) -> int:
        """Return the minute of a voter's mark in POSIX seconds, or 0 if there is none."""
        statement = "SELECT voted_at FROM entitlements WHERE contest = ? AND voter = ? AND ticket = x''"
        row = self._database.one(statement, (contest, voter))
        return int(row[0]) if row else 0

    def mark_in_progress(self, voter: str, contest: str, now: float) -> None:
        """Note that a voter connected; no effect on one who has connected or voted before."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE entitlements SET state = 1, connected_at = ? WHERE contest = ? AND voter = ? AND state = 0",
                (_minute(now), contest, voter),
            )

    def reserve(self, voter: str, contest: str, ticket: bytes, now: float) -> bool:
        """Set a voter's mark with a ticket; of several attempts exactly one succeeds.

        Returns:
            False if the mark was set before.

        Spec: BOX-6
        """
        with self._database.transaction() as connection:
            done = connection.execute(
                "UPDATE entitlements SET state = 2, voted_at = ?, ticket = ? "
                "WHERE contest = ? AND voter = ? AND state <> 2",
                (_minute(now), ticket, contest, voter),
            )
            return done.rowcount == 1

    def confirm(self, voter: str, contest: str, ticket: bytes) -> None:
        """Make a mark final: the ballot is durable. The ticket is erased; idempotent."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE entitlements SET ticket = x'', connected_at = 0 "
                "WHERE contest = ? AND voter = ? AND ticket = ?",
                (contest, voter, ticket),
            )

    def release(self, voter: str, contest: str, ticket: bytes) -> None:
        """Take a mark back: the ballot is not in the box. The voter is still connected; idempotent."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE entitlements SET state = 1, voted_at = 0, ticket = x'' "
                "WHERE contest = ? AND voter = ? AND ticket = ?",
                (contest, voter, ticket),
            )

    def in_flight(self) -> list[InFlight]:
        """Return the marks that carry a ticket."""
        statement = "SELECT voter, contest, ticket FROM entitlements WHERE ticket <> x''"
        return [InFlight(*row) for row in self._database.rows(statement)]

    # Counts and lists

    def marks(self) -> dict[str, Marks]:
        """Return the attendance marks by unit; units without any are left out."""
        statement = "SELECT unit, count(*), sum(weight) FROM entitlements WHERE state = 2 GROUP BY unit"
        return {unit: Marks(voters, weight) for unit, voters, weight in self._database.rows(statement)}

    def turnout(self) -> dict[str, int]:
        """Return the number of voters who have voted, by contest."""
        statement = "SELECT contest, count(*) FROM entitlements WHERE state = 2 GROUP BY contest"
        return dict(self._database.rows(statement))

    def turnout_by_hour(self) -> dict[str, dict[int, int]]:
        """Return how many voted in each hour (its start, POSIX seconds), by contest; no identities."""
        statement = f"""SELECT contest, voted_at / {_HOUR} * {_HOUR} AS hour, count(*) FROM entitlements
            WHERE state = 2 GROUP BY contest, hour ORDER BY contest, hour"""  # noqa: S608
        counts: dict[str, dict[int, int]] = {}
        for contest, hour, count in self._database.rows(statement):
            counts.setdefault(contest, {})[hour] = count
        return counts

    def connected(self) -> int:
        """Return how many ballots connected voters have not finished."""
        return int(self._database.one("SELECT count(*) FROM entitlements WHERE state = 1")[0])

    def attendance(self, contest: str) -> list[tuple[str, str, int]]:
        """Return a contest's attendance list, for the bureau alone: voter id, name, minute of the mark."""
        return [
            (voter, name, voted_at)
            for voter, name, voted_at in self._database.rows(
                "SELECT voter, name, voted_at FROM entitlements JOIN voters USING (voter) "
                "WHERE contest = ? AND state = 2 ORDER BY voter",
                (contest,),
            )
        ]

    def untouched(self) -> bool:
        """Tell whether nobody has connected or voted."""
        return self._database.one("SELECT 1 FROM entitlements WHERE state <> 0 LIMIT 1") is None

    def rebuild(self) -> None:
        """After closing: forget who was connected when, and write the file anew in key order."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE entitlements SET connected_at = 0")
        self._database.rebuild()


def _minute(now: float) -> int:
    return int(now) // _MINUTE * _MINUTE
