# SPDX-License-Identifier: GPL-3.0-or-later
"""One database of the two: an SQLite file or a PostgreSQL database, through SQLAlchemy Core.

In SQLite there is no `rowid`, no write-ahead log, freed pages are overwritten and `rebuild` writes all pages
anew. In PostgreSQL `rebuild` writes every table anew, so that neither place nor transaction of a row tells when
it came.

Spec: BOX-2, BOX-10
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Executable,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL, Row
from sqlalchemy.exc import SQLAlchemyError

from evote.board.files import hold_lock, make_folder, printable
from evote.errors import ParameterError, StorageError

_SQLITE: Final = "sqlite"
_POSTGRESQL: Final = "postgresql"
_DRIVERS: Final = {_SQLITE: "pysqlite", _POSTGRESQL: "psycopg"}
_WAIT_SECONDS: Final = 60
_CONNECTIONS: Final = 20
_LOCK: Final = 0x65766F7465  # "evote"
_KIND: Final = Table(
    "evote_store",
    MetaData(),
    Column("kind", String(20), primary_key=True),
    Column("owner", String(64), nullable=False),
)
_SQLITE_SETTINGS: Final = (
    f"PRAGMA busy_timeout={_WAIT_SECONDS * 1000}",
    "PRAGMA journal_mode=DELETE",
    "PRAGMA synchronous=EXTRA",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA trusted_schema=OFF",
)
_POSTGRESQL_SETTINGS: Final = (
    """SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')""",
    f"SET lock_timeout = '{_WAIT_SECONDS}s'",
)
CODE_POINTS: Final = Text().with_variant(postgresql.TEXT(collation="C"), _POSTGRESQL)
"""Text that sorts by code points, whatever the server's locale."""


def read_url(url: str) -> URL:
    """Read a database URL.

    Args:
        url: `sqlite:///relative.db` (to the working folder), `sqlite:////absolute.db` or
            `postgresql+psycopg://role@host/database`; secret if it holds a password.

    Raises:
        ParameterError: Another kind of database, or no database is named (BOX-2).
    """
    try:
        found = make_url(
            url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url
        )
        backend, name = found.get_backend_name(), found.drivername
    except (SQLAlchemyError, ValueError):
        found, backend, name = URL.create("none"), "", ""
    driver = f"{backend}+{_DRIVERS.get(backend, '')}"
    if backend not in _DRIVERS or name not in (backend, driver) or not found.database:
        raise ParameterError(
            "Give a database as sqlite:///path or postgresql+psycopg://role@host/database.", check="BOX-2"
        )
    return found.set(drivername=driver)


def sqlite_url(path: Path) -> URL:
    """Return the URL of an SQLite file."""
    return URL.create(f"{_SQLITE}+{_DRIVERS[_SQLITE]}", database=str(path))


def connect(url: URL) -> Engine:
    """Make the engine of a database.

    Raises:
        StorageError: The driver is not installed (BOX-2).
    """
    options: dict[str, Any] = {"pool_size": _CONNECTIONS, "max_overflow": _CONNECTIONS}
    if url.get_backend_name() == _POSTGRESQL:
        options["pool_pre_ping"] = True  # the server may have been replaced by its standby
        if "connect_timeout" not in url.query:
            url = url.update_query_dict({"connect_timeout": "10"})
    try:
        return create_engine(url, hide_parameters=True, **options)
    except ImportError:
        raise StorageError(
            "PostgreSQL needs the extra: pip install 'evote[postgresql]'.", check="BOX-2"
        ) from None


class Database:
    """One of the two databases; safe for several threads and several processes.

    Attributes:
        engine: How it is reached; private.
        name: What messages call it; no secret.
    """

    def __init__(
        self, engine: Engine, kind: str, tables: MetaData, owner: str = "", *, create: bool = True
    ) -> None:
        """Open the database; make its tables where they are missing.

        Args:
            engine: Used for this database alone; its new connections are configured here.
            kind: Tells kinds of stores apart.
            tables: What it holds.
            owner: Tells elections apart: kept with the tables, and compared from then on.
            create: Whether an empty database may be taken.

        Raises:
            StorageError: It cannot be opened, is another kind of store, or is empty and must not be (BOX-2).
        """
        self.engine = engine
        self._tables = tables
        self._kind, self._owner = kind, owner
        self._is_postgresql = engine.dialect.name == _POSTGRESQL
        self._path = None if self._is_postgresql else Path(engine.url.database or "")
        self.name = printable(self._path or engine.url.database or kind)
        self._readers = (
            engine.execution_options(isolation_level="AUTOCOMMIT") if self._is_postgresql else engine
        )
        event.listen(engine, "connect", self._configure)
        try:
            with self._trouble():
                self._prepare(create=create)
        except BaseException:
            self.close()
            raise

    def _configure(self, connection: Any, _: object) -> None:
        """Make every commit durable, and leave as few traces as the database can."""
        if isinstance(connection, sqlite3.Connection):
            connection.isolation_level = None  # transactions begin where `transaction` says so
        cursor = connection.cursor()
        for setting in _POSTGRESQL_SETTINGS if self._is_postgresql else _SQLITE_SETTINGS:
            cursor.execute(setting)
        cursor.close()
        if self._is_postgresql:
            connection.commit()

    def _prepare(self, *, create: bool) -> None:
        if self._path is not None:
            self._make_file(self._path, create=create)
        with self.transaction() as connection:
            if self._is_postgresql:  # two processes at once
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK + 1})"))
            if inspect(connection).has_table(_KIND.name):
                found = [tuple(row) for row in connection.execute(select(_KIND)).all()]
                if [kind for kind, _ in found] != [self._kind]:
                    raise self._refuse("is another store than the one expected here")
                if found != [(self._kind, self._owner)]:
                    raise self._refuse(
                        "belongs to another election's folder; give each election databases of its own"
                    )
                return
            if not create:
                raise self._refuse("is empty, but the election is sealed and has a store: bring it back")
            _KIND.create(connection)
            connection.execute(insert(_KIND).values(kind=self._kind, owner=self._owner))
            self._tables.create_all(connection)

    def _make_file(self, path: Path, *, create: bool) -> None:
        if not create and not path.is_file():
            raise self._refuse("is missing; the election is sealed and has one: bring it back")
        try:
            make_folder(path.parent, mode=0o700)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise self._refuse(error.strerror or "cannot be opened") from None

    def _refuse(self, reason: str) -> StorageError:
        return StorageError(f"{self.name}: {reason}.", check="BOX-2", subject=self.name)

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """Turn the database's errors into this library's; what they quote of a statement stays behind."""
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None)
            if isinstance(cause, sqlite3.Error):
                raise self._refuse(str(cause)) from None
            if cause is not None and getattr(error, "statement", None) is None:  # while connecting
                raise self._refuse(f"{cause}".strip().partition("\n")[0].rstrip(".")) from None
            state = getattr(cause, "sqlstate", None) or type(cause or error).__name__
            raise self._refuse(f"the database failed ({state}); try again") from None

    @property
    def role(self) -> str:
        """The database user and server, or "" for a file."""
        url = self.engine.url
        hosts = url.normalized_query.get("host", (f"{url.host or ''}:{url.port or ''}",))
        return f"{url.username or ''}@{','.join(hosts)}" if self._is_postgresql else ""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Hold a connection for writing; commit at the end, or undo everything on any exception.

        Raises:
            StorageError: The database fails, or is held by another process for a minute. Whether a commit
                that failed was done is not known.
        """
        with self._trouble(), self._turn(), self.engine.connect() as connection:
            if not self._is_postgresql:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def _turn(self) -> AbstractContextManager[None]:
        """Wait for one's turn to write: SQLite's own waiting is neither fair nor quick."""
        return nullcontext() if self._path is None else hold_lock(Path(f"{self._path}.lock"))

    def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """Return all rows of a query."""
        with self._trouble(), self._readers.connect() as connection:
            return connection.execute(statement).all()

    def one(self, statement: Executable) -> Row[Any] | None:
        """Return the first row of a query, or None."""
        with self._trouble(), self._readers.connect() as connection:
            return connection.execute(statement).first()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep out every other machine that asks for this; one machine alone has an SQLite file.

        Raises:
            StorageError: Another one held it for a minute, or the database fails.
        """
        if not self._is_postgresql:
            yield
            return
        with self._trouble():
            connection = self._readers.connect()
        try:
            with self._trouble():
                connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
            yield
        finally:
            with suppress(SQLAlchemyError):
                connection.invalidate()  # a lost connection cannot unlock, a closed one has unlocked
            connection.close()

    def wait_for_others(self) -> None:
        """Wait until every transaction that has written one of the tables is committed or undone.

        A PostgreSQL server goes on with the commit of a process that died, and may wait for a standby with it.

        Raises:
            StorageError: One took a minute, or the database fails.
        """
        if self._is_postgresql:
            names = ", ".join(table.name for table in self._tables.sorted_tables)
            with self.transaction() as connection:
                connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))

    def rebuild(self, *, on_disk: bool = False) -> None:
        """Write everything anew in key order; the order of arrival is gone.

        Args:
            on_disk: Let SQLite's copy be a temporary file, where it may be large and is public.

        Spec: BOX-10
        """
        if self._is_postgresql:
            with self.transaction() as connection:
                for table in self._tables.sorted_tables:
                    name, keys = table.name, ", ".join(column.name for column in table.primary_key)
                    for statement in (
                        f"CREATE TEMPORARY TABLE {name}_old ON COMMIT DROP AS SELECT * FROM {name}",  # noqa: S608
                        f"TRUNCATE {name}",  # new files; names and grants stay
                        f"INSERT INTO {name} SELECT * FROM {name}_old ORDER BY {keys}",  # noqa: S608
                    ):
                        connection.execute(text(statement))
            return
        with self._trouble(), self._turn(), self.engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA temp_store={'FILE' if on_disk else 'MEMORY'}")
            connection.exec_driver_sql("VACUUM")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
