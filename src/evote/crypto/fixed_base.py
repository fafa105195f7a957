# SPDX-License-Identifier: GPL-3.0-or-later
"""Powers of H: by a table for a process that encrypts many ballots, by a chain of squares for a single one.

Both do the same work whatever the exponent is: as many multiplications as it has digits, the digit 0 included.
Which table entry is read depends on the digit, so caches can still see something; see limitations.md.

Spec: SEL (cost)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import count
from typing import Final

from evote.crypto.group import PublicKey
from evote.crypto.integers import fma, inverse, mpz, power
from evote.crypto.residues import Halves, SquareResidues

PowerOfBase = Callable[[mpz], mpz]
"""Maps an exponent, an integer at least 0, to H^exponent modulo n^2."""

_DIGIT: Final = 8  # bits of a table's digit: the exponent's own bytes
_CHAIN_DIGIT: Final = 5  # bits of a chain's digit
_BATCH_EXCESS: Final = (
    152  # a batch's exponent of H is longer than a response by its random factor and its size
)
_PLAIN_POWERS: Final = 32  # what a table costs to build


class FixedBase:
    """base^x mod n^2 by a table of base^((d + 1) 256^k): one multiplication for each byte d of the exponent.

    Entries are (y0, y1/y0) of y = y0 + y1 n: the second halves are added up, and multiplied once. The power
    starts at base^(-sum 256^k), so that the digit 0 is multiplied by a number as long as any other.

    Args:
        base: A unit in (0, n^2).
        n: The modulus.
        bits: The longest exponent that the table serves; longer ones fall back to plain exponentiation.
    """

    def __init__(self, base: mpz, n: mpz, bits: int) -> None:
        self._base, self._n, self._rows = base, n, -(-bits // _DIGIT)
        self._table: list[list[Halves]] = []
        step = base
        for _ in range(self._rows):
            row = self._row(step)
            self._table.append(row)
            step = power(step, mpz(1 << _DIGIT), n * n)
        ones = sum(mpz(1) << _DIGIT * row for row in range(self._rows))
        high, low = divmod(power(base, -ones, n * n), n)
        self._start: Halves = (low, high)

    @property
    def entries(self) -> int:
        """How many pairs of numbers modulo n the table holds."""
        return self._rows << _DIGIT

    def _row(self, step: mpz) -> list[Halves]:
        """Return (y0, y1/y0) of the powers 1 to 256 of a step."""
        n = self._n
        high, low = divmod(step, n)
        inverse_step = inverse(low, n)
        ratio_step = high * inverse_step % n
        value, ratio, inverse_value = mpz(1), mpz(0), mpz(1)
        row: list[Halves] = []
        for _ in range(1 << _DIGIT):
            carry, value = divmod(value * low, n)
            inverse_value = inverse_value * inverse_step % n
            ratio = (fma(carry, inverse_value, ratio) + ratio_step) % n
            row.append((value, ratio))
        return row

    def __call__(self, exponent: mpz) -> mpz:
        """Return base^exponent; exponent at least 0."""
        n = self._n
        if exponent.bit_length() > self._rows * _DIGIT:
            return power(self._base, exponent, n * n)
        (x0, x1), ratios = self._start, mpz(0)
        for row, digit in zip(self._table, exponent.to_bytes(self._rows, "little"), strict=True):
            y0, ratio = row[digit]
            carry, x0 = divmod(x0 * y0, n)
            x1 = fma(x1, y0, carry) % n
            ratios += ratio
        return x0 + fma(x0, ratios % n, x1) % n * n


class SquareChain:
    """base^x mod n^2 from the squares base^(2^(5k)) alone: for one ballot on one device.

    Every digit of an exponent sends its square into one of 32 buckets (Yao 1976). The chain costs about as
    much as one power and is used by all powers of a ballot; it takes a few hundred kilobytes.

    Args:
        base: A unit in (0, n^2).
        n: The modulus.
        bits: The longest exponent that it serves; longer ones fall back to plain exponentiation.
    """

    def __init__(self, base: mpz, n: mpz, bits: int) -> None:
        self._base, self._n = base, n
        self._residues = SquareResidues(n)
        high, low = divmod(base, n)
        self._chain: list[Halves] = [(low, high)]
        for _ in range(-(-bits // _CHAIN_DIGIT) - 1):
            square = self._chain[-1]
            for _ in range(_CHAIN_DIGIT):
                square = self._residues.square(square)
            self._chain.append(square)

    def __call__(self, exponent: mpz) -> mpz:
        """Return base^exponent; exponent at least 0."""
        if exponent.bit_length() > _CHAIN_DIGIT * len(self._chain):
            return power(self._base, exponent, self._n * self._n)
        residues, mask = self._residues, (1 << _CHAIN_DIGIT) - 1
        buckets = [residues.one] * (mask + 1)
        remaining = int(exponent)
        for square in self._chain:
            digit = remaining & mask
            buckets[digit] = residues.multiply(buckets[digit], square)
            remaining >>= _CHAIN_DIGIT
        return residues.join(residues.weigh(buckets))


def plain_power(key: PublicKey) -> PowerOfBase:
    """Return powers of H by plain exponentiation: the reference."""
    return lambda exponent: power(key.base, exponent, key.square)


def chain_power(key: PublicKey) -> PowerOfBase:
    """Return powers of H by a chain of squares: no table, right for one ballot on one device."""
    return SquareChain(key.base, key.n, key.parameters.response_bits)


@lru_cache(maxsize=2)
def base_table(key: PublicKey) -> PowerOfBase:
    """Return powers of H by a table, built at the first call and kept for this process.

    Right for a process that encrypts or verifies many ballots. At 3072 bits the table takes 60 MB and about as
    long as 20 ballots without it; it serves responses and the exponent of a batch.
    """
    return FixedBase(key.base, key.n, key.parameters.response_bits + _BATCH_EXCESS)


@lru_cache(maxsize=2)
def service_power(key: PublicKey) -> PowerOfBase:
    """Return powers of H for a service that may verify one ballot or thousands.

    The first few are plain; once a process has asked for more, it builds the table.
    """
    powers = plain_power(key)
    asked = count(1)

    def power_of_base(exponent: mpz) -> mpz:
        return powers(exponent) if next(asked) <= _PLAIN_POWERS else base_table(key)(exponent)

    return power_of_base
