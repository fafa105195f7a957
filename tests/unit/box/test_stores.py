# SPDX-License-Identifier: GPL-3.0-or-later
"""The stores that come with the library pass the suites that they ask of others; on SQLite here."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from evote.box import BallotBox, setup
from evote.box.database import connect, read_url, sqlite_url
from evote.box.sql_box import SqlBox
from evote.box.sql_register import SqlRegister
from evote.box.stores import Places, open_register, read_places, save_places
from evote.errors import ParameterError, StorageError
from evote.testing import BoxStoreSuite, RegisterStoreSuite
from office import ROLL, two_contests


class TestRegisterOnSqlite(RegisterStoreSuite):
    @pytest.fixture
    def register(self, tmp_path: Path) -> Iterator[SqlRegister]:
        found = SqlRegister(connect(sqlite_url(tmp_path / "register.db")))
        yield found
        found.close()


class TestBoxOnSqlite(BoxStoreSuite):
    @pytest.fixture
    def box(self, tmp_path: Path) -> Iterator[SqlBox]:
        found = SqlBox(connect(sqlite_url(tmp_path / "box.db")))
        yield found
        found.close()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///a/b.db",
        "sqlite+pysqlite:////a/b.db",
        "postgresql://r@h/d",
        "postgresql+psycopg://r:p@/d?host=a:1&host=b:2&target_session_attrs=read-write",
    ],
)
def test_urls_of_two_kinds_are_read(url: str) -> None:
    assert read_url(url).database in ("a/b.db", "/a/b.db", "d")


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "x.db", "mysql://r@h/d", "postgresql+asyncpg://r@h/d", "postgresql://r@h/"],
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_url(url)
    assert caught.value.check == "BOX-2"


@pytest.mark.parametrize(
    ("register", "box"),
    [
        ("sqlite:///{}/x.db", "sqlite:///{}/y/../x.db"),
        ("postgresql://a@h/d", "postgresql+psycopg://b@h/d"),
        ("postgresql://a@/d?host=p:1&host=q:2", "postgresql://b@/d?host=p:1&host=q:2"),
    ],
)
def test_register_and_box_are_two_databases(tmp_path: Path, register: str, box: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_places(tmp_path, Places(register.format(tmp_path), box.format(tmp_path)))
    assert caught.value.check == "BOX-2"
    assert read_places(tmp_path, Places(register.format(tmp_path), "sqlite:///other.db"))


def test_the_default_register_is_not_taken_for_a_box(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    with pytest.raises(ParameterError) as caught:
        BallotBox.open(tmp_path, box=f"sqlite:///{tmp_path}/private/register.db")
    assert caught.value.check == "BOX-2"


def test_a_store_is_private_and_of_one_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    SqlRegister(connect(sqlite_url(path))).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    SqlRegister(create_engine(f"sqlite:///{path}"), create=False).close()  # an engine of the integrator's own
    with pytest.raises(StorageError) as caught:
        SqlBox(connect(sqlite_url(path)))
    assert caught.value.check == "BOX-2"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError) as caught:
        SqlRegister(connect(sqlite_url(tmp_path / "x.db")))
    assert caught.value.check == "BOX-2"


def test_an_empty_database_is_no_store_of_a_sealed_election(tmp_path: Path) -> None:
    connect(sqlite_url(tmp_path / "empty.db")).connect().close()
    for name in ("missing.db", "empty.db"):
        with pytest.raises(StorageError) as caught:
            SqlBox(connect(sqlite_url(tmp_path / name)), create=False)
        assert caught.value.check == "BOX-2"
    assert not (tmp_path / "missing.db").exists()


def test_what_is_configured_is_found_and_kept_secret(tmp_path: Path) -> None:
    save_places(tmp_path, "postgresql://r:secret@h/d", "", "/spare")
    assert stat.S_IMODE((tmp_path / "stores.json").stat().st_mode) == 0o600
    found = read_places(tmp_path, Places(box="sqlite:///given.db"))
    assert (found.register, found.box, found.spare) == (
        "postgresql://r:secret@h/d",
        "sqlite:///given.db",
        "/spare",
    )
    with pytest.raises(ParameterError):
        save_places(tmp_path, "mysql://x/y", "", "")


def test_a_server_that_is_not_there_is_one_sentence_without_the_password() -> None:
    with pytest.raises(StorageError) as caught:
        SqlRegister(connect(read_url("postgresql://role:secret@127.0.0.1:1/d?connect_timeout=2")))
    assert caught.value.check == "BOX-2"
    assert "secret" not in str(caught.value)


def test_databases_of_another_election_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        setup.create_election_folder(tmp_path / name, two_contests())
    places = Places(f"sqlite:///{tmp_path}/register.db", f"sqlite:///{tmp_path}/box.db")
    setup.configure_stores(tmp_path / "a", str(places.register), str(places.box), "")
    setup.configure_stores(tmp_path / "a", str(places.register), str(places.box), "")
    for action in (
        lambda: setup.configure_stores(tmp_path / "b", str(places.register), str(places.box), ""),
        lambda: setup.import_roll(tmp_path / "b", ROLL.encode(), places=places),
    ):
        with pytest.raises(StorageError) as caught:
            action()
        assert caught.value.check == "BOX-2"


def test_an_engine_that_echoes_is_refused(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/x.db", echo=True)
    with pytest.raises(ParameterError) as caught:
        open_register(engine, "", create=True)
    assert caught.value.check == "BOX-2"


def test_why_a_server_refuses_is_said() -> None:
    with pytest.raises(StorageError) as caught:
        SqlRegister(connect(read_url("postgres://role:secret@127.0.0.1:1/d?connect_timeout=2")))
    assert "refused" in str(caught.value)
    assert "secret" not in str(caught.value)
