# SPDX-License-Identifier: GPL-3.0-or-later
"""What attackers of the tests build: keys dealt by hand from chosen primes, ballots with changed numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import gmpy2
import pytest

from evote.crypto.group import PublicKey, delta, verification_base
from evote.crypto.integers import encode_number, inverse, is_prime, mpz, power, random_below, random_bits
from evote.crypto.shamir import evaluate, random_polynomial
from evote.crypto.signing import SigningKey
from evote.errors import EvoteError
from evote.manifest.template import bureau_policy
from evote.params import parameter_set
from evote.proofs.modulus import prove_modulus
from evote.proofs.selection import SelectionProof
from evote.record.ballot import Ballot, BallotProof
from evote.record.election import PublicElection
from evote.record.key_share import KeyShare
from evote.record.keys import CertificateRecord, KeyGroup, KeyRecord, Trustee


@contextmanager
def refused(kind: type[EvoteError], check: str, subject: str | None = None) -> Iterator[None]:
    """Expect exactly this class of error, of this check."""
    with pytest.raises(kind) as caught:
        yield
    assert type(caught.value) is kind
    assert caught.value.check == check
    if subject is not None:
        assert caught.value.subject == subject


def blum_prime(bits: int) -> mpz:
    """Return a prime that is 3 modulo 4, its two top bits set."""
    while True:
        found = gmpy2.next_prime(random_bits(bits) | (mpz(3) << (bits - 2)))
        if found % 4 == 3 and found.bit_length() == bits:
            return found


def prime_of_order(bits: int, factor: int) -> mpz:
    """Return p = 2 factor p1 + 1 with p1 prime; `factor` odd."""
    while True:
        p1 = gmpy2.next_prime((mpz(3) << (bits - 2)) // (2 * factor) + random_below(mpz(1) << (bits - 20)))
        p = 2 * factor * p1 + 1
        if p.bit_length() == bits and is_prime(p):
            return p


def deal_by_hand(
    p: mpz, q: mpz, *, secret: mpz | None = None, shifts: Mapping[str, mpz] | None = None
) -> tuple[KeyRecord, dict[str, KeyShare]]:
    """Deal a toy key to the bureau from any primes; nothing is checked.

    Args:
        p: A prime that is 3 modulo 4.
        q: Another.
        secret: The exponent that is shared; by default the right one.
        shifts: Trustee id -> what the dealer adds to this trustee's share.
    """
    key, policy = PublicKey(parameter_set("toy-512"), p * q), bureau_policy()
    order = (p >> 1) * (q >> 1)
    clearing = delta(max(group.size for group in policy.groups))
    v = verification_base(key, clearing)
    first = random_below(order)
    exponent = inverse(key.n, order) if secret is None else secret
    groups, held = [], {}
    for group, part in zip(policy.groups, (first, (exponent - first) % order), strict=True):
        polynomial = random_polynomial(part, group.threshold - 1, order)
        trustees = []
        for member in group.members:
            signer = SigningKey.generate()
            shift = (shifts or {}).get(member.id, mpz(0))
            held[member.id] = ((evaluate(polynomial, member.index, order) + shift) % order, signer)
            fields = {"index": member.index, "id": member.id, "name": member.name, "role": member.role}
            trustees.append(Trustee.make(**fields, key=signer.public))
        groups.append(
            KeyGroup.make(
                id=group.id,
                threshold=group.threshold,
                size=group.size,
                commitments=tuple(key.number_bytes(power(v, one, key.n)) for one in polynomial),
                trustees=tuple(trustees),
            )
        )
    certificate = prove_modulus(key, p, q)
    record = KeyRecord.make(
        parameters="toy-512",
        ceremony="dealer",
        modulus=key.n_bytes,
        share_bits=512,
        groups=tuple(groups),
        certificate=CertificateRecord.make(
            roots=tuple(map(key.number_bytes, certificate.roots)),
            square_roots=tuple(map(key.number_bytes, certificate.square_roots)),
        ),
    )
    return record, {name: KeyShare(*record.trustee(name), *one) for name, one in held.items()}


def opened(election: PublicElection, data: bytes) -> tuple[Ballot, mpz, SelectionProof]:
    """Return a ballot with its numbers."""
    ballot = Ballot.from_bytes(data)
    return ballot, *ballot.numbers(election.key)


def written(election: PublicElection, ballot: Ballot, ciphertext: mpz, proof: SelectionProof) -> bytes:
    """Return the canonical bytes of a ballot with other numbers, whatever they are."""
    key = election.key
    sizes = key.parameters
    moves = (
        (proof.commitments, sizes.ciphertext_bytes),
        (proof.challenges, sizes.challenge_bytes),
        (proof.responses, sizes.response_bytes),
    )
    a, e, z = (tuple(encode_number(move, width) for move in of) for of, width in moves)
    return ballot.replace(
        ciphertext=key.ciphertext_bytes(ciphertext), proof=BallotProof.make(a=a, e=e, z=z)
    ).to_bytes()


def changed(proof: SelectionProof, field: str, index: int, value: mpz) -> SelectionProof:
    """Return the proof with one of its numbers replaced."""
    values = list(getattr(proof, field))
    values[index] = value
    return dataclasses.replace(proof, **{field: tuple(values)})
