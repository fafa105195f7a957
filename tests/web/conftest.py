# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites over copies of open elections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import office
from evote.box import BallotBox
from website import Site, current_plan, make_app, serve


@pytest.fixture(scope="session")
def open_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Election folders in which the vote is open, by audience."""
    return {
        audience: office.open_office(tmp_path_factory.mktemp(audience) / "election", current_plan(audience))
        for audience in ("bureau", "public")
    }


@pytest.fixture
def site_of(tmp_path: Path, open_folders: dict[str, Path]) -> Iterator[Callable[..., Site]]:
    """Return a maker of sites, each over a copy of an open election."""
    with ExitStack() as stack:
        count = iter(range(100))

        def make(
            audience: str = "bureau",
            *,
            clock: Callable[[], float] = time.time,
            access_log: bool = False,
            **options: object,
        ) -> Site:
            folder = office.copy(open_folders[audience], tmp_path / f"site-{next(count)}")
            box = stack.enter_context(BallotBox.open(folder, clock=clock))
            url = stack.enter_context(serve(make_app(folder, box, **options), access_log=access_log))
            return Site(folder, box, url, stack)

        yield make


@pytest.fixture
def site(site_of: Callable[..., Site]) -> Site:
    return site_of()
