# SPDX-License-Identifier: GPL-3.0-or-later
"""The group that ballots live in: units modulo n squared, with the bases that everybody derives.

Nothing here is read from a file but n itself.

Spec: KEY-1, KEY-2
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import factorial

from evote.crypto.integers import decode_number, encode_number, mpz, power
from evote.crypto.transcript import hash_to_unit
from evote.params import ParameterSet


@dataclass(frozen=True)
class PublicKey:
    """A Paillier public key with g = 1 + n.

    Attributes:
        parameters: The sizes.
        n: The modulus, odd, exactly `parameters.modulus_bits` bits; not trusted before its certificate
            was verified (MOD).

    Spec: KEY-1
    """

    parameters: ParameterSet
    n: mpz

    @cached_property
    def square(self) -> mpz:
        """N squared."""
        return self.n * self.n

    @cached_property
    def root_base(self) -> mpz:
        """H = -x^2 mod n, x derived from n: the base of nonces."""
        x = hash_to_unit(self.n, self.parameters.number_bytes, b"h", 0)
        return -x * x % self.n

    @cached_property
    def base(self) -> mpz:
        """H = h^n mod n^2: the base of encryption and of all commitments."""
        return power(self.root_base, self.n, self.square)

    @cached_property
    def n_bytes(self) -> bytes:
        """N as |n|/8 bytes."""
        return encode_number(self.n, self.parameters.number_bytes)

    def message_power(self, exponent: mpz) -> mpz:
        """Return g^exponent = 1 + exponent n mod n^2, for any integer exponent: one multiplication."""
        return (1 + exponent % self.n * self.n) % self.square

    def number_bytes(self, value: mpz) -> bytes:
        """Write a number modulo n: |n|/8 bytes."""
        return encode_number(value, self.parameters.number_bytes)

    def ciphertext_bytes(self, value: mpz) -> bytes:
        """Write a number modulo n^2: |n|/4 bytes."""
        return encode_number(value, self.parameters.ciphertext_bytes)

    def read_number(self, data: bytes) -> mpz:
        """Read |n|/8 bytes; the range is the caller's to check."""
        return decode_number(data, self.parameters.number_bytes)

    def read_ciphertext(self, data: bytes) -> mpz:
        """Read |n|/4 bytes; the range is the caller's to check."""
        return decode_number(data, self.parameters.ciphertext_bytes)

    def fingerprint(self) -> bytes:
        """Return SHA-256 of n."""
        return hashlib.sha256(self.n_bytes).digest()


def delta(largest_group: int) -> int:
    """Return the factorial that clears the denominators of Lagrange coefficients."""
    return factorial(largest_group)


@lru_cache(maxsize=32)
def verification_base(key: PublicKey, clearing: int) -> mpz:
    """Return v = x^(2 Delta) mod n with x derived from n: the base of commitments to key shares.

    Args:
        key: The public key.
        clearing: Delta, the factorial of the largest group's size.

    Spec: KEY-2
    """
    x = hash_to_unit(key.n, key.parameters.number_bytes, b"v", 0)
    return power(x, mpz(2 * clearing), key.n)
