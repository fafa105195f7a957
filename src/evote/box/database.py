# SPDX-License-Identifier: GPL-3.0-or-later
"""A SQLite file for one of the two stores: nothing in it may tell in which order rows came.

No `rowid`, no write-ahead log, freed pages are overwritten, and `rebuild` writes all pages anew in key order.

Spec: BOX-2
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from evote.board.files import make_folder, printable
from evote.errors import ParameterError, StorageError

_PREFIX: Final = "sqlite:///"
_WAIT_SECONDS: Final = 60.0
_SETTINGS: Final = (
    "PRAGMA journal_mode=DELETE",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA trusted_schema=OFF",
)


def database_path(url: str, default: Path) -> Path:
    """Return the file that a database URL names.

    Args:
        url: `sqlite:///relative.db` (to the working folder), `sqlite:////absolute.db`, or "".
        default: The file where `url` is "".

    Raises:
        ParameterError: Another kind of database (BOX-2).

    Spec: BOX-2
    """
    if not url:
        return default
    path = url.removeprefix(_PREFIX)
    if path == url or not path:
        raise ParameterError(
            "Database servers are not supported in this release; give a file as sqlite:///path.",
            check="BOX-2",
        )
    return Path(path)


class Database:
    """One connection to a SQLite file; safe for several threads and several processes.

    Attributes:
        path: The file; private.
    """

    def __init__(self, path: Path, number: int, schema: Sequence[str]) -> None:
        """Open the file, or make it with the tables of `schema`.

        Args:
            path: The file.
            number: Tells kinds of stores apart (SQLite's `application_id`).
            schema: Statements that make the tables where they are missing.

        Raises:
            StorageError: It cannot be opened, or is another kind of store (BOX-2).
        """
        self.path = path
        self._lock = threading.RLock()
        try:
            make_folder(path.parent, mode=0o700)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise self._refuse(error.strerror or "cannot be opened") from None
        with self._trouble():
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare(number, schema)
        except BaseException:
            self.close()
            raise

    def _prepare(self, number: int, schema: Sequence[str]) -> None:
        with self._trouble():
            for setting in _SETTINGS:
                self._connection.execute(setting)
        with self.transaction() as connection:
            found = connection.execute("PRAGMA application_id").fetchone()[0]
            if found not in (0, number):
                raise self._refuse("is another store than the one expected here")
            connection.execute(f"PRAGMA application_id={number}")
            for statement in schema:
                connection.execute(statement)

    def _refuse(self, reason: str) -> StorageError:
        name = printable(self.path)
        return StorageError(f"{name}: {reason}.", check="BOX-2", subject=name)

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """Turn the database's errors into this library's."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._refuse(str(error)) from None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the database for writing; commit at the end, or undo everything on any exception.

        Raises:
            StorageError: The database fails, or another process holds it for a minute.
        """
        with self._lock, self._trouble():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Return all rows of a query."""
        with self._lock, self._trouble():
            return self._connection.execute(statement, values).fetchall()

    def one(self, statement: str, values: Sequence[object] = ()) -> Any:
        """Return the first row of a query, or None."""
        with self._lock, self._trouble():
            return self._connection.execute(statement, values).fetchone()

    def rebuild(self, *, on_disk: bool = False) -> None:
        """Write the whole file anew in key order; freed pages and the order of arrival are gone.

        Args:
            on_disk: Let the copy be a temporary file where it may be large and is public.

        Spec: BOX-10
        """
        with self._lock, self._trouble():
            self._connection.execute(f"PRAGMA temp_store={'FILE' if on_disk else 'MEMORY'}")
            self._connection.execute("VACUUM")

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()
