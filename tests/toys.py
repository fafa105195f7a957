# SPDX-License-Identifier: GPL-3.0-or-later
"""Toy keys and proofs for tests of the proofs: 512 bits, dealt once a run, factors known."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

from evote.crypto.fixed_base import base_table
from evote.crypto.group import PublicKey
from evote.crypto.integers import mpz, random_bits
from evote.crypto.primes import safe_prime_pair
from evote.params import parameter_set
from evote.proofs.selection import (
    SelectionProof,
    SelectionStatement,
    SelectionWitness,
    encrypt_option,
    prove_selection,
)

TOY = parameter_set("toy-512")
OPTIONS, BITS = 4, 10


@lru_cache
def factored_key(number: int = 0) -> tuple[PublicKey, mpz, mpz]:
    """Return a toy key with its factors; another number is another key."""
    p, q = safe_prime_pair(TOY.modulus_bits // 2)
    return PublicKey(TOY, p * q), p, q


def statement_of(key: PublicKey, ciphertext: mpz, **changes: object) -> SelectionStatement:
    base = SelectionStatement(key, b"e" * 32, "contest", "unit", 1, OPTIONS, BITS, ciphertext)
    return dataclasses.replace(base, **changes)


def prove(key: PublicKey, option: int, **changes: object) -> tuple[SelectionStatement, SelectionProof]:
    """Return an honest statement with its proof."""
    nonce = random_bits(TOY.nonce_bits)
    powers = base_table(key)
    bare = statement_of(key, mpz(1), **changes)
    statement = dataclasses.replace(bare, ciphertext=encrypt_option(key, bare.message(option), nonce, powers))
    return statement, prove_selection(statement, SelectionWitness(option, nonce), powers, random_bits)


def with_move(proof: SelectionProof, field: str, index: int, value: mpz) -> SelectionProof:
    """Return the proof with one move changed."""
    moves = list(getattr(proof, field))
    moves[index] = value
    return dataclasses.replace(proof, **{field: tuple(moves)})
