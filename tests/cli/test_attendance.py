# SPDX-License-Identifier: GPL-3.0-or-later
"""A voter checks offline whether they are marked; the bureau exports its list and checks it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from office import ROLL

from .conftest import contents, run, succeed

REASON = ("--reason", "check of the closing")


def prove(folder: Path, voter: str, contest: str = "one") -> Path:
    out = folder.parent / f"{voter}-{contest}.json"
    said = succeed("attendance", "prove", folder, "--voter", voter, "--contest", contest, "--out", out)
    assert "nobody else" in said
    return out


def export(folder: Path) -> tuple[Path, str]:
    out = folder.parent / "attendance.csv"
    return out, succeed("attendance", "export", folder, "--out", out, *REASON)


def refused(check: str, *arguments: object) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.rstrip().endswith(f"[{check}]"), result.stderr


@pytest.mark.parametrize("stage", ["closed", "ended"])
def test_voters_are_told_what_the_closing_says_of_them(at, stage) -> None:
    folder = at(stage)
    before = contents(folder)
    for voter, contest, sentence in (
        ("ada", "one", "You are marked as having voted."),
        ("cyd", "one", "You are not marked as having voted."),
        ("ada", "two", "You are not marked as having voted."),
        ("dan", "two", "You are marked as having voted."),
    ):
        file = prove(folder, voter, contest)
        said = succeed("attendance", "check", file, "--record", folder / "record")
        assert said.splitlines()[-1] == sentence
        assert voter in said.splitlines()[0]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert contents(folder) == before


def test_a_proof_is_printed_and_answered_for_scripts(at) -> None:
    folder = at("closed")
    printed = succeed("attendance", "prove", folder, "--voter", "cyd", "--contest", "one")
    file = prove(folder, "cyd")
    assert printed.encode() == file.read_bytes() + b"\n"
    answer = json.loads(succeed("attendance", "check", file, "--record", folder / "record", "--json"))
    assert set(answer) == {"election", "contest", "voter", "present"}
    assert (answer["voter"], answer["present"]) == ("cyd", False)


def test_a_changed_proof_is_refused(at) -> None:
    folder = at("closed")
    file = prove(folder, "ada")
    honest = file.read_text()
    for old, new, check in (
        ("", "", ""),
        ('"voter":"ada"', '"voter":"bea"', "ATT-5"),
        ('"contest":"one"', '"contest":"three"', "ATT-4"),
        ('"present":true', '"present":false', "ATT-6"),
        ("}", " }", "ENC-1"),
        ('"version":1', '"version":2', "ENC-5"),
    ):
        file.write_text(honest.replace(old, new))
        arguments = ("attendance", "check", file, "--record", folder / "record")
        refused(check, *arguments) if check else succeed(*arguments)


def test_the_list_is_secret_and_opens_the_closing(at) -> None:
    folder = at("closed")
    out, said = export(folder)
    before = contents(folder)
    assert "SECRET" in said
    assert "The log of operations says" in said
    assert "check of the closing" in succeed("events", folder)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    roll = folder.parent / "voters.csv"
    roll.write_text(ROLL)
    arguments = ("attendance", "check-list", out, "--record", folder / "record")
    said = succeed(*arguments, "--roll", roll)
    assert "one: 3 voters on the roll, 2 marked as having voted" in said
    assert "two: 4 voters on the roll, 1 marked as having voted" in said
    assert contents(folder) == before
    honest = out.read_text()
    lines = honest.splitlines()
    for text, check in (
        (honest.replace(lines[1] + "\n", ""), "ATT-8"),
        (honest + lines[1] + "\n", "ATT-8"),
        (honest.replace(lines[1].split(",")[5], ""), "ATT-9"),
        (honest.replace("voter_id", "voter"), "ATT-7"),
    ):
        assert text != honest
        out.write_text(text)
        refused(check, *arguments)
    out.write_text(honest.replace(",Ada,", ",Ida,"))
    succeed(*arguments)
    refused("ATT-10", *arguments, "--roll", roll)


def test_before_the_opening_the_list_is_checked_against_the_seal(at) -> None:
    folder = at("sealed")
    out, _ = export(folder)
    said = succeed("attendance", "check-list", out, "--record", folder / "record")
    assert "not closed, so no mark was checked" in said


@pytest.mark.parametrize(
    ("stage", "command", "check"),
    [
        ("ready", "prove", "ATT-11"),
        ("voted", "prove", "ATT-11"),
        ("ready", "export", "ACT-1"),
        ("voted", "export", "ATT-11"),
    ],
)
def test_what_is_too_early_is_refused_and_changes_nothing(at, stage, command, check) -> None:
    folder = at(stage)
    before = contents(folder)
    out = folder.parent / "out"
    options = ("--voter", "ada", "--contest", "one") if command == "prove" else REASON
    refused(check, "attendance", command, folder, "--out", out, *options)
    assert not out.exists()
    assert contents(folder) == before


def test_a_proof_against_a_record_without_closing(at, stages) -> None:
    file = prove(at("closed"), "ada")
    result = run("attendance", "check", file, "--record", stages["opened"] / "record")
    assert result.exit_code == 1
    assert "not closed, or this record is of another election" in result.stderr
    assert result.stderr.rstrip().endswith("[REC-2]")


def test_what_is_no_list_is_said_once(at) -> None:
    folder = at("closed")
    (folder / "x.csv").write_text("a,b\n")
    result = run("attendance", "check-list", folder / "x.csv", "--record", folder / "record")
    assert result.stderr.count("attendance list") == 1
    assert "line 1:" in result.stderr


def test_other_refusals(at) -> None:
    folder = at("closed")
    refused("BOX-7", "attendance", "prove", folder, "--voter", "zoe", "--contest", "one")
    refused("BOX-7", "attendance", "prove", folder, "--voter", "dan", "--contest", "one")
    refused("BOX-12", "attendance", "prove", folder / "shares", "--voter", "ada", "--contest", "one")
    assert not (folder / "shares" / "private").exists()
    refused("ATT-7", "attendance", "export", folder, "--out", folder.parent / "x", "--reason", " ")
    file = prove(folder, "ada")
    refused("ACT-1", "attendance", "check", file, "--record", folder)
    file.write_bytes(file.read_bytes() + b" " * (64 << 10))
    result = run("attendance", "check", file, "--record", folder / "record")
    assert result.exit_code == 1
    assert "longer than" in result.stderr
