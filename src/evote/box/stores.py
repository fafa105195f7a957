# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the two stores of an election are, and opening them.

Spec: BOX-2
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Literal

from sqlalchemy import Engine

from evote.board.files import read_bounded, write_durably
from evote.box.database import connect, read_url, sqlite_url
from evote.box.ports import BoxStore, RegisterStore
from evote.box.sql_box import SqlBox
from evote.box.sql_register import SqlRegister
from evote.encoding import Document, Field
from evote.errors import ParameterError

PLACES_FILE: Final = "stores.json"
_MAX_URL: Final = 2000


class StoresFile(Document):
    """`private/stores.json`: where register and box are, if they are not SQLite files beside it; secret."""

    type: Literal["evote/stores"] = "evote/stores"
    version: Literal[1] = 1
    register_url: Annotated[str, Field(max_length=_MAX_URL)]
    box_url: Annotated[str, Field(max_length=_MAX_URL)]
    spare_folder: Annotated[str, Field(max_length=_MAX_URL)]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the stores are; secret where a URL holds a password.

    Attributes:
        register: Database URL, an engine for this database alone, or an adapter; "" for what is configured.
        box: Likewise.
        spare: A folder on another disk for a second copy of the slot key; "" for none.
    """

    register: str | Engine | RegisterStore = ""
    box: str | Engine | BoxStore = ""
    spare: str = ""


def save_places(private: Path, register: str, box: str, spare: str) -> None:
    """Write where the stores of an election are.

    Raises:
        ParameterError: A URL is not supported, or both are one database (BOX-2).
        StorageError: The file cannot be written.

    Spec: BOX-2
    """
    for url in filter(None, (register, box)):
        read_url(url)
    found = StoresFile.make(register_url=register, box_url=box, spare_folder=spare)
    write_durably(private / PLACES_FILE, found.to_bytes(), mode=0o600)


def places_configured(private: Path) -> bool:
    """Tell whether an election has stores of its own choice."""
    return (private / PLACES_FILE).is_file()


def read_places(private: Path, given: Places) -> Places:
    """Complete what is given by what is configured, and that by SQLite files in the private folder.

    Raises:
        ParameterError: A URL is not supported, or both are one database (BOX-2).
        EncodingError: `stores.json` is damaged (ENC-5).
    """
    path = private / PLACES_FILE
    if path.is_file():
        found = StoresFile.from_bytes(read_bounded(path, StoresFile.max_bytes))
        given = replace(
            given,
            register=given.register or found.register_url,
            box=given.box or found.box_url,
            spare=given.spare or found.spare_folder,
        )
    given = replace(
        given,
        register=given.register or connect(sqlite_url(private / "register.db")),
        box=given.box or connect(sqlite_url(private / "box.db")),
    )
    if (place := _database_of(given.register)) is not None and place == _database_of(given.box):
        raise ParameterError("Register and box must be two databases.", check="BOX-2")
    return given


def _database_of(where: object) -> tuple[object, ...] | None:
    """Return what tells databases apart; None for an adapter, whose business it is."""
    url = where.url if isinstance(where, Engine) else read_url(where) if isinstance(where, str) else None
    if url is None:
        return None
    if url.get_backend_name() == "sqlite":
        return (Path(url.database or "").resolve(),)
    return url.host, url.port, tuple(sorted(url.query.items())), url.database


def _engine(where: str | Engine) -> Engine:
    if not isinstance(where, Engine):
        return connect(read_url(where))
    if where.echo:
        raise ParameterError("An engine that echoes its statements would log who votes what.", check="BOX-2")
    where.dispose()  # connections that were made before have other settings
    return where


def open_register(where: str | Engine | RegisterStore, owner: str, *, create: bool) -> RegisterStore:
    """Open the register of an election folder.

    Raises:
        StorageError: It cannot be opened, or is empty and `create` is not said (BOX-2).
    """
    return SqlRegister(_engine(where), owner, create=create) if isinstance(where, str | Engine) else where


def open_box(where: str | Engine | BoxStore, owner: str, *, create: bool) -> BoxStore:
    """Open the box of an election folder.

    Raises:
        StorageError: It cannot be opened, or is empty and `create` is not said (BOX-2).
    """
    return SqlBox(_engine(where), owner, create=create) if isinstance(where, str | Engine) else where
