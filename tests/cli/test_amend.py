# SPDX-License-Identifier: GPL-3.0-or-later
"""A new reference key by the command line, and the log of operations that a whole election leaves."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evote.board.record_folder import RecordFolder
from evote.box import setup
from evote.crypto.notes import NoteSigner
from evote.errors import StateError
from evote.record.amendments import Amendment
from evote.record.reference import current_reference_key

from .conftest import contents, run, succeed

LAWFUL = ("garnier", "moreau", "roux")


def propose(folder: Path, cause: str = "stolen", reason: str = "A laptop was stolen") -> Path:
    said = succeed("amend", "reference-key", folder, "--cause", cause, "--reason", reason)
    assert f"withdrawn as {cause}. Reason: {reason}" in said
    return sorted((folder / "acts").iterdir())[-1]


def sign(folder: Path, file: Path, trustee: str, *more: object) -> str:
    shares = folder / "shares"
    return succeed(
        "amend", "sign", file, "--share", shares / f"{trustee}.share", "--code-file", shares / f"{trustee}.code", *more
    )  # fmt: skip


def proposed(folder: Path, **options: str) -> Path:
    """Propose a new key and let a lawful quorum sign it."""
    file = propose(folder, **options)
    for trustee in LAWFUL:
        said = sign(folder, file, trustee)
    assert "A quorum has signed." in said
    return file


def keys(folder: Path) -> tuple[bool, bool]:
    """Tell whether the service signs with the key in use, and whether another key waits."""
    private = folder / "private"
    current = current_reference_key(RecordFolder(folder / "record").election())
    return NoteSigner.load(private / "reference.key").note_key == current, (
        private / "reference.key.new"
    ).exists()


def reference(said: str) -> str:
    return next(line.split()[-1] for line in said.splitlines() if line.startswith("Reference: "))


def cast(folder: Path, voter: str, contest: str) -> str:
    return reference(succeed("vote", folder, "--voter", voter, "--contest", contest, "--choice", "a"))


def checked(folder: Path, text: str) -> dict[str, object]:
    return json.loads(run("check", text, "--record", folder / "record", "--json").stdout)


def test_a_stolen_key_is_replaced_while_the_vote_is_open(at) -> None:
    folder = at("opened")
    before = cast(folder, "ada", "one")
    file = proposed(folder)
    thief = NoteSigner.load(folder / "private" / "reference.key")
    said = succeed("amend", "apply", folder, file, "--actor", "the secretary")
    assert "Amendment 1 is in force and in the log." in said
    assert keys(folder) == (True, False)
    assert checked(folder, before)["presence"] == "unknown"  # not published yet: no evidence any more
    after = cast(folder, "bea", "one")
    assert (checked(folder, after)["presence"], checked(folder, after)["withdrawn"]) == ("pending", False)
    succeed("close", folder)
    verdict = checked(folder, before)
    assert (verdict["signature"], verdict["presence"], verdict["withdrawn"]) == (True, "found", True)
    assert checked(folder, after)["presence"] == "found"
    assert json.loads(run("verify", folder / "record", "--until", "closed", "--json").stdout)["verified"]
    assert thief.note_key != NoteSigner.load(folder / "private" / "reference.key").note_key


def test_a_key_file_that_is_gone_is_replaced(at) -> None:
    folder = at("opened")
    before = cast(folder, "ada", "one")
    (folder / "private" / "reference.key").unlink()
    succeed("amend", "apply", folder, proposed(folder, cause="lost"))
    assert keys(folder) == (True, False)
    assert (checked(folder, before)["presence"], checked(folder, before)["withdrawn"]) == ("pending", True)


def test_trustees_sign_copies_on_machines_of_their_own(at, tmp_path) -> None:
    folder = at("voted")
    file = propose(folder)
    copies = []
    for trustee in LAWFUL:
        home = tmp_path / trustee
        home.mkdir()
        shutil.copytree(folder / "record", home / "record")
        copies.append(shutil.copy(file, home / "act.json"))
        sign(folder, copies[-1], trustee, "--record", home / "record")
    unfinished = run("amend", "apply", folder, *copies[:2])
    assert (unfinished.exit_code, unfinished.stderr.count("\n")) == (1, 1)
    assert "mode TEST" in unfinished.stderr
    succeed("amend", "apply", folder, *copies)
    election = RecordFolder(folder / "record").election()
    assert [one.trustee for one in election.amendments[0].signatures] == list(LAWFUL)


def test_everything_can_be_done_again(at) -> None:
    folder = at("voted")
    file = propose(folder)
    sign(folder, file, "moreau")
    once = file.read_bytes()
    propose(folder)
    assert file.read_bytes() == once  # the same act keeps its signatures
    for trustee in LAWFUL:
        sign(folder, file, trustee)
    signed = file.read_bytes()
    sign(folder, file, "roux")
    assert file.read_bytes() == signed
    succeed("amend", "apply", folder, file)
    before = contents(folder)
    succeed("amend", "apply", folder, file)
    assert contents(folder) == before
    second = proposed(folder, cause="lost")
    assert second.name == "amend-2.json"
    succeed("amend", "apply", folder, second)
    assert keys(folder) == (True, False)
    assert [one.withdrawn for one in RecordFolder(folder / "record").election().reference_keys] == [
        "stolen", "lost", "",
    ]  # fmt: skip


def refused(check: str, *arguments: object) -> None:
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert f"[{check}]" in result.stderr, result.stderr


def test_refusals(at, tmp_path) -> None:
    folder = at("voted")
    file = propose(folder)
    sign(folder, file, "garnier")
    before = contents(folder / "record")
    refused("ACT-7", "amend", "apply", folder, file)
    refused("ACT-7", "amend", "reference-key", folder, "--cause", "lost", "--reason", "another")
    refused("ENC-5", "amend", "reference-key", folder, "--cause", "lost", "--reason", "")
    act = Amendment.from_bytes(file.read_bytes())
    other = tmp_path / "other.json"
    other.write_bytes(act.replace(reason="another").to_bytes())
    refused("ACT-7", "amend", "apply", folder, file, other)
    for trustee in LAWFUL:
        sign(folder, file, trustee)
    key = (folder / "private" / "reference.key.new").rename(tmp_path / "key")
    refused("ACT-7", "amend", "apply", folder, file)  # the service could not sign
    assert contents(folder / "record") == before
    key.rename(folder / "private" / "reference.key.new")
    succeed("amend", "apply", folder, file)
    refused("ACT-7", "amend", "sign", file, "--share", folder / "shares" / "moreau.share")
    act = Amendment.from_bytes(file.read_bytes())
    other.write_bytes(act.replace(reason="another").to_bytes())
    refused("ACT-7", "amend", "apply", folder, other)


@pytest.mark.parametrize("stage", ["ready", "ended"])
def test_there_is_a_time_to_amend(at, stage) -> None:
    refused("ACT-7", "amend", "reference-key", at(stage), "--cause", "lost", "--reason", "r")


def test_an_unsigned_act_is_for_tests_only(at, stages, tmp_path) -> None:
    folder = at("voted")
    succeed("amend", "apply", folder, propose(folder))  # mode TEST
    shutil.copytree(stages["real"], tmp_path / "real")
    refused("ACT-7", "amend", "apply", tmp_path / "real", propose(tmp_path / "real"))
    assert not (tmp_path / "real" / "record" / "amendments").exists()


def test_a_signed_act_changes_the_key_of_a_real_election(stages, tmp_path) -> None:
    shutil.copytree(stages["real"], tmp_path / "real")
    succeed("amend", "apply", tmp_path / "real", proposed(tmp_path / "real"))
    assert keys(tmp_path / "real") == (True, False)


def test_sealing_again_leaves_no_key_waiting(at) -> None:
    folder = at("sealed")
    file = propose(folder)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace("Election of the tests", "Another election"))
    old = RecordFolder(folder / "record").election()
    setup.seal_election(folder, reason="title", actor="bea")
    assert not (folder / "private" / "reference.key.new").exists()
    refused("ACT-7", "amend", "apply", folder, file)
    succeed("amend", "apply", folder, propose(folder))
    new = RecordFolder(folder / "record").election()
    assert new.id != old.id
    assert json.loads(run("verify", folder / "record", "--until", "sealed", "--json").stdout)["verified"]


def test_applying_is_killed_at_any_step_and_done_again(at, tmp_path) -> None:
    folder = at("voted")
    proposed(folder)
    script = Path(__file__).parents[1] / "kills.py"
    (tmp_path / "work").mkdir()
    command = [sys.executable, str(script), "amend", str(folder), str(tmp_path / "work")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) > 60  # act, event twice, tiles, states and checkpoints of two appends, key
    for one in found:
        assert (one["failures"], one["temporary"], one["signs"], one["waits"]) == ([], [], True, False), one
        assert one["operations"].count("amended") == 1, one


# The log of operations


def test_a_whole_election_leaves_its_operations(stages) -> None:
    for place in (stages["ended"], stages["ended"] / "record"):
        rows = json.loads(succeed("events", place, "--json"))["events"]
        noted = [row["operation"] for row in rows]
        assert noted == ["roll-imported", "sealed", "opened", "closed", "tally-started", "tally-finished"]
        assert [row["number"] for row in rows] == list(range(1, 7))
        assert all(row["time"] % 60 == 0 for row in rows)
        lines = succeed("events", place).splitlines()
        assert len(lines) == 6
        assert "sealed" in lines[1]


def test_the_actor_is_named(at) -> None:
    folder = at("ready")
    succeed("seal", folder, "--actor", "Paul Garnier")
    succeed("open", folder, "--actor", "Paul Garnier")
    rows = json.loads(succeed("events", folder, "--json"))["events"]
    assert [row["actor"] for row in rows] == ["service", "Paul Garnier", "Paul Garnier"]
    assert run("seal", folder, "--actor", "").exit_code == 1


def test_no_operation_tells_of_a_voter_or_a_contest(stages) -> None:
    text = succeed("events", stages["ended"], "--json")
    for word in ("ada", "bea", "dan", "one-all", "two-x"):
        assert word not in text


def test_sealing_again_keeps_the_operations(at) -> None:
    folder = at("sealed")
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace("Election of the tests", "Another election"))
    succeed("seal", folder, "--reason", "the title was wrong")
    succeed("seal", folder)  # nothing changed: nothing is noted
    rows = json.loads(succeed("events", folder / "record", "--json"))["events"]
    assert [(row["operation"], row["reason"]) for row in rows] == [
        ("roll-imported", ""), ("sealed", ""), ("sealed", "the title was wrong"),
    ]  # fmt: skip


@pytest.mark.parametrize("place", ["private", "record"])
def test_a_damaged_log_of_operations_is_refused(at, place) -> None:
    folder = at("ended")
    (folder / place / "events" / "2.json").unlink()
    refused("EVT-1", "events", folder if place == "private" else folder / "record")
    refused("ACT-1", "events", folder / "shares")


def test_a_damaged_journal_stops_the_closing_before_it_begins(at) -> None:
    folder = at("opened")
    kept = (folder / "private" / "events" / "2.json").rename(folder / "kept.json")
    refused("EVT-1", "close", folder)
    assert not (folder / "record" / "close.json").exists()
    shutil.copy(folder / "record" / "events" / "2.json", kept.with_name("private") / "events" / "2.json")
    succeed("close", folder)
    with pytest.raises(StateError):
        setup.import_roll(folder, b"voter_id,name,contests\neve,Eve,one\n")
