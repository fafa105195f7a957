# SPDX-License-Identifier: GPL-3.0-or-later
"""An opened key share, and the proved decryption shares that its holder makes with it.

Spec: KEY-5, DEC
"""

from __future__ import annotations

from dataclasses import dataclass, field

from evote.crypto.integers import RandomBits, mpz, random_bits
from evote.crypto.signing import SigningKey
from evote.proofs.decryption import (
    DecryptionContext,
    DecryptionStatement,
    Position,
    compute_decryption_share,
    prove_decryption,
)
from evote.record.keys import KeyRecord, ProvenShare, Trustee


@dataclass(frozen=True)
class KeyShare:
    """A key share in its holder's hands, checked against the commitments.

    Attributes:
        position: Place in the policy with the verification key.
        trustee: The holder as published.
        secret: s in [0, 2^B); secret.
        signing_key: Signs the trustee's acts; secret.
    """

    position: Position
    trustee: Trustee
    secret: mpz = field(repr=False)
    signing_key: SigningKey = field(repr=False)


def prove_share(
    keys: KeyRecord, share: KeyShare, context: DecryptionContext, randomness: RandomBits = random_bits
) -> ProvenShare:
    """Return the holder's decryption share of one value, with its proof.

    Args:
        keys: The key record, verified.
        share: Secret.
        context: The value and where it comes from; computed by the caller, never read from outside.
        randomness: The operating system's source.

    Spec: DEC-2, DEC-P1 to DEC-P3
    """
    key = keys.public_key
    value = compute_decryption_share(key, keys.clearing, context.value, share.secret)
    statement = DecryptionStatement(key, keys.clearing, keys.share_bits, share.position, context, value)
    return ProvenShare.of(keys, value, prove_decryption(statement, share.secret, randomness))
