# SPDX-License-Identifier: GPL-3.0-or-later
"""Two ways to multiply: modulo any number, and modulo n squared in halves.

A number modulo n^2 is held as (x0, x1) with x = x0 + x1 n. A product takes three products and two reductions
of the half size instead of one product and one reduction of the full size. A base x of a power is brought
down further, to x0 alone: x = x0 (1 + n x1/x0), and the second factors of all bases together are one number,
1 + n sum of k x1/x0 for exponents k. What runs thousands of times (`gather`, `weigh`, `rest`) is written out
as one loop for each way.

Spec: SEL-5 (cost)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from evote.crypto.integers import fma, inverse, mpz

Element = TypeVar("Element")
Halves = tuple[mpz, mpz]


class Residues(ABC, Generic[Element]):
    """Multiplication of units modulo some number, on elements in a form of its own."""

    one: Element

    @abstractmethod
    def lift(self, base: mpz) -> Halves:
        """Return the part of a base in (0, modulus) that is multiplied, and what is left of it."""

    @abstractmethod
    def rest(self, halves: Iterable[Halves], exponents: Iterable[mpz]) -> Element:
        """Return the product of (base / lifted base)^exponent.

        Raises:
            ParameterError: A base is not a unit, where that can be seen here.
        """

    @abstractmethod
    def enter(self, lifted: mpz) -> Element:
        """Bring a lifted base into the form of elements."""

    @abstractmethod
    def join(self, element: Element) -> mpz:
        """Return an element as a number in (0, modulus)."""

    @abstractmethod
    def multiply(self, left: Element, right: Element) -> Element:
        """Return the product."""

    @abstractmethod
    def square(self, element: Element) -> Element:
        """Return the square."""

    @abstractmethod
    def gather(self, lifted: Sequence[mpz], digits: Iterable[int], size: int) -> list[Element | None]:
        """Return, for each digit in [1, size), the product of the lifted bases that have it; None for none."""

    @abstractmethod
    def weigh(self, buckets: Sequence[Element | None]) -> Element:
        """Return the product of buckets[d]^d by two running products from the top."""


class PlainResidues(Residues[mpz]):
    """Units modulo any modulus, as they are."""

    def __init__(self, modulus: mpz) -> None:
        self._modulus = modulus
        self.one = mpz(1)

    def lift(self, base: mpz) -> Halves:
        """Return the base itself, and nothing left."""
        return base, mpz(0)

    def rest(self, halves: Iterable[Halves], exponents: Iterable[mpz]) -> mpz:
        """Return 1."""
        del halves, exponents
        return self.one

    def enter(self, lifted: mpz) -> mpz:
        """Return the number itself."""
        return lifted

    def join(self, element: mpz) -> mpz:
        """Return the number itself."""
        return element

    def multiply(self, left: mpz, right: mpz) -> mpz:
        """Return the product."""
        return left * right % self._modulus

    def square(self, element: mpz) -> mpz:
        """Return the square."""
        return element * element % self._modulus

    def gather(self, lifted: Sequence[mpz], digits: Iterable[int], size: int) -> list[mpz | None]:
        """Return the product of the bases of each digit."""
        modulus = self._modulus
        buckets: list[mpz | None] = [None] * size
        for base, digit in zip(lifted, digits, strict=True):
            if digit:
                held = buckets[digit]
                buckets[digit] = base if held is None else held * base % modulus
        return buckets

    def weigh(self, buckets: Sequence[mpz | None]) -> mpz:
        """Return the product of buckets[d]^d."""
        modulus = self._modulus
        running = total = self.one
        for bucket in reversed(buckets[1:]):
            if bucket is not None:
                running = running * bucket % modulus
            total = total * running % modulus
        return total


class SquareResidues(Residues[Halves]):
    """Units modulo n squared, as (x0, x1) in [0, n)^2 with x = x0 + x1 n."""

    def __init__(self, n: mpz) -> None:
        self._n = n
        self.one = (mpz(1), mpz(0))

    def lift(self, base: mpz) -> Halves:
        """Return (x0, x1) of x = x0 + x1 n."""
        x1, x0 = divmod(base, self._n)
        return x0, x1

    def rest(self, halves: Iterable[Halves], exponents: Iterable[mpz]) -> Halves:
        """Return 1 + n sum of k x1/x0: one fraction for all, and one inversion.

        Raises:
            ParameterError: A base is not a unit.
        """
        n = self._n
        numerator, denominator = mpz(0), mpz(1)
        for (x0, x1), exponent in zip(halves, exponents, strict=True):
            numerator = fma(numerator, x0, x1 * exponent * denominator) % n
            denominator = denominator * x0 % n
        return mpz(1), numerator * inverse(denominator, n) % n

    def enter(self, lifted: mpz) -> Halves:
        """Return (x0, 0)."""
        return lifted, mpz(0)

    def join(self, element: Halves) -> mpz:
        """Return x0 + x1 n."""
        return element[0] + element[1] * self._n

    def multiply(self, left: Halves, right: Halves) -> Halves:
        """Return the product: x0 y0 = q n + r gives (r, q + x0 y1 + x1 y0 mod n)."""
        (x0, x1), (y0, y1) = left, right
        carry, low = divmod(x0 * y0, self._n)
        return low, (fma(x0, y1, x1 * y0) + carry) % self._n

    def square(self, element: Halves) -> Halves:
        """Return the square."""
        x0, x1 = element
        carry, low = divmod(x0 * x0, self._n)
        return low, fma(x0 << 1, x1, carry) % self._n

    def gather(self, lifted: Sequence[mpz], digits: Iterable[int], size: int) -> list[Halves | None]:
        """Return the product of the bases of each digit: (x0, x1) y0 takes two products."""
        n, nothing = self._n, mpz(0)
        buckets: list[Halves | None] = [None] * size
        for y0, digit in zip(lifted, digits, strict=True):
            if digit:
                held = buckets[digit]
                if held is None:
                    buckets[digit] = y0, nothing
                else:
                    x0, x1 = held
                    carry, low = divmod(x0 * y0, n)
                    buckets[digit] = low, fma(x1, y0, carry) % n
        return buckets

    def weigh(self, buckets: Sequence[Halves | None]) -> Halves:
        """Return the product of buckets[d]^d."""
        n = self._n
        x0, x1 = z0, z1 = self.one
        for bucket in reversed(buckets[1:]):
            if bucket is not None:
                y0, y1 = bucket
                carry, low = divmod(x0 * y0, n)
                x0, x1 = low, (fma(x0, y1, x1 * y0) + carry) % n
            carry, low = divmod(z0 * x0, n)
            z0, z1 = low, (fma(z0, x1, z1 * x0) + carry) % n
        return z0, z1
