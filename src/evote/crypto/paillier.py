# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to `phe`: Paillier on plain integers, with an explicit nonce.

Only raw integers pass. Its number classes are left outside: reading a ciphertext from one re-randomises it,
floats carry a public exponent, plaintexts not below n and a nonce of 0 are accepted.

Spec: KEY-1
"""

from __future__ import annotations

from phe.paillier import PaillierPrivateKey, PaillierPublicKey

from evote.crypto.group import PublicKey
from evote.crypto.integers import is_unit, mpz
from evote.errors import ParameterError


def encrypt_integer(key: PublicKey, plaintext: mpz, nonce: mpz) -> mpz:
    """Encrypt an integer with a given nonce: (1 + m n) r^n mod n^2.

    Args:
        key: The public key.
        plaintext: m in [0, n).
        nonce: r, a unit in (0, n); secret.

    Returns:
        The ciphertext in (0, n^2).

    Raises:
        ParameterError: Plaintext or nonce outside its range (PAR-3).
    """
    if not 0 <= plaintext < key.n:
        raise ParameterError("A plaintext must lie in [0, n).", check="PAR-3")
    if not is_unit(nonce, key.n):
        raise ParameterError("A nonce must be a unit in (0, n).", check="PAR-3")
    return mpz(PaillierPublicKey(int(key.n)).raw_encrypt(int(plaintext), r_value=int(nonce)))


def decrypt_integer(key: PublicKey, p: mpz, q: mpz, ciphertext: mpz) -> mpz:
    """Decrypt with the factors of n; for dealers' self-tests and for tests.

    Args:
        key: The public key, n = p q.
        p: A prime factor; secret.
        q: The other; secret.
        ciphertext: A unit in (0, n^2).

    Raises:
        ParameterError: The ciphertext is not a unit, or p q is not n (PAR-3).
    """
    if not is_unit(ciphertext, key.square):
        raise ParameterError("A ciphertext must be a unit in (0, n^2).", check="PAR-3")
    if p * q != key.n:
        raise ParameterError("The factors are not those of the modulus.", check="PAR-3")
    private = PaillierPrivateKey(PaillierPublicKey(int(key.n)), int(p), int(q))
    return mpz(private.raw_decrypt(int(ciphertext)))
