# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification from canonical bytes against two powers for each option."""

from __future__ import annotations

from functools import partial

import pytest
from benchmarks.conftest import BALLOTS, Compare
from benchmarks.measures import Floor, Subject, count_multiplications
from pytest_benchmark.fixture import BenchmarkFixture

from evote.crypto.fixed_base import base_table

pytestmark = pytest.mark.benchmark(group="verification")


def test_the_naive_way(subject: Subject, benchmark: BenchmarkFixture) -> None:
    benchmark(subject.naive.verify)


def test_by_its_own_equations(subject: Subject, compare: Compare) -> None:
    compare(partial(subject.verify_alone, subject.ballots[0]), subject.naive.verify)


def test_one_ballot_as_at_cast(subject: Subject, compare: Compare) -> None:
    base_table(subject.key)
    compare(partial(subject.verify_at_cast, subject.ballots[0]), subject.naive.verify)


@pytest.mark.parametrize("size", [10, BALLOTS])
def test_batch(subject: Subject, compare: Compare, size: int) -> None:
    compare(partial(subject.verify_batch, subject.ballots[:size]), subject.naive.verify, size)


@pytest.mark.parametrize("options", [2, 5, 20])
def test_batch_by_options(compare: Compare, options: int) -> None:
    subject = Subject("evote-2048", options - 1, 20)
    compare(partial(subject.verify_batch, subject.ballots), subject.naive.verify, len(subject.ballots))


def test_the_cost_model_counts_fewer_multiplications_for_each_ballot_of_a_larger_batch(
    subject: Subject,
) -> None:
    items = [subject.read(ballot) for ballot in subject.ballots]
    counts = [count_multiplications(items[:size]) / size for size in (1, 10, BALLOTS)]
    assert counts == sorted(counts, reverse=True)


def test_a_floor_is_a_ratio() -> None:
    floor = Floor(multiplications=100, plain=2e-6, halves=1e-6, seconds=3e-4)
    assert (floor.over_plain, floor.over_halves) == (pytest.approx(1.5), pytest.approx(3.0))
