# SPDX-License-Identifier: GPL-3.0-or-later
"""Ed25519 signatures and the file that holds a signing key: the only door to `cryptography` for signing.

Spec: BRD-5, BRD-6
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature as _Refused
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from evote.errors import EncodingError, InvalidSignature, ParameterError, StorageError

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
ED25519: Final = b"\x01"  # the signature type of C2SP signed notes
COSIGNATURE: Final = b"\x04"  # that of C2SP cosignatures, by the same algorithm over a timestamped text
_MAX_NAME = 255
_FILE_PREFIX = "PRIVATE+KEY"
_MAX_FILE = 1024


class SigningKey:
    """An Ed25519 signing key; secret, and its `repr` shows nothing of it."""

    __slots__ = ("_key", "public")

    public: bytes

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def generate(cls) -> Self:
        """Make a key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Make the key of a 32-byte secret seed.

        Raises:
            ParameterError: Not 32 bytes (BRD-5).
        """
        if len(seed) != KEY_BYTES:
            raise ParameterError(f"A signing seed is {KEY_BYTES} bytes.", check="BRD-5")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    def seed_bytes(self) -> bytes:
        """Return the 32-byte seed; secret."""
        return self._key.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of a message; the same message gives the same signature."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()})"


def verify_signature(
    public: bytes, message: bytes, signature: bytes, *, check: str, subject: str = ""
) -> None:
    """Verify an Ed25519 signature.

    Args:
        public: 32 bytes, pinned elsewhere.
        message: What must have been signed.
        signature: 64 bytes, untrusted.
        check: Identifier of the rule that asks for this signature.
        subject: File or person concerned.

    Raises:
        InvalidSignature: It does not verify, or key or signature have a wrong length (`check`).
    """
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (_Refused, ValueError):
        raise InvalidSignature(
            f"The signature of {subject or 'the message'} does not verify.", check=check, subject=subject
        ) from None


def decode_base64(text: str) -> bytes:
    """Read standard base64 with padding, strictly: one text for each byte string.

    Raises:
        EncodingError: Anything that encoding the bytes again does not give back (BRD-4).
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EncodingError("This is not base64 text.", check="BRD-4") from None
    if encode_base64(data) != text:  # unused bits that are not zero
        raise EncodingError("This is not canonical base64 text.", check="BRD-4")
    return data


def encode_base64(data: bytes) -> str:
    """Write bytes as standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def is_key_name(name: str) -> bool:
    """Tell whether a text can name a key: not empty, no white space, no control character, no `+`.

    Spec: BRD-5
    """
    if not name or len(name) > _MAX_NAME or "+" in name:
        return False
    return all(character.isprintable() and not character.isspace() for character in name)


def key_id(name: str, public: bytes, kind: bytes = ED25519) -> bytes:
    """Return the 4 bytes that tell keys of a signed note apart; they identify, they do not authenticate.

    Spec: BRD-5, WIT-1
    """
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def save_signing_key(path: Path, name: str, key: SigningKey, kind: bytes = ED25519) -> None:
    """Write a signing key to a new file that only its owner can read.

    Args:
        path: A file that does not exist; never overwritten.
        name: The key's name in signed notes.
        key: Secret; the file holds it in clear.
        kind: What it signs: notes, or cosignatures.

    Raises:
        ParameterError: Not a key name (BRD-5).
        StorageError: The file exists or cannot be written (BRD-5).
    """
    if not is_key_name(name):
        raise ParameterError("A key name has no white space and no plus sign.", check="BRD-5")
    secret = encode_base64(kind + key.seed_bytes())
    line = f"{_FILE_PREFIX}+{name}+{key_id(name, key.public, kind).hex()}+{secret}\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except FileExistsError:
        raise StorageError(
            f"{path} exists; a key is never overwritten.", check="BRD-5", subject=str(path)
        ) from None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}.", check="BRD-5", subject=str(path)) from None


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_signing_key(path: Path, kind: bytes = ED25519) -> tuple[str, SigningKey]:
    """Read a key file and return the key's name and the key.

    Raises:
        StorageError: The file cannot be read (BRD-5).
        EncodingError: Not a key file of this kind, or altered (BRD-5).
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}.", check="BRD-5", subject=str(path)) from None
    try:
        return _parse_key_file(data, kind)
    except (EncodingError, ValueError):
        raise EncodingError(f"{path} is not a signing key file.", check="BRD-5", subject=str(path)) from None


def _parse_key_file(data: bytes, kind: bytes) -> tuple[str, SigningKey]:
    text = data.decode()
    if not text.startswith(_FILE_PREFIX + "+") or not text.endswith("\n") or len(data) > _MAX_FILE:
        raise ValueError
    name, identifier, secret = text[len(_FILE_PREFIX) + 1 : -1].split("+", 2)
    seed = decode_base64(secret)
    if not is_key_name(name) or seed[:1] != kind:
        raise ValueError
    key = SigningKey.from_seed(seed[1:])
    if identifier != key_id(name, key.public, kind).hex():
        raise ValueError
    return name, key
