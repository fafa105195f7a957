# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ballot box's database must do.

Spec: BOX-4, BOX-9, BAL-4
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Final

from evote.box.ports import BoxState, BoxStore, PublishedBallot, PutResult, SealedBallot
from evote.testing.requirements import at_once, require, require_equal

_KEY: Final = b"slot-key"
_STATE: Final = BoxState(_KEY, 11, 10, 2, b"r" * 32)
_MANY: Final = 600


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _sealed(name: str, slot: int = 20) -> SealedBallot:
    sealed = f"sealed in twelve bytes and more: {name}".encode()
    return SealedBallot(_digest(f"key {name}"), _digest(f"square {name}"), slot, sealed)


def _published(name: str, slot: int = 20) -> PublishedBallot:
    body = f"ballot {name}"
    return PublishedBallot(_digest(body), _digest(f"plain square {name}"), slot, body.encode())


def _put(box: BoxStore, name: str, slot_key: bytes = _KEY) -> PutResult:
    plain = _published(name)
    return box.put(_sealed(name), plain.digest, plain.square, slot_key)


class BoxStoreSuite:
    """Tests of a ballot box's database; a subclass gives the fixture `box`, an empty one.

    Spec: BOX-4
    """

    def test_an_empty_box_is_empty(self, box: BoxStore) -> None:
        """Nothing is made up."""
        require_equal(box.state(), BoxState(), "The state of a box that was never used.")
        require_equal((box.count(), list(box.digests()), list(box.sealed_heads())), (0, [], []), "Empty.")
        require_equal(box.sealed([_digest("x")]), [], "No sealed ballot is there.")
        require(box.published(_digest("x")) is None, "No published ballot is there.")

    def test_the_state_is_replaced_by_compare_and_set(self, box: BoxStore) -> None:
        """Whoever has an old one changes nothing."""
        require(box.set_state(BoxState(), _STATE), "The first state replaces none.")
        require_equal(box.state(), _STATE, "The state comes back.")
        newer = replace(_STATE, log_size=5, log_root=b"s" * 32)
        require(not box.set_state(BoxState(), newer), "None is not the old state any more.")
        require(not box.set_state(replace(_STATE, log_size=1), newer), "Another old state is refused.")
        require_equal(box.state(), _STATE, "What is refused changes nothing.")
        require(box.set_state(_STATE, newer), "The right old state is replaced.")
        tries = [partial(box.set_state, newer, replace(newer, published_until=i)) for i in range(20, 28)]
        require_equal(sum(at_once(tries)), 1, "Of several at once exactly one replaces the state.")

    def test_a_ballot_is_put_once(self, box: BoxStore) -> None:
        """Neither its key nor its square comes twice."""
        box.set_state(BoxState(), _STATE)
        require_equal(_put(box, "a"), "stored", "A new ballot is stored.")
        require_equal(_put(box, "a"), "copy", "The same ballot is a copy.")
        plain = _published("b")
        twin = replace(_sealed("b"), square=_sealed("a").square)
        require_equal(box.put(twin, plain.digest, plain.square, _KEY), "copy", "The same square is a copy.")
        require_equal(box.sealed([_sealed("a").key]), [_sealed("a")], "The ballot comes back as it was.")
        require_equal(box.count(), 1, "One ballot is there.")

    def test_a_ballot_under_an_old_slot_key_is_not_put(self, box: BoxStore) -> None:
        """The box's state says which key is the right one; without a state there is none."""
        require_equal(_put(box, "a"), "stale", "A box without a state takes nothing.")
        box.set_state(BoxState(), _STATE)
        require_equal(_put(box, "a", b"old key."), "stale", "Another slot key is stale.")
        require_equal(box.count(), 0, "Nothing was stored.")

    def test_of_many_copies_at_once_one_is_put(self, box: BoxStore) -> None:
        """Threads stand for processes."""
        box.set_state(BoxState(), _STATE)
        results = at_once([partial(_put, box, "a") for _ in range(8)])
        require_equal(sorted(results), ["copy"] * 7 + ["stored"], "Exactly one copy is stored.")

    def test_published_ballots_are_added_and_copies_of_them_refused(self, box: BoxStore) -> None:
        """Which can be repeated; the sealed ones stay until the slot turns."""
        box.set_state(BoxState(), _STATE)
        for name in "abc":
            _put(box, name)
        two = sorted((_published("a"), _published("b")), key=lambda one: one.digest)
        for _ in range(2):
            box.add(two)
        require_equal(sum(1 for _ in box.sealed_heads()), 3, "The sealed ballots are still there.")
        require_equal(list(box.digests()), [one.digest for one in two], "Digests in ascending order.")
        require_equal(
            list(box.bodies()), [(one.digest, one.body) for one in two], "Bodies in the same order."
        )
        require_equal(box.published(two[0].digest), two[0], "A published ballot comes back.")
        a = _published("a")
        for digest, square in ((a.digest, _digest("new")), (_digest("new"), a.square)):
            require_equal(box.put(_sealed("d"), digest, square, _KEY), "copy", "A published one is a copy.")
        box.turn(_STATE, replace(_STATE, slot_key=b"next key"), [_sealed("c")])
        require_equal([head.key for head in box.sealed_heads()], [_sealed("c").key], "One is left.")
        require_equal(box.count(), 3, "None is lost and none doubled.")

    def test_the_slot_turns_in_one_step(self, box: BoxStore) -> None:
        """State and sealed ballots together, or nothing."""
        box.set_state(BoxState(), _STATE)
        for name in "ab":
            _put(box, name)
        newer = replace(_STATE, slot_key=b"next key", published_until=20)
        require(not box.turn(BoxState(), newer, []), "With another old state nothing is done.")
        require_equal((box.state(), box.count()), (_STATE, 2), "Nothing was done.")
        rest = [replace(_sealed("a"), key=_digest("key anew"), sealed=b"sealed anew, with another nonce")]
        require(box.turn(_STATE, newer, rest), "The right old state is replaced.")
        require_equal(box.state(), newer, "The new state.")
        require_equal(list(box.sealed_heads()), [rest[0].head], "The rest, and nothing else.")

    def test_many_ballots_come_in_key_order(self, box: BoxStore) -> None:
        """However they arrived."""
        box.set_state(BoxState(), _STATE)
        ballots = sorted((_published(str(i)) for i in range(_MANY)), key=lambda one: one.digest)
        for start in range(0, _MANY, 100):
            box.add(ballots[start : start + 100])
        for i in range(20):
            _put(box, f"late {i}")
        require_equal(list(box.digests()), [one.digest for one in ballots], "All digests in order.")
        require_equal(sum(1 for _ in box.bodies()), _MANY, "All bodies.")
        keys = [head.key for head in box.sealed_heads()]
        require_equal(keys, sorted(keys), "Sealed ballots come in key order.")
        require_equal(box.count(), _MANY + 20, "The count of both.")

    def test_rebuilding_erases_the_slots_and_nothing_else(self, box: BoxStore) -> None:
        """And uniqueness still holds."""
        box.set_state(BoxState(), _STATE)
        box.add([_published("a", 7)])
        box.rebuild()
        require_equal(box.published(_published("a").digest), _published("a", 0), "The slot is erased.")
        require_equal(box.state(), _STATE, "The state stays.")
        require_equal(_put(box, "a"), "copy", "A copy is still a copy.")

    def test_a_transaction_that_fails_leaves_nothing(self, box: BoxStore) -> None:
        """Two ballots with one square cannot be published."""
        twins = [_published("a"), replace(_published("b"), square=_published("a").square)]
        try:
            box.add(twins)
        except OSError:  # StorageError, of whatever database
            pass
        else:
            raise AssertionError("Two published ballots with one square must be refused.")
        require_equal(list(box.digests()), [], "Nothing was published.")
