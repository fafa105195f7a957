# SPDX-License-Identifier: GPL-3.0-or-later
"""The signed ballot reference that voters keep, and the short code that stands for it on the telephone.

Spec: REF
"""

from __future__ import annotations

import hashlib
import string
from dataclasses import dataclass
from typing import Final, Self

from evote.crypto.notes import NoteKey, NoteSigner
from evote.crypto.signing import verify_signature
from evote.encoding import decode_base64url, encode_base64url
from evote.errors import EncodingError, ParameterError, VerificationError
from evote.record.amendments import ReferenceKey
from evote.record.election import PublicElection

_VERSION: Final = 1
_LENGTH: Final = 1 + 4 + 8 + 2 + 32 + 8 + 64
_CHARACTERS: Final = -(-_LENGTH * 4 // 3)
_SYMBOLS: Final = frozenset(f"{string.ascii_letters}{string.digits}-_")
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS: Final = str.maketrans("OIL", "011")
_CODE_BITS: Final = 55


@dataclass(frozen=True, slots=True)
class Reference:
    """A ballot reference in its compact form: 119 bytes, 159 characters of base64url.

    Attributes:
        key_id: Id of the reference key, 4 bytes.
        election_prefix: First 8 bytes of the election id.
        contest_number: Place of the contest in the manifest, from 0.
        leaf_hash: RFC 6962 hash of the ballot's log entry, 32 bytes.
        publish_by: POSIX seconds by which the ballot is in the published log.
        signature: Ed25519 signature of the note that all this stands for, 64 bytes.

    Spec: REF-1
    """

    key_id: bytes
    election_prefix: bytes
    contest_number: int
    leaf_hash: bytes
    publish_by: int
    signature: bytes

    def to_bytes(self) -> bytes:
        """Return the 119 bytes."""
        return b"".join(
            (
                bytes([_VERSION]),
                self.key_id,
                self.election_prefix,
                self.contest_number.to_bytes(2, "big"),
                self.leaf_hash,
                self.publish_by.to_bytes(8, "big"),
                self.signature,
            )
        )

    def __str__(self) -> str:
        """Return the compact form that voters copy."""
        return encode_base64url(self.to_bytes())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference as pasted or scanned: white space and a leading `https://…/r#` are dropped.

        Args:
            text: Untrusted.

        Raises:
            EncodingError: Not a reference (REF-1).
        """
        try:
            data = decode_base64url(_compact(text))
        except EncodingError:
            data = b""
        if len(data) != _LENGTH or data[0] != _VERSION:
            raise EncodingError("This is not a ballot reference; paste all of it.", check="REF-1")
        return cls(
            data[1:5],
            data[5:13],
            int.from_bytes(data[13:15], "big"),
            data[15:47],
            int.from_bytes(data[47:55], "big"),
            data[55:],
        )


def _compact(text: str) -> str:
    compact = "".join(text.split())
    return compact.partition("#")[2] if compact.startswith("https://") else compact


def is_incomplete(text: str) -> bool:
    """Tell whether a text has fewer characters than a reference, and no others; where it was cut is not known.

    Args:
        text: Untrusted.

    Spec: REF-1
    """
    compact = _compact(text)
    return len(compact) < _CHARACTERS and _SYMBOLS.issuperset(compact)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a voter gets for a ballot that is durably in the box."""

    reference: Reference
    code: str


def _note_text(election: PublicElection, contest_id: str, leaf_hash: bytes, publish_by: int) -> bytes:
    lines = (
        "evote/reference/v1",
        election.manifest.origin,
        encode_base64url(election.id),
        contest_id,
        encode_base64url(leaf_hash),
        str(publish_by),
    )
    return "".join(f"{line}\n" for line in lines).encode()


def sign_reference(
    election: PublicElection, signer: NoteSigner, contest_id: str, leaf_hash: bytes, publish_by: int
) -> Reference:
    """Sign the reference of a ballot; the same ballot and slot give the same bytes again.

    Args:
        election: The election.
        signer: The reference key; secret.
        contest_id: The ballot's contest.
        leaf_hash: RFC 6962 hash of the ballot's log entry.
        publish_by: POSIX seconds.

    Spec: REF-1
    """
    number = [contest.id for contest in election.manifest.contests].index(contest_id)
    signature = signer.key.sign(_note_text(election, contest_id, leaf_hash, publish_by))
    return Reference(signer.note_key.id, election.id[:8], number, leaf_hash, publish_by, signature)


def current_reference_key(election: PublicElection) -> NoteKey:
    """Return the key that signs references now.

    Raises:
        VerificationError: An amendment is not right (ACT-7).
    """
    return election.reference_keys[-1].key


@dataclass(frozen=True, slots=True)
class SignedReference:
    """What a reference with a valid signature says.

    Attributes:
        contest: Contest id.
        key: The key that signed, and why it was withdrawn since, if it was.
    """

    contest: str
    key: ReferenceKey


def verify_reference(election: PublicElection, reference: Reference) -> SignedReference:
    """Check a reference's signature, by the reference key in use or by one that was withdrawn.

    Args:
        election: Pinned by the voter's notice or device.
        reference: Untrusted.

    Returns:
        The contest, and which key signed: after a theft a signature alone shows nothing (REF-4).

    Raises:
        VerificationError: Another election, key or contest (REF-2); an amendment is not right (ACT-7).
        InvalidSignature: This election's reference key did not sign it (REF-3).

    Spec: REF-2, REF-3
    """
    keys = {one.key.id: one for one in election.reference_keys}
    contests = election.manifest.contests
    used = keys.get(reference.key_id)
    known = reference.contest_number < len(contests)
    if used is None or reference.election_prefix != election.id[:8] or not known:
        raise VerificationError("The reference belongs to another election.", check="REF-2")
    contest = contests[reference.contest_number].id
    text = _note_text(election, contest, reference.leaf_hash, reference.publish_by)
    verify_signature(used.key.public, text, reference.signature, check="REF-3", subject="reference")
    return SignedReference(contest, used)


def short_code(election_id: bytes, leaf_hash: bytes) -> str:
    """Return the label of a ballot for voter and help desk, `XXXX-XXXX-XXXX`; it proves nothing.

    Spec: REF-5
    """
    digest = hashlib.sha256(b"evote/code/v1\x00" + election_id + leaf_hash).digest()
    number = int.from_bytes(digest, "big") >> (256 - _CODE_BITS)
    digits = [number >> shift & 31 for shift in range(_CODE_BITS - 5, -1, -5)]
    symbols = "".join(_ALPHABET[digit] for digit in [*digits, _check_symbol(digits)])
    return "-".join(symbols[start : start + 4] for start in range(0, 12, 4))


def parse_code(text: str) -> str:
    """Read a code as people write it: any case, O as 0, I and L as 1, dashes and spaces as they like.

    Raises:
        ParameterError: Not a code, or one symbol is wrong (REF-5).

    Spec: REF-5
    """
    symbols = "".join(text.split()).replace("-", "").upper().translate(_READ_AS)
    digits = [_ALPHABET.find(symbol) for symbol in symbols]
    if len(digits) != 12 or min(digits) < 0 or _check_symbol(digits[:11]) != digits[11]:
        raise ParameterError("This is not a ballot code; look for a mistyped character.", check="REF-5")
    return "-".join(symbols[start : start + 4] for start in range(0, 12, 4))


def _check_symbol(digits: list[int]) -> int:
    """Return the sum of alpha^(i+1) d_i over GF(32) = GF(2)[x]/(x^5 + x^2 + 1).

    Finds every single wrong symbol and every exchange of two.
    """
    total = 0
    for digit in reversed(digits):
        total = _times_alpha(total ^ digit)
    return total


def _times_alpha(value: int) -> int:
    value <<= 1
    return value ^ 0b100101 if value & 0b100000 else value
