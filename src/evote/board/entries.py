# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that the log holds, and the order in which they may follow each other.

Spec: BRD-8, BRD-9
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from evote.encoding import decode_base64url, encode_base64url
from evote.errors import EncodingError, EvoteError

_DIGEST_BYTES: Final = 32
_MAX_ENTRY_BYTES: Final = 100


class Kind(StrEnum):
    """What an entry commits to; the value is the word in its line."""

    BALLOT = "ballot"
    SEAL = "seal"
    OPEN = "open"
    AMEND = "amend"
    CLOSE = "close"
    SUM = "sum"
    SHARE = "share"
    RESULT = "result"
    EVENT = "event"
    END = "end"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: a kind and the SHA-256 of a ballot or of a file of the record.

    Spec: BRD-8
    """

    kind: Kind
    digest: bytes

    def __post_init__(self) -> None:
        if len(self.digest) != _DIGEST_BYTES:
            raise EncodingError("An entry holds a digest of 32 bytes.", check="BRD-8")

    @classmethod
    def of(cls, kind: Kind, data: bytes) -> Self:
        """Make the entry that commits to the bytes of a ballot or file."""
        return cls(kind, hashlib.sha256(data).digest())

    @property
    def ballot_digest(self) -> bytes:
        """The digest of the ballot; b"" where the entry is no ballot."""
        return self.digest if self.kind == Kind.BALLOT else b""

    def to_bytes(self) -> bytes:
        """Return the line, with its LF."""
        return f"evote/{self.kind}/v1 {encode_base64url(self.digest)}\n".encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a line; untrusted.

        Raises:
            EncodingError: Not the canonical line of a known kind (BRD-8).
        """
        try:
            head, _, digest = data[:_MAX_ENTRY_BYTES].decode("ascii").removesuffix("\n").partition(" ")
            kind = head.removeprefix("evote/").removesuffix("/v1")
            entry = cls(Kind(kind), decode_base64url(digest))
        except (EvoteError, ValueError):
            raise EncodingError("This is not an entry of the log.", check="BRD-8") from None
        if entry.to_bytes() != data:
            raise EncodingError("This entry of the log is not canonical.", check="BRD-8")
        return entry


class Phase(StrEnum):
    """What a log has come to.

    Spec: BRD-9
    """

    EMPTY = "empty"
    SEALED = "sealed"
    VOTING = "voting"
    CLOSED = "closed"
    ENDED = "ended"


_ADVANCES: Final = {
    (Phase.EMPTY, Kind.SEAL): Phase.SEALED,
    (Phase.SEALED, Kind.OPEN): Phase.VOTING,
    (Phase.VOTING, Kind.BALLOT): Phase.VOTING,
    (Phase.VOTING, Kind.CLOSE): Phase.CLOSED,
    (Phase.CLOSED, Kind.SUM): Phase.CLOSED,
    (Phase.CLOSED, Kind.SHARE): Phase.CLOSED,
    (Phase.CLOSED, Kind.RESULT): Phase.CLOSED,
    (Phase.CLOSED, Kind.END): Phase.ENDED,
}
_STEPS: Final = _ADVANCES | {
    (phase, kind): phase
    for phase in (Phase.SEALED, Phase.VOTING, Phase.CLOSED)
    for kind in (Kind.AMEND, Kind.EVENT)
}


def phase_after(phase: Phase, kind: Kind, *, failure: type[EvoteError]) -> Phase:
    """Return the phase that an entry leads to.

    Args:
        phase: Where the log is.
        kind: The entry that comes next.
        failure: The class to raise: the caller's mistake on writing, an inconsistency on reading.

    Raises:
        EvoteError: `failure`, where this kind cannot follow (BRD-9).

    Spec: BRD-9
    """
    following = _STEPS.get((phase, kind))
    if following is None:
        raise failure(
            f"An entry {kind} cannot come in a log that is {phase}.", check="BRD-9", subject=kind.value
        )
    return following
