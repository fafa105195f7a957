# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums, decryption shares, results, seats and minutes as they are published.

Spec: SUM, SHR, RES, SEA, MIN
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from evote.crypto.transcript import framed_digest
from evote.encoding import Bytes, Count, Digest, Document, Field, Identifier, Part, Text, Time
from evote.record.keys import ProvenShare

Units = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=1000)]


class Sum(Document):
    """`sums/<unit>.json`: the product of a group of units' ciphertexts at the closing checkpoint."""

    type: Literal["evote/sum"] = "evote/sum"
    version: Literal[1] = 1
    election: Digest
    closing_size: Count
    closing_root: Digest
    contest: Identifier
    unit: Identifier
    units: Units
    ballots: Count
    weight: Count
    ciphertext: Bytes


class DecryptionShare(Document):
    """`shares/<unit>/<trustee>.json`: one trustee's share of one sum, proved and signed."""

    type: Literal["evote/share"] = "evote/share"
    version: Literal[1] = 1
    election: Digest
    closing_size: Count
    closing_root: Digest
    unit: Identifier
    trustee: Identifier
    proven: ProvenShare
    signature: Annotated[Bytes, Field(max_length=64)]

    def signed_bytes(self) -> bytes:
        """Return what the trustee's key signs: a digest of this object without its signature."""
        return framed_digest("evote/v1/share", (self.replace(signature=b"").to_bytes(),))


class Result(Document):
    """`results/<unit>.json`: an opening (m, R) and the counts it proves, blank first."""

    type: Literal["evote/result"] = "evote/result"
    version: Literal[1] = 1
    election: Digest
    contest: Identifier
    unit: Identifier
    value: Bytes
    nonce: Bytes
    counts: Annotated[tuple[Count, ...], Field(min_length=2, max_length=256)]


class Average(Part):
    """A list's average for one seat: votes / divisor, exactly."""

    list: Identifier
    votes: Count
    divisor: Annotated[Count, Field(ge=1)]


class SeatStep(Part):
    """How one seat beyond the quotient was given."""

    seat: Count
    averages: tuple[Average, ...]
    winner: Identifier
    decided_by: Text
    tied: tuple[Identifier, ...]


class ListOutcome(Part):
    """Votes, seats by quotient, seats won, seats filled and the candidates elected, in list order."""

    list: Identifier
    votes: Count
    by_quotient: Count
    won: Count
    seats: Count
    elected: tuple[Text, ...]


class SeatsRecord(Document):
    """`seats/<contest>.json`: votes cast / seats is the quotient, never rounded."""

    max_bytes: ClassVar[int] = 16 << 20

    type: Literal["evote/seats"] = "evote/seats"
    version: Literal[1] = 1
    election: Digest
    contest: Identifier
    withheld: bool
    blank: Count
    votes_cast: Count
    seats: Count
    lists: tuple[ListOutcome, ...]
    steps: tuple[SeatStep, ...]
    vacant: Count
    lots: tuple[Identifier, ...]


class Minutes(Document):
    """`minutes/<contest>.json`: the figures that the bureau signs."""

    max_bytes: ClassVar[int] = 16 << 20

    type: Literal["evote/minutes"] = "evote/minutes"
    version: Literal[1] = 1
    election: Digest
    event: Text
    body: Text
    college: Text
    contest: Identifier
    title: Text
    opened: Time
    closed: Time
    closing_size: Count
    closing_root: Digest
    registered: Count
    voters: Count
    weight: Count
    blank: Count
    votes_cast: Count
    withheld: bool
    seats: Digest
    key_holders: tuple[Text, ...]
    signatures: Annotated[tuple[Text, ...], Field(max_length=0)]
