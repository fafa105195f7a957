# SPDX-License-Identifier: GPL-3.0-or-later
"""Every path of the web API, over HTTP."""

from __future__ import annotations

import hashlib
import threading
import time

import httpx

import office
from device import check_receipt
from evote.crypto.notes import NoteKey, open_note
from evote.encoding import encode_base64url


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, class and check of a refusal, which has three fields and no more."""
    assert set(answer.json()) == {"error", "check", "message"}
    return answer.status_code, answer.json()["error"], answer.json()["check"]


def test_a_voter_votes_and_checks(site) -> None:
    ada = site.device("ada")
    assert ada.get("/voter").json() == {"contests": {"one": "not voted", "two": "not voted"}}
    ballot = ada.encrypt("one", "a")
    assert ada.get("/voter").json()["contests"]["one"] == "in progress"
    receipt = ada.cast(ballot)
    assert ada.get("/voter").json()["contests"] == {"one": "voted", "two": "not voted"}

    verdict = site.device().post("/reference", {"reference": str(receipt.reference)}).json()
    assert (verdict["signature"], verdict["presence"], verdict["index"]) == (True, "pending", -1)
    site.box.publish(forced=True)
    verdict = site.device().post("/reference", {"reference": str(receipt.reference)}).json()
    assert (verdict["presence"], verdict["contest"], verdict["section"]) == (
        "found",
        "Contest one",
        "Section all",
    )
    assert verdict["index"] == -1  # its place in a log that is not public would tell how many there are
    found = site.device().get(f"/code/{receipt.code.lower()}").json()
    assert found["code"] == receipt.code
    assert [(one["contest"], one["index"]) for one in found["ballots"]] == [("one", -1)]


def test_device_files_are_those_of_the_record(site) -> None:
    for name in ("seal.json", "manifest.json", "keys.json"):
        answer = site.device().get(f"/{name}")
        data = (site.folder / "record" / name).read_bytes()
        assert answer.content == data
        assert answer.headers["content-type"] == "application/json"
        tag = answer.headers["etag"]
        assert tag == f'"{encode_base64url(hashlib.sha256(data).digest())}"'
        for sent in (tag, f'"other", W/{tag}'):
            again = site.device().get(f"/{name}", headers={"If-None-Match": sent})
            assert (again.status_code, again.content) == (304, b"")
        assert site.device().get(f"/{name}", headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_election_tells_phase_and_hours(site) -> None:
    answer = site.device().get("/election").json()
    hours = site.box.public.manifest.timetable
    assert answer["phase"] == "open"
    assert answer["mode"] == "TEST"
    assert (answer["opens"], answer["closes"], answer["grace_ends"]) == (
        hours.opens,
        hours.closes,
        hours.grace_ends,
    )


def test_every_answer_has_its_headers(site) -> None:
    paths = ("/election", "/voter", "/nothing", "/turnout", "/record/nothing")
    for answer in [site.device("ada").get(path) for path in paths]:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_who_is_not_signed_in_is_refused(site) -> None:
    nobody, ada = site.device(), site.device("ada")
    ballot = ada.encrypt("one")
    assert refusal(nobody.get("/voter")) == (401, "NotSignedIn", "WEB-4")
    assert refusal(nobody.post("/slot", {"contest": "one"})) == (401, "NotSignedIn", "WEB-4")
    assert refusal(nobody.post("/ballot", ballot.to_bytes())) == (401, "NotSignedIn", "WEB-4")
    assert refusal(nobody.get("/voter/attendance/one")) == (401, "NotSignedIn", "WEB-4")
    ada.cast(ballot)


def test_a_hook_that_names_nobody_lets_nobody_in(site_of) -> None:
    for nobody in ("", None, False, 7):
        site = site_of(authenticate=lambda _, found=nobody: found, bureau=lambda _, found=nobody: found)
        assert refusal(site.device("ada").get("/voter")) == (401, "NotSignedIn", "WEB-4")
        assert refusal(site.bureau().get("/turnout")) == (403, "BureauOnly", "WEB-5")


def test_a_hook_may_refuse_as_the_framework_does(site_of) -> None:
    from starlette.exceptions import HTTPException

    async def refuse(request):
        status = int(request.headers["authorization"].split()[1])
        raise HTTPException(status, "ada is a secret", headers={"WWW-Authenticate": "Bearer"})

    site = site_of(authenticate=refuse)
    answer = site.device("401").get("/voter")
    assert refusal(answer) == (401, "NotSignedIn", "WEB-4")
    assert answer.headers["www-authenticate"] == "Bearer"
    answer = site.device("429").get("/voter")
    assert answer.status_code == 429
    assert "secret" not in answer.text


def test_who_is_on_no_roll_is_refused(site) -> None:
    assert refusal(site.device("eve").get("/voter")) == (403, "NotEligible", "BOX-7")
    assert refusal(site.device("eve").post("/slot", {"contest": "one"})) == (403, "NotEligible", "BOX-7")
    assert refusal(site.device("dan").post("/slot", {"contest": "one"})) == (403, "NotEligible", "BOX-7")
    assert refusal(site.device("ada").post("/slot", {"contest": "none"})) == (403, "NotEligible", "BOX-7")
    assert refusal(site.device("dan").get("/voter/attendance/one")) == (403, "NotEligible", "BOX-7")


def test_a_second_ballot_is_refused_and_the_first_one_gets_its_receipt_again(site) -> None:
    ada = site.device("ada")
    first, second = ada.encrypt("one", "a"), ada.encrypt("one", "b")
    receipt = ada.cast(first)
    assert refusal(ada.post("/ballot", second.to_bytes())) == (409, "AlreadyVoted", "BOX-7")
    assert ada.cast(first) == receipt


def test_a_ballot_that_breaks_a_rule_is_refused(site) -> None:
    ada, bea = site.device("ada"), site.device("bea")
    good = ada.encrypt("one", "a")
    proof = good.ballot.proof
    crooked = good.ballot.replace(proof=proof.replace(z=proof.z[::-1])).to_bytes()
    assert refusal(ada.post("/ballot", crooked)) == (422, "InvalidBallot", "SEL-4")
    assert refusal(ada.post("/ballot", good.to_bytes() + b" ")) == (422, "InvalidBallot", "ENC-1")
    assert refusal(ada.post("/ballot", b"\xff")) == (422, "InvalidBallot", "ENC-5")
    ada.cast(good)
    assert refusal(bea.post("/ballot", good.to_bytes())) == (422, "InvalidBallot", "BAL-4")
    assert bea.get("/voter").json()["contests"]["one"] != "voted"


def test_a_form_of_another_site_casts_nothing(site) -> None:
    ada = site.device("ada")
    ballot = ada.encrypt("one", "a")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = ada.post("/ballot", ballot.to_bytes(), **{"Content-Type": kind})
        assert refusal(answer) == (415, "WrongMediaType", "WEB-1")
    answer = ada.post("/ballot", ballot.to_bytes(), **{"Content-Type": "Application/JSON; charset=utf-8"})
    check_receipt(ballot, answer)


def test_a_request_that_is_not_understood_is_refused(site) -> None:
    ada = site.device("ada")
    for body in (
        b"",
        b"{}",
        b'{"contest":"one","more":1}',
        b'{"contest":"one","contest":"one"}',
        b'{"contest":1}',
        b"[]",
    ):
        assert refusal(ada.post("/slot", body)) == (400, "EncodingError", "ENC-5")
    assert ada.post("/slot", b' {"contest": "one"}\n').status_code == 200
    assert refusal(ada.post("/reference", {"reference": "x" * 1001})) == (400, "EncodingError", "ENC-5")
    assert refusal(ada.get("/code/AAAA-AAAA-AAAB")) == (400, "ParameterError", "REF-5")
    assert refusal(ada.get(f"/code/{'A' * 41}")) == (400, "RequestRefused", "WEB-1")
    assert refusal(ada.get("/voter/attendance/No Contest")) == (400, "RequestRefused", "WEB-1")
    assert refusal(ada.get("/nothing")) == (404, "NotFound", "WEB-1")
    assert refusal(ada.http.put("/ballot")) == (405, "MethodNotAllowed", "WEB-1")


def test_outside_the_hours_nothing_is_cast(site_of) -> None:
    clock = office.Clock(time.time())
    site = site_of(clock=clock)
    ada = site.device("ada")
    ballot = ada.encrypt("one")
    grace = site.box.public.manifest.timetable.closes
    clock.now = grace
    assert ada.get("/election").json()["phase"] == "grace"
    bea = site.device("bea")
    assert refusal(bea.post("/ballot", bea.encrypt("one").to_bytes())) == (403, "NotOpen", "BOX-8")
    ada.cast(ballot)
    site.box.close_vote()
    assert ada.get("/election").json()["phase"] == "closed"
    assert refusal(bea.post("/ballot", bea.encrypt("one").to_bytes())) == (403, "NotOpen", "BOX-8")


def test_an_attendance_proof_is_the_registers_note(site) -> None:
    ada = site.device("ada")
    assert refusal(ada.get("/voter/attendance/one")) == (404, "NotFound", "BOX-7")
    ada.cast(ada.encrypt("one"))
    answer = ada.get("/voter/attendance/one")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    key = NoteKey.from_text(site.box.public.seal.register_key)
    text = open_note(answer.content, [key]).splitlines()
    assert (text[0], text[3], text[4]) == ("evote/attendance/v1", "one", "ada")
    assert refusal(ada.get("/voter/attendance/two")) == (404, "NotFound", "BOX-7")


def test_turnout_is_for_the_bureau_until_the_vote_is_closed(site_of) -> None:
    clock = office.Clock(time.time())
    for audience in ("bureau", "public"):  # the audience of the log, not of the counters
        site = site_of(audience, clock=clock)
        for voter in ("ada", "bea"):
            device = site.device(voter)
            device.cast(device.encrypt("one"))
        assert refusal(site.device().get("/turnout")) == (403, "BureauOnly", "WEB-5")
        assert refusal(site.device("ada").get("/turnout")) == (403, "BureauOnly", "WEB-5")
        one, two = site.bureau().get("/turnout").json()["contests"]
        assert (one["contest"], one["registered"], one["voted"], two["voted"]) == ("one", 3, 2, 0)
        assert [hour["voted"] for hour in one["hours"]] == [2]
        clock.now = site.box.public.manifest.timetable.closes
        site.box.close_vote()
        assert site.device().get("/turnout").json()["contests"][0]["voted"] == 2
        clock.now = time.time()


def test_without_a_hook_nobody_is_of_the_bureau(site_of) -> None:
    site = site_of(bureau=None)
    assert refusal(site.bureau().get("/turnout")) == (403, "BureauOnly", "WEB-5")
    assert refusal(site.bureau().get("/record/checkpoint")) == (403, "BureauOnly", "WEB-5")


def test_a_damaged_log_is_no_verdict(site) -> None:
    ada = site.device("ada")
    receipt = ada.cast(ada.encrypt("one"))
    (site.folder / "record" / "checkpoint").write_bytes(b"nothing\n")
    answer = ada.post("/reference", {"reference": str(receipt.reference)})
    assert answer.status_code == 503
    assert answer.json()["error"] == "Unavailable"
    assert answer.headers["retry-after"]
    assert str(site.folder) not in answer.text


def test_while_the_log_is_written_nothing_wrong_is_said(site) -> None:
    """Readers and the writer share no lock: a reader that meets both looks again, or says that it cannot answer."""
    devices = [site.device(voter) for voter in ("ada", "bea", "cyd")]
    receipts = [devices[0].cast(devices[0].encrypt("one"))]
    over = threading.Event()
    answers = []

    def read() -> None:
        reader = site.device()
        while not over.is_set():
            answers.append(reader.post("/reference", {"reference": str(receipts[0].reference)}))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for device in devices[1:]:
            site.box.publish(forced=True)
            receipts.append(device.cast(device.encrypt("one")))
        site.box.publish(forced=True)
    finally:
        over.set()
        thread.join()
    answers.append(site.device().post("/reference", {"reference": str(receipts[0].reference)}))
    assert {answer.status_code for answer in answers} <= {200, 503}
    said = [answer.json()["presence"] for answer in answers if answer.status_code == 200]
    assert set(said) <= {"pending", "found"}
    assert said == sorted(said, reverse=True)  # pending, then found, and never back
    assert said[-1] == "found"
