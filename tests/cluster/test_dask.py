# SPDX-License-Identifier: GPL-3.0-or-later
"""A dask.distributed cluster of real processes gives the verdict and the culprits of one process."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client

from evote.encoding import canonical_json, decode_base64url, encode_base64url
from evote.verify import Engine, Means, audit_record
from simulator import World, contest, draft, sealed_manifest

BALLOTS = 2000


class Cluster:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"
        )
        self.address = self._wait_for(self.scheduler, r"(tcp://127\.0\.0\.1:\d+)")
        self.workers = [self._worker(name) for name in ("one", "two")]
        for worker in self.workers:
            self._wait_for(worker, "Starting established connection")

    def _worker(self, name: str) -> subprocess.Popen[str]:
        return self._start(
            "dask_worker", self.address, "--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--host", "127.0.0.1", "--local-directory", str(self._folder),
        )  # fmt: skip

    @staticmethod
    def _start(module: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
        return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    @staticmethod
    def _wait_for(process: subprocess.Popen[str], pattern: str) -> str:
        for line in process.stderr:
            if found := re.search(pattern, line):
                threading.Thread(target=process.stderr.read, daemon=True).start()  # keep the pipe empty
                return found.group()
        raise AssertionError(f"{process.args} ended with {process.wait()}")

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
            process.stderr.close()


@pytest.fixture
def cluster(tmp_path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    """2,000 ballots, two of them altered where only the proof tells."""
    plan = draft((contest("one", 3, sections=("x", "y")),))
    made = World(
        tmp_path_factory.mktemp("d") / "w",
        sealed_manifest(plan, {"one-x": (BALLOTS, BALLOTS), "one-y": (BALLOTS, BALLOTS)}),
    )
    made.open()
    ballots = [made.encrypt("one-x", "a") for _ in range(BALLOTS)]
    for place in (3, 1500):
        ballots[place] = ballots[place].replace(b'"unit":"one-x"', b'"unit":"one-y"')
    made.publish(ballots)
    return made


@pytest.fixture(scope="module")
def expected(world) -> list[tuple[str, str, str]]:
    report = audit_record(world.record.path, until="open", means=Means(Engine()))
    found = [(one.check, one.subject, one.detail) for one in report.failures]
    assert [check for check, _, _ in found] == ["SEL-3", "SEL-3"]
    return found


def verify(world: World, address: str, *options: str) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "evote", "verify", str(world.record.path), "--until", "open", "--dask", address, "--json",
    ]  # fmt: skip
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def verdict(process: subprocess.Popen[str]) -> tuple[list[tuple[str, str, str]], list[str]]:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    report = json.loads(output)
    return [(one["check"], one["subject"], one["detail"]) for one in report["failures"]], report["notes"]


def test_a_cluster_names_the_same_culprits(world, expected, cluster) -> None:
    found, notes = verdict(verify(world, cluster.address))
    assert found == expected
    assert not any("lost" in note for note in notes)


def wait_until_busy(address: str) -> None:
    """Wait until every worker is at work on a part."""
    with Client(address, set_as_default=False) as client:
        for _ in range(2000):
            if all(client.processing().values()):
                return
            time.sleep(0.01)
    raise AssertionError("no part was handed out")


@pytest.mark.parametrize(("victims", "scheduler"), [(1, False), (2, False), (2, True)])
def test_workers_killed_midway_change_no_verdict(
    world, expected, cluster, victims: int, scheduler: bool
) -> None:
    running = verify(world, cluster.address)
    wait_until_busy(cluster.address)
    for worker in cluster.workers[:victims]:
        worker.send_signal(signal.SIGKILL)
    if scheduler:
        cluster.scheduler.kill()
    found, notes = verdict(running)
    assert found == expected
    assert any("workers were lost" in note for note in notes) == (victims == len(cluster.workers))


def test_workers_read_from_another_place(world, expected, cluster, tmp_path) -> None:
    other = world.copy(tmp_path / "elsewhere")
    assert verdict(verify(world, cluster.address, "--bundles-from", str(other.record.path)))[0] == expected


def test_no_cluster_is_one_sentence(world) -> None:
    process = verify(world, "tcp://127.0.0.1:9")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.startswith("evote: There is no cluster at tcp://127.0.0.1:9")
    assert output == ""
    assert errors.count("\n") == 1


def test_a_cluster_agrees_on_a_thousand_mutated_ballots(cluster, tmp_path) -> None:
    """Each altered in one bit of a number of its proof, among as many that are right."""
    source = random.Random(2024)
    plan = draft((contest("one", 3),))
    mutated = World(tmp_path / "m", sealed_manifest(plan, {"one-all": (BALLOTS, BALLOTS)}))
    mutated.open()
    ballots = [mutated.encrypt("one-all", source.choice("abc")) for _ in range(BALLOTS)]
    for place in range(0, BALLOTS, 2):
        value = json.loads(ballots[place])
        numbers = value["proof"][source.choice("aez")]
        data = bytearray(decode_base64url(numbers[0]))
        data[-1] ^= 1 << source.randrange(8)
        numbers[0] = encode_base64url(bytes(data))
        ballots[place] = canonical_json(value)
    mutated.publish(ballots)
    report = audit_record(mutated.record.path, until="open", means=Means(Engine()))
    here = [(one.check, one.subject, one.detail) for one in report.failures]
    assert len(here) == BALLOTS // 2
    found, notes = verdict(verify(mutated, cluster.address))
    assert found == here
    assert not any("lost" in note for note in notes)
