# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may read which file of the record over HTTP, under which names, and how long it may be kept."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import office
from evote.board.record_folder import RecordFolder
from evote.verify import audit_record
from website import connect, head, read_all


def published(site) -> None:
    """Cast a ballot and publish it."""
    ada = site.device("ada")
    ada.cast(ada.encrypt("one"))
    site.box.publish(forced=True)


def files_of(site) -> list[str]:
    return sorted(RecordFolder(site.folder / "record").files())


def of_the_sealing(name: str) -> bool:
    return name in ("seal.json", "manifest.json", "keys.json", "drill.json", "README.txt") or name.startswith(
        "prof"
    )


def test_the_bureaus_record_is_the_bureaus_until_the_vote_is_closed(site_of) -> None:
    clock = office.Clock(time.time())
    site = site_of(clock=clock)
    published(site)
    assert any(name.startswith("ballots/") for name in files_of(site))
    for name in files_of(site):
        data = (site.folder / "record" / name).read_bytes()
        bureau = site.bureau().get(f"/record/{name}")
        assert (bureau.status_code, bureau.content) == (200, data)
        for device in (site.device(), site.device("ada")):
            answer = device.get(f"/record/{name}")
            if of_the_sealing(name):
                assert (answer.status_code, answer.content) == (200, data)
            else:
                assert (answer.status_code, answer.json()["check"]) == (403, "WEB-5")
                assert bureau.headers["cache-control"] == "no-store"
    clock.now = site.box.public.manifest.timetable.closes
    site.box.close_vote()
    for name in files_of(site):
        assert site.device().get(f"/record/{name}").content == (site.folder / "record" / name).read_bytes()


def test_a_public_record_can_be_fetched_and_verified_by_anybody(site_of, tmp_path) -> None:
    site = site_of("public")
    published(site)
    for name in files_of(site):
        answer = site.device().get(f"/record/{name}")
        target = tmp_path / "copy" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(answer.content)
    assert audit_record(tmp_path / "copy", until="open").verified


def test_where_the_record_is_public_a_reference_tells_its_place(site_of) -> None:
    site = site_of("public")
    ada = site.device("ada")
    receipt = ada.cast(ada.encrypt("one"))
    site.box.publish(forced=True)
    answer = site.device().post("/reference", {"reference": str(receipt.reference)}).json()
    place = site.box.check_reference(str(receipt.reference)).index
    assert place > 0
    assert answer["index"] == place
    assert site.device().get(f"/code/{receipt.code}").json()["ballots"][0]["index"] == place


def test_only_what_never_changes_may_be_kept(site_of) -> None:
    site = site_of("public")
    (partial,) = RecordFolder(site.folder / "record").names_in("tile/0")
    assert ".p/" in partial
    expected = {"checkpoint": "no-store", partial: "public, no-cache", "seal.json": "public, no-cache"}
    for name, caching in expected.items():
        answer = site.device().get(f"/record/{name}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, caching)
    full = site.folder / "record" / "tile" / "0" / "000"  # what a log of 256 entries has
    full.write_bytes(bytes(8192))
    assert (
        site.device().get("/record/tile/0/000").headers["cache-control"]
        == "public, max-age=31536000, immutable"
    )


HOSTILE = [
    "/v1/record/../private/log.key",
    "/v1/record/..%2fprivate%2flog.key",
    "/v1/record/%2e%2e/private/log.key",
    "/v1/record/%2e%2e%2fprivate%2flog.key",
    "/v1/record/tile/../../private/log.key",
    "/v1/record/tile/0/..%2f..%2f..%2fprivate%2flog.key",
    "/v1/record//etc/passwd",
    "/v1/record/%2fetc%2fpasswd",
    "/v1/record/..\\private\\log.key",
    "/v1/record/seal.json%00",
    "/v1/record/seal.json/",
    "/v1/record/./seal.json",
    "/v1/record/professions/..%2fseal.json",
    "/v1/record/tile",
    "/v1/record/tile/0",
    "/v1/record/tile/0/000.p/2/x",
    "/v1/record/tile/0/000.p/\u0662",
    "/v1/record/.checkpoint.0123456789abcdef.tmp",
    "/v1/record/private/log.key",
    "/v1/record/",
    "/v1/record",
    "/v1/../private/log.key",
    "/private/log.key",
]


def test_no_other_name_leads_anywhere(site_of) -> None:
    site = site_of("public")
    (site.folder / "record" / ".checkpoint.0123456789abcdef.tmp").write_bytes(b"half a checkpoint")
    assert fetch(site, "/v1/record/seal.json").startswith(b"HTTP/1.1 200 ")
    for path in HOSTILE:
        answer = fetch(site, path)
        assert answer.split(b" ", 2)[1] in (b"400", b"404"), path
        assert b"PRIVATE" not in answer
        assert b"evote/seal" not in answer


def fetch(site, path: str) -> bytes:
    """Return the answer to a path that no library has tidied up."""
    with connect(site.url) as connection:
        connection.sendall(head("GET", path, "Connection: close"))
        return read_all(connection)


def test_a_known_name_that_is_no_plain_file_is_not_there(site_of) -> None:
    site = site_of("public")
    record: Path = site.folder / "record"
    assert site.device().get("/record/end.json").status_code == 404
    (record / "end.json").mkdir()
    assert site.device().get("/record/end.json").status_code == 404
    (partial,) = RecordFolder(record).names_in("tile/0")
    assert site.device().get(f"/record/{partial}").status_code == 200
    shutil.rmtree(record / "tile")
    assert site.device().get(f"/record/{partial}").status_code == 404


def test_without_a_folder_no_file_of_the_log_is_served(site_of) -> None:
    site = site_of("public", record=None)
    assert site.device().get("/record/checkpoint").status_code == 404
    assert site.device().get("/seal.json").status_code == 200
