# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/explanation/unlinkability.md is what the sizes of 2024 give."""

from __future__ import annotations

import pytest
from benchmarks.anonymity import PAGE, Anonymity, anonymity, table


def test_the_page_has_the_table_that_is_computed() -> None:
    assert f"<!-- measured: anonymity -->\n{table()}\n<!-- end -->" in PAGE.read_text(encoding="utf-8")


def test_ballots_are_spread_and_none_is_lost() -> None:
    found = anonymity({"a": 10, "b": 1}, (1, 1, 2))
    assert found.sizes == (1, 2, 3, 5)
    assert (found.ballots, found.right_guesses, found.fewer_than(3)) == (11, 4, 3)


@pytest.mark.parametrize(("percent", "size"), [(0, 1), (9, 1), (10, 10), (50, 10), (99, 10)])
def test_quantiles_count_ballots_not_contests(percent, size) -> None:
    assert Anonymity((1, 10)).quantile(percent) == size
