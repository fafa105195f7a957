# SPDX-License-Identifier: GPL-3.0-or-later
"""Modulus certificate.

Statement   n
Witness     the factors p, q of n
Relation    n has exactly two prime factors, both 3 modulo 4, and gcd(n, phi(n)) = 1

n-th roots of units that nobody chose exist only if taking n-th powers permutes the units; square roots of
half of all y or -y with Jacobi symbol 1 exist only for two prime factors that are 3 modulo 4. Sound with
error 2^-128 for the number of rounds that the verifier fixes.

Spec: MOD
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from evote.crypto.group import PublicKey
from evote.crypto.integers import (
    gcd,
    inverse,
    is_power,
    is_prime,
    is_unit,
    jacobi,
    mpz,
    power,
    product_tree,
    secret_power,
)
from evote.crypto.primes import small_primes
from evote.crypto.transcript import hash_to_unit
from evote.errors import InvalidProof
from evote.params import MOD_ROOTS, MOD_SQUARES

_PRIMALITY_ROUNDS = 40


@dataclass(frozen=True, slots=True)
class ModulusCertificate:
    """Public evidence about n.

    Attributes:
        roots: n-th roots of the derived units "gcd", each a unit in (0, n); 8 of them.
        square_roots: Square roots of the derived units "blum" or of their negatives; 128 of them.
    """

    roots: tuple[mpz, ...]
    square_roots: tuple[mpz, ...]


def _root_challenges(key: PublicKey) -> list[mpz]:
    width = key.parameters.number_bytes
    return [hash_to_unit(key.n, width, b"gcd", index) for index in range(1, MOD_ROOTS + 1)]


def _square_challenges(key: PublicKey) -> list[mpz]:
    """Return the first derived units with Jacobi symbol 1."""
    found: list[mpz] = []
    index = 0
    while len(found) < MOD_SQUARES:
        value = hash_to_unit(key.n, key.parameters.number_bytes, b"blum", index)
        if jacobi(value, key.n) == 1:
            found.append(value)
        index += 1
    return found


@lru_cache(maxsize=1)
def _small_primes_product() -> mpz:
    return product_tree([mpz(prime) for prime in small_primes()])


def prove_modulus(key: PublicKey, p: mpz, q: mpz) -> ModulusCertificate:
    """Make the certificate of n = p q.

    Args:
        key: The public key.
        p: A safe prime; secret.
        q: Another; secret.

    Spec: MOD-P1, MOD-P2
    """
    order = (p - 1) * (q - 1)
    root_exponent = inverse(key.n, order)
    square_exponent = (order // 4 + 1) // 2  # of a square: its root that is a square itself
    roots = [secret_power(y, root_exponent, key.n) for y in _root_challenges(key)]
    squares = [y if jacobi(y, p) == 1 else key.n - y for y in _square_challenges(key)]
    return ModulusCertificate(tuple(roots), tuple(secret_power(y, square_exponent, key.n) for y in squares))


def verify_modulus(key: PublicKey, certificate: ModulusCertificate) -> None:
    """Check that n is fit for elections; return silently if so.

    Args:
        key: The public key; untrusted.
        certificate: Untrusted.

    Raises:
        InvalidProof: Not proven; `check` is the step, MOD-1 to MOD-8.

    Spec: MOD-1 to MOD-8
    """
    n = key.n
    # MOD-1. Exact length, odd.
    if n.bit_length() != key.parameters.modulus_bits or n % 2 == 0:
        raise InvalidProof("The modulus is even or has another length than its parameter set.", check="MOD-1")
    # MOD-2 to MOD-4. Composite, not a power, no small factor.
    if is_prime(n, _PRIMALITY_ROUNDS):
        raise InvalidProof("The modulus is prime.", check="MOD-2")
    if is_power(n):
        raise InvalidProof("The modulus is a perfect power.", check="MOD-3")
    if gcd(n, _small_primes_product()) != 1:
        raise InvalidProof("The modulus has a small prime factor.", check="MOD-4")
    # MOD-5. The number of rounds is the verifier's, never the prover's.
    if len(certificate.roots) != MOD_ROOTS or len(certificate.square_roots) != MOD_SQUARES:
        raise InvalidProof("The modulus certificate has another number of rounds.", check="MOD-5")
    # MOD-6. Every value a unit in its one form: 0 would satisfy some equations.
    if not all(is_unit(value, n) for value in (*certificate.roots, *certificate.square_roots)):
        raise InvalidProof("The modulus certificate holds a value that is not a unit.", check="MOD-6")
    # MOD-7. n-th powers permute the units: gcd(n, phi(n)) = 1.
    for root, y in zip(certificate.roots, _root_challenges(key), strict=True):
        if power(root, n, n) != y:
            raise InvalidProof("The modulus certificate has a wrong n-th root.", check="MOD-7")
    # MOD-8. Half of the classes of Jacobi symbol 1 are squares up to sign: two prime factors, 3 modulo 4.
    for root, y in zip(certificate.square_roots, _square_challenges(key), strict=True):
        if root * root % n not in (y, n - y):
            raise InvalidProof("The modulus certificate has a wrong square root.", check="MOD-8")
