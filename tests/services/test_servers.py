# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of the tests do what the tests of the voting service rely on."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from postgres import files_under, url_of


def run(url, *statements):
    """Run statements in one transaction and return the rows of the last."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            result = connection.execute(text(statement))
        return result.fetchall() if result.returns_rows else []


def test_each_role_has_its_own_database_and_not_the_other(postgres) -> None:
    register, box = postgres.fresh_urls()
    assert run(register, "SELECT current_user::text") == [("evote_register",)]
    assert run(box, "SELECT current_user::text") == [("evote_box",)]
    crossed = make_url(register).set(database=make_url(box).database)
    with pytest.raises(OperationalError, match="permission denied"):
        run(crossed, "SELECT 1")
    with pytest.raises(OperationalError, match="password"):
        run(make_url(register).set(password="wrong"), "SELECT 1")


def test_the_server_syncs_and_logs_no_statement(postgres) -> None:
    for name, value in (("fsync", "on"), ("synchronous_commit", "on"), ("log_statement", "none")):
        assert postgres.sql(f"SHOW {name}") == [(value,)]
    assert int(postgres.sql("SHOW server_version_num")[0][0]) >= 140000


def test_a_killed_server_comes_back_with_what_it_acknowledged(servers) -> None:
    server = servers.new("one")
    _, box = server.fresh_urls()
    run(box, "CREATE TABLE t (n integer)", "INSERT INTO t VALUES (7)")
    server.kill()
    with pytest.raises(OperationalError):
        run(box, "SELECT 1")
    server.start()
    assert run(box, "SELECT n FROM t") == [(7,)]


def test_a_standby_has_every_commit_and_takes_over_behind_the_same_url(servers) -> None:
    primary = servers.new("primary")
    _, box = primary.fresh_urls()
    standby = servers.standby_of(primary)
    url = url_of("evote_box", make_url(box).database, primary, standby)
    run(url, "CREATE TABLE t (n integer)", "INSERT INTO t VALUES (7)")
    primary.kill()
    with pytest.raises(OperationalError):
        run(url, "SELECT 1")
    standby.promote()
    assert run(url, "INSERT INTO t VALUES (8) RETURNING n") == [(8,)]
    assert run(url, "SELECT n FROM t ORDER BY n") == [(7,), (8,)]


def test_an_attacker_reads_backups_archives_and_write_ahead_logs(servers) -> None:
    """What the tests of unlinkability look into holds what was written."""
    server = servers.new("one", archive=True)
    _, box = server.fresh_urls()
    other = servers.new("two")
    pair = server.fresh_urls(box_on=other)
    assert make_url(pair[1]).query["host"] == f"127.0.0.1:{other.port}"
    run(box, "CREATE TABLE t (mark text)", "INSERT INTO t VALUES ('needle-in-the-log')")
    server.finish_segment()
    backup = server.base_backup(servers.folder / "backup")
    for folder in (server.data, server.archive, backup):
        assert any(b"needle-in-the-log" in data for data in files_under(folder).values()), folder
    table = server.sql("SELECT 't'::regclass::oid", database=make_url(box).database)[0][0]
    assert f"/{table} " in server.wal_text(server.archive)
    assert "INSERT" in server.wal_text(server.archive)
