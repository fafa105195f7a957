# SPDX-License-Identifier: GPL-3.0-or-later
"""The acts of an election: seal, opening, closing, end.

Spec: ACT, END
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from evote.crypto.transcript import framed_digest
from evote.encoding import (
    Bytes,
    Count,
    Digest,
    Document,
    Field,
    Identifier,
    Part,
    Remark,
    SignatureBytes,
    Text,
    Time,
)


class TrusteeSignature(Part):
    """A trustee's signature of an act; the list of an act's signatures may be empty."""

    trustee: Identifier
    signature: SignatureBytes


Signatures = Annotated[tuple[TrusteeSignature, ...], Field(max_length=200)]


class Seal(Document):
    """`seal.json`: the election id is the SHA-256 of its bytes."""

    type: Literal["evote/seal"] = "evote/seal"
    version: Literal[1] = 1
    manifest: Digest
    keys: Digest
    drill: Digest
    log_key: Text
    reference_key: Text
    register_key: Text
    supersedes: Annotated[tuple[Digest, ...], Field(max_length=1)]
    reason: Remark
    signatures: Signatures


class RegisterAct(Document):
    """An act that states what the register holds, signed by the register's key."""

    version: Literal[1] = 1
    election: Digest
    time: Time
    early: bool
    signatures: Signatures
    register_signature: Annotated[Bytes, Field(max_length=64)]

    def signed_bytes(self) -> bytes:
        """Return what the register's key signs: a digest of this act without its signatures."""
        bare = self.replace(register_signature=b"", signatures=())
        return framed_digest("evote/v1/register-act", (bare.to_bytes(),))


class Opening(RegisterAct):
    """`open.json`: the signed zero state. `early`: before the sealed hour (mode TEST)."""

    type: Literal["evote/open"] = "evote/open"
    ballots: Literal[0]
    marks: Literal[0]


class UnitMarks(Part):
    """Attendance marks of one unit: voters, their total weight, root over who of the unit's roll has voted."""

    unit: Identifier
    voters: Count
    weight: Count
    root: Digest


class Closing(RegisterAct):
    """`close.json`: attendance marks by unit, and the commitments to the attendance list."""

    type: Literal["evote/close"] = "evote/close"
    marks: Annotated[tuple[UnitMarks, ...], Field(max_length=1000)]


class FileDigest(Part):
    """A file of the record and its SHA-256."""

    path: Annotated[str, Field(pattern=r"^[a-z0-9A-Z][a-zA-Z0-9./-]{0,199}$")]
    digest: Digest


class End(Document):
    """`end.json`: every file of the record that the log does not hold itself."""

    max_bytes: ClassVar[int] = 64 << 20

    type: Literal["evote/end"] = "evote/end"
    version: Literal[1] = 1
    election: Digest
    files: Annotated[tuple[FileDigest, ...], Field(max_length=1_000_000)]
