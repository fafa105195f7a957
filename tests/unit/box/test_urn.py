# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from evote.board.checkpoint import Checkpoint
from evote.box.database import connect, sqlite_url
from evote.box.ports import BoxState, SealedBallot
from evote.box.slot_key import SlotKeyFiles
from evote.box.sql_box import SqlBox
from evote.box.urn import Urn
from evote.errors import StateError
from office import put

HEAD = Checkpoint("vote.example/urn", 3, b"r" * 32)
BODIES = [b"ballot %d" % number for number in range(5)]


@pytest.fixture
def urn(tmp_path: Path) -> Iterator[Urn]:
    store = SqlBox(connect(sqlite_url(tmp_path / "box.db")))
    found = Urn(store, SlotKeyFiles(tmp_path))
    found.turn((), -1, HEAD)
    yield found
    store.close()


def _put(urn: Urn, body: bytes, slot: int = 10) -> str:
    return put(urn, body, hashlib.sha256(b"square" + body).digest(), slot)


def _names(urn: Urn) -> list[bytes]:
    return [name.key for name, _ in urn.sealed()]


def _publish(urn: Urn, names: list[bytes]) -> None:
    urn.store.add(urn.open(names))
    urn.turn(names, 10, HEAD)


def test_a_ballot_is_found_sealed_and_published(urn: Urn) -> None:
    assert [_put(urn, body) for body in BODIES] == ["stored"] * 5
    digests = {hashlib.sha256(body).digest(): body for body in BODIES}
    for digest, body in digests.items():
        found = urn.get(digest)
        assert found is not None
        assert (found.slot, found.body) == (10, body)
    assert {one.digest: ballot.body for one, ballot in urn.sealed()} == digests
    _publish(urn, _names(urn)[:2])
    assert (sum(1 for _ in urn.store.digests()), len(_names(urn)), urn.store.count()) == (2, 3, 5)
    assert sorted(one.body for one in urn.ballots()) == sorted(BODIES)
    assert all(urn.get(digest) is not None for digest in digests)
    assert urn.get(bytes(32)) is None


def test_an_interrupted_publication_doubles_nothing(urn: Urn) -> None:
    for body in BODIES:
        _put(urn, body)
    names = _names(urn)
    urn.store.add(urn.open(names[:2]))
    assert len(_names(urn)) == 5
    assert sorted(one.body for one in urn.ballots()) == sorted(BODIES)
    _publish(urn, names)
    assert sorted(one.body for one in urn.ballots()) == sorted(BODIES)


def test_copies_are_refused_before_and_after_publication(urn: Urn) -> None:
    _put(urn, BODIES[0])
    assert _put(urn, BODIES[0]) == "copy"
    _publish(urn, _names(urn))
    assert _put(urn, BODIES[0]) == "copy"


def test_what_stays_is_sealed_anew_and_the_old_key_is_of_no_use(urn: Urn) -> None:
    for body in BODIES:
        _put(urn, body)
    old = urn.keys.current()
    before = {head.key for head in urn.store.sealed_heads()}
    urn.turn((), 10, HEAD)
    rows = urn.store.sealed([head.key for head in urn.store.sealed_heads()])
    assert urn.keys.current() != old
    assert len(rows) == 5
    assert not before & {row.key for row in rows}
    for row in rows:
        with pytest.raises(StateError):
            old.open(row)
    assert urn.put(old, old.seal(b"late", bytes(32), 20), b"late", bytes(32)) == "stale"


def test_an_altered_ballot_is_not_published(urn: Urn) -> None:
    key = urn.keys.current()
    row = key.seal(BODIES[0], bytes(32), 10)
    other = key.seal(BODIES[1], bytes(32), 10)  # another good ballot under this one's name
    swapped = SealedBallot(row.key, row.square, 10, other.sealed)
    assert urn.store.put(swapped, bytes(32), bytes(32), key.mark) == "stored"
    for action in (lambda: _names(urn), lambda: urn.open([row.key]), lambda: urn.open([other.key])):
        with pytest.raises(StateError) as caught:
            action()
        assert caught.value.check == "BOX-4"


class _Behind(SqlBox):
    """The box as a machine sees it whose reading of the state is old."""

    def __init__(self, path: Path, state: BoxState) -> None:
        super().__init__(connect(sqlite_url(path)))
        self._seen = state

    def state(self) -> BoxState:
        return self._seen


def test_two_machines_do_not_both_write_the_box(urn: Urn, tmp_path: Path) -> None:
    behind = Urn(_Behind(tmp_path / "box.db", urn.store.state()), urn.keys)
    _put(urn, BODIES[0])
    _publish(urn, _names(urn))
    state = urn.store.state()
    for action in (
        lambda: behind.turn((), 20, HEAD),
        lambda: behind.close_slots(30),
        lambda: behind.finish(HEAD),
    ):
        with pytest.raises(StateError) as caught:
            action()
        assert caught.value.check == "BOX-4"
    assert urn.store.state() == state
    behind.store.close()


def test_nothing_is_finished_while_a_ballot_is_sealed(urn: Urn) -> None:
    _put(urn, BODIES[0])
    with pytest.raises(StateError) as caught:
        urn.finish(HEAD)
    assert caught.value.check == "BOX-9"
    _publish(urn, _names(urn))
    urn.finish(HEAD)
    urn.finish(HEAD)
    found = urn.get(hashlib.sha256(BODIES[0]).digest())
    assert found is not None
    assert found.slot == 0
    with pytest.raises(StateError):
        urn.keys.current()
