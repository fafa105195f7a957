# SPDX-License-Identifier: GPL-3.0-or-later
"""Casting against a private PostgreSQL server: how much a cast takes beside its verification, and how long voters wait.

python -m benchmarks.casting                # two minutes; writes the table of docs/explanation/performance.md anew
python -m benchmarks.casting --quick        # toy keys, few ballots; prints and leaves the page alone

Voters arrive at random, so many a second on average, whether or not the service is done with those before them. The
time of each runs from the moment of the arrival to the signed receipt. Proofs are verified by two processes.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.report import _number, _table, write_page
from benchmarks.synthetic import Machine

from evote.board.record_folder import RecordFolder
from evote.box import BallotBox
from evote.box.proving import verify_proof
from office import Clock, open_office
from postgres import Servers, find_programs
from simulator import contest, draft

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "performance.md"
CONTEST, UNIT, LISTS = "one", "one-all", 10
PROCESSES, THREADS, WARM_UP = 2, 32, 60


@dataclass(frozen=True, slots=True)
class Casting:
    """What casting takes.

    Attributes:
        verify: Seconds to verify a ballot's proof, alone.
        cast: Seconds of a cast, one after the other, proof included.
        waits: Seconds from arrival to receipt, in ascending order.
        rate: Arrivals in a second.
    """

    verify: float
    cast: float
    waits: Sequence[float]
    rate: float

    @property
    def ratio(self) -> float:
        """How many times its verification a cast takes."""
        return self.cast / self.verify

    def wait(self, percent: float) -> float:
        """Return the seconds within which so many of a hundred were answered."""
        return self.waits[min(len(self.waits) - 1, int(len(self.waits) * percent / 100))]


class Hall:
    """An election with voters, and a ballot for each."""

    def __init__(self, folder: Path, stores: tuple[str, str], parameters: str, voters: int) -> None:
        roll = "".join(f"v{number},Voter {number},{CONTEST}\n" for number in range(voters))
        plan = draft((contest(CONTEST, LISTS),), parameters=parameters)
        self.folder = open_office(folder, plan, f"voter_id,name,contests\n{roll}", stores)
        self.record = RecordFolder(folder / "record")
        self.election = self.record.election()
        machine = Machine(self.election)
        self._votes = [(f"v{number}", machine.ballot(UNIT, number % (LISTS + 1))) for number in range(voters)]

    def enter(self, proofs: Executor | None = None) -> BallotBox:
        """Open the box."""
        return BallotBox.open(self.folder, proofs=proofs, clock=Clock())

    def take(self, count: int) -> list[tuple[str, bytes]]:
        """Return voters who have not voted, with their ballots."""
        taken, self._votes = self._votes[:count], self._votes[count:]
        return taken


def measure_work(hall: Hall, count: int) -> tuple[float, float]:
    """Verify and cast the same ballots in turn, on one thread; return the median seconds of each."""
    verified, cast = [], []
    with hall.enter() as box:
        for number, (voter, ballot) in enumerate(hall.take(WARM_UP + count)):
            start = time.perf_counter()
            verify_proof(hall.record, hall.election, ballot, None)
            middle = time.perf_counter()
            box.cast(voter, ballot)
            end = time.perf_counter()
            if number >= WARM_UP:  # by then the table is built
                verified.append(middle - start)
                cast.append(end - middle)
    return statistics.median(verified), statistics.median(cast)


def measure_waits(hall: Hall, count: int, rate: float) -> list[float]:
    """Let voters arrive; return how long each waited."""
    context = get_context("spawn")
    with ExitStack() as stack:
        proofs = stack.enter_context(ProcessPoolExecutor(PROCESSES, mp_context=context))
        box = stack.enter_context(hall.enter(proofs))
        threads = stack.enter_context(ThreadPoolExecutor(THREADS))
        list(threads.map(lambda vote: box.cast(*vote), hall.take(WARM_UP * PROCESSES)))
        start, moment, waiting = time.perf_counter(), 0.0, []
        for vote in hall.take(count):
            moment += random.expovariate(rate)
            time.sleep(max(0.0, start + moment - time.perf_counter()))
            waiting.append(threads.submit(_timed, box, vote, start + moment))
        return sorted(one.result() for one in waiting)


def _timed(box: BallotBox, vote: tuple[str, bytes], arrived: float) -> float:
    box.cast(*vote)
    return time.perf_counter() - arrived


def measure(parameters: str, ballots: int, arrivals: int, rate: float, *, postgresql: bool = True) -> Casting:
    """Measure on a private server, or on SQLite files."""
    voters = WARM_UP * (PROCESSES + 1) + ballots + arrivals
    programs = find_programs()
    if postgresql and programs is None:
        raise SystemExit("There is no PostgreSQL server here; install one.")
    with tempfile.TemporaryDirectory() as folder:
        servers = Servers(programs) if postgresql and programs else None
        try:
            stores = servers.new("benchmark").fresh_urls() if servers else ("", "")
            hall = Hall(Path(folder) / "e", stores, parameters, voters)
            verify, cast = measure_work(hall, ballots)
            return Casting(verify, cast, measure_waits(hall, arrivals, rate), rate)
        finally:
            if servers:
                servers.close()


def table(found: dict[str, Casting]) -> str:
    """Write what was measured."""
    rows = [
        [
            name,
            _number(one.verify * 1000),
            _number(one.cast * 1000),
            f"{one.ratio:.2f}",
            _number(1 / one.cast),
            *(_number(one.wait(percent) * 1000) for percent in (50, 95, 99)),
            _number(one.waits[-1] * 1000),
        ]
        for name, one in found.items()
    ]
    rate = next(iter(found.values())).rate
    heads = [
        "milliseconds", "verification alone", "whole cast", "times", "casts a second, one thread",
        f"at {rate:.0f} a second: half within", "95 % within", "99 % within", "longest",
    ]  # fmt: skip
    return _table(heads, rows)


def main() -> None:
    """Measure, then write the page."""
    parser = argparse.ArgumentParser(description="Measure casting against PostgreSQL.")
    parser.add_argument("--quick", action="store_true", help="measure less; print, and leave the page alone")
    parser.add_argument("--rate", type=float, default=20.0, help="arrivals a second")
    arguments = parser.parse_args()
    if arguments.quick:
        found = {"toy-512, PostgreSQL": measure("toy-512", 40, 200, arguments.rate)}
        sys.stdout.write(table(found) + "\n")
        return
    found = {
        f"evote-3072, {name}": measure("evote-3072", 200, 1200, arguments.rate, postgresql=is_server)
        for name, is_server in (("PostgreSQL", True), ("SQLite", False))
    }
    PAGE.write_text(write_page(PAGE.read_text(encoding="utf-8"), {"casting": table(found)}), encoding="utf-8")
    sys.stdout.write(table(found) + "\n")


if __name__ == "__main__":
    main()
