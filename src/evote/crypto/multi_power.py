# SPDX-License-Identifier: GPL-3.0-or-later
"""Products of many powers at once (Pippenger's buckets).

Spec: SEL-5
"""

from __future__ import annotations

from collections.abc import Sequence

from evote.crypto.integers import mpz


def _window(count: int, bits: int) -> int:
    """Choose the digit length with the fewest multiplications: per digit, one per base and two per bucket."""
    return min(range(1, 17), key=lambda w: -(-bits // w) * (count + 2 * (1 << w)))


def multi_power(bases: Sequence[mpz], exponents: Sequence[mpz], modulus: mpz) -> mpz:
    """Return the product of bases[i]^exponents[i] modulo `modulus`.

    Args:
        bases: In (0, modulus); as many as exponents.
        exponents: At least 0. Not for secrets.
        modulus: At least 2.
    """
    bits = max((exponent.bit_length() for exponent in exponents), default=0)
    if not bits:
        return mpz(1)
    window = _window(len(bases), bits)
    mask = (1 << window) - 1
    result = mpz(1)
    for shift in range((bits - 1) // window * window, -1, -window):
        for _ in range(window):
            result = result * result % modulus
        buckets: list[mpz | None] = [None] * (mask + 1)
        for base, exponent in zip(bases, exponents, strict=True):
            digit = int(exponent >> shift & mask)
            if digit:
                held = buckets[digit]
                buckets[digit] = base if held is None else held * base % modulus
        result = result * _weighted(buckets, modulus) % modulus
    return result


def _weighted(buckets: Sequence[mpz | None], modulus: mpz) -> mpz:
    """Return the product of buckets[d]^d by two running products from the top."""
    running, total = mpz(1), mpz(1)
    for bucket in reversed(buckets[1:]):
        if bucket is not None:
            running = running * bucket % modulus
        total = total * running % modulus
    return total
