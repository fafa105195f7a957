# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs are verified in other processes as they are in this one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from evote.box import BallotBox
from evote.errors import InvalidBallot, StorageError

from .conftest import World, encrypt


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as found:
        yield found


def test_another_process_verifies_and_the_ballot_is_taken(world: World, pool: ProcessPoolExecutor) -> None:
    with BallotBox.open(world.directory, clock=world.clock, proofs=pool) as box:
        for voter in ("ada-lovelace", "bea"):
            ballot = encrypt(box, voter, "board")
            ballot.check_receipt(box.cast(voter, ballot.to_bytes()))
        assert box.turnout()["board"] == 2


def test_another_process_refuses_what_this_one_refuses(world: World, pool: ProcessPoolExecutor) -> None:
    checks = []
    for proofs in (None, pool):
        with BallotBox.open(world.directory, clock=world.clock, proofs=proofs) as box:
            ballot = encrypt(box, "bea", "board").ballot
            proof = ballot.proof
            swapped = ballot.replace(proof=proof.replace(a=(proof.a[1], proof.a[0], *proof.a[2:])))
            with pytest.raises(InvalidBallot) as caught:
                box.cast("bea", swapped.to_bytes())
            checks.append(caught.value.check)
            assert box.status("bea")["board"] == "in progress"
    assert checks == ["SEL-3", "SEL-3"]


def test_processes_that_are_gone_are_one_error_and_nothing_is_recorded(world: World) -> None:
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    with BallotBox.open(world.directory, clock=world.clock, proofs=pool) as box:
        ballot = encrypt(box, "bea", "board")
        pool.shutdown()
        with pytest.raises(StorageError):
            box.cast("bea", ballot.to_bytes())
        assert box.turnout()["board"] == 0
    with BallotBox.open(world.directory, clock=world.clock) as box:
        ballot.check_receipt(box.cast("bea", ballot.to_bytes()))


def test_what_is_no_bytes_is_refused(world: World) -> None:
    from evote.errors import ParameterError

    box = world.enter()
    with pytest.raises(ParameterError) as caught:
        box.cast("bea", encrypt(box, "bea", "board"))  # type: ignore[arg-type]
    assert caught.value.check == "BOX-6"
