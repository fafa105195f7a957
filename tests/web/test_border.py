# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile requests: too long, too slow, too deep, from everywhere at once. Bounded, and never a traceback."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from device import check_receipt
from evote.record.ballot import Ballot
from website import connect, head, read_all

TEN_MEGABYTES = 10 << 20
SMALL_BODY = 4096


def is_well(site) -> bool:
    ada = site.device("ada")
    return ada.get("/voter").status_code == 200


@pytest.mark.parametrize("path", ["/v1/ballot", "/v1/receipt", "/v1/slot", "/v1/reference", "/v1/election"])
def test_a_body_that_declares_ten_megabytes_is_refused_before_it_is_sent(site, path) -> None:
    method = "GET" if path == "/v1/election" else "POST"
    with connect(site.url) as connection:
        connection.sendall(head(method, path, f"Content-Length: {TEN_MEGABYTES}"))
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"error":"BodyTooLarge","check":"WEB-2"' in answer
    assert is_well(site)


@pytest.mark.parametrize(("path", "limit"), [("/v1/ballot", Ballot.max_bytes), ("/v1/slot", SMALL_BODY)])
def test_a_body_that_declares_nothing_is_cut_at_its_limit(site, path, limit) -> None:
    with connect(site.url) as connection:
        connection.sendall(head("POST", path, "Transfer-Encoding: chunked"))
        connection.sendall(b"%x\r\n" % limit + b" " * limit + b"\r\n")  # as much as it may be
        connection.sendall(b"1\r\n \r\n")  # and one byte more; the end never comes
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert is_well(site)


def test_a_body_of_the_greatest_size_is_read_and_one_byte_more_is_not(site) -> None:
    ada = site.device("ada")
    assert ada.post("/ballot", b" " * Ballot.max_bytes).status_code == 422
    assert ada.post("/ballot", b" " * (Ballot.max_bytes + 1)).status_code == 413
    assert ada.post("/slot", b" " * SMALL_BODY).status_code == 400
    assert ada.post("/slot", b" " * (SMALL_BODY + 1)).status_code == 413


def test_a_whole_upload_of_ten_megabytes_leaves_the_service_well(site) -> None:
    ada = site.device("ada")
    for path in ("/ballot", "/slot"):
        answer = ada.post(path, b" " * TEN_MEGABYTES)  # answered, not cut off
        assert (answer.status_code, answer.json()["check"]) == (413, "WEB-2")
    assert is_well(site)


@pytest.mark.parametrize("depth", [20, 300, 100_000])
@pytest.mark.parametrize(("left", "right"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nested_json_is_refused(site, depth, left, right) -> None:
    ada = site.device("ada")
    nested = left * depth + b"1" + right * depth
    if len(nested) <= Ballot.max_bytes:
        answer = ada.post("/ballot", nested)
        assert (answer.status_code, answer.json()["check"]) == (422, "ENC-5")
        inside = b'{"ciphertext":' + nested + b"}"
        assert ada.post("/ballot", inside).json()["check"] == "ENC-5"
        assert ada.post("/receipt", nested).status_code == 404
    for path in ("/slot", "/reference"):
        body = b'{"contest":' + nested + b"}"
        answer = ada.post(path, body)
        expected = (400, "ENC-5") if len(body) <= SMALL_BODY else (413, "WEB-2")
        assert (answer.status_code, answer.json()["check"]) == expected


def test_a_slow_body_is_refused_within_the_deadline(site_of) -> None:
    site = site_of(body_seconds=1.0)
    with connect(site.url) as connection:
        connection.sendall(head("POST", "/v1/ballot", "Content-Length: 1000"))
        closed = threading.Event()

        def dribble() -> None:
            while not closed.wait(0.05):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

        drops = threading.Thread(target=dribble)
        drops.start()
        begun = time.monotonic()
        answer = read_all(connection)
        closed.set()
        drops.join()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"error":"BodyTooSlow","check":"WEB-3"' in answer
    assert time.monotonic() - begun < 30  # 1000 bytes at this pace would take 50 s
    assert is_well(site)


def test_many_slow_clients_keep_nobody_waiting(site_of) -> None:
    site = site_of(body_seconds=5.0, threads=2)
    waiting = [connect(site.url) for _ in range(50)]
    try:
        for connection in waiting:
            connection.sendall(head("POST", "/v1/ballot", "Content-Length: 1000") + b" ")
        ada = site.device("ada")
        ada.cast(ada.encrypt("one"))
        for connection in waiting:
            assert read_all(connection).startswith(b"HTTP/1.1 408 ")
    finally:
        for connection in waiting:
            connection.close()


def test_a_client_that_goes_away_leaves_the_service_well(site) -> None:
    for _ in range(10):
        with connect(site.url) as connection:
            connection.sendall(head("POST", "/v1/ballot", "Content-Length: 1000") + b" ")
    assert is_well(site)


def test_of_two_casts_at_once_one_is_accepted(site_of) -> None:
    site = site_of(threads=4)
    for voter in ("ada", "bea", "cyd"):
        devices = [site.device(voter) for _ in range(6)]
        ballots = [device.encrypt("one", "ab"[place % 2]) for place, device in enumerate(devices)]
        together = threading.Barrier(len(devices))

        def cast(device, ballot, together=together):
            together.wait()
            return device.post("/ballot", ballot.to_bytes())

        with ThreadPoolExecutor(len(devices)) as pool:
            answers = list(pool.map(cast, devices, ballots))
        accepted = [place for place, answer in enumerate(answers) if answer.status_code == 200]
        assert len(accepted) == 1
        check_receipt(ballots[accepted[0]], answers[accepted[0]])
        assert {answer.json()["error"] for answer in answers if answer.status_code != 200} == {"AlreadyVoted"}
    turnout = site.bureau().get("/turnout").json()["contests"]
    assert turnout[0]["voted"] == 3


def test_of_two_casts_of_one_ballot_at_once_both_get_the_receipt(site) -> None:
    devices = [site.device("ada") for _ in range(4)]
    ballot = devices[0].encrypt("one")
    with ThreadPoolExecutor(4) as pool:
        receipts = set(pool.map(lambda device: device.cast(ballot), devices))
    assert len(receipts) == 1


def test_an_unforeseen_failure_shows_and_logs_nothing_of_it(site_of, caplog, capfd) -> None:
    def authenticate(request):
        voter = "voter-of-this-test"
        raise RuntimeError(f"no such column for {voter}")

    site = site_of(authenticate=authenticate)
    answer = site.device("x").get("/voter")
    assert (answer.status_code, answer.json()["error"]) == (500, "ServiceFailed")
    assert answer.headers["x-content-type-options"] == "nosniff"
    said = caplog.text + "".join(capfd.readouterr())
    assert "RuntimeError" in said
    for text in (answer.text, said):
        assert "voter-of-this-test" not in text
        assert "Traceback" not in text


def test_no_voter_and_no_ballot_gets_into_a_log(site_of, caplog, capfd) -> None:
    caplog.set_level("DEBUG")
    site = site_of(access_log=False)
    ada = site.device("ada")
    ballot = ada.encrypt("one", "a")
    receipt = ada.cast(ballot)
    ada.post("/ballot", ada.encrypt("one", "b").to_bytes())
    ada.post("/reference", {"reference": str(receipt.reference)})
    ada.get("/voter/attendance/one")
    site.device("voter-on-no-roll").get("/voter")
    for name in ("register.db", "box.db"):  # from now on nothing works
        (site.folder / "private" / name).write_bytes(b"no database\n" * 1000)
    for answer in (
        ada.post("/ballot", ballot.to_bytes()),
        ada.get("/voter"),
        ada.post("/receipt", ballot.to_bytes()),
    ):
        assert answer.status_code in (500, 503)
    said = "".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("evote", "uvicorn"))
    )
    said += "".join(capfd.readouterr())
    assert "A request failed" in said or "could not answer" in said
    secrets = ["Bearer ada", "'ada'", "voter-on-no-roll", str(receipt.reference), receipt.code]
    secrets += json.loads(ballot.to_bytes())["proof"]["z"]
    for secret in secrets:
        assert secret not in said
