# SPDX-License-Identifier: GPL-3.0-or-later
"""The stores that come with the library pass the suites that they ask of others; on PostgreSQL here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evote.box.database import connect, read_url
from evote.box.sql_box import SqlBox
from evote.box.sql_register import SqlRegister
from evote.errors import ParameterError, StorageError
from evote.testing import BoxStoreSuite, RegisterStoreSuite
from polling import polling_place


class TestRegisterOnPostgresql(RegisterStoreSuite):
    @pytest.fixture
    def register(self, postgres) -> Iterator[SqlRegister]:
        found = SqlRegister(connect(read_url(postgres.fresh_urls()[0])))
        yield found
        found.close()


class TestBoxOnPostgresql(BoxStoreSuite):
    @pytest.fixture
    def box(self, postgres) -> Iterator[SqlBox]:
        found = SqlBox(connect(read_url(postgres.fresh_urls()[1])))
        yield found
        found.close()


def test_one_database_cannot_be_both(postgres, tmp_path) -> None:
    register, _ = postgres.fresh_urls()
    with pytest.raises(ParameterError) as caught:
        polling_place(tmp_path / "e", 2, (register, register))
    assert caught.value.check == "BOX-2"


def test_a_register_is_no_box(postgres) -> None:
    register, _ = postgres.fresh_urls()
    SqlRegister(connect(read_url(register))).close()
    with pytest.raises(StorageError) as caught:
        SqlBox(connect(read_url(register)))
    assert caught.value.check == "BOX-2"


def test_a_weaker_commit_is_made_durable(postgres) -> None:
    """Whatever the role's default is."""
    _, box = postgres.fresh_urls()
    postgres.sql("ALTER ROLE evote_box SET synchronous_commit = 'off'")
    try:
        engine = connect(read_url(box))
        store = SqlBox(engine)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        store.close()
    finally:
        postgres.sql("ALTER ROLE evote_box RESET synchronous_commit")
