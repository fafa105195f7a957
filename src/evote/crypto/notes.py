# SPDX-License-Identifier: GPL-3.0-or-later
"""C2SP signed notes: a text and Ed25519 signature lines, readable on paper.

Spec: BRD-4, BRD-5, BRD-6
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Self

from evote.crypto.signing import (
    ED25519,
    KEY_BYTES,
    SIGNATURE_BYTES,
    SigningKey,
    decode_base64,
    encode_base64,
    is_key_name,
    key_id,
    load_signing_key,
    save_signing_key,
    verify_signature,
)
from evote.errors import EncodingError, InvalidSignature, ParameterError

MAX_NOTE_BYTES: Final = 64 << 10
MAX_SIGNATURES: Final = 100
_KEY_ID_BYTES: Final = 4
_MAX_KEY_TEXT: Final = 512
_DASH: Final = "\u2014 "
_CONTROLS: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


def _malformed(reason: str) -> EncodingError:
    return EncodingError(f"This is not a signed note: {reason}.", check="BRD-4")


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A public Ed25519 key and its name; what it signs is told by its class.

    Attributes:
        name: No white space, no `+`.
        public: 32 bytes.
    """

    kind: ClassVar[bytes]
    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.public) != KEY_BYTES:
            raise ParameterError("A note key is a name without white space and 32 bytes.", check="BRD-5")

    @property
    def id(self) -> bytes:
        """The 4-byte key id."""
        return key_id(self.name, self.public, self.kind)

    def to_text(self) -> str:
        """Return `<name>+<key id>+<base64>`, the form in which keys are published and pinned."""
        return f"{self.name}+{self.id.hex()}+{encode_base64(self.kind + self.public)}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the published form of a key of this kind; untrusted.

        Raises:
            EncodingError: Not the one text of such a key (BRD-5).
        """
        parts = text.split("+", 2) if len(text) <= _MAX_KEY_TEXT else []  # base64 may hold "+" itself
        try:
            name, _, encoded = parts
            key = cls(name, decode_base64(encoded)[1:])
        except (EncodingError, ParameterError, ValueError):
            raise EncodingError("This is not the text of a note key.", check="BRD-5") from None
        if key.to_text() != text:  # key id, signature type, letter case
            raise EncodingError("This text of a note key is not canonical.", check="BRD-5")
        return key


class NoteKey(NamedKey):
    """A key that signs notes; for a log, its name is the origin.

    Spec: BRD-5
    """

    __slots__ = ()
    kind = ED25519


@dataclass(frozen=True, slots=True)
class NamedSigner:
    """A signing key and its name; secret. What it signs is told by its class."""

    kind: ClassVar[bytes]
    name: str
    key: SigningKey = field(repr=False)

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise ParameterError("A key name has no white space and no plus sign.", check="BRD-5")

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a new key from the operating system's randomness."""
        return cls(name, SigningKey.generate())

    def save(self, path: Path) -> None:
        """Write the key to a new private file; see `save_signing_key`."""
        save_signing_key(path, self.name, self.key, self.kind)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file of this kind; see `load_signing_key`."""
        return cls(*load_signing_key(path, cls.kind))


class NoteSigner(NamedSigner):
    """The signing key of notes; secret."""

    __slots__ = ()
    kind = ED25519

    @property
    def note_key(self) -> NoteKey:
        """The public part."""
        return NoteKey(self.name, self.key.public)


def _check_text(text: str) -> None:
    if not text.endswith("\n") or text.startswith("\n") or _CONTROLS.search(text):
        raise _malformed("its text must be lines that end in LF, without control characters")


def sign_note(text: str, signers: Sequence[NoteSigner]) -> bytes:
    """Sign a text with each key, in the order given.

    Args:
        text: Lines that each end in LF; no other control character.
        signers: At least one; secret.

    Raises:
        EncodingError: The text cannot be the text of a note (BRD-4).
        ParameterError: No signer (BRD-4).

    Spec: BRD-4
    """
    _check_text(text)
    if not signers:
        raise ParameterError("A note needs a signer.", check="BRD-4")
    lines = [
        f"{_DASH}{signer.name} {encode_base64(signer.note_key.id + signer.key.sign(text.encode()))}\n"
        for signer in signers
    ]
    data = (text + "\n" + "".join(lines)).encode()
    if len(data) > MAX_NOTE_BYTES:
        raise _malformed(f"it is longer than {MAX_NOTE_BYTES} bytes")
    return data


def split_note(data: bytes) -> tuple[str, list[str]]:
    """Return the text of a note and its signature lines; nothing is verified.

    Args:
        data: Untrusted.

    Raises:
        EncodingError: Not a signed note (BRD-4).

    Spec: BRD-4
    """
    if len(data) > MAX_NOTE_BYTES:
        raise _malformed(f"it is longer than {MAX_NOTE_BYTES} bytes")
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    head, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise _malformed("it has no signatures")
    text, lines = head + "\n", tail[:-1].split("\n")
    _check_text(text)
    if len(lines) > MAX_SIGNATURES:
        raise _malformed(f"it has more than {MAX_SIGNATURES} signatures")
    return text, lines


def parse_signature(line: str) -> tuple[str, bytes, bytes]:
    """Return name, key id and signature of a signature line without its LF; nothing is verified.

    Raises:
        EncodingError: Not a signature line (BRD-4).
    """
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not is_key_name(name):
        raise _malformed("a signature line is not a dash, a name and base64")
    blob = decode_base64(encoded)
    if len(blob) <= _KEY_ID_BYTES:
        raise _malformed("a signature is empty")
    return name, blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:]


def open_note(data: bytes, keys: Sequence[NoteKey]) -> str:
    """Verify a signed note and return its text.

    Signatures of unknown keys are ignored. A signature of a known key that does not verify rejects the
    note, even if another known key's signature verifies.

    Args:
        data: Untrusted.
        keys: The keys that are trusted for this note; one valid signature of any of them is enough.

    Raises:
        EncodingError: Not a signed note (BRD-4).
        InvalidSignature: A known key's signature is wrong or there twice, or no known key signed (BRD-6).

    Spec: BRD-4, BRD-6
    """
    text, lines = split_note(data)
    known = {(key.name, key.id): key for key in keys}
    seen = set()
    for name, identifier, signature in [parse_signature(line) for line in lines]:
        key = known.get((name, identifier))
        if key is None:
            continue
        if key in seen or len(signature) != SIGNATURE_BYTES:
            raise InvalidSignature(
                f"The note's signature by {name} is malformed.", check="BRD-6", subject=name
            )
        verify_signature(key.public, text.encode(), signature, check="BRD-6", subject=f"the note by {name}")
        seen.add(key)
    if not seen:
        raise InvalidSignature("No key that is trusted here signed this note.", check="BRD-6")
    return text
