# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening of a sum by its nonce.

Statement   ciphertext C of a unit, number of options, digit length b, total weight of the unit's ballots
Witness     none: the opening (m, R) is the proof
Relation    (1 + m n) R^n = C mod n^2, m < 2^(b options), the digits of m add up to the total weight

A Paillier ciphertext has exactly one (m, R), so whoever sees it needs to trust nobody for the count.

Spec: OPN
"""

from __future__ import annotations

from dataclasses import dataclass

from evote.crypto.group import PublicKey
from evote.crypto.integers import inverse, is_unit, mpz, power
from evote.errors import InvalidProof


@dataclass(frozen=True, slots=True)
class OpeningStatement:
    """What is opened.

    Attributes:
        key: The public key.
        ciphertext: C in (0, n^2), a unit.
        options: Number of counters.
        digit_bits: Length b of one counter.
        weight: Total weight of the ballots in C, below 2^b.
    """

    key: PublicKey
    ciphertext: mpz
    options: int
    digit_bits: int
    weight: int


def open_with_root(statement: OpeningStatement, root: mpz) -> mpz:
    """Return m = ((C R^-n mod n^2) - 1) / n.

    Args:
        statement: What is opened.
        root: R; untrusted.

    Raises:
        InvalidProof: R is not the nonce of this ciphertext (OPN-2).
    """
    key = statement.key
    if not is_unit(root, key.n):
        raise InvalidProof("The nonce of the sum is not a unit.", check="OPN-1")
    rest = statement.ciphertext * inverse(power(root, key.n, key.square), key.square) % key.square
    if rest % key.n != 1:
        raise InvalidProof("The nonce does not open the sum.", check="OPN-2")
    return rest // key.n


def decode_counts(statement: OpeningStatement, value: mpz) -> tuple[int, ...]:
    """Split m into its counters: blank first, then the lists.

    Raises:
        InvalidProof: m is too large (OPN-3), or the counters do not add up to the weight (OPN-4).

    Spec: OPN-3, OPN-4
    """
    bits = statement.digit_bits
    if not 0 <= value < mpz(1) << (bits * statement.options):
        raise InvalidProof("The opened number holds more than the contest's counters.", check="OPN-3")
    mask = (mpz(1) << bits) - 1
    counts = tuple(int(value >> (bits * option) & mask) for option in range(statement.options))
    if statement.weight > mask or sum(counts) != statement.weight:
        raise InvalidProof("The counters do not add up to the weight of the ballots.", check="OPN-4")
    return counts


def verify_opening(statement: OpeningStatement, value: mpz, root: mpz) -> tuple[int, ...]:
    """Check an opening and return the counts it proves: blank first, then the lists in order.

    Args:
        statement: Recomputed by the caller.
        value: m; untrusted.
        root: R; untrusted.

    Raises:
        InvalidProof: `check` is the step, OPN-1 to OPN-4.

    Spec: OPN-1 to OPN-4
    """
    key = statement.key
    if not is_unit(root, key.n):
        raise InvalidProof("The nonce of the sum is not a unit.", check="OPN-1")
    counts = decode_counts(statement, value)
    if key.message_power(value) * power(root, key.n, key.square) % key.square != statement.ciphertext:
        raise InvalidProof("The opening is not that of the sum.", check="OPN-2")
    return counts
