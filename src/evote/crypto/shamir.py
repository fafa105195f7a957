# SPDX-License-Identifier: GPL-3.0-or-later
"""Shamir sharing over Z_m and Lagrange coefficients that are integers.

Spec: KEY-3
"""

from __future__ import annotations

from collections.abc import Sequence

from evote.crypto.integers import mpz, random_below
from evote.errors import ParameterError


def random_polynomial(constant: mpz, degree: int, modulus: mpz) -> tuple[mpz, ...]:
    """Return coefficients of a polynomial of the given degree with the given constant term; secret."""
    return (constant % modulus, *(random_below(modulus) for _ in range(degree)))


def evaluate(coefficients: Sequence[mpz], point: int, modulus: mpz) -> mpz:
    """Return the polynomial's value at `point` modulo `modulus` (Horner)."""
    value = mpz(0)
    for coefficient in reversed(coefficients):
        value = (value * point + coefficient) % modulus
    return value


def lagrange_at_zero(points: Sequence[int], clearing: int) -> dict[int, int]:
    """Return integers lambda_i with sum of lambda_i f(i) = clearing f(0) for deg f < len(points).

    Args:
        points: Distinct indices, each at least 1.
        clearing: Delta, a multiple of the factorial of the largest index.

    Raises:
        ParameterError: Index 0, negative or repeated (KEY-3).
    """
    if len(set(points)) != len(points) or any(point < 1 for point in points):
        raise ParameterError("Share indices must be distinct and at least 1.", check="KEY-3")
    coefficients = {}
    for i in points:
        numerator, denominator = clearing, 1
        for j in points:
            if j != i:
                numerator *= j
                denominator *= j - i
        quotient, rest = divmod(numerator, denominator)
        if rest:
            raise ParameterError("The clearing factor does not fit the indices.", check="KEY-3")
        coefficients[i] = quotient
    return coefficients
