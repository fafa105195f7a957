# SPDX-License-Identifier: GPL-3.0-or-later
"""Powers of one fixed base by a table of its small multiples of powers of two.

Spec: SEL (cost)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from evote.crypto.group import PublicKey
from evote.crypto.integers import mpz, power

PowerOfBase = Callable[[mpz], mpz]
"""Maps an exponent, an integer at least 0, to base^exponent."""

_WINDOW = 5


class FixedBase:
    """base^x mod m for exponents below 2^bits: one multiplication for each `window` bits.

    The table holds ceil(bits/window) rows of 2^window - 1 numbers.

    Args:
        base: In (0, modulus).
        modulus: At least 2.
        bits: The longest exponent that the table serves; longer ones fall back to plain exponentiation.
        window: Bits of one digit.
    """

    def __init__(self, base: mpz, modulus: mpz, bits: int, window: int = _WINDOW) -> None:
        self._base, self._modulus, self._bits, self._window = base, modulus, bits, window
        self._rows: list[list[mpz]] = []
        step = base
        for _ in range(-(-bits // window)):
            row = [mpz(1), step]
            for _ in range((1 << window) - 2):
                row.append(row[-1] * step % modulus)
            self._rows.append(row)
            step = row[-1] * step % modulus

    def __call__(self, exponent: mpz) -> mpz:
        """Return base^exponent; exponent at least 0."""
        if exponent.bit_length() > self._bits:
            return power(self._base, exponent, self._modulus)
        mask = (1 << self._window) - 1
        result, remaining = mpz(1), exponent
        for row in self._rows:
            digit = int(remaining & mask)
            if digit:
                result = result * row[digit] % self._modulus
            remaining >>= self._window
            if not remaining:
                break
        return result


def plain_power(key: PublicKey) -> PowerOfBase:
    """Return powers of H without a table: right for one ballot on one device."""
    return lambda exponent: power(key.base, exponent, key.square)


@lru_cache(maxsize=4)
def base_table(key: PublicKey) -> PowerOfBase:
    """Return powers of H by a table, built at the first call and kept for this process.

    Serves exponents up to the length of a response (Z bits).
    """
    return FixedBase(key.base, key.square, key.parameters.response_bits + 1)
