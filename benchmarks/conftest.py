# SPDX-License-Identifier: GPL-3.0-or-later
"""One small election for all benchmarks, and the naive way beside each of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from benchmarks.measures import Subject
from pytest_benchmark.fixture import BenchmarkFixture

from evote.cli.measures import Figure, Task, in_turns

PARAMETERS, LISTS, BALLOTS = "evote-2048", 10, 60
_ROUNDS = 5

Compare = Callable[..., object]


@pytest.fixture(scope="session")
def subject() -> Subject:
    """Return an election with ballots."""
    return Subject(PARAMETERS, LISTS, BALLOTS)


@pytest.fixture
def compare(benchmark: BenchmarkFixture) -> Compare:
    """Return a function that measures a task, notes the naive way's time as a ratio, and returns the task's result."""

    def run(task: Task, naive: Task, count: int = 1) -> object:
        least = in_turns({"naive": naive, "task": task}, 1 if benchmark.disabled else _ROUNDS)
        figure = Figure(least["task"] / count, least["naive"])
        benchmark.extra_info["times_naive"] = round(figure.times, 2)
        benchmark.extra_info["ms_for_one"] = round(figure.seconds * 1000, 4)
        return benchmark(task)

    return run
