# SPDX-License-Identifier: GPL-3.0-or-later
"""Large records: memory stays flat, a killed run resumes, what follows the first verification takes no longer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks.synthetic import make_record

from evote.verify import Certificates, Means, verify_closing

MOST_MEGABYTES = 400
MEASURED = """
import re, resource, sys
from pathlib import Path
from evote.cli import main
try:
    main()
finally:
    status = Path("/proc/self/status")  # rusage would count the memory of who started this program, too
    most = int(re.search(r"VmHWM:\\s+([0-9]+) kB", status.read_text())[1]) if status.exists() else 0
    own = most or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for kilobytes in (own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss):
        print("megabytes", kilobytes // 1024, file=sys.stderr)
"""


def command(record: Path) -> list[str]:
    return [
        sys.executable, "-c", MEASURED, "verify", str(record), "--until", "closed", "--workers", "2", "--json",
    ]  # fmt: skip


def verify(record: Path) -> tuple[dict, list[int]]:
    """Run the command; return its report, and the most memory of it and of any of its workers."""
    done = subprocess.run(command(record), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    words = [line.split() for line in done.stderr.splitlines() if line.startswith("megabytes")]
    return json.loads(done.stdout), [int(number) for _, number in words]


def kill_midway(record: Path, state: Path) -> int:
    """Kill a run once it has kept a part; return how many parts are kept."""
    running = subprocess.Popen(command(record), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (kept := list(state.glob("verified/*/running/[0-9]*-*"))):
        assert running.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    return len(kept)


def check(record: Path, ballots: int) -> list[int]:
    """Kill a run, let another one finish, and return the memory it took."""
    state = Path(os.environ["EVOTE_STATE_HOME"])
    kept = kill_midway(record, state)
    report, megabytes = verify(record)
    assert report["verified"]
    (note,) = [note for note in report["notes"] if "interrupted" in note]
    assert int(note.split()[0]) >= kept
    assert next(step["count"] for step in report["steps"] if step["checks"] == ["BAL", "SEL"]) == ballots
    assert max(megabytes) < MOST_MEGABYTES
    return megabytes


@pytest.fixture
def own() -> Certificates:
    return Certificates.of_user()


def test_memory_is_flat_and_a_killed_run_resumes(tmp_path, own) -> None:
    small = make_record(tmp_path / "small", 9_000, 5, "toy-512", workers=1)
    large = make_record(tmp_path / "large", 27_000, 5, "toy-512", workers=1)
    _, before = verify(small.record.path)
    after = check(large.record.path, 27_000)
    assert all(much < little + 25 for little, much in zip(before, after, strict=True))
    for path in (large.record.path / "ballots").iterdir():  # the certificate counts: no ballot is read again
        path.write_bytes(b"") if path.is_file() else None
    sums = verify_closing(large.record.path, means=Means(certificates=own, trusting=True)).sums
    assert sums["one-all"].ballots == 27_000


@pytest.mark.slow
def test_a_hundred_thousand_ballots(tmp_path) -> None:
    world = make_record(tmp_path / "w", 100_000, 5, "evote-3072")
    check(world.record.path, 100_000)


def test_an_interrupted_run_ends_with_one_sentence(tmp_path) -> None:
    """As Ctrl-C does it: the command and its workers all get the signal."""
    record = make_record(tmp_path / "w", 20_000, 5, "toy-512", workers=1).record.path
    running = subprocess.Popen(
        [sys.executable, "-m", "evote", *command(record)[3:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    state = Path(os.environ["EVOTE_STATE_HOME"])
    while not list(state.glob("verified/*/running/[0-9]*-*")):
        assert running.poll() is None
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGINT)
    output, errors = running.communicate(timeout=60)
    assert (running.returncode, output) == (1, "")
    assert errors == "evote: Interrupted; run the command again, it goes on from where it was.\n"
