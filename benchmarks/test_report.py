# SPDX-License-Identifier: GPL-3.0-or-later
"""The page has one place for every table, and only what stands there is replaced."""

from __future__ import annotations

import pytest
from benchmarks.report import PAGE, write_page

NAMES = ("machine", "ballots", "model", "options", "tally", "memory")


def test_the_page_has_a_place_for_every_table() -> None:
    page = write_page(PAGE.read_text(encoding="utf-8"), dict.fromkeys(NAMES, r"| \1 |"))
    assert page.count("\n| \\1 |\n<!-- end -->") == len(NAMES)
    assert write_page(page, dict.fromkeys(NAMES, r"| \1 |")) == page


def test_a_page_without_the_place_is_refused() -> None:
    with pytest.raises(SystemExit):
        write_page("<!-- measured: other -->\n<!-- end -->", {"machine": "x"})
