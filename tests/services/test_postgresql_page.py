# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/how-to/postgresql.md: every statement as printed, on a server as it comes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.pool import NullPool

from evote.testing import BoxStoreSuite, RegisterStoreSuite
from polling import close, encrypted, entered, name, polling_place, verify_kept, verify_record
from postgres import Cluster, url_of

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "postgresql.md"
PASSWORD = "chosen here"
TYPED = f"{PASSWORD}\n{PASSWORD}\n"


def printed() -> dict[str, str]:
    """Return the page's statements by the name above them."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"<!-- sql: ([a-z ]+) -->\n *```sql\n(.+?)\n *```", text, re.DOTALL)
    assert len(found) == text.count("```sql")
    return dict(found)


@pytest.fixture
def server(servers) -> Cluster:
    made = servers.new("bare", bare=True)
    made.psql(printed()["databases"], TYPED * 2)
    made.psql(printed()["settings"])
    return made


def urls(server: Cluster) -> list[str]:
    return [url_of(role, role, server, password=PASSWORD) for role in ("evote_register", "evote_box")]


def run(url, statement, **values):
    with create_engine(url, poolclass=NullPool).begin() as connection:
        result = connection.execute(text(statement), values)
        return result.fetchall() if result.returns_rows else []


def test_the_page_says_all_that_the_tests_run() -> None:
    assert list(printed()) == [
        "databases", "settings", "replication", "wait for the standby", "take over", "check",
    ]  # fmt: skip


def test_two_databases_that_are_closed_to_each_other(server) -> None:
    for url, other in zip(urls(server), ("evote_box", "evote_register"), strict=True):
        run(url, "CREATE TABLE mine (n integer)")
        with pytest.raises(OperationalError, match="permission denied for database"):
            run(re.sub(r"@/\w+", f"@/{other}", url), "SELECT 1")


def test_an_election_runs_there(server, tmp_path) -> None:
    folder = polling_place(tmp_path / "e", 3, tuple(urls(server)))
    ballots = encrypted(folder, 2)
    with entered(folder) as box:
        receipts = [str(box.cast(name(number), ballot).reference) for number, ballot in enumerate(ballots)]
    verify_kept(folder, receipts)
    close(folder)
    verify_record(folder, "closed")


def test_no_value_reaches_the_log(server) -> None:
    needle = "voter-4711"
    register = urls(server)[0]
    run(register, "CREATE TABLE mine (who text PRIMARY KEY)")
    run(register, "INSERT INTO mine VALUES (:who)", who=needle)
    with pytest.raises(IntegrityError):
        run(register, "INSERT INTO mine VALUES (:who)", who=needle)
    log = server.log.read_text()
    assert "duplicate key" in log
    assert needle not in log
    server.psql("ALTER SYSTEM SET log_error_verbosity = 'default'; SELECT pg_reload_conf();")
    with pytest.raises(IntegrityError):  # without that setting the value is there
        run(register, "INSERT INTO mine VALUES (:who)", who=needle)
    assert needle in server.log.read_text()


def test_a_standby_takes_over(server, servers) -> None:
    server.psql(printed()["replication"], TYPED)
    standby = servers.copy_of(server, "standby", "user=postgres application_name=evote_standby")
    server.psql(printed()["wait for the standby"])
    server.wait_for_standby()
    box = url_of("evote_box", "evote_box", server, standby, password=PASSWORD)
    run(box, "CREATE TABLE mine (n integer)")
    run(box, "INSERT INTO mine VALUES (7)")
    server.kill()
    standby.psql(printed()["take over"])
    assert standby.psql(printed()["check"]).split("\n") == ["f", "on", "", ""]
    run(box, "INSERT INTO mine VALUES (8)")
    assert run(box, "SELECT n FROM mine ORDER BY n") == [(7,), (8,)]


ADAPTERS = """
from evote.box.database import connect, sqlite_url
from evote.box.sql_box import SqlBox
from evote.box.sql_register import SqlRegister

class YourRegister(SqlRegister):
    def __init__(self, folder):
        super().__init__(connect(sqlite_url(folder / "register.db")))

class YourBox(SqlBox):
    def __init__(self, folder):
        super().__init__(connect(sqlite_url(folder / "box.db")))
"""
FAULTY = """
    def release(self, voter, contest, ticket):
        pass
"""


def run_suites(folder: Path, adapters: str) -> subprocess.CompletedProcess[str]:
    (snippet,) = re.findall(r"```python\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    folder.mkdir()
    (folder / "yours.py").write_text(adapters)
    (folder / "test_yours.py").write_text(snippet)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_suites_for_other_databases_run_as_printed(tmp_path) -> None:
    sound = run_suites(tmp_path / "sound", ADAPTERS)
    assert sound.returncode == 0, sound.stdout
    register, box = (
        sum(name.startswith("test_") for name in dir(suite)) for suite in (RegisterStoreSuite, BoxStoreSuite)
    )
    assert f"{register + box} passed" in sound.stdout
    faulty = run_suites(tmp_path / "faulty", ADAPTERS.replace("class YourBox", FAULTY + "\nclass YourBox"))
    assert faulty.returncode == 1
    assert "test_a_released_voter_is_still_connected" in faulty.stdout
