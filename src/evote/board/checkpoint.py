# SPDX-License-Identifier: GPL-3.0-or-later
"""The signed head of the log (C2SP tlog-checkpoint).

Spec: BRD-7
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from evote.crypto.merkle import EMPTY_ROOT, HASH_BYTES
from evote.crypto.notes import NoteKey, NoteSigner, open_note, sign_note
from evote.crypto.signing import decode_base64, encode_base64, is_key_name
from evote.errors import BoardInconsistency, EncodingError, ParameterError

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_SIZE_BOUND: Final = 1 << 53


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log held at one moment.

    Attributes:
        origin: Name of the log.
        size: Number of entries, below 2^53.
        root: Root of the Merkle tree over them, 32 bytes.

    Spec: BRD-7
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if (
            not is_key_name(self.origin)
            or not 0 <= self.size < _SIZE_BOUND
            or len(self.root) != HASH_BYTES
            or (self.size == 0 and self.root != EMPTY_ROOT)
        ):
            raise EncodingError("Origin, size and root are not those of a checkpoint.", check="BRD-7")

    def to_text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the three lines.

        Raises:
            EncodingError: Not the canonical text of a checkpoint (BRD-7).
        """
        origin, _, rest = text.partition("\n")
        size, _, root = rest.partition("\n")
        if not _SIZE.fullmatch(size):
            raise EncodingError("The size of a checkpoint is a decimal number.", check="BRD-7")
        try:
            checkpoint = cls(origin, int(size), decode_base64(root.removesuffix("\n")))
        except EncodingError as error:
            raise EncodingError(str(error), check="BRD-7") from None
        if checkpoint.to_text() != text:  # extension lines
            raise EncodingError("A checkpoint is origin, size and root, nothing else.", check="BRD-7")
        return checkpoint

    def sign(self, signer: NoteSigner) -> bytes:
        """Return the signed note.

        Args:
            signer: The log's key; its name is the origin; secret.

        Raises:
            ParameterError: The key has another name (BRD-7).
        """
        if signer.name != self.origin:
            raise ParameterError("The key of a log has the name of its origin.", check="BRD-7")
        return sign_note(self.to_text(), [signer])

    @classmethod
    def from_note(cls, data: bytes, key: NoteKey) -> Self:
        """Verify a signed checkpoint and read it.

        Args:
            data: Untrusted.
            key: The log's key, pinned by the seal; its name is the origin.

        Raises:
            EncodingError: Not a note (BRD-4) or not a checkpoint (BRD-7).
            InvalidSignature: Not signed by the log (BRD-6).
            BoardInconsistency: The checkpoint of another log (BRD-7).
        """
        checkpoint = cls.from_text(open_note(data, [key]))
        if checkpoint.origin != key.name:
            raise BoardInconsistency(
                "The checkpoint is of another log.", check="BRD-7", subject=checkpoint.origin
            )
        return checkpoint
