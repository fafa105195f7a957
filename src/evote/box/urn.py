# SPDX-License-Identifier: GPL-3.0-or-later
"""The ballots in the box, sealed or published, as casting and publication see them.

Spec: BOX-4, BOX-9
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from evote.board.checkpoint import Checkpoint
from evote.box.ports import BoxState, BoxStore, PublishedBallot, PutResult, SealedBallot
from evote.box.slot_key import SlotKey, SlotKeyFiles
from evote.errors import StateError

_AT_ONCE: Final = 256  # ballots read at once


@dataclass(frozen=True, slots=True)
class StoredBallot:
    """A ballot in the box and the time at which it is published; 0 once the box was rebuilt."""

    slot: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A ballot's bytes, and the SHA-256 under which they are stored."""

    digest: bytes
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

    def put(self, key: SlotKey, ballot: SealedBallot, body: bytes, square: bytes) -> PutResult:
        """Store a ballot durably; see `BoxStore.put`.

        Spec: BAL-4, BOX-4
        """
        return self.store.put(ballot, hashlib.sha256(body).digest(), square, key.mark)

    def get(self, digest: bytes) -> StoredBallot | None:
        """Return a ballot by the SHA-256 of its bytes, or None."""
        if (published := self.store.published(digest)) is not None:
            return StoredBallot(published.slot, published.body)
        if not self.store.state().slot_key:
            return None
        key = self.keys.current()
        found = self.store.sealed([key.name(digest)])
        return StoredBallot(found[0].slot, key.open(found[0])[1]) if found else None

    # For who is alone

    def is_settled(self) -> bool:
        """Tell whether `slot.key` is the key that the box's state names, if it names one."""
        mark, key = self.store.state().slot_key, self.keys.find()
        return not mark or (key is not None and key.mark == mark)

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
        return {key.ticket(head) for head in self.store.sealed_heads()}

    def sealed(self) -> Iterator[tuple[SealedName, PublishedBallot]]:
        """Yield every sealed ballot, opened; constant memory.

        Raises:
            StateError: One was altered (BOX-4).
        """
        heads = iter(list(self.store.sealed_heads()))
        while some := list(islice(heads, _AT_ONCE)):
            for head, ballot in zip(some, self.open([head.key for head in some]), strict=True):
                yield SealedName(ballot.digest, head.key, head.slot), ballot

    def open(self, names: Sequence[bytes]) -> list[PublishedBallot]:
        """Open at most 256 sealed ballots, in the order of their names.

        Raises:
            StateError: One was altered or is gone (BOX-4).
        """
        key = self.keys.current()
        found = {one.key: one for one in self.store.sealed(names)}
        opened = []
        for name in names:
            square, body = key.open(found[name]) if name in found else (b"", b"")
            digest = hashlib.sha256(body).digest()
            if key.name(digest) != name:
                raise StateError(
                    "A ballot in the box was altered or removed.", check="BOX-4", subject=name.hex()
                )
            opened.append(PublishedBallot(digest, square, found[name].slot, body))
        return opened

    def ballots(self) -> Iterator[StoredBody]:
        """Yield every ballot once, also after an interrupted publication; no more memory than their digests.

        What a published one holds is to be compared with its digest.
        """
        published = set(self.store.digests())
        yield from (StoredBody(digest, body) for digest, body in self.store.bodies())
        yield from (
            StoredBody(name.digest, ballot.body)
            for name, ballot in self.sealed()
            if name.digest not in published
        )

    def close_slots(self, until: int) -> None:
        """Take no more ballots for the slots up to a time; none is being cast.

        Raises:
            StateError: Another machine has written the box meanwhile (BOX-4).

        Spec: BOX-9
        """
        old = self.store.state()
        if until > old.closed_until and not self.store.set_state(old, replace(old, closed_until=until)):
            raise _written_by_another()

    def turn(self, published: Collection[bytes], until: int, head: Checkpoint) -> None:
        """Forget the sealed form of published ballots, and replace the slot key; none is being cast.

        Ballots that stay are sealed anew under the next key; then the old one is erased. Can be interrupted
        anywhere and done again.

        Args:
            published: Names of sealed ballots that are in the log and among the published ones.
            until: The last publication time that is done.
            head: What the log has come to.

        Raises:
            StateError: Another machine has written the box meanwhile (BOX-4).

        Spec: BOX-9
        """
        old, fresh = self.store.state(), self.keys.prepare()
        names = iter([head.key for head in self.store.sealed_heads() if head.key not in published])
        rest = []
        while some := list(islice(names, _AT_ONCE)):
            rest += [fresh.seal(one.body, one.square, one.slot) for one in self.open(some)]
        done = max(until, old.published_until)
        new = BoxState(fresh.mark, max(done, old.closed_until), done, head.size, head.root)
        if not self.store.turn(old, new, rest):
            raise _written_by_another()
        self.keys.settle(fresh.mark)

    def finish(self, head: Checkpoint) -> None:
        """After closing, with every ballot published: erase slots, traces of arrival, and the slot key.

        Raises:
            StateError: A ballot is not published (BOX-9).

        Spec: BOX-10
        """
        if next(self.store.sealed_heads(), None) is not None:
            raise StateError("A ballot in the box is not published.", check="BOX-9")
        old = self.store.state()
        new = replace(old, slot_key=b"", log_size=head.size, log_root=head.root)
        if not self.store.set_state(old, new):
            raise _written_by_another()
        self.store.rebuild()
        self.keys.destroy()


def _written_by_another() -> StateError:
    return StateError(
        "Register and box were written by another machine meanwhile: one machine alone serves an election.",
        check="BOX-4",
    )
