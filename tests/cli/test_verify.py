# SPDX-License-Identifier: GPL-3.0-or-later
"""`evote verify` for scripts and for people, and `evote tally finish` interrupted, repeated, and without the log's key."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import contents, run, succeed

REPORT = {"verified", "stage", "until", "election", "notes", "steps", "failures"}
STEP = {"number", "title", "checks", "count", "seconds"}
FAILURE = {"check", "subject", "detail"}


def verdict(record: Path, *options: str) -> tuple[int, dict]:
    result = run("verify", record, "--json", *options)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stdout.count("\n") == 1
    return result.exit_code, json.loads(result.stdout)


def assert_shape(answer: dict) -> None:
    assert set(answer) == REPORT
    assert isinstance(answer["verified"], bool)
    assert all(isinstance(note, str) for note in answer["notes"])
    assert [step["number"] for step in answer["steps"]] == list(range(1, len(answer["steps"]) + 1))
    for step in answer["steps"]:
        assert set(step) == STEP
        assert all(re.fullmatch(r"[A-Z]+(-\d+)?", check) for check in step["checks"])
        assert step["seconds"] >= 0
    for failure in answer["failures"]:
        assert set(failure) == FAILURE
        assert re.fullmatch(r"[A-Z]+-\d+", failure["check"])


def test_a_finished_record_is_verified(at) -> None:
    record = at("ended") / "record"
    before = contents(record)
    status, answer = verdict(record)
    assert_shape(answer)
    assert (status, answer["verified"], answer["stage"], answer["failures"]) == (0, True, "end", [])
    assert len(answer["steps"]) == 14
    assert re.fullmatch("[0-9a-f]{64}", answer["election"])
    counts = {step["title"]: step["count"] for step in answer["steps"]}
    assert counts["Every ballot is canonical, known, proved and unique"] == 3
    assert contents(record) == before


def test_the_verdict_for_people_is_the_last_line(at) -> None:
    record = at("ended") / "record"
    said = succeed("verify", record)
    assert said.splitlines()[-1] == "VERIFIED"
    assert "Note: This is a test election: it binds nobody." in said
    (record / "README.txt").write_bytes(b"")
    result = run("verify", record)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "NOT VERIFIED"
    assert "FAILED REC-5  README.txt: " in result.stdout


REACHED = {"sealed": 1, "opened": 2, "voted": 2, "closed": 3, "quorum": 3, "ended": 4}
UNTIL = {"sealed": 1, "open": 2, "closed": 3, "end": 4}


@pytest.mark.parametrize("until", UNTIL)
@pytest.mark.parametrize("stage", REACHED)
def test_a_record_is_verified_up_to_the_stage_that_it_has_reached(stages, stage, until) -> None:
    status, answer = verdict(stages[stage] / "record", "--until", until)
    assert_shape(answer)
    assert answer["until"] == until
    reached = REACHED[stage] >= UNTIL[until]
    assert (status == 0) == answer["verified"] == reached
    assert [one["check"] for one in answer["failures"]] == ([] if reached else ["END-1"])


@pytest.mark.parametrize("stage", ["sealed", "opened", "voted", "closed", "quorum"])
def test_an_unfinished_record_is_not_verified_without_until(stages, stage) -> None:
    status, answer = verdict(stages[stage] / "record")
    assert status == 1
    assert not answer["verified"]
    assert answer["until"] == "end"


def changed_ballot(record: Path) -> None:
    path = next((record / "ballots").rglob("*.p/*"))
    path.write_bytes(path.read_bytes().replace(b'"weight":1', b'"weight":2', 1))


def changed_result(record: Path) -> None:
    path = record / "results" / "one-all.json"
    value = json.loads(path.read_bytes())
    value["counts"] = [value["counts"][0] + 1, *value["counts"][1:]]
    path.write_text(json.dumps(value, sort_keys=True, separators=(",", ":")))


def changed_share(record: Path) -> None:
    path = record / "shares" / "one-all" / "moreau.json"
    shutil.copy(record / "shares" / "one-all" / "roux.json", path)


def unchanged(record: Path) -> None:
    """Leave the record as it is."""


@pytest.mark.parametrize("change", [unchanged, changed_ballot, changed_result, changed_share])
def test_optimised_python_gives_the_same_verdict(at, change) -> None:
    record = at("ended") / "record"
    change(record)
    answers = []
    for flags in ([], ["-O"]):
        command = [sys.executable, *flags, "-m", "evote", "verify", str(record), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        answer = json.loads(done.stdout)
        for step in answer["steps"]:
            step.pop("seconds")
        answers.append((done.returncode, done.stderr, answer))
    assert answers[0] == answers[1]
    assert answers[0][0] == (change is not unchanged)
    assert answers[0][1] == ""


def test_finish_ends_the_log_and_verifies(at) -> None:
    folder = at("quorum")
    said = succeed("tally", "finish", folder)
    assert said.splitlines()[-1] == "VERIFIED"
    assert verdict(folder / "record")[0] == 0


def test_finish_again_changes_nothing(at) -> None:
    folder = at("ended")
    before = contents(folder)
    succeed("tally", "finish", folder)
    assert contents(folder) == before


def test_finish_without_the_logs_key_opens_and_does_not_end(at) -> None:
    folder = at("quorum")
    shutil.rmtree(folder / "private")
    before = contents(folder / "record")
    said = succeed("tally", "finish", folder)
    assert "Opened, log not ended" in said
    assert "one: votes cast 2, blank 0" in said
    assert contents(folder / "record") == before
    counts = json.loads((folder / "opened" / "results" / "one-all.json").read_bytes())["counts"]
    assert counts == [0, 1, 1, 0]
    assert verdict(folder / "record", "--until", "closed")[0] == 0
    assert verdict(folder / "record")[0] == 1


def test_what_was_opened_without_the_log_is_what_the_record_will_say(at, stages) -> None:
    folder = at("quorum")
    shutil.rmtree(folder / "private")
    succeed("tally", "finish", folder)
    ended = stages["ended"] / "record"
    for kind in ("results", "seats", "minutes", "shares"):
        assert contents(folder / "opened" / kind) == contents(ended / kind)


@pytest.mark.parametrize(("step", "stage", "least"), [("start", "closed", 6), ("finish", "quorum", 25)])
def test_a_step_that_is_killed_at_any_write_is_done_again(stages, tmp_path, step, stage, least) -> None:
    script = Path(__file__).with_name("crashes.py")
    done = subprocess.run(
        [sys.executable, str(script), step, str(stages[stage]), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) >= 2 * least
    for line in lines:
        place, half, died, verified, rest = line.split(" ", 4)
        temporary, _, failures = rest.partition("] [")
        assert (verified, ast.literal_eval(temporary + "]")) == ("True", []), line
        assert failures == "]", line
        assert died == "True" or int(place) >= least, (place, half)


# Workers, clusters, earlier verifications


def test_workers_change_no_verdict(at) -> None:
    record = at("ended") / "record"
    assert [verdict(record, "--workers", count)[0] for count in ("1", "2")] == [0, 0]
    changed_ballot(record)
    answers = [verdict(record, "--workers", count) for count in ("1", "2")]
    assert answers[0][0] == answers[1][0] == 1
    assert answers[0][1]["failures"] == answers[1][1]["failures"]


def test_only_what_came_since_is_verified(at, stages) -> None:
    older, newer = stages["voted"] / "record", at("ended") / "record"
    assert verdict(older, "--until", "open")[0] == 0
    status, answer = verdict(newer, "--since", str(older))
    assert (status, answer["failures"]) == (0, [])
    assert any("verified before" in note for note in answer["notes"])
    status, answer = verdict(older, "--since", str(newer), "--until", "open")
    assert status == 1
    assert [one["check"] for one in answer["failures"]] == ["BRD-15"]


def test_verify_alone_relies_on_no_certificate(at) -> None:
    record = at("ended") / "record"
    assert verdict(record)[0] == 0
    changed_ballot(record)
    status, answer = verdict(record)
    assert status == 1
    assert "BRD-12" in {one["check"] for one in answer["failures"]}


@pytest.mark.parametrize(
    "options",
    [
        ("--workers", "0"),
        ("--workers", "many"),
        ("--bundles-from", "/mnt"),
        ("--since",),
        ("--dask", "tcp://127.0.0.1:9", "--since", "."),
    ],
)
def test_wrong_options_are_wrong_usage(at, options) -> None:
    result = run("verify", at("ended") / "record", *options)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
