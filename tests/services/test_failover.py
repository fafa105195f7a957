# SPDX-License-Identifier: GPL-3.0-or-later
"""The database server dies under load; its synchronous standby takes over and nothing acknowledged is lost."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from sqlalchemy.engine import make_url

from evote.errors import StorageError
from polling import (
    CONTEST,
    PATIENCE,
    Caster,
    accepted,
    close,
    encrypted,
    entered,
    logged_ballots,
    name,
    polling_place,
    split,
    verify_kept,
    verify_record,
)
from postgres import url_of, wait_until

PROCESSES, VOTERS = 4, 160
KILLED_AFTER = VOTERS // 4


def test_the_primary_is_killed_under_load(tmp_path, servers) -> None:
    primary = servers.new("primary")
    databases = [make_url(url) for url in primary.fresh_urls()]
    standby = servers.standby_of(primary)
    urls = tuple(url_of(url.username, url.database, primary, standby) for url in databases)
    folder = polling_place(tmp_path / "e", VOTERS + 1, urls)
    ballots = encrypted(folder, VOTERS + 1)
    tasks = [(name(number), ballots[number]) for number in range(VOTERS)]
    with ExitStack() as stack:
        casters = [stack.enter_context(Caster(folder, PATIENCE)) for _ in range(PROCESSES)]
        for caster in casters:
            caster.wait_until_ready()
        for caster, own in zip(casters, split(tasks, PROCESSES), strict=True):
            caster.cast(own)
        wait_until(lambda: sum(len(one.answers) for one in casters) >= KILLED_AFTER, "the first receipts")
        primary.kill()
        acknowledged = {task: answer for one in casters for task, answer in list(one.answers.items())}
        with pytest.raises(StorageError):
            entered(folder)
        standby.promote()
        answers = {task: answer for one in casters for task, answer in one.finish().items()}
    assert KILLED_AFTER <= len(acknowledged) < VOTERS  # it was under load
    references = accepted(answers)
    assert sorted(references) == [voter for voter, _ in tasks]  # everybody got through in the end
    assert {task: answers[task] for task in acknowledged} == acknowledged
    with entered(folder) as box:
        assert box.turnout() == {CONTEST: VOTERS}
        late = str(box.cast(name(VOTERS), ballots[VOTERS]).reference)
    verify_kept(folder, [*references.values(), late])
    close(folder)
    verify_record(folder, "closed")
    assert len(logged_ballots(folder)) == VOTERS + 1
