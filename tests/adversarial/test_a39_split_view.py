# SPDX-License-Identifier: GPL-3.0-or-later
"""A39: two disjoint quorums are shown the box and the box less one ballot.

A share remembers the one closing root that it served. A trustee whose machine lost that memory is not protected by
it: then only the closing root, read aloud, tells (see the limitations).
"""

from __future__ import annotations

import pytest

from evote.board import Kind
from evote.errors import StateError, StorageError
from evote.record import layout
from evote.tally.memory import ServedElections
from evote.tally.session import post_decryption_shares
from evote.verify import verify_closing
from simulator import CLOSES, World, small_world

FIRST, SECOND = ("garnier", "moreau", "roux"), ("lefevre", "petit", "fontaine")
VOTES = {"one-all": ["a", "b", "a"], "two-x": ["c"]}


@pytest.fixture
def views(tmp_path) -> tuple[World, World]:
    """The box, and the box less one ballot and its mark; each verifies by itself."""
    whole = small_world(tmp_path / "whole", votes=VOTES)
    less = whole.copy(tmp_path / "less")
    record = whole.record
    less.ballots = less.ballots[1:]
    less.carry_upwards(
        [
            (Kind.SEAL, record.bytes_of(layout.SEAL)),
            (Kind.OPEN, record.bytes_of(layout.OPEN)),
            *((Kind.BALLOT, one) for one in less.ballots),
        ]
    )
    whole.close()
    less.close()
    assert verify_closing(whole.record.path).point != verify_closing(less.record.path).point
    return whole, less


def open_with(world: World, trustee: str, *places) -> None:
    memory = ServedElections(places)
    post_decryption_shares(
        world.folder, verify_closing(world.record.path), world.shares[trustee], memory, CLOSES + 1
    )


@pytest.mark.parametrize("trustee", FIRST + SECOND)
def test_a_share_serves_one_closing_root(views, tmp_path, trustee) -> None:
    whole, less = views
    open_with(whole, trustee, tmp_path / "served")
    with pytest.raises(StateError) as caught:
        open_with(less, trustee, tmp_path / "served")
    assert caught.value.check == "SHR-5"
    assert not (less.folder / "inbox").exists()
    open_with(whole, trustee, tmp_path / "served")  # the same box as often as needed


@pytest.mark.parametrize("kept", [0, 1])
def test_one_place_of_the_memory_is_enough(views, tmp_path, kept) -> None:
    whole, less = views
    places = (tmp_path / "state" / "served", tmp_path / "usb" / "share.served")
    open_with(whole, "moreau", *places)
    places[1 - kept].unlink()
    with pytest.raises(StateError) as caught:
        open_with(less, "moreau", *places)
    assert caught.value.check == "SHR-5"


def test_without_a_place_to_remember_nothing_is_computed(views, tmp_path) -> None:
    whole, _ = views
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        open_with(whole, "moreau", blocked / "served")
    assert caught.value.check == "SHR-5"
    assert not (whole.folder / "inbox").exists()


def test_the_closing_roots_that_are_read_aloud_differ(views) -> None:
    whole, less = views
    assert verify_closing(whole.record.path).point.root != verify_closing(less.record.path).point.root
