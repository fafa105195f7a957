# SPDX-License-Identifier: GPL-3.0-or-later
"""The ballots in the box, sealed or published, as casting and publication see them.

Spec: BOX-4, BOX-9
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from evote.board.checkpoint import Checkpoint
from evote.box.ports import BoxState, BoxStore, PublishedBallot, PutResult
from evote.box.slot_key import SlotKey, SlotKeyFiles
from evote.errors import StateError

_AT_ONCE: Final = 256  # ballots moved in one transaction


@dataclass(frozen=True, slots=True)
class StoredBallot:
    """A ballot in the box and the time at which it is published; 0 once the box was rebuilt."""

    slot: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedName:
    """A ballot that is not published: its SHA-256, its name in the box and its slot; secret."""

    digest: bytes = field(repr=False)
    key: bytes = field(repr=False)
    slot: int


class Urn:
    """The box's store together with the slot key.

    Attributes:
        store: The box's database.
        keys: The slot key's files.
    """

    def __init__(self, store: BoxStore, keys: SlotKeyFiles) -> None:
        self.store = store
        self.keys = keys

    # Casting

    def put(self, key: SlotKey, body: bytes, square: bytes, slot: int) -> PutResult:
        """Store a ballot durably; see `BoxStore.put`.

        Spec: BAL-4, BOX-4
        """
        digest = hashlib.sha256(body).digest()
        return self.store.put(key.seal(body, square, slot), digest, square, key.mark)

    def get(self, digest: bytes) -> StoredBallot | None:
        """Return a ballot by the SHA-256 of its bytes, or None."""
        if (published := self.store.published(digest)) is not None:
            return StoredBallot(published.slot, published.body)
        if not self.store.state().slot_key:
            return None
        key = self.keys.current()
        sealed = self.store.sealed(key.name(digest))
        return None if sealed is None else StoredBallot(sealed.slot, key.open(sealed)[1])

    # For who is alone

    def settle(self) -> None:
        """Make the slot key that the box's state names the only one.

        Raises:
            StateError: It is gone (BOX-6).
        """
        if mark := self.store.state().slot_key:
            self.keys.settle(mark)

    def tickets(self) -> set[bytes]:
        """Return the tickets of all ballots that are not published."""
        if not self.store.state().slot_key:
            return set()
        key = self.keys.current()
        return {key.ticket(name) for name, _ in self.store.sealed_slots()}

    def sealed(self) -> Iterator[tuple[SealedName, bytes]]:
        """Yield every ballot that is not published, with its bytes; constant memory.

        Raises:
            StateError: One was altered (BOX-4).
        """
        names = list(self.store.sealed_slots())
        if not names:
            return
        key = self.keys.current()
        for name, slot in names:
            _, body = self._open(key, name)
            yield SealedName(hashlib.sha256(body).digest(), name, slot), body

    def _open(self, key: SlotKey, name: bytes) -> tuple[bytes, bytes]:
        """Return square digest and bytes of a sealed ballot that must be there."""
        found = self.store.sealed(name)
        square, body = (b"", b"") if found is None else key.open(found)
        if found is None or key.name(hashlib.sha256(body).digest()) != name:
            raise StateError("A ballot in the box was altered or removed.", check="BOX-4", subject=name.hex())
        return square, body

    def bodies(self) -> Iterator[bytes]:
        """Yield every ballot, published or not; constant memory."""
        yield from self.store.bodies()
        yield from (body for _, body in self.sealed())

    def body(self, one: SealedName) -> bytes:
        """Return the bytes of a ballot that is not published."""
        return self._open(self.keys.current(), one.key)[1]

    def turn_slot(self, published: Iterable[SealedName], until: int, head: Checkpoint) -> None:
        """Move ballots that are in the log to the published ones, and replace the slot key.

        Ballots that stay are sealed anew under the next key; then the old one is erased. Can be interrupted
        anywhere and done again.

        Args:
            published: Ballots that are in the log.
            until: The last publication time that is done.
            head: What the log has come to.

        Raises:
            StateError: Another machine has written the box meanwhile (BOX-4).

        Spec: BOX-9
        """
        old = self.store.state()
        moving = iter(sorted(published, key=lambda one: one.digest))
        while some := list(islice(moving, _AT_ONCE)):
            self._move(self.keys.current(), some)
        fresh = self.keys.prepare()
        rest = [fresh.seal(body, square, slot) for square, body, slot in self._left()]
        state = BoxState(fresh.mark, max(until, old.published_until), head.size, head.root)
        if not self.store.turn(old, state, rest):
            raise _written_by_another()
        self.keys.settle(fresh.mark)

    def finish(self, head: Checkpoint) -> None:
        """After closing, with every ballot published: erase slots, traces of arrival, and the slot key.

        Raises:
            StateError: A ballot is not published (BOX-9).

        Spec: BOX-10
        """
        if next(self.store.sealed_slots(), None) is not None:
            raise StateError("A ballot in the box is not published.", check="BOX-9")
        old = self.store.state()
        if not self.store.set_state(old, BoxState(b"", old.published_until, head.size, head.root)):
            raise _written_by_another()
        self.store.rebuild()
        self.keys.destroy()

    def _move(self, key: SlotKey, some: Sequence[SealedName]) -> None:
        opened = [(one, *self._open(key, one.key)) for one in some]
        self.store.move(
            [one.key for one in some],
            [PublishedBallot(one.digest, square, one.slot, body) for one, square, body in opened],
        )

    def _left(self) -> Iterator[tuple[bytes, bytes, int]]:
        names = list(self.store.sealed_slots())
        if names:
            key = self.keys.current()
            yield from ((*self._open(key, name), slot) for name, slot in names)


def _written_by_another() -> StateError:
    return StateError(
        "Register and box were written by another machine meanwhile: one machine alone serves an election.",
        check="BOX-4",
    )
