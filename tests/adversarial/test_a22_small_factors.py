# SPDX-License-Identifier: GPL-3.0-or-later
"""A22: a modulus with a small factor (CVE-2023-33241), under the best certificate that its dealer can make."""

from __future__ import annotations

import gmpy2
import pytest

from evote.crypto.group import PublicKey
from evote.crypto.integers import mpz, power
from evote.crypto.primes import small_primes
from evote.errors import InvalidProof, VerificationError
from evote.manifest.template import bureau_policy
from evote.params import MOD_TRIAL_BOUND, parameter_set
from evote.proofs.modulus import ModulusCertificate, prove_modulus, verify_modulus
from evote.record.keys import CertificateRecord
from evote.verify.keys import verify_key_record
from forgery import blum_prime, deal_by_hand, refused
from simulator import dealt
from toys import TOY, factored_key

NOTHING = ModulusCertificate((), ())


def prime_completing(factor: mpz, bits: int = 512) -> mpz:
    """Return a prime q, 3 modulo 4, such that factor q has exactly `bits` bits."""
    start = (mpz(1) << bits) // factor * 3 // 4
    while True:
        start = gmpy2.next_prime(start)
        if start % 4 == 3:
            return start


@pytest.mark.parametrize("factor", [3, 5, 7, 65_537, 1_048_571, 1_048_573])
def test_a_factor_below_the_bound_is_refused(factor: int) -> None:
    key, p, q = factored_key()
    verify_modulus(key, prove_modulus(key, p, q))
    key = PublicKey(TOY, factor * prime_completing(mpz(factor)))
    with refused(InvalidProof, "MOD-4"):
        verify_modulus(key, NOTHING)


def test_sixteen_factors_as_in_the_attack_are_refused() -> None:
    product = mpz(1)
    for prime in [prime for prime in small_primes() if prime > 60_000][:16]:
        product *= prime
    key = PublicKey(TOY, product * prime_completing(product))
    assert key.n.bit_length() == 512
    with refused(InvalidProof, "MOD-4"):
        verify_modulus(key, NOTHING)


def test_the_bound_is_sharp_and_the_next_prime_is_left_to_the_openings() -> None:
    """Just above the bound the certificate holds: such a modulus exists, and A41 shows what it cannot do."""
    assert small_primes()[-1] == 1_048_573 < MOD_TRIAL_BOUND
    factor = gmpy2.next_prime(mpz(MOD_TRIAL_BOUND))
    while factor % 4 != 3:
        factor = gmpy2.next_prime(factor)
    q = prime_completing(factor)
    key = PublicKey(TOY, factor * q)
    verify_modulus(key, prove_modulus(key, factor, q))


def test_a_key_record_over_such_a_modulus_is_refused() -> None:
    p = mpz(1_048_571)  # 3 modulo 4
    assert p % 4 == 3
    honest, _ = deal_by_hand(blum_prime(256), blum_prime(256))
    verify_key_record(honest, "toy-512", bureau_policy())
    crooked, shares = deal_by_hand(p, prime_completing(p))
    assert shares
    with refused(InvalidProof, "MOD-4"):
        verify_key_record(crooked, "toy-512", bureau_policy())


def test_the_certificate_of_a_record_cannot_be_short() -> None:
    """The record's format takes any number up to twice the right one; the verifier's constant decides."""
    keys = dealt()[0].record
    for roots, squares in (((), ()), (keys.certificate.roots[:-1], keys.certificate.square_roots)):
        certificate = CertificateRecord.make(roots=roots, square_roots=squares)
        with refused(InvalidProof, "MOD-5"):
            verify_key_record(keys.replace(certificate=certificate), "toy-512", bureau_policy())
    zero = bytes(parameter_set("toy-512").number_bytes)
    certificate = keys.certificate.replace(roots=(zero, *keys.certificate.roots[1:]))
    with refused(InvalidProof, "MOD-6"):
        verify_key_record(keys.replace(certificate=certificate), "toy-512", bureau_policy())
    short = keys.certificate.replace(roots=(keys.certificate.roots[0][1:], *keys.certificate.roots[1:]))
    with pytest.raises(Exception) as caught:
        verify_key_record(keys.replace(certificate=short), "toy-512", bureau_policy())
    assert caught.value.check == "PAR-3"
    assert not isinstance(caught.value, VerificationError)


def test_the_negative_of_a_square_root_is_the_same_evidence() -> None:
    key, p, q = factored_key()
    certificate = prove_modulus(key, p, q)
    verify_modulus(
        key, ModulusCertificate(certificate.roots, tuple(key.n - r for r in certificate.square_roots))
    )
    negative = (key.n - certificate.roots[0], *certificate.roots[1:])
    with refused(InvalidProof, "MOD-7"):  # an n-th root is one
        verify_modulus(key, ModulusCertificate(negative, certificate.square_roots))
    assert power(certificate.roots[0], key.n, key.n) != key.n - power(certificate.roots[0], key.n, key.n)
