# SPDX-License-Identifier: GPL-3.0-or-later
"""Casting beside verification alone, at toy size; the figures that count are those of benchmarks/casting.py."""

from __future__ import annotations

import pytest
from benchmarks.casting import Casting, measure, table
from pytest_benchmark.fixture import BenchmarkFixture

from postgres import require_programs


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_cast_beside_its_verification(benchmark: BenchmarkFixture, kind: str) -> None:
    if kind == "postgresql":
        require_programs()
    options = {"postgresql": kind == "postgresql"}
    found = benchmark.pedantic(measure, ("toy-512", 10, 40, 40.0), options, rounds=1)
    benchmark.extra_info["times_verification"] = round(found.ratio, 2)
    benchmark.extra_info["milliseconds_99_percent"] = round(found.wait(99) * 1000, 1)
    assert len(found.waits) == 40
    assert 0 < found.waits[0] <= found.wait(50) <= found.wait(99) <= found.waits[-1]


def test_the_table_counts_from_the_arrival() -> None:
    found = Casting(verify=0.01, cast=0.02, waits=[0.1] * 98 + [0.2, 0.3], rate=20.0)
    assert (found.ratio, found.wait(50), found.wait(99)) == (2.0, 0.1, 0.3)
    assert "| 2.00 | 50.0 | 100 | 100 | 300 | 300 |" in table({"x": found})
