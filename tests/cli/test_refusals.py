# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal is one sentence on standard error, an exit status, and nothing changed on disk."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from office import copy

from .conftest import contents, run, succeed


def vote(folder: Path, voter: str = "cyd", contest: str = "one", choice: str = "a") -> list[object]:
    return ["vote", folder, "--voter", voter, "--contest", contest, "--choice", choice]


def with_share(
    command: str, sub: str, folder: Path, name: str = "moreau", code: str = "moreau"
) -> list[object]:
    shares = folder / "shares"
    return [command, sub, folder, "--share", shares / f"{name}.share", "--code-file", shares / f"{code}.code"]


def truncated(folder: Path) -> Path:
    path = folder / "shares" / "moreau.share"
    path.write_bytes(path.read_bytes()[:-100])
    return folder


def edited(folder: Path, **changes: object) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}, indent=2))
    return folder


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def removed(folder: Path, name: str) -> Path:
    (folder / name).unlink()
    return folder


HEAD = "voter_id,name,contests\n"
CASES = {
    # voters
    "a choice that is not on the list": ("opened", lambda f: vote(f, choice="z"), "MAN-1"),
    "an unknown contest": ("opened", lambda f: vote(f, contest="three"), "MAN-1"),
    "an unknown voter": ("opened", lambda f: vote(f, voter="zoe"), "BOX-7"),
    "a voter of another contest": ("opened", lambda f: vote(f, voter="dan"), "BOX-7"),
    "a second vote": ("voted", lambda f: vote(f, voter="ada", choice="b"), "BOX-7"),
    "a vote before opening": ("sealed", vote, "BOX-8"),
    "a vote before sealing": ("ready", vote, "ACT-1"),
    "a vote after closing": ("closed", vote, "BOX-8"),
    "a vote after the count": ("ended", vote, "BOX-8"),
    "check in no record": ("closed", lambda f: ["check", "x", "--record", f / "shares"], "ACT-1"),
    # set-up
    "new over an election": ("ready", lambda f: ["new", f], "BOX-12"),
    "a manifest with an unknown key": ("ready", lambda f: ["seal", edited(f, surprise=1)], "ENC-5"),
    "a drill for a manifest with an unknown key": (
        "undrilled",
        lambda f: ["ceremony", "drill", edited(f, surprise=1)],
        "ENC-5",
    ),
    "a manifest that is no JSON": (
        "ready",
        lambda f: [
            "roll",
            "import",
            written(f, "manifest.json", "{").parent,
            written(f, "r.csv", HEAD + "e,E,one\n"),
        ],
        "ENC-5",
    ),
    "a roll with a bad line": (
        "ready",
        lambda f: ["roll", "import", f, written(f, "r.csv", HEAD + "eve,Eve,one\nfay,Fay,three\n")],
        "BOX-1",
    ),
    "a roll without its head": (
        "ready",
        lambda f: ["roll", "import", f, written(f, "r.csv", "eve,Eve,one\n")],
        "BOX-1",
    ),
    "a roll that is not there": ("ready", lambda f: ["roll", "import", f, f / "none.csv"], ""),
    "a roll after the opening": (
        "opened",
        lambda f: ["roll", "import", f, written(f, "r.csv", HEAD + "e,E,one\n")],
        "ACT-1",
    ),
    "deal twice": ("ready", lambda f: ["ceremony", "deal", f, "--out", f / "new"], "KEY-8"),
    "deal after sealing": ("sealed", lambda f: ["ceremony", "deal", f, "--out", f / "new"], "KEY-8"),
    "deal with a code missing": (
        "ready",
        lambda f: [
            "ceremony",
            "deal",
            f,
            "--again",
            "--out",
            f / "new",
            "--codes",
            written(f, "c", "moreau\tlong enough\n"),
        ],
        "KEY-9",
    ),
    "deal with codes of another shape": (
        "ready",
        lambda f: [
            "ceremony",
            "deal",
            f,
            "--again",
            "--out",
            f / "new",
            "--codes",
            written(f, "c", "moreau long\n"),
        ],
        "KEY-9",
    ),
    "a truncated share in the ceremony": (
        "ready",
        lambda f: with_share("ceremony", "check", truncated(f)),
        "KEY-9",
    ),
    "a wrong code in the ceremony": (
        "ready",
        lambda f: with_share("ceremony", "check", f, code="petit"),
        "KEY-9",
    ),
    "a share that is not there": ("ready", lambda f: with_share("ceremony", "check", f, name="nobody"), ""),
    "a code file that is not there": (
        "ready",
        lambda f: with_share("ceremony", "check", f, code="nobody"),
        "",
    ),
    "drill without contributions": ("undrilled", lambda f: ["ceremony", "drill", f], "DRL-1"),
    "seal without drill": ("undrilled", lambda f: ["seal", f], "ACT-1"),
    "seal without keys": ("ready", lambda f: ["seal", removed(f, "ceremony/keys.json")], "ACT-1"),
    "seal without a profession de foi": ("ready", lambda f: ["seal", removed(f, "professions/a.txt")], ""),
    "seal again with changes and no reason": (
        "sealed",
        lambda f: ["seal", edited(f, title="Changed")],
        "ACT-1",
    ),
    "seal after opening": ("opened", lambda f: ["seal", f, "--reason", "I want to"], "ACT-1"),
    "a toy key for a real election": ("ready", lambda f: ["seal", edited(f, mode="REAL")], "MAN-11"),
    # the vote
    "open before sealing": ("ready", lambda f: ["open", f], "ACT-1"),
    "open twice": ("opened", lambda f: ["open", f], "ACT-2"),
    "open after closing": ("closed", lambda f: ["open", f], "ACT-2"),
    "publish --now in a real election": ("real", lambda f: ["publish", f, "--now"], "BOX-9"),
    "close a real election early": ("real", lambda f: ["close", f], "ACT-3"),
    "close before opening": ("sealed", lambda f: ["close", f], "ACT-3"),
    "no election folder": ("ready", lambda f: ["open", f / "shares"], "BOX-12"),
    "status of no election folder": ("ready", lambda f: ["status", f / "shares"], ""),
    # the tally
    "tally before closing": ("voted", lambda f: ["tally", "start", f], "END-1"),
    "decrypt before closing": ("voted", lambda f: with_share("tally", "decrypt", f), "END-1"),
    "decrypt in no record": (
        "closed",
        lambda f: [
            "tally",
            "decrypt",
            f / "shares",
            "--share",
            f / "shares/moreau.share",
            "--code-file",
            f / "x",
        ],
        "ACT-1",
    ),
    "a truncated share in the tally": (
        "closed",
        lambda f: with_share("tally", "decrypt", truncated(f)),
        "KEY-9",
    ),
    "a wrong code in the tally": (
        "closed",
        lambda f: with_share("tally", "decrypt", f, code="petit"),
        "KEY-9",
    ),
    "a record for a share": (
        "closed",
        lambda f: [
            "tally",
            "decrypt",
            f,
            "--share",
            f / "record/seal.json",
            "--code-file",
            f / "shares/moreau.code",
        ],
        "KEY-9",
    ),
    "finish before closing": ("voted", lambda f: ["tally", "finish", f], "END-1"),
    "finish with a lot of another shape": (
        "quorum",
        lambda f: ["tally", "finish", f, "--lot", "one"],
        "SEA-6",
    ),
}


def assert_is_one_sentence(stderr: str, check: str) -> None:
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("evote: ")
    assert len(lines[0]) > 20
    assert "Traceback" not in stderr
    found = re.search(r"\[([A-Z]+-\d+)\]$", lines[0])
    assert (found.group(1) if found else "") == check, stderr


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_is_one_sentence_and_changes_nothing(at, name) -> None:
    stage, arguments_of, check = CASES[name]
    folder = at(stage)
    arguments = arguments_of(folder)
    before = contents(folder)
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert_is_one_sentence(result.stderr, check)
    assert contents(folder) == before


@pytest.mark.parametrize("missing", ["garnier", "moreau"])
def test_finish_without_a_quorum_opens_nothing(at, missing) -> None:
    folder = at("quorum")
    for path in (folder / "inbox" / missing).iterdir():
        path.unlink()
    before = contents(folder)
    result = run("tally", "finish", folder)
    assert result.exit_code == 1
    assert_is_one_sentence(result.stderr, "RES-3")
    assert "Still needed: 1 of " in result.stderr
    assert contents(folder) == before


def test_sealing_twice_gives_the_same_seal(at) -> None:
    folder = at("sealed")
    before = contents(folder)
    succeed("seal", folder)
    assert contents(folder) == before


def test_closing_twice_changes_nothing(at) -> None:
    folder = at("closed")
    before = contents(folder)
    succeed("close", folder)
    assert contents(folder) == before


def test_publish_now_publishes_at_once_in_a_test_election(at) -> None:
    folder = at("voted")
    for count in (3, 0):
        assert re.search(rf"\b{count}\b", succeed("publish", folder, "--now"))
    result = run("publish", folder, "--now", "--watch")
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("record", ["shares", "none", "manifest.json", "."])
def test_verify_of_what_is_no_record_is_refused(at, record) -> None:
    folder = at("closed")
    before = contents(folder)
    result = run("verify", folder / record)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "NOT VERIFIED" in result.stdout
    assert "FAILED ACT-1" in result.stdout
    assert contents(folder) == before


def test_a_share_that_served_another_box_is_refused(at, tmp_path) -> None:
    folder = at("closed")
    succeed(*with_share("tally", "decrypt", folder))
    served = next((folder / "shares").glob("moreau.share*.served"))
    value = json.loads(served.read_text())
    value["closing_root"] = "A" * 43
    served.write_text(json.dumps(value, separators=(",", ":"), sort_keys=True))
    before = contents(folder)
    result = run(*with_share("tally", "decrypt", folder))
    assert result.exit_code == 1
    assert_is_one_sentence(result.stderr, "SHR-5")
    assert contents(folder) == before


@pytest.mark.parametrize(
    "arguments", [["vote"], ["nonsense"], ["verify", "x", "--until", "noon"], ["tally"], []]
)
def test_a_command_that_is_no_command_is_explained(arguments) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["an unknown voter", "open twice", "a wrong code in the tally"])
def test_the_same_from_a_process_of_its_own(at, tmp_path, name) -> None:
    stage, arguments_of, check = CASES[name]
    folder = at(stage)
    before = contents(folder)
    done = subprocess.run(
        [sys.executable, "-m", "evote", *(str(one) for one in arguments_of(folder))],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "EVOTE_STATE_HOME": str(tmp_path / "state")},
    )
    assert done.returncode == 1
    assert_is_one_sentence(done.stderr, check)
    assert contents(folder) == before


@pytest.mark.parametrize(
    "command", [("vote",), ("close",), ("open",), ("attendance", "export"), ("tally", "start"), ("publish",)]
)
def test_before_the_sealing_every_command_says_so(at, command) -> None:
    folder = at("ready")
    options = {"vote": vote(folder)[2:], "attendance": ["--out", folder / "x", "--reason", "why"]}
    result = run(*command, folder, *options.get(command[0], []))
    assert result.exit_code == 1
    assert ("not open yet" if command == ("publish",) else "not sealed yet") in result.stderr


def test_status_of_an_open_vote(at, stages, tmp_path) -> None:
    folder = at("voted")
    state = json.loads(succeed("status", folder, "--json"))
    assert state["next publication"] < state["closes"]
    assert state["turnout"] == {"one": 2, "two": 1}
    assert "no vote yet" not in succeed("status", folder)
    said = succeed("status", copy(stages["opened"], tmp_path / "silent"))
    assert "2 contests" in said
    assert "turnout" not in said


def test_closing_again_after_the_count_leads_to_verification(at) -> None:
    said = succeed("close", at("ended"))
    assert "evote verify" in said
    assert "tally start" not in said


def test_publication_waits_for_a_store_that_is_away(at, tmp_path) -> None:
    folder = at("opened")
    store = folder / "private" / "register.db"
    store.rename(tmp_path / "away.db")
    command = [sys.executable, "-u", "-m", "evote", "publish", str(folder)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    with subprocess.Popen([*command, "--watch"], stdout=subprocess.PIPE, text=True) as process:
        patience = threading.Timer(300, process.kill)
        patience.start()
        try:
            assert "Not published" in process.stdout.readline()
            (tmp_path / "away.db").rename(store)
            assert "Ballots published: 0." in next(line for line in process.stdout if "Not" not in line)
            for names, said in ((("state", "away"), "Not published"), (("away", "state"), "works again")):
                with contextlib.closing(sqlite3.connect(folder / "private" / "box.db")) as database:
                    database.execute("ALTER TABLE {} RENAME TO {}".format(*names))
                assert said in next(line for line in process.stdout if said in line or "Not" not in line)
        finally:
            patience.cancel()
            process.kill()
