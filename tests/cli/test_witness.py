# SPDX-License-Identifier: GPL-3.0-or-later
"""Witnesses on the command line: real processes on real sockets, killed at any time; a whole election with three."""

from __future__ import annotations

import random
import stat
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from evote.board.asking import ask_server
from evote.board.checkpoint import Checkpoint
from evote.board.cosigned import count_cosignatures
from evote.board.record_folder import RecordFolder
from evote.board.witness import Witness
from evote.crypto.cosignatures import WitnessKey, read_cosignatures
from evote.crypto.notes import NoteSigner
from evote.crypto.signing import SigningKey
from evote.errors import StorageError
from evote.record import layout
from office import copy, set_up
from witnesses import Forest, WitnessProcess, free_ports, name_witnesses, serving

from .conftest import present_draft, run, succeed, write_shares

LOG = NoteSigner("vote.example/2024", SigningKey.from_seed(bytes(range(32))))
FOREST = Forest(LOG)
KEY = LOG.note_key.to_text()
VOTES = (("ada", "one", "a"), ("bea", "one", "b"), ("dan", "two", "c"))


def post(url: str, data: bytes, seconds: float = 20):
    return ask_server(f"{url}/add-checkpoint", 1 << 16, seconds, data)


def test_new(tmp_path) -> None:
    told = succeed("witness", "new", tmp_path / "w", "--name", "observer.example/evote")
    key = WitnessKey.from_text(told.splitlines()[1])
    assert key.name == "observer.example/evote"
    assert Witness(tmp_path / "w").key == key
    assert stat.S_IMODE((tmp_path / "w" / "witness.key").stat().st_mode) == 0o600
    again = run("witness", "new", tmp_path / "w", "--name", "other")
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    assert run("witness", "new", tmp_path / "v", "--name", "two words").exit_code == 1


def test_serve(tmp_path) -> None:
    Witness.create(tmp_path / "w", "w")
    with serving(tmp_path / "w", KEY) as url:
        good = FOREST.submission(0, 7)
        answer = post(url, good.to_bytes())
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert read_cosignatures(good.note + answer.body, [Witness(tmp_path / "w").key])
        answer = post(f"{url}/a/prefix", good.to_bytes())
        assert (answer.status, answer.content_type, answer.body) == (409, "text/x.tlog.size", b"7\n")
        assert post(url, FOREST.submission(7, 9, branch=1).to_bytes()).status == 422
        assert post(url, b"x" * 70_000).status == 413
        assert post(url, b"").status == 400
        assert ask_server(f"{url}/add-checkpoint", 1000, 20).status == 405
        assert ask_server(url, 1000, 20).status == 404


@pytest.mark.parametrize(
    "arguments",
    [("--log", "nonsense"), ("--log", KEY, "--listen", "nowhere"), ("--log", KEY, "--listen", "127.0.0.1:70000"),
     ("--log", KEY, "--listen", "256.0.0.1:1"), ()],
)  # fmt: skip
def test_serve_refuses(tmp_path, arguments) -> None:
    Witness.create(tmp_path / "w", "w")
    result = run("witness", "serve", tmp_path / "w", *arguments)
    assert result.exit_code in (1, 2)
    assert "Traceback" not in result.output
    assert not isinstance(result.exception, StorageError)


def test_a_port_that_is_taken(tmp_path) -> None:
    Witness.create(tmp_path / "w", "w")
    with serving(tmp_path / "w", KEY) as url:
        taken = run("witness", "serve", tmp_path / "w", "--log", KEY, "--listen", url.removeprefix("http://"))
        assert (taken.exit_code, taken.stderr.count("\n")) == (1, 1)


def test_serve_needs_its_extra(tmp_path) -> None:
    Witness.create(tmp_path / "w", "w")
    script = "import sys; sys.modules['uvicorn'] = None; from evote.cli import main; main()"
    command = [sys.executable, "-c", script, "witness", "serve", str(tmp_path / "w"), "--log", KEY]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "evote[web]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a39_a_witness_killed_at_any_time_never_cosigns_two_histories(tmp_path) -> None:
    """Two clients push two histories of one log; the witness is killed with -9 while they do, ten times, and started again."""
    folder = tmp_path / "w"
    Witness.create(folder, "w")
    key, chance = Witness(folder).key, random.Random(5)
    cosigned: list[tuple[int, int]] = []
    wanted = [5, 5]

    def push(url: str, branch: int, stop: threading.Event) -> None:
        old = 0
        while not stop.is_set():
            size = max(wanted[branch], old)
            submission = FOREST.submission(old, size, branch)
            try:
                answer = post(url, submission.to_bytes())
            except StorageError:
                return  # killed
            if answer.status == 200:
                assert read_cosignatures(submission.note + answer.body, [key])
                cosigned.append((size, branch))
                old, wanted[branch] = size, min(size + 1, 199)
            elif answer.content_type == "text/x.tlog.size":
                old = int(answer.body)
            else:
                time.sleep(0.01)

    for _ in range(10):
        witness, stop = WitnessProcess(folder, KEY), threading.Event()
        pushing = [threading.Thread(target=push, args=(witness.url, n % 2, stop)) for n in range(4)]
        for thread in pushing:
            thread.start()
        time.sleep(0.05 + 0.3 * chance.random())
        witness.kill()
        stop.set()
        for thread in pushing:
            thread.join()
    last = Witness(folder).cosigned(LOG.name).checkpoint
    beyond = {branch for size, branch in cosigned if size > 5}
    assert len(beyond) == 1
    (branch,) = beyond
    assert last == FOREST.checkpoint(last.size, branch)
    assert max(size for size, _ in cosigned) <= last.size  # what was answered was durable
    assert len(cosigned) > 10


# A whole election


def set_up_election(folder: Path, urls: list[str], quorum: int = 2) -> Path:
    """Make an open election that names witnesses, with its trustees' files."""
    plan = present_draft().replace(witnesses=name_witnesses(folder, urls), witness_quorum=quorum)
    election = set_up(folder / "election", plan)
    write_shares(election)
    succeed("seal", election)
    succeed("open", election)
    return election


def vote(election: Path) -> None:
    for voter, contest, choice in VOTES:
        succeed("vote", election, "--voter", voter, "--contest", contest, "--choice", choice)


def decrypt(election: Path, trustee: str):
    shares = election / "shares"
    return run(
        "tally", "decrypt", election,
        "--share", shares / f"{trustee}.share", "--code-file", shares / f"{trustee}.code",
    )  # fmt: skip


def finish(election: Path) -> str:
    succeed("tally", "start", election)
    for trustee in ("garnier", "moreau", "roux"):
        assert decrypt(election, trustee).exit_code == 0
    return succeed("tally", "finish", election)


def test_an_election_with_three_witnesses_one_of_them_down(tmp_path) -> None:
    ports = free_ports(3)
    election = set_up_election(tmp_path, [f"http://127.0.0.1:{port}" for port in ports])
    record = RecordFolder(election / "record")
    manifest = record.election().manifest
    names = tuple(key.name for key in manifest.witness_keys)
    with ExitStack() as stack:
        for n in (0, 2):  # w1 stays down
            stack.enter_context(serving(tmp_path / f"w{n}", record.path, port=ports[n]))
        vote(election)
        assert "3" in succeed("publish", election, "--now")
        assert count_cosignatures(record, manifest, "checkpoint").present == (names[0], names[2])
        told = succeed("close", election)
        assert f"missing: {names[1]}" in told
        assert "evote tally start" in told
    assert count_cosignatures(record, manifest, layout.CLOSING_CHECKPOINT).complete
    assert "VERIFIED" in finish(election)  # all witnesses are down by now
    assert "VERIFIED" in succeed("verify", record.path)
    for n in (0, 2):
        last = Witness(tmp_path / f"w{n}").cosigned(manifest.origin).checkpoint
        assert last == record.closing_checkpoint(record.election())


def test_a_closing_without_quorum_is_refused_by_trustees_and_mended(tmp_path) -> None:
    ports = free_ports(2)
    election = set_up_election(tmp_path, [f"http://127.0.0.1:{port}" for port in ports] + [""])
    record = RecordFolder(election / "record")
    vote(election)
    succeed("publish", election, "--now")  # nobody answers: casting and publication go on
    told = succeed("close", election)
    assert told.startswith("Closed")
    assert "0 of 3 cosignatures" in told
    assert f"evote board cosign {election}" in told
    for refused in (
        run("tally", "start", election),
        decrypt(election, "moreau"),
        run("tally", "finish", election),
    ):
        assert refused.exit_code == 1
        assert "ACT-6" in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert not (election / "inbox").exists()
    assert run("verify", record.path, "--until", "closed").exit_code == 1
    succeed("verify", record.path, "--until", "open")

    with serving(tmp_path / "w0", record.path, port=ports[0]):  # one is up again
        told = succeed("close", election)
    assert "1 of 3 cosignatures" in told
    told = succeed("status", election)
    assert "1 of 3 cosignatures" in told
    assert "close again" in told
    assert "tally start" not in told
    assert run("tally", "start", election).exit_code == 1

    file = tmp_path / "w2.txt"  # one comes with a file
    told = succeed("witness", "cosign", tmp_path / "w2", record.path, "--out", file)
    assert Checkpoint.from_note(
        (record.path / "checkpoint").read_bytes(), NoteSigner.load(election / "private" / "log.key").note_key
    ).to_text() in told  # fmt: skip
    told = succeed("board", "cosign", election, file)
    assert "evote tally start" in told
    assert "tally start" in succeed("status", election)
    assert "already" in succeed("board", "cosign", election, file)
    assert "VERIFIED" in finish(election)
    report = run("verify", record.path)
    assert report.exit_code == 0
    assert "2 of 3 cosignatures" in report.output
    ended = (record.path / layout.CLOSING_CHECKPOINT).read_bytes()
    late = tmp_path / "w1.txt"
    succeed("witness", "cosign", tmp_path / "w1", record.path, "--out", late)
    succeed("board", "cosign", election, late)  # to the head of the log; what is committed to stays
    assert (record.path / layout.CLOSING_CHECKPOINT).read_bytes() == ended
    assert run("verify", record.path).exit_code == 0


def test_what_was_never_made_is_named(tmp_path) -> None:
    for command in (("serve", tmp_path / "w", "--log", KEY), ("cosign", tmp_path / "w", tmp_path)):
        refused = run("witness", *command)
        assert (refused.exit_code, "evote witness new" in refused.stderr) == (1, True)
    assert not (tmp_path / "w").exists()
    Witness.create(tmp_path / "w", "w")
    refused = run("witness", "serve", tmp_path / "w", "--log", "nosuch")
    assert (refused.exit_code, "nosuch: there is no such record" in refused.stderr) == (1, True)


def test_board_cosign_refuses(at, tmp_path) -> None:
    election = at("closed")
    refused = run("board", "cosign", election / "record", tmp_path / "file")
    assert (refused.exit_code, "give the folder that contains it" in refused.stderr) == (1, True)
    (tmp_path / "file").write_bytes(b"")
    refused = run("board", "cosign", election, tmp_path / "file")
    assert (refused.exit_code, "WIT-8" in refused.stderr) == (1, True)
    Witness.create(tmp_path / "w", "w")
    succeed("witness", "cosign", tmp_path / "w", election / "record", "--out", tmp_path / "out")
    assert (
        run("board", "cosign", election, tmp_path / "out").exit_code == 1
    )  # the manifest names no witnesses


def test_a_restored_backup_does_not_start(tmp_path) -> None:
    (port,) = free_ports(1)
    election = set_up_election(tmp_path, [f"http://127.0.0.1:{port}"], quorum=1)
    with serving(tmp_path / "w0", election / "record", port=port):
        vote(election)
        backup = copy(election, tmp_path / "backup")
        succeed("publish", election, "--now")
        succeed("status", election)
        refused = run("publish", backup, "--now")
        assert (refused.exit_code, "BRD-18" in refused.stderr) == (1, True)
    succeed("status", backup)  # whom nobody can ask is not stopped


def test_monitor(tmp_path) -> None:
    election = set_up_election(tmp_path, [], quorum=0)
    record, saved = election / "record", tmp_path / "saved"
    key = NoteSigner.load(election / "private" / "log.key").note_key.to_text()
    assert key in succeed("board", "monitor", record, "--saved", saved)
    vote(election)
    succeed("publish", election, "--now")
    assert "4 more" in succeed("board", "monitor", record, "--saved", saved, "--key", key)
    assert run("board", "monitor", record, "--saved", saved, "--key", KEY).exit_code == 2
    newest = saved.read_bytes()
    fork = copy(election, tmp_path / "fork")
    succeed("close", election)
    succeed("board", "monitor", record, "--saved", saved)
    shrunk = run("board", "monitor", fork / "record", "--saved", saved)
    assert (shrunk.exit_code, "BRD-15" in shrunk.stderr, shrunk.stderr.count("\n")) == (1, True, 1)
    assert Path(f"{saved}.conflict").read_bytes() == newest
    (record / "checkpoint").write_bytes(b"")
    for place in (tmp_path / "nowhere", record, "http://127.0.0.1:1"):
        unseen = run("board", "monitor", place, "--saved", saved)
        assert (unseen.exit_code, unseen.stderr.count("\n")) == (2, 1)
