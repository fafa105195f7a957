# SPDX-License-Identifier: GPL-3.0-or-later
"""The two stores as the voting service sees them: what an adapter to another database must offer.

An adapter is right if it passes the suites of `evote.testing`. The two stores never share a transaction. Every
method that changes something is durable when it returns, and all or nothing; whatever fails raises `StorageError`.

Spec: BOX-2, BOX-3, BOX-4
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal, Protocol

from evote.box.roll import RegisteredVoter
from evote.manifest import Unit
from evote.record.slot import Slot

NONCE_BYTES: Final = 12


class Attendance(IntEnum):
    """What the register knows of a voter in a contest."""

    NONE = 0
    IN_PROGRESS = 1
    VOTED = 2


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A voter's right to one ballot.

    Attributes:
        slot: Contest, section, unit and weight.
        state: Whether the voter is connected or has voted.
        in_flight: A cast was begun and is not finished.
        voted_at: Minute of the mark in POSIX seconds; 0 without one.
    """

    slot: Slot
    state: Attendance
    in_flight: bool
    voted_at: int


@dataclass(frozen=True, slots=True)
class InFlight:
    """A mark whose ballot may or may not be in the box."""

    voter: str
    contest: str
    ticket: bytes


@dataclass(frozen=True, slots=True)
class MarkCount:
    """How many voters of a unit were marked in an hour, and their total weight."""

    contest: str
    unit: str
    hour: int
    voters: int
    weight: int


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody who has voted, for the bureau alone; the minute is in POSIX seconds."""

    voter: str = field(repr=False)
    name: str = field(repr=False)
    minute: int


class RegisterStore(Protocol):
    """Who may vote where, and who has voted; nothing of a ballot.

    A mark is (contest, voter) -> state, minute, ticket. The ticket is b"" but during a cast.

    Spec: BOX-3
    """

    def import_roll(self, voters: Iterable[RegisteredVoter], salt: bytes) -> None:
        """Put a roll and its secret salt in the place of those before.

        Raises:
            StateError: Somebody has connected or voted; nothing was changed (BOX-3).
        """

    def roll_salt(self) -> bytes:
        """Return the salt of the roll, b"" before any was imported; secret."""

    def voters(self) -> Iterable[RegisteredVoter]:
        """Return the roll in ascending order of voter ids (by code points)."""

    def assign_units(self, units: Sequence[Unit]) -> None:
        """Note for every section of a contest the unit that counts it."""

    def rights(self, voter: str) -> dict[str, Entitlement]:
        """Return a voter's rights by contest; none for somebody unknown."""

    def connect(self, voter: str, contest: str, minute: int) -> None:
        """Move a voter from NONE to IN_PROGRESS; no effect in another state."""

    def reserve(self, voter: str, contest: str, ticket: bytes, minute: int) -> bool:
        """Move a voter to VOTED with a ticket; False if they are there already. Of several at once one succeeds."""

    def confirm(self, voter: str, contest: str, ticket: bytes) -> None:
        """Erase this very ticket; the mark stays. No effect with another one."""

    def release(self, voter: str, contest: str, ticket: bytes) -> None:
        """Move a voter with this very ticket back to IN_PROGRESS. No effect with another one."""

    def in_flight(self) -> list[InFlight]:
        """Return the marks that carry a ticket."""

    def marks(self) -> list[MarkCount]:
        """Count the marks, tickets or not, by contest, unit and hour."""

    def confirmed(self) -> int:
        """Count the marks without a ticket: for each of them a ballot is in the box."""

    def attendance(self, contest: str) -> list[Attendee]:
        """Return a contest's attendance list in ascending order of voter ids."""

    def connected(self) -> int:
        """Return how many are IN_PROGRESS."""

    def untouched(self) -> bool:
        """Tell whether everybody is NONE."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep out every other process that asks for this, on whatever machine; may do nothing on one machine."""

    def role(self) -> str:
        """Return the database user and server that this store works as, or "" where there is none."""

    def wait_for_others(self) -> None:
        """Wait until all that others began is durable or undone: who died may have left a commit under way."""

    def rebuild(self) -> None:
        """After closing: forget when voters connected; write everything anew in key order, no trace of arrival."""

    def close(self) -> None:
        """Give the database back."""


@dataclass(frozen=True, slots=True)
class SealedBallot:
    """A ballot that is not published yet: nobody can read it, or tell which one it is, without the slot key.

    Attributes:
        key: Names it under the slot key.
        square: Names its c^2 under the slot key.
        slot: The time at which it is published.
        sealed: Square digest and bytes of the ballot, under the slot key.
    """

    key: bytes
    square: bytes
    slot: int
    sealed: bytes = field(repr=False)

    @property
    def head(self) -> SealedHead:
        """What `sealed_heads` gives of this ballot."""
        return SealedHead(self.key, self.slot, self.sealed[:NONCE_BYTES])


@dataclass(frozen=True, slots=True)
class SealedHead:
    """Name and slot of a sealed ballot, and the nonce that belongs to its cast alone: the first bytes of `sealed`."""

    key: bytes
    slot: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class PublishedBallot:
    """A ballot that is in the log.

    Attributes:
        digest: SHA-256 of its bytes.
        square: Digest of c^2 mod n^2.
        slot: The time at which it was published; 0 once the box was rebuilt.
        body: Its bytes.
    """

    digest: bytes
    square: bytes
    slot: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BoxState:
    """What the box remembers of itself; the state of a box that was never used is `BoxState()`.

    Attributes:
        slot_key: Mark of the slot key that seals the ballots.
        closed_until: The last publication time whose slot takes no more ballots; -1 before the first.
        published_until: The last publication time that is done; -1 before the first.
        log_size: Number of entries of the log when it was last written.
        log_root: Its root then.
    """

    slot_key: bytes = b""
    closed_until: int = -1
    published_until: int = -1
    log_size: int = 0
    log_root: bytes = b""


PutResult = Literal["stored", "copy", "stale"]


class BoxStore(Protocol):
    """The ballots: no voter, no time, no order of arrival.

    Spec: BOX-4
    """

    def state(self) -> BoxState:
        """Return what the box remembers."""

    def set_state(self, old: BoxState, new: BoxState) -> bool:
        """Replace the state if it is still the old one; tell whether it was."""

    def put(self, ballot: SealedBallot, digest: bytes, square: bytes, slot_key: bytes) -> PutResult:
        """Store a ballot.

        Args:
            ballot: Sealed.
            digest: SHA-256 of its bytes, to be compared with those published, not to be stored.
            square: Digest of its c^2, likewise.
            slot_key: Mark of the key that sealed it.

        Returns:
            "copy" if `key` or `square` is there, or a published ballot has this digest or square; "stale" if
            the box's state names another slot key; then nothing was stored.
        """

    def sealed(self, keys: Sequence[bytes]) -> list[SealedBallot]:
        """Return those of at most 256 sealed ballots that are there, in any order."""

    def sealed_heads(self) -> Iterator[SealedHead]:
        """Yield name, slot and nonce of every sealed ballot, in key order."""

    def add(self, ballots: Sequence[PublishedBallot]) -> None:
        """Add at most 256 published ballots; those that are there stay. The sealed ones stay until `turn`."""

    def turn(self, old: BoxState, new: BoxState, rest: Sequence[SealedBallot]) -> bool:
        """Replace the state, and all sealed ballots by `rest`; False, and nothing done, if the state is not `old`."""

    def published(self, digest: bytes) -> PublishedBallot | None:
        """Return a published ballot by the SHA-256 of its bytes, or None."""

    def digests(self) -> Iterator[bytes]:
        """Yield the digest of every published ballot in ascending order; constant memory."""

    def bodies(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield digest and bytes of every published ballot in ascending order of digests; constant memory."""

    def count(self) -> int:
        """Return the number of ballots, sealed and published."""

    def role(self) -> str:
        """Return the database user and server that this store works as, or "" where there is none."""

    def wait_for_others(self) -> None:
        """Wait until all that others began is durable or undone: who died may have left a commit under way."""

    def rebuild(self) -> None:
        """After closing: erase slots; write everything anew in key order, no trace of arrival."""

    def close(self) -> None:
        """Give the database back."""
