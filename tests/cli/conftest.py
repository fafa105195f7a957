# SPDX-License-Identifier: GPL-3.0-or-later
"""Election folders at every stage, by the real clock, for the command line to work on."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from evote.box import setup
from evote.box.premises import Premises
from evote.box.service_keys import create_service_keys
from evote.cli import main
from evote.crypto.sealing import TOY_COST
from evote.keys.share_file import seal_key_share
from evote.manifest import Draft, Publication, Timetable
from evote.record import layout
from office import copy, set_up, tree
from simulator import contest, dealt, draft

PASSING = (".lock", "-wal", "-shm", "-journal", ".db")  # databases are compared by what they hold
VOTES = (("ada", "one", "a"), ("bea", "one", "b"), ("dan", "two", "c"))


def run(*arguments: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(one) for one in arguments])


def succeed(*arguments: object) -> str:
    """Run a command that must succeed and return what it printed."""
    result = run(*arguments)
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result.stdout


def contents(folder: Path) -> dict[str, str]:
    """Return what a folder holds: digests of files, dumps of databases."""
    found = tree(folder, without=PASSING)
    for path in folder.rglob("*.db"):
        database = sqlite3.connect(path)
        found[path.relative_to(folder).as_posix()] = "\n".join(database.iterdump())
        database.close()
    return found


def present_draft() -> Draft:
    """Return a draft whose hours are now."""
    opens = int(time.time()) - 60
    return draft(
        (contest("one"), contest("two", sections=("x", "y"))),
        timetable=Timetable.make(opens=opens, closes=opens + 7200, grace_ends=opens + 7800),
        publication=Publication.make(times=(opens + 3600,), audience="bureau", delay=600),
    )


def code_of(trustee: str) -> str:
    """Return a trustee's activation code."""
    return f"code of {trustee}"


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the memory of shares out of the user's home."""
    monkeypatch.setenv("EVOTE_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """One folder a stage: ready, undrilled, sealed, opened, voted, closed, quorum, ended, and real."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVOTE_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield make_stages(tmp_path_factory.mktemp("stages"))


def make_stages(base: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}

    def stage(name: str, before: str) -> Path:
        found[name] = copy(found[before], base / name)
        return found[name]

    found["ready"] = set_up(base / "ready", present_draft())
    write_shares(found["ready"])
    (stage("undrilled", "ready") / "ceremony" / "drill.json").unlink()
    succeed("seal", stage("sealed", "ready"))
    succeed("open", stage("opened", "sealed"))
    folder = stage("voted", "opened")
    for voter, contest_id, choice in VOTES:
        succeed("vote", folder, "--voter", voter, "--contest", contest_id, "--choice", choice)
    succeed("close", stage("closed", "voted"))
    folder = stage("quorum", "closed")
    succeed("tally", "start", folder)
    for trustee in ("garnier", "moreau", "roux"):
        succeed(
            "tally", "decrypt", folder,
            "--share", folder / "shares" / f"{trustee}.share", "--code-file", folder / "shares" / f"{trustee}.code",
        )  # fmt: skip
    succeed("tally", "finish", stage("ended", "quorum"))
    seal_for_real(stage("real", "ready"))
    succeed("open", found["real"])
    return found


def write_shares(folder: Path) -> None:
    """Write share files and the files that hold their codes."""
    deal = dealt()[0]
    (folder / "shares").mkdir()
    for trustee, secret in deal.secrets.items():
        file = seal_key_share(deal.record, trustee, secret, code_of(trustee), TOY_COST)
        (folder / "shares" / f"{trustee}.share").write_bytes(file.to_bytes())
        (folder / "shares" / f"{trustee}.code").write_text(code_of(trustee) + "\n")


def seal_for_real(folder: Path) -> None:
    """Seal in mode REAL with toy keys, which `seal` refuses; no draft is left that would be refused too."""
    premises = Premises.enter(folder)
    try:
        deal, _, drill = dealt()
        manifest = setup._build_manifest(premises).replace(mode="REAL")
        signers = create_service_keys(premises.private, manifest.origin)
        for name, document in zip(layout.SET_UP_FILES, (manifest, deal.record, drill), strict=True):
            premises.record.write(name, document)
        premises.register.assign_units(manifest.counting.units)
        seal = setup._make_seal(signers, manifest, deal.record, drill, None)
        setup._start_log(premises, signers, premises.record.write(layout.SEAL, seal))
    finally:
        premises.close()
    (folder / "manifest.json").unlink()


@pytest.fixture
def at(stages: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that copies the folder of a stage."""
    return lambda name: copy(stages[name], tmp_path / "election")
