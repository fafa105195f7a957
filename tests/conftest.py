# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: hypothesis profiles, slow tests, database servers, a memory of key shares that is nobody's home folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from postgres import Cluster, Servers, private_servers

settings.register_profile("dev", max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=100, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--run-slow"):
        skip = pytest.mark.skip(reason="slow: run with --run-slow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the memory of key shares out of the user's home."""
    monkeypatch.setenv("EVOTE_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One PostgreSQL server for all tests of this process that do it no harm; `fresh_urls()` makes databases."""
    for servers in private_servers(request):
        yield servers.new("shared")


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """PostgreSQL servers of one's own, to be configured, copied and killed."""
    yield from private_servers(request)
