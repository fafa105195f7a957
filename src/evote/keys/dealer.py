# SPDX-License-Identifier: GPL-3.0-or-later
"""The dealer: makes the key, proves it, splits it by the policy's groups, and forgets.

Spec: KEY-1 to KEY-4
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from evote.crypto.group import PublicKey, delta, verification_base
from evote.crypto.integers import encode_number, inverse, mpz, random_below, random_bits, secret_power
from evote.crypto.paillier import decrypt_integer
from evote.crypto.primes import safe_prime_pair
from evote.crypto.shamir import evaluate, random_polynomial
from evote.crypto.signing import SigningKey
from evote.errors import StateError
from evote.manifest import Group, KeyPolicy
from evote.params import ParameterSet
from evote.proofs.modulus import prove_modulus
from evote.record.keys import CertificateRecord, KeyGroup, KeyRecord, KeyShareSecret, Trustee
from evote.verify.keys import verify_key_record


@dataclass(frozen=True)
class Deal:
    """What the dealer hands out before it forgets everything.

    Attributes:
        record: The public key record.
        secrets: Trustee id -> what goes into their share file; secret.
    """

    record: KeyRecord
    secrets: dict[str, KeyShareSecret] = field(repr=False)


def deal_keys(
    parameters: ParameterSet, policy: KeyPolicy, progress: Callable[[], None] | None = None
) -> Deal:
    """Make an election key and split it.

    The factors and the secret exponent exist in this call only.

    Args:
        parameters: The parameter set.
        policy: The manifest's key policy, checked before.
        progress: Called about twice a second while primes are searched.

    Returns:
        The public record, already verified, and a secret for each trustee.

    Raises:
        StateError: The fresh key failed its self-test; deal again (KEY-6).

    Spec: KEY-1 to KEY-4, KEY-6
    """
    p, q = safe_prime_pair(parameters.modulus_bits // 2, progress)
    key = PublicKey(parameters, p * q)
    _self_test(key, p, q)
    order = (p >> 1) * (q >> 1)  # m' = p' q'
    clearing = delta(max(group.size for group in policy.groups))
    secrets: dict[str, KeyShareSecret] = {}
    groups = []
    for group, part in zip(
        policy.groups, _split(inverse(key.n, order), len(policy.groups), order), strict=True
    ):
        polynomial = random_polynomial(part, group.threshold - 1, order)
        v = verification_base(key, clearing)
        commitments = tuple(key.number_bytes(secret_power(v, one, key.n)) for one in polynomial)
        shares = _secrets(key, group, polynomial, order)
        secrets |= shares
        groups.append(_public_group(group, commitments, shares))
    certificate = prove_modulus(key, p, q)
    record = KeyRecord.make(
        parameters=parameters.name,
        ceremony="dealer",
        modulus=key.n_bytes,
        share_bits=parameters.modulus_bits,
        groups=tuple(groups),
        certificate=CertificateRecord.make(
            roots=tuple(key.number_bytes(root) for root in certificate.roots),
            square_roots=tuple(key.number_bytes(root) for root in certificate.square_roots),
        ),
    )
    verify_key_record(record, parameters.name, policy)
    return Deal(record, secrets)


def _split(secret: mpz, parts: int, order: mpz) -> list[mpz]:
    """Split a secret into summands modulo `order`, all but the last at random."""
    summands = [random_below(order) for _ in range(parts - 1)]
    return [*summands, (secret - sum(summands)) % order]


def _secrets(
    key: PublicKey, group: Group, polynomial: tuple[mpz, ...], order: mpz
) -> dict[str, KeyShareSecret]:
    """Return each member's key share and a fresh signing key; a substitute has the delegate's share."""
    width = key.parameters.number_bytes
    return {
        member.id: KeyShareSecret.make(
            key_share=encode_number(evaluate(polynomial, member.index, order), width),
            signing_seed=SigningKey.generate().seed_bytes(),
        )
        for member in group.members
    }


def _public_group(
    group: Group, commitments: tuple[bytes, ...], shares: dict[str, KeyShareSecret]
) -> KeyGroup:
    return KeyGroup.make(
        id=group.id,
        threshold=group.threshold,
        size=group.size,
        commitments=commitments,
        trustees=tuple(
            Trustee.make(
                index=member.index,
                id=member.id,
                name=member.name,
                role=member.role,
                key=SigningKey.from_seed(shares[member.id].signing_seed).public,
            )
            for member in group.members
        ),
    )


def _self_test(key: PublicKey, p: mpz, q: mpz) -> None:
    """Let an independent implementation decrypt what ballots will look like."""
    message = random_bits(key.parameters.capacity_bits)
    blinding = secret_power(key.base, random_bits(key.parameters.nonce_bits), key.square)
    if decrypt_integer(key, p, q, key.message_power(message) * blinding % key.square) != message:
        raise StateError("The new key does not decrypt; deal again.", check="KEY-6")
