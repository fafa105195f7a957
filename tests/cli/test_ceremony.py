# SPDX-License-Identifier: GPL-3.0-or-later
"""The ceremony at the command line: nothing that somebody may still need is lost."""

from __future__ import annotations

import json
import shutil

import pytest

from evote.record.keys import KeyRecord
from office import tree
from simulator import dealt

from .conftest import code_of, run, succeed

TRUSTEES = ("lefevre", "garnier", "moreau", "petit", "roux", "fontaine")


def codes(folder, text: str = "") -> object:
    path = folder / "codes.tsv"
    path.write_text(text or "".join(f"{trustee}\t{code_of(trustee)}\n" for trustee in TRUSTEES))
    return path


def deal(folder, tmp_path, *more: object, text: str = "", out: str = "out"):
    return run("ceremony", "deal", folder, "--out", tmp_path / out, "--codes", codes(tmp_path, text), *more)


def refused(result, check: str) -> None:
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("evote: ")
    assert result.stderr.count("\n") == 1
    assert f"[{check}]" in result.stderr


def test_a_key_is_dealt_anew_into_an_empty_folder_only(at, tmp_path) -> None:
    folder = at("ready")
    before = (folder / "ceremony" / "keys.json").read_bytes()
    refused(deal(folder, tmp_path), "KEY-8")
    assert deal(folder, tmp_path, "--again").exit_code == 0
    keys = KeyRecord.from_bytes((folder / "ceremony" / "keys.json").read_bytes())
    assert keys.to_bytes() != before
    assert not (folder / "ceremony" / "drill.json").exists()
    shares = tree(tmp_path / "out")
    assert len(shares) == 6
    assert all((tmp_path / "out" / name).stat().st_mode & 0o777 == 0o600 for name in shares)
    refused(deal(folder, tmp_path, "--again"), "KEY-9")
    assert tree(tmp_path / "out") == shares
    assert (folder / "ceremony" / "keys.json").read_bytes() == keys.to_bytes()


@pytest.mark.parametrize("stage", ["opened", "voted", "closed", "ended"])
def test_no_key_is_dealt_once_the_vote_was_opened(at, tmp_path, stage: str) -> None:
    folder = at(stage)
    before = tree(folder / "ceremony")
    refused(deal(folder, tmp_path, "--again"), "KEY-8")
    assert tree(folder / "ceremony") == before
    assert not (tmp_path / "out").exists()


def test_codes_are_each_holders_own(at, tmp_path) -> None:
    folder = at("ready")
    same = "".join(f"{trustee}\tone code for all\n" for trustee in TRUSTEES)
    refused(deal(folder, tmp_path, "--again", text=same), "KEY-9")
    assert not (tmp_path / "out").exists()


def test_a_sealed_election_does_not_open_with_another_key(at, tmp_path) -> None:
    folder = at("sealed")
    assert deal(folder, tmp_path, "--again").exit_code == 0
    refused(run("open", folder), "ACT-2")


def test_trustees_check_and_drill(at, tmp_path) -> None:
    """Twice each: the first time a contribution, the second time the shares; then the drill opens."""
    folder = at("undrilled")
    shutil.rmtree(folder / "inbox", ignore_errors=True)

    def check(trustee: str) -> str:
        share = folder / "shares" / trustee
        return succeed(
            "ceremony", "check", folder, "--share", f"{share}.share", "--code-file", f"{share}.code"
        )

    for trustee in TRUSTEES[:-1]:
        said = check(trustee)
        assert "Contributed to the drill." in said
        assert "Still to contribute" in said
    said = check(TRUSTEES[-1])
    assert "Contributed to the drill." in said
    assert "Posted the shares of the drill." in said
    for trustee in TRUSTEES[:-1]:
        assert "Posted the shares of the drill." in check(trustee)
    assert "All have posted." in check("roux")
    refused(run("seal", folder), "ACT-1")
    assert "with every required quorum" in succeed("ceremony", "drill", folder)
    assert json.loads((folder / "ceremony" / "drill.json").read_bytes())["type"] == "evote/drill"
    assert "Sealed" in succeed("seal", folder)
    assert dealt()[0].record.digest()


def test_a_ballot_file_gives_the_receipt_again(at, tmp_path) -> None:
    folder = at("opened")
    vote = (
        "vote",
        folder,
        "--voter",
        "ada",
        "--contest",
        "one",
        "--choice",
        "a",
        "--ballot",
        tmp_path / "ballot",
    )
    first = succeed(*vote)
    again = succeed(*vote)
    assert "not a new vote" in again
    assert again.endswith(first)
    refused(run(*vote[:-2]), "BOX-7")


def test_a_kept_ballot_is_never_cast_for_another_choice_or_contest(at, tmp_path) -> None:
    folder, kept = at("sealed"), tmp_path / "ballot"
    vote = ("vote", folder, "--voter", "ada", "--contest", "one", "--ballot", kept, "--choice")
    refused(run(*vote, "a"), "BOX-8")
    assert kept.exists()
    succeed("open", folder)
    refused(run(*vote, "blank"), "BOX-6")
    kept.unlink()
    succeed(*vote, "blank")
    other = ("vote", folder, "--voter", "ada", "--contest", "two", "--ballot", kept, "--choice", "b")
    refused(run(*other), "BOX-6")
