# SPDX-License-Identifier: GPL-3.0-or-later
"""Safe primes by sieving both p' and p = 2p' + 1.

Spec: KEY-1
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import lru_cache

from evote.crypto.integers import is_prime, mpz, power, release_interpreter
from evote.errors import ParameterError

_SIEVE_BOUND = 1 << 20
_WINDOW = 1 << 18
_ROUNDS = 40  # Miller-Rabin rounds after the sieve and a Fermat test
Progress = Callable[[], None]


@lru_cache(maxsize=1)
def small_primes() -> tuple[int, ...]:
    """Return the odd primes below 2^20."""
    flags = bytearray([1]) * (_SIEVE_BOUND // 2)  # flags[i] stands for 2i + 1
    flags[0] = 0
    for i in range(1, 512):
        if flags[i]:
            start = 2 * i * (i + 1)
            flags[start :: 2 * i + 1] = bytes(len(range(start, len(flags), 2 * i + 1)))
    return tuple(2 * i + 1 for i, flag in enumerate(flags) if flag)


def _candidates(bits: int) -> Iterator[mpz]:
    """Yield p = 2p' + 1 of `bits` bits, top two bits set, from a random window; no small factor in p or p'."""
    start = mpz(secrets.randbits(bits - 1)) | (mpz(3) << (bits - 3)) | 1  # p', odd
    flags = bytearray([1]) * _WINDOW  # flags[i] stands for p' = start + 2i
    for prime in small_primes():
        half = (prime + 1) // 2  # inverse of 2
        for residue in (0, (prime - 1) // 2):  # p' = 0, or 2p' + 1 = 0
            first = int((residue - start) * half % prime)
            flags[first::prime] = bytes(len(range(first, _WINDOW, prime)))
    index = flags.find(1)
    while index >= 0:
        yield 2 * (start + 2 * index) + 1
        index = flags.find(1, index + 1)


def safe_prime(bits: int) -> mpz:
    """Return a random prime p of exactly `bits` bits with (p - 1)/2 prime; its top two bits are set.

    Args:
        bits: At least 64.

    Returns:
        p; secret.

    Spec: KEY-1
    """
    if bits < 64:
        raise ParameterError("A safe prime needs at least 64 bits here.", check="PAR-2")
    while True:
        for p in _candidates(bits):
            if p.bit_length() != bits:
                break
            if power(mpz(2), p - 1, p) == 1 and is_prime(p >> 1, _ROUNDS) and is_prime(p, _ROUNDS):
                return p


def safe_prime_pair(bits: int, progress: Progress | None = None) -> tuple[mpz, mpz]:
    """Return two different safe primes of `bits` bits, searched by two threads at once.

    Args:
        bits: Length of each; their product has exactly 2 * bits bits.
        progress: Called about twice a second while the search lasts.

    Returns:
        (p, q); secret.

    Spec: KEY-1
    """
    with ThreadPoolExecutor(2, initializer=release_interpreter) as pool:
        searches = [pool.submit(safe_prime, bits) for _ in range(2)]
        pending = set(searches)
        while pending:
            _, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            if progress is not None:
                progress()
        first, second = (search.result() for search in searches)
    return (first, second) if first != second else safe_prime_pair(bits, progress)
