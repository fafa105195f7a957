# SPDX-License-Identifier: GPL-3.0-or-later
"""Both kinds of stores."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest) -> tuple[str, str]:
    """URLs of an empty register and an empty box; "" for SQLite files in the election's folder."""
    if request.param == "sqlite":
        return "", ""
    return request.getfixturevalue("postgres").fresh_urls()
