# SPDX-License-Identifier: GPL-3.0-or-later
"""MOD: a good modulus is certified, every other is refused by its check (A22 to A24)."""

from __future__ import annotations

import dataclasses
import random
from functools import lru_cache

import gmpy2
import pytest

from evote.crypto.group import PublicKey
from evote.crypto.integers import is_prime, jacobi, mpz
from evote.errors import InvalidProof
from evote.params import MOD_ROOTS, MOD_SQUARES
from evote.proofs import modulus
from evote.proofs.modulus import ModulusCertificate, prove_modulus, verify_modulus
from toys import TOY, factored_key

SOURCE = random.Random(22)  # moduli of tests are no secrets


def prime(bits: int, residue: int = 3) -> mpz:
    """Return a prime of exactly `bits` bits, its two top bits set, of a residue modulo 4."""
    while True:
        value = gmpy2.next_prime(mpz(SOURCE.getrandbits(bits)) | (mpz(3) << (bits - 2)))
        if value.bit_length() == bits and value % 4 == residue:
            return value


def refused(key: PublicKey, certificate: ModulusCertificate, check: str) -> None:
    with pytest.raises(InvalidProof) as caught:
        verify_modulus(key, certificate)
    assert caught.value.check == check


@lru_cache
def certified() -> tuple[PublicKey, ModulusCertificate]:
    key, p, q = factored_key()
    return key, prove_modulus(key, p, q)


def test_a_good_modulus_is_certified() -> None:
    verify_modulus(*certified())


def exact(*factors: mpz) -> PublicKey:
    """Return the product as a key; the factors were chosen so that it has the exact length."""
    n = mpz(1)
    for factor in factors:
        n *= factor
    return PublicKey(TOY, n)


def of_length(make) -> PublicKey:
    """Draw until the product has exactly 512 bits."""
    while (key := make()).n.bit_length() != TOY.modulus_bits:
        pass
    return key


def attempt(key: PublicKey) -> ModulusCertificate:
    """Return what a cheating dealer without any structure would publish: values that look right."""
    return ModulusCertificate((mpz(2),) * MOD_ROOTS, (mpz(3),) * MOD_SQUARES)


def bad_moduli() -> list[tuple[str, PublicKey, str]]:
    q = prime(256)
    with_small = of_length(lambda: exact(mpz(65537), prime(496)))
    return [
        ("too short", PublicKey(TOY, prime(255) * prime(256)), "MOD-1"),
        ("even", PublicKey(TOY, prime(255) * prime(256) * 2), "MOD-1"),
        ("prime", PublicKey(TOY, prime(512)), "MOD-2"),
        ("a square", PublicKey(TOY, q * q), "MOD-3"),
        ("a small factor", with_small, "MOD-4"),
        (
            "sixteen small factors",
            of_length(lambda: exact(*[prime(17) for _ in range(16)], prime(241))),
            "MOD-4",
        ),
    ]


@pytest.mark.parametrize(
    ("name", "key", "check"), bad_moduli(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a22_a23_a_modulus_of_another_shape_is_refused(name: str, key: PublicKey, check: str) -> None:
    refused(key, attempt(key), check)


def best_certificate(key: PublicKey, *primes: mpz) -> ModulusCertificate:
    """Return the roots that exist, found with the factors; a cheating dealer can do no better."""
    order = mpz(1)
    for one in primes:
        order *= one - 1
    roots = []
    for y in modulus._root_challenges(key):
        common = gmpy2.gcd(key.n, order)
        exponent = (
            gmpy2.invert(key.n // common, order // common) if common > 1 else gmpy2.invert(key.n, order)
        )
        roots.append(gmpy2.powmod(y, exponent, key.n))
    squares = []
    for y in modulus._square_challenges(key):
        found = None
        for value in (y, key.n - y):
            residues = []
            for one in primes:
                if gmpy2.legendre(value, one) != 1:
                    break
                residues.append(square_root(value % one, one))
            else:
                found = combine(residues, primes)
                break
        squares.append(found if found is not None else mpz(1))
    return ModulusCertificate(tuple(roots), tuple(squares))


def square_root(value: mpz, p: mpz) -> mpz:
    """Return a square root modulo a prime (Tonelli and Shanks)."""
    if p % 4 == 3:
        return gmpy2.powmod(value, (p + 1) // 4, p)
    odd, twos = p - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    z = next(mpz(k) for k in range(2, 100) if gmpy2.legendre(k, p) == -1)
    m, c, t, r = (
        twos,
        gmpy2.powmod(z, odd, p),
        gmpy2.powmod(value, odd, p),
        gmpy2.powmod(value, (odd + 1) // 2, p),
    )
    while t != 1:
        i, power = 0, t
        while power != 1:
            power, i = power * power % p, i + 1
        b = gmpy2.powmod(c, mpz(1) << (m - i - 1), p)
        m, c, t, r = i, b * b % p, t * b * b % p, r * b % p
    return r


def combine(residues: list[mpz], primes: tuple[mpz, ...]) -> mpz:
    n = mpz(1)
    for one in primes:
        n *= one
    total = mpz(0)
    for residue, one in zip(residues, primes, strict=True):
        total += residue * (n // one) * gmpy2.invert(n // one, one)
    return total % n


def test_a23_a_common_factor_of_n_and_phi_is_refused() -> None:
    """q = 2kp + 1: taking n-th powers is no permutation."""
    while True:
        p = prime(250)
        k = next((k for k in range(1 << 11, 1 << 12) if is_prime(2 * k * p + 1) and k % 2 == 1), None)
        if k is None:
            continue
        q = 2 * k * p + 1
        if (p * q).bit_length() == 512 and q % 4 == 3:
            break
    key = PublicKey(TOY, p * q)
    refused(key, best_certificate(key, p, q), "MOD-7")


def test_a23_three_prime_factors_are_refused() -> None:
    while True:
        factors = (prime(171), prime(171), prime(170))
        if (key := exact(*factors)).n.bit_length() == 512:
            break
    refused(key, best_certificate(key, *factors), "MOD-8")


def test_a23_a_factor_that_is_1_modulo_4_is_refused() -> None:
    while True:
        factors = (prime(256, 1), prime(256, 3))
        if (key := exact(*factors)).n.bit_length() == 512:
            break
    refused(key, best_certificate(key, *factors), "MOD-8")


def test_a23_the_honest_method_works_where_the_modulus_is_good() -> None:
    factors = (prime(256), prime(256))
    key = exact(*factors)
    verify_modulus(key, best_certificate(key, *factors))


def test_a23_p_squared_q_is_refused() -> None:
    while True:
        p, q = prime(170), prime(172)
        if (key := exact(p, p, q)).n.bit_length() == 512:
            break
    order = p * (p - 1) * (q - 1)
    assert gmpy2.gcd(key.n, order) == p
    exponent = gmpy2.invert(key.n // p, order // p)
    roots = tuple(gmpy2.powmod(y, exponent, key.n) for y in modulus._root_challenges(key))
    refused(key, ModulusCertificate(roots, (mpz(1),) * MOD_SQUARES), "MOD-7")


@pytest.mark.parametrize("field", ["roots", "square_roots"])
def test_a24_incomplete_certificates_are_refused(field: str) -> None:
    key, certificate = certified()
    values = getattr(certificate, field)
    for changed in ((), values[:-1], (*values, values[0])):
        refused(key, dataclasses.replace(certificate, **{field: changed}), "MOD-5")
    _, p, _ = factored_key()
    for bad in (mpz(0), p, key.n, values[0] + key.n, mpz(-1)):
        refused(key, dataclasses.replace(certificate, **{field: (bad, *values[1:])}), "MOD-6")
    check = "MOD-7" if field == "roots" else "MOD-8"
    refused(key, dataclasses.replace(certificate, **{field: (values[1], *values[1:])}), check)
    refused(key, dataclasses.replace(certificate, **{field: (values[0] ^ 1, *values[1:])}), check)


def test_a24_all_derived_challenges_differ() -> None:
    key = factored_key()[0]
    derived = [*modulus._root_challenges(key), *modulus._square_challenges(key)]
    assert len(set(derived)) == MOD_ROOTS + MOD_SQUARES == 136
    assert all(jacobi(y, key.n) == 1 for y in modulus._square_challenges(key))
    assert set(derived).isdisjoint(modulus._root_challenges(factored_key(1)[0]))
