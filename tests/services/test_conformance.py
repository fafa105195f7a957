# SPDX-License-Identifier: GPL-3.0-or-later
"""The stores that come with the library pass the suites that they ask of others; on PostgreSQL here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import make_url

from evote.box import setup
from evote.box.database import connect, read_url
from evote.box.sql_box import SqlBox
from evote.box.sql_register import SqlRegister
from evote.errors import ParameterError, StateError, StorageError
from evote.testing import BoxStoreSuite, RegisterStoreSuite
from office import two_contests
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


def test_one_role_for_both_is_refused(postgres, tmp_path) -> None:
    register, box = postgres.fresh_urls()
    setup.create_election_folder(tmp_path, two_contests())
    setup.configure_stores(tmp_path, register, box, "")
    postgres.sql(f"GRANT CONNECT, CREATE ON DATABASE {make_url(box).database} TO evote_register")
    postgres.sql("GRANT ALL ON SCHEMA public TO evote_register", database=make_url(box).database)
    postgres.sql(
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO evote_register", database=make_url(box).database
    )
    one = make_url(register)
    shared = make_url(box).set(username=one.username, password=one.password)
    with pytest.raises(StateError) as caught:
        setup.configure_stores(tmp_path, register, shared.render_as_string(hide_password=False), "")
    assert caught.value.check == "BOX-2"


def test_who_is_refused_by_the_server_is_told_why(postgres) -> None:
    register, _ = postgres.fresh_urls()
    wrong = make_url(register).set(password="wrong")
    for url, word in ((wrong, "password"), (make_url(register).set(database="nowhere"), "nowhere")):
        with pytest.raises(StorageError) as caught:
            SqlRegister(connect(read_url(url.render_as_string(hide_password=False))))
        assert caught.value.check == "BOX-2"
        assert word in str(caught.value)
