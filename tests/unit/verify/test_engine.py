# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification part by part: whoever works, the verdict and the culprits are the same (A30)."""

from __future__ import annotations

import json
import os
import random
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from threading import Thread
from typing import ClassVar

import pytest

from evote.board import Kind
from evote.encoding import canonical_json, decode_base64url, encode_base64url
from evote.errors import InvalidProof
from evote.proofs.selection import verify_selection
from evote.record.ballot import Ballot
from evote.verify import Engine, Means, audit_record
from evote.verify.engine import PartQueue
from evote.verify.parts import BundlePart, Part, read_election, verify_part
from simulator import World, contest, draft, sealed_manifest

BALLOTS = 1000


def altered(ballot: bytes, source: random.Random) -> bytes:
    """Return a ballot with one bit of one number of its proof changed, still canonical."""
    value = json.loads(ballot)
    where = source.choice("aez")
    numbers = value["proof"][where]
    place = source.randrange(len(numbers))
    data = bytearray(decode_base64url(numbers[place]))
    data[-1 - source.randrange(16)] ^= 1 << source.randrange(8)
    numbers[place] = encode_base64url(bytes(data))
    return canonical_json(value)


@pytest.fixture(scope="module")
def mutated(tmp_path_factory) -> World:
    """1,000 ballots, every third one altered: the log itself is right."""
    plan = draft((contest("one", sections=("x", "y")),))
    world = World(
        tmp_path_factory.mktemp("e") / "w",
        sealed_manifest(plan, {"one-x": (BALLOTS, BALLOTS), "one-y": (BALLOTS, BALLOTS)}),
    )
    world.open()
    source = random.Random(2024)
    honest = [world.encrypt(source.choice(("one-x", "one-y")), source.choice("abc")) for _ in range(BALLOTS)]
    world.publish([altered(ballot, source) if i % 3 == 0 else ballot for i, ballot in enumerate(honest)])
    return world


@pytest.fixture(scope="module")
def culprits(mutated) -> list[tuple[str, str]]:
    """What the reference says: every proof alone, by its own equations."""
    found = []
    for item in mutated.reader().items():
        if item.entry.kind != Kind.BALLOT:
            continue
        try:
            verify_selection(*mutated.election.selection_item(Ballot.from_bytes(item.ballot)))
        except InvalidProof as error:
            found.append((error.check, f"ballot {item.index}"))
    assert len(found) == -(-BALLOTS // 3)
    return found


def verdict(world: World, engine: Engine) -> tuple[list[tuple[str, str]], list[str]]:
    report = audit_record(world.record.path, until="open", means=Means(engine))
    return [(one.check, one.subject) for one in report.failures], report.notes


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


def test_one_process_names_the_culprits_of_the_reference(mutated, culprits) -> None:
    assert verdict(mutated, Engine())[0] == culprits


def test_processes_name_the_culprits_of_the_reference(mutated, culprits, pool) -> None:
    found, notes = verdict(mutated, Engine(pool, 2))
    assert found == culprits
    assert not any("lost" in note for note in notes)


def test_workers_read_bundles_from_a_web_server(mutated, culprits, pool) -> None:
    folder = str(mutated.record.path)

    class Quiet(SimpleHTTPRequestHandler):
        asked: ClassVar[list[str]] = []

        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, directory=folder, **kwargs)

        def log_message(self, *args) -> None:
            self.asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert verdict(mutated, Engine(pool, 2, address))[0] == culprits
        server.shutdown()
    assert sum(path.startswith("/ballots/") for path in Quiet.asked) == 4


@pytest.mark.parametrize("place", ["http://127.0.0.1:9", "/nowhere"])
def test_workers_that_cannot_read_the_record_settle_nothing(mutated, culprits, pool, place) -> None:
    assert verdict(mutated, Engine(pool, 2, place))[0] == culprits


def test_workers_that_see_another_election_settle_nothing(mutated, culprits, pool, tmp_path) -> None:
    other = World(tmp_path / "other", mutated.election.manifest)
    assert verdict(mutated, Engine(pool, 2, str(other.record.path)))[0] == culprits


def test_a_worker_that_is_killed_changes_no_verdict(mutated, culprits) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        victim = executor.submit(os.getpid).result()
        os.kill(victim, signal.SIGKILL)
        found, notes = verdict(mutated, Engine(executor, 2))
    assert found == culprits
    assert any("workers were lost" in note for note in notes)


def test_a_missing_bundle_is_named_whoever_looks(mutated, pool, tmp_path) -> None:
    world = mutated.copy(tmp_path / "w")
    (world.record.path / "ballots" / "002").unlink()
    for engine in (Engine(), Engine(pool, 2)):
        found, _ = verdict(world, engine)
        assert ("BRD-12", "ballots/002") in found


@pytest.mark.parametrize("failure", [SystemExit(0), KeyboardInterrupt(), MemoryError(), ValueError()])
def test_what_a_worker_raises_ends_nothing(mutated, culprits, failure) -> None:
    class Failing(Executor):
        def submit(self, fn, /, *args, **kwargs) -> Future:
            future = Future()
            future.set_exception(failure)
            return future

    found, notes = verdict(mutated, Engine(Failing(), 2))
    assert found == culprits
    assert any("workers were lost" in note for note in notes)


def test_an_executor_that_takes_nothing_more_ends_nothing(mutated, culprits) -> None:
    class Gone(Executor):
        def submit(self, fn, /, *args, **kwargs) -> Future:
            raise Exception("closed")  # noqa: TRY002 - as some executors do

    found, notes = verdict(mutated, Engine(Gone(), 2))
    assert found == culprits
    assert any("workers were lost" in note for note in notes)


def test_what_is_no_result_settles_nothing(mutated, culprits) -> None:
    class Lying(Executor):
        def submit(self, fn, /, *args, **kwargs) -> Future:
            future = Future()
            future.set_result("verified")
            return future

    assert verdict(mutated, Engine(Lying(), 2))[0] == culprits


class Counting(Executor):
    """Runs nothing before it is asked for the result, and counts what waits."""

    def __init__(self) -> None:
        self.waiting = self.most = 0

    def submit(self, fn, /, *args, **kwargs) -> Future:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        outer = self

        class Late(Future):
            def exception(self, timeout=None):
                return None

            def result(self, timeout=None):
                outer.waiting -= 1
                return fn(*args, **kwargs)

        return Late()


def test_few_parts_wait(mutated, culprits) -> None:
    executor = Counting()
    queue, parts = PartQueue(Engine(executor, 1)), []
    bundles = list(mutated.reader().bundles())
    for bundle in bundles * 3:
        digests = tuple(entry.ballot_digest for entry in bundle.entries)
        part = Part(
            str(mutated.record.path),
            mutated.election.id,
            (BundlePart(bundle.number, bundle.width, bundle.first, digests),),
        )
        parts += queue.submit(part, bundle.root)
    parts += queue.drain()
    assert executor.most == 3
    assert [part.first for part, _, _ in parts] == [bundle.first for bundle in bundles] * 3
    assert sum(len(result.findings) for _, _, result in parts) == 3 * len(culprits)


def test_a_part_of_another_election_is_an_error_and_no_finding(mutated) -> None:
    part = Part(str(mutated.record.path), b"x" * 32, (BundlePart(0, 256, 0, (b"",) * 256),))
    result = verify_part(part)
    assert result.error[:2] == ("ACT-1", "seal.json")
    assert (result.findings, dict(result.tallies), result.squares) == ((), {}, b"")


def test_an_election_is_read_once(mutated) -> None:
    place = str(mutated.record.path)
    assert read_election(place, mutated.election.id) is read_election(place, mutated.election.id)


@pytest.mark.parametrize(
    ("workers", "entries", "expected"),
    [(1, 3, 256), (1, 10**6, 4096), (2, 1002, 512), (2, 2000, 1024), (2, 10**6, 4096)],
)
def test_parts_are_whole_bundles_with_work_for_everybody(workers: int, entries: int, expected: int) -> None:
    assert Engine(workers=workers).part_entries(entries) == expected


def test_short_logs_are_verified_here(mutated) -> None:
    engine = Engine(Counting(), 2, least=2000)
    assert engine.for_entries(1999).executor is None
    assert engine.for_entries(2000) is engine
