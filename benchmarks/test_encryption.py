# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption with proof against `phe` and two powers for each option."""

from __future__ import annotations

from functools import partial

import pytest
from benchmarks.conftest import Compare
from benchmarks.measures import Subject
from pytest_benchmark.fixture import BenchmarkFixture

from evote.crypto.fixed_base import base_table, plain_power

pytestmark = pytest.mark.benchmark(group="encryption with proof")


def test_the_naive_way(subject: Subject, benchmark: BenchmarkFixture) -> None:
    benchmark(subject.naive.prove)


def test_by_the_table(subject: Subject, compare: Compare) -> None:
    ballot = compare(partial(subject.encrypt, 1, base_table(subject.key)), subject.naive.prove)
    subject.verify_alone(ballot)


def test_one_ballot_by_a_chain(subject: Subject, compare: Compare) -> None:
    subject.verify_alone(compare(partial(subject.encrypt, 2), subject.naive.prove))


def test_by_plain_powers(subject: Subject, compare: Compare) -> None:
    subject.verify_alone(compare(partial(subject.encrypt, 3, plain_power(subject.key)), subject.naive.prove))
