# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret at rest under a code: Argon2id, then ChaCha20-Poly1305.

Spec: KEY-9
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from evote.errors import ParameterError, StateError

MIN_CODE_LENGTH: Final = 8
_MAX_CODE_LENGTH: Final = 1024
_MAX_SECRET_BYTES: Final = 64 << 10
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32
_MEMORY_RANGE: Final = range(8 << 10, (1 << 20) + 1)  # KiB: 8 MiB to 1 GiB
_PASSES_RANGE: Final = range(1, 17)
_LANES_RANGE: Final = range(1, 17)


@dataclass(frozen=True, slots=True)
class SealingCost:
    """What one guess of the code costs an attacker.

    Attributes:
        memory_kib: 8192 (8 MiB) to 1048576 (1 GiB).
        passes: 1 to 16.
        lanes: 1 to 16.
    """

    memory_kib: int
    passes: int
    lanes: int

    def is_allowed(self) -> bool:
        """Tell whether the three numbers are within their bounds."""
        return (
            self.memory_kib in _MEMORY_RANGE and self.passes in _PASSES_RANGE and self.lanes in _LANES_RANGE
        )


STANDARD_COST: Final = SealingCost(256 << 10, 3, 1)
TOY_COST: Final = SealingCost(8 << 10, 1, 1)  # for tests; protects little


@dataclass(frozen=True, slots=True)
class SealedBox:
    """A sealed secret with everything but the code that opens it.

    Attributes:
        salt: 16 bytes.
        memory_kib: See `SealingCost`; so are `passes` and `lanes`.
        nonce: 12 bytes.
        ciphertext: The secret's length and 16 bytes more.
    """

    salt: bytes
    memory_kib: int
    passes: int
    lanes: int
    nonce: bytes
    ciphertext: bytes

    @property
    def cost(self) -> SealingCost:
        """The cost at which the secret was sealed."""
        return SealingCost(self.memory_kib, self.passes, self.lanes)


def _code_bytes(code: str) -> bytes:
    """Return the bytes of a code such that keyboards and forms of Unicode make no difference."""
    if len(code) > _MAX_CODE_LENGTH:
        raise ValueError
    return unicodedata.normalize("NFKC", code).strip().encode()


def _derive_key(code: bytes, salt: bytes, cost: SealingCost) -> bytes:
    kdf = Argon2id(
        salt=salt, length=_KEY_BYTES, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib
    )
    return kdf.derive(code)


def seal(secret: bytes, code: str, associated: bytes, *, cost: SealingCost = STANDARD_COST) -> SealedBox:
    """Seal a secret under a code.

    Args:
        secret: At most 64 KiB; secret.
        code: What the holder will type; at least 8 characters once normalised (NFKC) and stripped; secret.
        associated: Public bytes that must be the same on opening.
        cost: What one guess costs; lighter than the standard for toy elections only.

    Raises:
        ParameterError: Code too short or too long, secret too long, cost out of bounds (KEY-9).
        StateError: Not enough memory for this cost (KEY-9).

    Spec: KEY-9
    """
    try:
        password = _code_bytes(code)
    except ValueError:
        raise ParameterError("This code cannot be used: it is too long or not text.", check="KEY-9") from None
    if len(password.decode()) < MIN_CODE_LENGTH:
        raise ParameterError(f"A code has at least {MIN_CODE_LENGTH} characters.", check="KEY-9")
    if len(secret) > _MAX_SECRET_BYTES or not cost.is_allowed():
        raise ParameterError("The secret is too long or the cost of sealing is out of bounds.", check="KEY-9")
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    try:
        key = _derive_key(password, salt, cost)
    except MemoryError:
        raise StateError("There is not enough memory to seal this secret.", check="KEY-9") from None
    ciphertext = ChaCha20Poly1305(key).encrypt(nonce, secret, associated)
    return SealedBox(salt, cost.memory_kib, cost.passes, cost.lanes, nonce, ciphertext)


def _is_well_formed(box: SealedBox) -> bool:
    return (
        len(box.salt) == _SALT_BYTES
        and len(box.nonce) == _NONCE_BYTES
        and _TAG_BYTES <= len(box.ciphertext) <= _MAX_SECRET_BYTES + _TAG_BYTES
        and box.cost.is_allowed()
    )


def unseal(box: SealedBox, code: str, associated: bytes) -> bytes:
    """Open a sealed secret.

    Args:
        box: Untrusted; its cost is bounded before any memory is taken.
        code: As typed; secret.
        associated: The same bytes as on sealing.

    Returns:
        The secret.

    Raises:
        StateError: Wrong code, altered or out-of-bounds box, other associated bytes, or no memory (KEY-9).

    Spec: KEY-9
    """
    if not _is_well_formed(box):
        raise StateError("The sealed secret is damaged: its sizes are out of bounds.", check="KEY-9")
    try:
        key = _derive_key(_code_bytes(code), box.salt, box.cost)
        return ChaCha20Poly1305(key).decrypt(box.nonce, box.ciphertext, associated)
    except MemoryError:
        raise StateError("There is not enough memory to open this secret.", check="KEY-9") from None
    except (InvalidTag, ValueError):
        raise StateError("The code is wrong or the file was altered.", check="KEY-9") from None


def seal_under(key: bytes, data: bytes, associated: bytes) -> bytes:
    """Seal bytes under a random key that seals fewer than 2^32 messages.

    Args:
        key: 32 bytes; secret.
        data: Of any length; secret.
        associated: Public bytes that must be the same on opening.

    Returns:
        28 bytes more than `data`.

    Spec: BOX-4
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, data, associated)


def open_under(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Open what `seal_under` sealed.

    Raises:
        StateError: Another key, other associated bytes, or altered (BOX-4).

    Spec: BOX-4
    """
    try:
        return ChaCha20Poly1305(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], associated)
    except (InvalidTag, ValueError):
        raise StateError("What was sealed was altered, or belongs to another key.", check="BOX-4") from None
