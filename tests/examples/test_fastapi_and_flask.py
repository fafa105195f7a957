# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples for FastAPI and Flask: a voter signs in, encrypts, casts, and checks the receipt."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from device import Device
from evote.box import BallotBox
from evote.verify import audit_record
from website import CODES, EXAMPLES

SERVERS = {
    "fastapi": ("uvicorn", "fastapi_app:app", "--workers", "2", "--no-access-log", "--port", "{port}"),
    "flask": ("gunicorn", "-w", "2", "--threads", "4", "-b", "127.0.0.1:{port}", "flask_app:application"),
}


def sign_in(url: str, voter: str) -> Device:
    answer = httpx.post(f"{url}/sign-in", json={"voter": voter, "code": CODES[voter]}, timeout=60)
    assert answer.status_code == 200
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    return Device(f"{url}/vote", cookies=answer.cookies)


@pytest.mark.parametrize("example", SERVERS)
def test_a_voter_votes_in_the_example(example, run_server, election) -> None:
    with run_server(*SERVERS[example]) as (url, said):
        with Device(f"{url}/vote") as nobody:
            assert nobody.get("/voter").status_code == 401
        wrong = httpx.post(f"{url}/sign-in", json={"voter": "ada", "code": "guess"}, timeout=60)
        assert wrong.status_code == 401
        receipts = []
        for voter, choice in (("ada", "a"), ("bea", "blank")):
            with sign_in(url, voter) as device:
                ballot, other = device.encrypt("one", choice), device.encrypt("one", "b")
                receipts.append(device.cast(ballot))
                assert device.post("/ballot", other.to_bytes()).json()["error"] == "AlreadyVoted"
                assert device.get("/voter").json()["contests"]["one"] == "voted"
                assert device.get("/turnout").status_code == 403
            with Device(f"{url}/vote") as nobody:
                assert device_reference(nobody, ballot) == str(receipts[-1].reference)
                assert nobody.post("/ballot", b"x" * (2 << 20)).status_code == 413
        assert "ada" not in said.read_text()
    with BallotBox.open(election) as box:
        assert box.turnout() == {"one": 2, "two": 0}
        box.publish(forced=True)
        for receipt in receipts:
            assert box.check_reference(str(receipt.reference)).presence == "found"
    assert audit_record(election / "record", until="open").verified


def device_reference(device: Device, ballot) -> str:
    return str(device.post("/receipt", ballot.to_bytes()).json()["reference"])


def test_the_bureau_of_the_fastapi_example_reads_turnout(run_server) -> None:
    with run_server(*SERVERS["fastapi"]) as (url, _), sign_in(url, "garnier") as garnier:
        assert [one["voted"] for one in garnier.get("/turnout").json()["contests"]] == [0, 0]
        assert garnier.get("/record/checkpoint").status_code == 200
        assert garnier.get("/voter").json()["error"] == "NotEligible"


NO_CREDENTIALS = {
    "no JSON": b"x",
    "no UTF-8": b"\xff",
    "a list": b"[]",
    "a text": b'"ada"',
    "no voter": b'{"code": "ada knows this"}',
    "no code": b'{"voter": "ada"}',
    "a number as voter": b'{"voter": 1, "code": "ada knows this"}',
    "a list as voter": b'{"voter": ["ada"], "code": "ada knows this"}',
    "a number as code": b'{"voter": "ada", "code": 1}',
    "half a character": b'{"voter": "ada", "code": "\\ud800"}',
    "half a character as voter": b'{"voter": "\\ud800", "code": "ada knows this"}',
    "a deep list": b"[" * 100_000,
}


@pytest.mark.parametrize("example", SERVERS)
def test_whoever_does_not_sign_in_is_refused(example, run_server) -> None:
    with run_server(*SERVERS[example]) as (url, said), httpx.Client(base_url=url, timeout=60) as browser:
        for name, body in NO_CREDENTIALS.items():
            answer = browser.post("/sign-in", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 400, (name, answer.text)
        for voter, code in (("ada", "Adâ knows this"), ("adé", "ada knows this"), ("ada", "")):
            assert browser.post("/sign-in", json={"voter": voter, "code": code}).status_code == 401
        assert browser.get("/vote/v1/voter").status_code == 401
        known = browser.post("/sign-in", json={"voter": "cyd", "code": CODES["cyd"]})
        assert known.status_code == 200, known.text  # a code need not be ASCII
        assert "Traceback" not in said.read_text()


def test_the_flask_example_logs_the_class_of_an_error_alone(environment) -> None:
    """No time, no path, no text."""
    broken = """
from flask_app import site
@site.get("/broken/<voter>")
def broken(voter):
    raise LookupError(f"nobody knows {voter}")
assert site.test_client().get("/broken/ada").status_code == 500
"""
    done = subprocess.run(
        [sys.executable, "-c", broken],
        cwd=EXAMPLES,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "ERROR flask_app: LookupError\n"


def test_the_fastapi_example_is_short() -> None:
    assert (EXAMPLES / "fastapi_app.py").read_text().count("\n") <= 60
