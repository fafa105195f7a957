# SPDX-License-Identifier: GPL-3.0-or-later
"""A36: one voter casts several ballots at once; exactly one is taken, whatever threads and coroutines do."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from evote.box import BallotBox
from evote.errors import AlreadyVoted
from office import close_office, encrypt, enter, open_office


@pytest.fixture
def office(tmp_path):
    return open_office(tmp_path / "e")


def attempt(box: BallotBox, ballot: bytes) -> str:
    try:
        return box.cast("ada", ballot).code
    except AlreadyVoted as refusal:
        return refusal.check


@pytest.mark.parametrize("boxes", [1, 3])
def test_of_many_ballots_at_once_one_is_taken(office, boxes) -> None:
    entered = [enter(office) for _ in range(boxes)]
    found = [one.__enter__() for one in entered]
    ballots = [encrypt(found[0], "ada", "one", "a").to_bytes() for _ in range(8)]
    start = threading.Barrier(len(ballots))

    def cast(number: int) -> str:
        start.wait()
        return attempt(found[number % boxes], ballots[number])

    with ThreadPoolExecutor(len(ballots)) as pool:
        verdicts = list(pool.map(cast, range(len(ballots))))
    assert verdicts.count("BOX-7") == len(ballots) - 1
    assert found[0].turnout()["one"] == 1
    assert found[0]._premises.urn.store.count() == 1
    for one in entered:
        one.__exit__(None, None, None)
    close_office(office)


def test_the_same_ballot_many_times_at_once_gives_one_receipt(office) -> None:
    with enter(office) as box:
        ballot = encrypt(box, "ada", "one", "a").to_bytes()
        with ThreadPoolExecutor(6) as pool:
            codes = set(pool.map(lambda _: attempt(box, ballot), range(6)))
        assert len(codes) == 1
        assert "BOX-7" not in codes
        assert box._premises.urn.store.count() == 1


def test_coroutines_cast_in_threads(office) -> None:
    with enter(office) as box:
        voters = ("ada", "bea", "cyd")
        ballots = {voter: encrypt(box, voter, "one", "b") for voter in voters}

        async def cast_all():
            casts = (asyncio.to_thread(box.cast, voter, ballots[voter].to_bytes()) for voter in voters)
            return await asyncio.gather(*casts)

        for voter, receipt in zip(voters, asyncio.run(cast_all()), strict=True):
            ballots[voter].check_receipt(receipt)
        assert box.turnout()["one"] == 3
