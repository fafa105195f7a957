# SPDX-License-Identifier: GPL-3.0-or-later
"""n-th roots modulo n by several holders: Shoup's threshold RSA with public exponent n.

Spec: KEY-3, SHR-6
"""

from __future__ import annotations

from collections.abc import Mapping

from evote.crypto.integers import gcd, inverse, is_unit, mpz, power
from evote.crypto.shamir import lagrange_at_zero
from evote.errors import ParameterError

Quorum = Mapping[int, Mapping[int, mpz]]
"""group index -> member index -> share X_gi."""


def combine_shares(quorum: Quorum, clearing: int, n: mpz) -> mpz:
    """Return W, the product of X_gi^(2 lambda_gi) over all groups: X^(4 Delta^2 d) for right shares.

    Args:
        quorum: As many shares of each group as its threshold; units modulo n.
        clearing: Delta.
        n: The modulus.
    """
    result = mpz(1)
    for shares in quorum.values():
        coefficients = lagrange_at_zero(sorted(shares), clearing)
        for member, share in shares.items():
            result = result * power(share, mpz(2 * coefficients[member]), n) % n
    return result


def root_from_combination(value: mpz, combined: mpz, clearing: int, n: mpz) -> mpz:
    """Return R = X^x W^y mod n with x n + y 4 Delta^2 = 1: the n-th root of X if W = X^(4 Delta^2 d).

    Raises:
        ParameterError: X or W is not a unit, or n is not prime to Delta (PAR-3).
    """
    factor = mpz(4 * clearing * clearing)
    if not is_unit(value, n) or not is_unit(combined, n) or gcd(n, factor) != 1:
        raise ParameterError("Only units have roots here.", check="PAR-3")
    y = inverse(factor, n)
    x = (1 - y * factor) // n
    return power(value, x, n) * power(combined, y, n) % n
