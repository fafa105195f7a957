# SPDX-License-Identifier: GPL-3.0-or-later
"""The Django site: gunicorn and uvicorn, two databases of the box that Django does not touch, atomic requests."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from device import Device, free_port
from evote.box import BallotBox
from evote.verify import audit_record
from website import CODES, EXAMPLES

SERVERS = {
    "gunicorn": ("gunicorn", "-c", "django_site/gunicorn.conf.py", "django_site.wsgi:application"),
    "uvicorn": ("uvicorn", "django_site.asgi:application", "--no-access-log", "--port", "{port}"),
}
MAKE_USERS = """
from django.contrib.auth.models import User
for voter, code in {codes!r}.items():
    User.objects.create_user(voter, f"{{voter}}@example.org", code)
"""


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
    prelude = "from django.db import connections; from django_site.models import Voter; print(Voter.objects.count());"
    assert "4" in site("shell", "-c", prelude)
    said = site("shell", "-c", prelude + write, code=1)
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
