# SPDX-License-Identifier: GPL-3.0-or-later
"""The voter's and the help desk's commands: a line as printed, an unfinished or foreign one, a code, a kept ballot."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .conftest import contents, run, succeed


def cast(folder: Path, voter: str = "cyd", *more: object) -> tuple[str, str]:
    """Vote, and return the lines of the code and of the reference as printed."""
    said = succeed("vote", folder, "--voter", voter, "--contest", "one", "--choice", "a", *more)
    return tuple(re.search(rf"(?m)^{label}:.*$", said)[0] for label in ("Code", "Reference"))


def checked(folder: Path, text: str) -> tuple[int, dict[str, object]]:
    result = run("check", text, "--record", folder / "record", "--json")
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize(
    "write", [str, str.strip, lambda text: " " + text.replace("Reference", "reference ")]
)
def test_a_reference_is_checked_as_printed(at, write) -> None:
    folder = at("opened")
    _, reference = cast(folder)
    status, answer = checked(folder, write(reference))
    assert (status, answer["signature"], answer["presence"]) == (0, True, "pending")
    status, answer = checked(folder, write(reference)[:-1])
    assert (status, answer["signature"], answer["presence"]) == (1, False, "unknown")


def test_a_code_is_looked_up_as_printed_and_every_match_is_described(at) -> None:
    folder = at("opened")
    code, _ = cast(folder)
    succeed("publish", folder, "--now")
    for text in (code, code.lower(), code.partition(":")[2], code.replace("-", " ")):
        said = succeed("check", text, "--record", folder / "record")
        assert "log: 1." in said
        assert "(one), college" in said
        assert re.search(r"Place \d+", said)
    status, answer = checked(folder, code)
    assert status == 0
    assert [one["index"] for one in answer["ballots"]] == answer["entries"]
    assert answer["ballots"][0]["contest"] == "one"


def test_an_unfinished_and_a_foreign_reference_are_told_from_a_mistyped_one(at, stages) -> None:
    folder = at("opened")
    text = cast(folder)[1].split()[1]

    def sentence(reference: str, record: Path = folder) -> str:
        result = run("check", reference, "--record", record / "record")
        assert result.exit_code == 1
        return result.stdout.splitlines()[0]

    mistyped = sentence(text[:-2] + ("AA" if text[-2:] != "AA" else "BA"))
    foreign = sentence(text, stages["real"])
    for cut in (text[:-1], f"Reference: {text[5:]}", "Reference: " + text[:8]):
        assert "incomplete" in sentence(cut)
    assert "INVALID" in mistyped
    assert "INVALID" in foreign
    assert "another election" in foreign
    assert "another election" not in mistyped


def test_no_ballot_is_kept_of_who_has_voted(at, tmp_path) -> None:
    folder, kept = at("voted"), tmp_path / "b.json"
    before = contents(folder)
    for _ in range(2):
        result = run("vote", folder, "--voter", "ada", "--contest", "one", "--choice", "a", "--ballot", kept)
        assert result.exit_code == 1
        assert "[BOX-7]" in result.stderr
        assert not kept.exists()
    assert contents(folder) == before


def test_a_kept_ballot_gives_its_receipt_again(at, tmp_path) -> None:
    folder, kept = at("opened"), tmp_path / "b.json"
    assert cast(folder, "cyd", "--ballot", kept) == cast(folder, "cyd", "--ballot", kept)


def test_a_qr_code_needs_a_host(at, tmp_path) -> None:
    folder = at("opened")
    before = contents(folder)
    result = run(
        "vote", folder, "--voter", "cyd", "--contest", "one", "--choice", "a", "--qr", tmp_path / "q.svg"
    )
    assert result.exit_code == 1
    assert "--host" in result.stderr
    assert contents(folder) == before
