# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashing with unambiguous framing: digests, challenges, and units of Z_n derived from labels.

Spec: FS
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from evote.crypto.integers import gcd, mpz

_SLACK_BYTES = 16


def u32(value: int) -> bytes:
    """Write an integer in [0, 2^32) as 4 big-endian bytes."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Write an integer in [0, 2^64) as 8 big-endian bytes."""
    return value.to_bytes(8, "big")


def framed_digest(domain: str, items: Iterable[bytes]) -> bytes:
    """Hash a list of byte strings so that no two different lists have the same input.

    SHA-256( F(domain) || u32(number of items) || F(item 1) || ... ) with F(x) = u32(length) || x.

    Args:
        domain: Names the statement, `evote/v1/<statement>`.
        items: Any byte strings, each shorter than 2^32 bytes.

    Returns:
        32 bytes.

    Spec: FS-1
    """
    parts = list(items)
    name = domain.encode()
    state = hashlib.sha256(u32(len(name)) + name + u32(len(parts)))
    for part in parts:
        state.update(u32(len(part)))
        state.update(part)
    return state.digest()


def challenge(domain: str, items: Iterable[bytes]) -> mpz:
    """Return the digest as an integer in [0, 2^256).

    Spec: FS-2
    """
    return mpz(int.from_bytes(framed_digest(domain, items), "big"))


def hash_to_unit(modulus: mpz, width: int, label: bytes, index: int) -> mpz:
    """Derive a unit modulo n that nobody chose.

    Args:
        modulus: n, odd, `width` bytes.
        width: Bytes of n.
        label: What the unit is for.
        index: Which of them, in [0, 2^32).

    Returns:
        A unit in (0, n), within 2^-128 of uniform.

    Spec: FS-3
    """
    number = int(modulus).to_bytes(width, "big")
    length = width + _SLACK_BYTES
    for attempt in range(1 << 32):
        blocks = (
            framed_digest("evote/v1/hash-to-unit", (number, label, u32(index), u32(attempt), u32(block)))
            for block in range((length + 31) // 32)
        )
        value = mpz(int.from_bytes(b"".join(blocks)[:length], "big")) % modulus
        if gcd(value, modulus) == 1:
            return value
    raise AssertionError("2^32 derived values and none is a unit")
