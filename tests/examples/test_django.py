# SPDX-License-Identifier: GPL-3.0-or-later
"""The Django site: gunicorn and uvicorn, two databases of the box that Django does not touch, atomic requests."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest

import office
from device import Device, free_port
from evote.box import BallotBox
from evote.verify import audit_record
from postgres import Cluster, url_of
from website import CODES, EXAMPLES, current_plan

SERVERS = {
    "gunicorn": ("gunicorn", "-c", "django_site/gunicorn.conf.py", "django_site.wsgi:application"),
    "uvicorn": ("uvicorn", "django_site.asgi:application", "--no-access-log", "--port", "{port}"),
}
MAKE_USERS = """
from django.contrib.auth.models import User
for voter, code in {codes!r}.items():
    User.objects.create_user(voter, f"{{voter}}@example.org", code)
"""
HOW_TO = EXAMPLES.parent / "docs" / "how-to"
PASSWORD = "chosen here"


@pytest.fixture
def site(environment: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    """Make the site's own database and users; return what runs Python inside the site."""
    environment["SITE_DATABASE"] = str(tmp_path / "site.db")
    environment["MAIL_PORT"] = str(free_port())  # nobody listens: mails fail
    environment["DJANGO_SETTINGS_MODULE"] = "django_site.settings"

    def run(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "django", *words],
            cwd=EXAMPLES,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == bool(code), done.stdout + done.stderr
        return done.stdout + done.stderr

    run("migrate")
    run("shell", "-c", MAKE_USERS.format(codes=CODES))
    return run


def sign_in(url: str, voter: str) -> Device:
    with httpx.Client(base_url=url, timeout=60) as browser:
        token = browser.get("/").cookies["csrftoken"]
        headers = {"X-CSRFToken": token}
        answer = browser.post("/sign-in", data={"voter": voter, "code": CODES[voter]}, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.text == voter.title()  # the name as the register has it
        cookies = dict(browser.cookies)
    return Device(f"{url}/vote", {"X-CSRFToken": cookies["csrftoken"]}, cookies)


@pytest.mark.parametrize("server", SERVERS)
def test_a_voter_votes_in_the_site(server, site, run_server, election) -> None:
    with run_server(*SERVERS[server]) as (url, said):
        with Device(f"{url}/vote") as nobody:
            assert nobody.get("/voter").status_code == 401
        with sign_in(url, "ada") as ada:
            ballot, other = ada.encrypt("one", "a"), ada.encrypt("one", "b")
            proof = other.ballot.proof
            crooked = other.ballot.replace(proof=proof.replace(z=proof.z[::-1]))
            refused = ada.post("/ballot", crooked.to_bytes())
            assert (refused.status_code, refused.json()["check"]) == (422, "SEL-4")
            receipt = ada.cast(ballot)
            assert ada.post("/ballot", other.to_bytes()).json()["error"] == "AlreadyVoted"
            assert ada.post("/slot", b" " * (1 << 20)).status_code == 413
        assert "ada" not in said.read_text()
    with BallotBox.open(election) as box:
        assert box.turnout() == {"one": 1, "two": 0}
        box.publish(forced=True)
        assert box.check_reference(str(receipt.reference)).presence == "found"
    assert audit_record(election / "record", until="open").verified


def test_who_is_not_on_the_roll_or_sends_no_code_is_refused(site, run_server) -> None:
    with run_server(*SERVERS["gunicorn"]) as (url, said), httpx.Client(base_url=url, timeout=60) as browser:
        headers = {"X-CSRFToken": browser.get("/").cookies["csrftoken"]}
        president = {"voter": "garnier", "code": CODES["garnier"]}  # a user, and no voter
        for form, status in (
            (president, 403),
            ({**president, "code": "guess"}, 401),
            ({"voter": "ada"}, 401),
            ({"code": CODES["ada"]}, 401),
            ({"voter": "ada", "code": "\0é"}, 401),
        ):
            assert browser.post("/sign-in", data=form, headers=headers).status_code == status, form
        assert browser.get("/vote/v1/voter").status_code == 401
        assert said.read_text() == ""  # no error, and no time of anything


@pytest.mark.parametrize("server", SERVERS)
def test_a_site_that_is_stopped_or_killed_leaves_no_process_behind(server, site, run_server) -> None:
    for stop in (signal.SIGTERM, signal.SIGKILL):
        with run_server(*SERVERS[server], stop=stop) as (url, _), sign_in(url, "ada") as ada:
            if stop == signal.SIGTERM:
                ada.cast(ada.encrypt("one", "a"))  # the pool has its processes
            else:
                assert ada.post("/ballot", ada.encrypt("two", "a").to_bytes()).status_code == 200


def test_a_view_that_raises_after_the_cast_does_not_undo_the_ballot(site, run_server) -> None:
    with run_server(*SERVERS["gunicorn"]) as (url, said), sign_in(url, "ada") as ada:
        ballot = ada.encrypt("one", "a")
        cast = url + "/cast/one"
        failed = ada.http.post(cast, content=ballot.to_bytes())
        assert failed.status_code == 500, said.read_text()  # the mail failed
        assert "ConnectionRefusedError" in said.read_text()
        assert (
            site("shell", "-c", COUNT_NOTICES).strip().endswith("notices: 0")
        )  # the site's own row is undone
        assert ada.get("/voter").json()["contests"]["one"] == "voted"  # the ballot is not
        again = ada.post("/receipt", ballot.to_bytes())
        assert again.status_code == 200
        other = ada.http.post(cast, content=ada.encrypt("one", "b").to_bytes())
        assert (other.status_code, other.json()["error"]) == (409, "AlreadyVoted")
        assert ada.cast(ballot) == ada.cast(ballot)
        assert "ada" not in said.read_text()
        assert "Traceback" not in said.read_text()


COUNT_NOTICES = "from django_site.models import Notice; print('notices:', Notice.objects.count())"
WRITE_PRELUDE = (
    "from django.db import connections; from django_site.models import Voter; print(Voter.objects.count());"
)
WRITES = [
    "Voter.objects.create(voter='eve', name='Eve')",
    "Voter.objects.filter(voter='ada').delete()",
    "Voter.objects.filter(voter='ada').update(name='Eve')",
    "Voter.objects.get(voter='ada').save()",
    "connections['register'].cursor().execute(\"UPDATE voters SET name = 'Eve'\")",
    "connections['box'].cursor().execute('CREATE TABLE more (id INTEGER)')",
]


@pytest.mark.parametrize("write", WRITES)
def test_the_site_cannot_write_the_boxs_databases(site, write) -> None:
    assert "4" in site("shell", "-c", WRITE_PRELUDE)
    said = site("shell", "-c", WRITE_PRELUDE + write, code=1)
    assert "PermissionError" in said or "readonly database" in said


@pytest.mark.parametrize("database", ["register", "box"])
def test_no_migration_makes_tables_in_the_boxs_databases(site, election, database) -> None:
    import sqlite3

    site("migrate", "--database", database, "--plan")
    with BallotBox.open(election):
        pass
    connection = sqlite3.connect(election / "private" / f"{database}.db")
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    finally:
        connection.close()
    assert not {name for name in tables if name.startswith(("django", "auth"))}


def test_the_sites_migrations_are_those_of_its_models(site) -> None:
    assert "No changes detected" in site("makemigrations", "--check", "--dry-run")


def test_a_row_of_the_site_is_related_to_no_row_of_the_register(site) -> None:
    said = site(
        "shell",
        "-c",
        "from django.db import router; from django_site.models import Notice, Voter;"
        "print(router.allow_relation(Notice(), Voter()), router.allow_relation(Notice(), Notice()))",
    )
    assert said.strip().endswith("False True")


def statements(page: str, name: str) -> str:
    """Return the statements that stand below a name on a page."""
    (found,) = re.findall(
        rf"<!-- sql: {name} -->\n```sql\n(.+?)\n```", (HOW_TO / page).read_text(encoding="utf-8"), re.DOTALL
    )
    return found


@pytest.fixture
def election_in_postgresql(servers, tmp_path, environment) -> tuple[Cluster, Path]:
    """Make an election whose register the site reads as the pages say; to be made before `site`."""
    server = servers.new("bare", bare=True)
    server.psql(statements("postgresql.md", "databases"), f"{PASSWORD}\n" * 4)
    urls = [url_of(role, role, server, password=PASSWORD) for role in ("evote_register", "evote_box")]
    folder = office.open_office(tmp_path / "in-postgresql", current_plan(), stores=(urls[0], urls[1]))
    server.psql(statements("django.md", "site"), f"{PASSWORD}\n" * 2)
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"*:*:*:site:{PASSWORD}\n")
    passwords.chmod(0o600)
    environment |= {
        "ELECTION": str(folder),
        "REGISTER_HOST": "127.0.0.1",
        "REGISTER_PORT": str(server.port),
        "REGISTER_SSL": "disable",
        "PGPASSFILE": str(passwords),
    }
    return server, folder


def as_site(server: Cluster, database: str, statement: str) -> list[tuple[object, ...]]:
    address = {"host": "127.0.0.1", "port": server.port, "user": "site", "password": PASSWORD}
    with psycopg.connect(dbname=database, **address) as connection:
        return connection.execute(statement).fetchall()


def test_the_site_reads_a_register_in_postgresql(election_in_postgresql, site, run_server) -> None:
    server, folder = election_in_postgresql
    with run_server(*SERVERS["gunicorn"]) as (url, said):
        with sign_in(url, "ada") as ada:
            ada.cast(ada.encrypt("one", "a"))
        assert said.read_text() == ""
    for write in WRITES[:5]:
        said = site("shell", "-c", WRITE_PRELUDE + write, code=1)
        assert "PermissionError" in said or "permission denied for table" in said
    assert as_site(server, "evote_register", "SELECT count(*) FROM voters") == [(4,)]
    for table in ("entitlements", "salts"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_site(server, "evote_register", f"SELECT * FROM {table}")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        as_site(server, "evote_box", "SELECT 1")
    with BallotBox.open(folder) as box:
        closes = box.public.manifest.timetable.closes
    office.close_office(folder, closes)
    assert as_site(server, "evote_register", "SELECT count(*) FROM voters") == [
        (4,)
    ]  # written anew, granted still


def test_the_page_prints_the_settings_as_they_are() -> None:
    page = (HOW_TO / "django.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(DATABASES.+?)```", page, re.DOTALL)
    assert textwrap.indent(block, "    ") in (EXAMPLES / "django_site" / "settings.py").read_text()
