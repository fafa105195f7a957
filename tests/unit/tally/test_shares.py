# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from evote.errors import StateError
from evote.record.election import PublicElection
from evote.tally.memory import ServedElections
from evote.tally.shares import decrypt_sums
from evote.verify import VerifiedClosing, verify_closing
from evote.verify.sums import find_invalid_shares
from simulator import CLOSES, World, small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    made = small_world(tmp_path_factory.mktemp("s") / "w", votes={"one-all": ["a", "b"], "two-y": ["c"]})
    made.close()
    return made


@pytest.fixture
def closing(world) -> VerifiedClosing:
    return verify_closing(world.record.path)


def as_real(closing: VerifiedClosing) -> VerifiedClosing:
    """Return the closing of the same election in mode REAL, which toy keys cannot have."""
    manifest = closing.election.manifest.replace(mode="REAL")
    seal = closing.election.seal.replace(manifest=manifest.digest())
    return replace(closing, election=PublicElection(seal, manifest, closing.election.keys))


def test_one_signed_share_a_sum_with_ballots(world, closing, tmp_path) -> None:
    made = decrypt_sums(closing, world.shares["roux"], ServedElections((tmp_path / "m",)), 0)
    assert {one.unit for one in made} == {unit for unit, total in closing.sums.items() if total.ballots}
    assert {one.trustee for one in made} == {"roux"}
    assert find_invalid_shares(world.election, closing.sums, made) == {}


def test_the_value_of_a_share_is_the_same_each_time_and_its_proof_is_not(world, closing, tmp_path) -> None:
    memory = ServedElections((tmp_path / "m",))
    first, second = (decrypt_sums(closing, world.shares["roux"], memory, 0)[0] for _ in range(2))
    assert first.proven.share == second.proven.share
    assert first.proven.value_commitment != second.proven.value_commitment


@pytest.mark.parametrize(("now", "refused"), [(CLOSES - 1, True), (CLOSES, False), (CLOSES + 1, False)])
def test_in_a_real_election_the_trustees_own_clock_decides(world, closing, tmp_path, now, refused) -> None:
    memory = ServedElections((tmp_path / "m",))
    if refused:
        with pytest.raises(StateError) as caught:
            decrypt_sums(as_real(closing), world.shares["roux"], memory, now)
        assert caught.value.check == "SHR-5"
        assert not (tmp_path / "m").exists()
    else:
        assert decrypt_sums(as_real(closing), world.shares["roux"], memory, now)


def test_a_share_of_a_sum_without_ballots_is_refused(world, closing, tmp_path) -> None:
    share = decrypt_sums(closing, world.shares["roux"], ServedElections((tmp_path / "m",)), 0)[0]
    empty = closing.sums[share.unit].replace(ballots=0)
    invalid = find_invalid_shares(world.election, {**closing.sums, share.unit: empty}, [share])
    assert [error.check for error in invalid.values()] == ["SHR-1"]
