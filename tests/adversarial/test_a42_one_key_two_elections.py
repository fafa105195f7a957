# SPDX-License-Identifier: GPL-3.0-or-later
"""A42: one key serves a second election, or opens a contest while another is still being voted on."""

from __future__ import annotations

import pytest

from evote.errors import StateError, VerificationError
from evote.tally.memory import ServedElections
from evote.tally.session import post_decryption_shares, start_tally
from evote.verify import audit_record, verify_closing
from simulator import CLOSES, World, contest, draft, sealed_manifest, small_world

VOTES = {"one-all": ["a", "b"], "two-x": ["c"]}


def opened_by(world: World, trustee: str, place) -> None:
    post_decryption_shares(
        world.folder,
        verify_closing(world.record.path),
        world.shares[trustee],
        ServedElections((place,)),
        CLOSES + 1,
    )


def test_a_share_serves_one_election(tmp_path) -> None:
    first = small_world(tmp_path / "first", votes=VOTES)
    second = small_world(tmp_path / "second", votes=VOTES, title="Another election")
    assert first.election.keys == second.election.keys
    assert first.election.id != second.election.id
    for world in (first, second):
        world.close()
    opened_by(first, "moreau", tmp_path / "served")
    with pytest.raises(StateError) as caught:
        opened_by(second, "moreau", tmp_path / "served")
    assert caught.value.check == "SHR-5"
    assert not (second.folder / "inbox").exists()


def test_a_ballot_of_the_first_election_is_none_of_the_second(tmp_path) -> None:
    first = small_world(tmp_path / "first", votes=VOTES)
    second = small_world(tmp_path / "second", votes=VOTES, title="Another election")
    second.publish(first.ballots[:1])
    assert [one.check for one in audit_record(second.record.path, until="open").failures] == ["BAL-2"]


def test_the_memory_outlives_the_election_folder(tmp_path, monkeypatch) -> None:
    """The memory of a share file is in the user's state folder too, under the key and the trustee."""
    monkeypatch.setenv("EVOTE_STATE_HOME", str(tmp_path / "state"))
    first = small_world(tmp_path / "first", votes=VOTES)
    second = small_world(tmp_path / "second", votes=VOTES, title="Another election")
    keys = first.election.keys.digest()
    for world in (first, second):
        world.close()
    memory = ServedElections.of_share_file(tmp_path / "a" / "moreau.share", "moreau", keys)
    post_decryption_shares(
        first.folder, verify_closing(first.record.path), first.shares["moreau"], memory, CLOSES
    )
    elsewhere = ServedElections.of_share_file(tmp_path / "b" / "moreau.share", "moreau", keys)
    with pytest.raises(StateError) as caught:
        post_decryption_shares(
            second.folder, verify_closing(second.record.path), second.shares["moreau"], elsewhere, CLOSES
        )
    assert caught.value.check == "SHR-5"


def test_no_contest_is_opened_while_another_is_open(tmp_path) -> None:
    """All contests of a key are in one election with one closing: before it, nothing of any is opened."""
    world = small_world(tmp_path / "w", votes={"one-all": ["a", "b"]})
    for ask in (
        lambda: start_tally(world.folder, lambda *_: None),
        lambda: opened_by(world, "moreau", tmp_path / "s"),
    ):
        with pytest.raises(VerificationError) as caught:
            ask()
        assert caught.value.check == "END-1"
    assert not (tmp_path / "s").exists()
    world.publish([world.encrypt("two-x", "c")])
    world.close()
    opened_by(world, "moreau", tmp_path / "s")
    assert set(verify_closing(world.record.path).sums) == {"one-all", "two-x"}


def test_a_share_of_another_key_is_refused(tmp_path) -> None:
    world = small_world(tmp_path / "w", votes=VOTES)
    policy = world.election.manifest.policy.replace(shape_rules=("president-holds",))
    plan = draft((contest("one"),), policy=policy)
    other = World(tmp_path / "other", sealed_manifest(plan, {"one-all": (3, 3)}))
    assert other.election.keys != world.election.keys
    world.close()
    with pytest.raises(StateError) as caught:
        post_decryption_shares(
            world.folder,
            verify_closing(world.record.path),
            other.shares["moreau"],
            ServedElections((tmp_path / "served",)),
            CLOSES + 1,
        )
    assert caught.value.check == "KEY-8"
    assert not (tmp_path / "served").exists()
