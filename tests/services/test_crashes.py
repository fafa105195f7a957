# SPDX-License-Identifier: GPL-3.0-or-later
"""The service is killed at every durable step of casting, publishing, opening and closing; see crashes.py.

After every kill another process takes over, and: nothing that was acknowledged is lost, nothing is there twice, there are as
many ballots as marks, the record verifies, and no slot key of the past is left in any file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from polling import polling_place

PROGRAM = Path(__file__).parent / "crashes.py"
VOTERS = 600
FEWEST = {  # kills with every durable step
    ("sqlite", "cast"): 6,
    ("sqlite", "copy"): 6,
    ("sqlite", "after-cast"): 6,
    ("sqlite", "after-publish"): 12,
    ("sqlite", "close"): 30,
    ("sqlite", "publish"): 70,
    ("postgresql", "cast"): 9,
    ("postgresql", "copy"): 9,
    ("postgresql", "after-cast"): 15,
    ("postgresql", "after-publish"): 20,
    ("postgresql", "close"): 36,
    ("postgresql", "publish"): 76,
}
SAMPLED = {  # of these every n-th step always, all of them with --run-slow
    ("sqlite", "publish"): 3,
    ("postgresql", "after-cast"): 4,
    ("postgresql", "after-publish"): 4,
    ("postgresql", "publish"): 11,
}


def crash(folder: Path, *arguments: object) -> list[str]:
    """Run the program and return the steps at which it was killed."""
    command = [sys.executable, str(PROGRAM), str(arguments[0]), str(folder), *map(str, arguments[1:])]
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 0, run.stdout[-500:] + run.stderr[-3000:]
    steps = [json.loads(line)[1] for line in run.stdout.splitlines()]
    assert steps.pop() == ""  # the last one was not reached any more
    assert all(steps)
    return steps


def kills(every: int, kind: str, where: str) -> int:
    """Return how many kills a run with every n-th step has at least."""
    return FEWEST[kind, where] // every


def test_more_than_a_hundred_kills_always() -> None:
    assert sum(kills(SAMPLED.get(key, 1), *key) for key in FEWEST) >= 130


@pytest.mark.parametrize("where", ["cast", "copy", "after-cast", "after-publish", "close", "publish"])
def test_a_process_is_killed(request, tmp_path, stores, where) -> None:
    kind = "postgresql" if any(stores) else "sqlite"
    every = SAMPLED.get((kind, where), 1)
    folder = polling_place(tmp_path / "e", VOTERS, stores)
    steps = crash(folder, where, every)
    assert len(steps) >= kills(every, kind, where)
    assert len(set(steps)) >= min(len(steps), 2)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "where"), SAMPLED)
def test_a_process_is_killed_at_every_step(request, tmp_path, kind, where) -> None:
    stores = ("", "") if kind == "sqlite" else request.getfixturevalue("postgres").fresh_urls()
    assert len(crash(polling_place(tmp_path / "e", VOTERS, stores), where)) >= FEWEST[kind, where]


@pytest.mark.parametrize("step", ["after commit", "after create slot.key.next", "before create slot.key"])
def test_an_interrupted_publication_does_not_keep_the_vote_from_being_closed(tmp_path, stores, step) -> None:
    folder = polling_place(tmp_path / "e", VOTERS, stores)
    assert crash(folder, "before-close", 1, 1, step) == [step]


SLOW_COMMITS = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.7); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT OR UPDATE ON {} DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow()"""


@pytest.mark.parametrize(
    ("where", "table", "fewest"),
    [("cast", "sealed", 3), ("publish", "state", 4)],
)
def test_a_commit_that_outlives_its_process_is_waited_for(tmp_path, postgres, where, table, fewest) -> None:
    """The server goes on with it, and may wait for its standby, while the next process takes over."""
    register, box = stores = postgres.fresh_urls()
    folder = polling_place(tmp_path / "e", VOTERS, stores)
    place = make_url(register if table == "entitlements" else box).database
    postgres.sql(SLOW_COMMITS.format(table), database=place)
    steps = crash(folder, where, 1, 1, "commit sent")
    assert set(steps) == {"commit sent"}
    assert len(steps) >= fewest
