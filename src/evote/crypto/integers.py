# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to gmpy2: integers from fixed-width bytes to bytes, arithmetic modulo n, secret randomness.

Numbers are `mpz` from here inwards. Exponents that are secret go through `secret_power`, which runs in
time that depends on the length of the exponent only.

Spec: PAR-3
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence

import gmpy2
from gmpy2 import fma, gcd, is_power, is_prime, isqrt, jacobi, lcm, mpz

from evote.errors import EncodingError, ParameterError

__all__ = [
    "RandomBits",
    "decode_number",
    "encode_number",
    "fma",
    "gcd",
    "inverse",
    "is_power",
    "is_prime",
    "is_unit",
    "isqrt",
    "jacobi",
    "lcm",
    "mpz",
    "power",
    "product",
    "product_tree",
    "random_below",
    "random_bits",
    "release_interpreter",
    "secret_power",
]

RandomBits = Callable[[int], mpz]
"""A source of randomness: `source(k)` is uniform in [0, 2^k)."""


def random_bits(bits: int) -> mpz:
    """Return a uniform integer in [0, 2^bits) from the operating system's source."""
    return mpz(secrets.randbits(bits))


def random_below(bound: mpz) -> mpz:
    """Return a uniform integer in [0, bound) from the operating system's source; bound at least 1."""
    return mpz(secrets.randbelow(int(bound)))


def encode_number(value: mpz, width: int) -> bytes:
    """Write an integer in [0, 256^width) as exactly `width` big-endian bytes.

    Spec: PAR-3
    """
    if value < 0:
        raise ParameterError("A negative number has no canonical bytes.", check="PAR-3")
    try:
        return bytes(mpz(value).to_bytes(width, "big"))
    except OverflowError:
        raise ParameterError(f"The number does not fit {width} bytes.", check="PAR-3") from None


def decode_number(data: bytes, width: int) -> mpz:
    """Read an integer of exactly `width` big-endian bytes.

    Raises:
        EncodingError: Another width (PAR-3).
    """
    if len(data) != width:
        raise EncodingError(f"A number has {len(data)} bytes where {width} are due.", check="PAR-3")
    return mpz.from_bytes(data, "big")


def is_unit(value: mpz, modulus: mpz) -> bool:
    """Tell whether 0 < value < modulus and value is invertible modulo `modulus`."""
    return bool(0 < value < modulus and gcd(value, modulus) == 1)


def power(base: mpz, exponent: mpz, modulus: mpz) -> mpz:
    """Return base^exponent modulo `modulus`; a negative exponent needs a unit. Not for secret exponents."""
    return gmpy2.powmod(base, exponent, modulus)


def secret_power(base: mpz, exponent: mpz, modulus: mpz) -> mpz:
    """Return base^exponent modulo an odd modulus, for a secret exponent at least 0, without its timing."""
    if exponent == 0:
        return mpz(1)
    return gmpy2.powmod_sec(base, exponent, modulus)


def inverse(value: mpz, modulus: mpz) -> mpz:
    """Return the inverse of a unit.

    Raises:
        ParameterError: The value is not a unit; says nothing about its factors.
    """
    try:
        return gmpy2.invert(value, modulus)
    except ZeroDivisionError:
        raise ParameterError("The value is not invertible.", check="PAR-3") from None


def product(values: Iterable[mpz], modulus: mpz) -> mpz:
    """Return the product of values modulo `modulus`; 1 for none."""
    result = mpz(1)
    for value in values:
        result = result * value % modulus
    return result


def product_tree(values: Sequence[mpz]) -> mpz:
    """Return the product over the integers, in balanced order so that large operands meet large ones."""
    level = list(values) or [mpz(1)]
    while len(level) > 1:
        level = [a * b for a, b in zip(level[::2], level[1::2], strict=False)] + level[len(level) & ~1 :]
    return level[0]


def release_interpreter() -> None:
    """Let other threads run while this thread computes with large numbers."""
    gmpy2.get_context().allow_release_gil = True
