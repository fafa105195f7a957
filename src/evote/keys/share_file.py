# SPDX-License-Identifier: GPL-3.0-or-later
"""Key shares at rest: one file a trustee, sealed under an activation code.

Spec: KEY-5, KEY-9
"""

from __future__ import annotations

from evote.crypto.group import verification_base
from evote.crypto.integers import secret_power
from evote.crypto.sealing import SealedBox, SealingCost, seal, unseal
from evote.crypto.signing import SigningKey
from evote.errors import EncodingError, FaultyTrustee, ParameterError
from evote.record.key_share import KeyShare
from evote.record.keys import (
    KeyRecord,
    KeyShareFile,
    KeyShareHeader,
    KeyShareSecret,
    SealedSecret,
)


def seal_key_share(
    keys: KeyRecord, trustee_id: str, secret: KeyShareSecret, code: str, cost: SealingCost
) -> KeyShareFile:
    """Seal a trustee's secret under their activation code.

    Args:
        keys: The key record.
        trustee_id: Whose it is.
        secret: Secret.
        code: The activation code, at least 8 characters; secret.
        cost: How slow a guess is made.

    Raises:
        ParameterError: The code is too short (KEY-9).

    Spec: KEY-9
    """
    position, trustee = keys.trustee(trustee_id)
    header = KeyShareHeader.make(
        keys=keys.digest(),
        trustee=trustee.id,
        name=trustee.name,
        role=trustee.role,
        group=position.group,
        member=position.member,
    )
    box = seal(secret.to_bytes(), code, header.to_bytes(), cost=cost)
    sealed = SealedSecret.make(
        salt=box.salt,
        memory_kib=box.memory_kib,
        passes=box.passes,
        lanes=box.lanes,
        nonce=box.nonce,
        ciphertext=box.ciphertext,
    )
    return KeyShareFile.make(header=header, sealed=sealed)


def open_key_share(keys: KeyRecord, file: KeyShareFile, code: str) -> KeyShare:
    """Open a share file and check it against the commitments.

    Args:
        keys: The key record, verified or to be verified by the caller.
        file: Untrusted.
        code: The activation code; secret.

    Raises:
        ParameterError: The file belongs to another key or to nobody of this policy (KEY-8).
        StateError: Wrong code, or the file was altered (KEY-9).
        FaultyTrustee: The share is not the committed one: the dealer or the file is wrong (KEY-5).

    Spec: KEY-5, KEY-9
    """
    header, sealed = file.header, file.sealed
    position, trustee = keys.trustee(header.trustee)
    expected = (keys.digest(), trustee.name, trustee.role, position.group, position.member)
    if (header.keys, header.name, header.role, header.group, header.member) != expected:
        raise ParameterError(
            f"The share file of {trustee.id} belongs to another key; use the one dealt for this election.",
            check="KEY-8",
            subject=trustee.id,
        )
    box = SealedBox(
        sealed.salt, sealed.memory_kib, sealed.passes, sealed.lanes, sealed.nonce, sealed.ciphertext
    )
    data = unseal(box, code, header.to_bytes())
    try:
        secret = KeyShareSecret.from_bytes(data)
        value = keys.public_key.read_number(secret.key_share)
    except EncodingError:
        raise FaultyTrustee("The share file holds no key share.", check="KEY-5", subject=trustee.id) from None
    signing_key = SigningKey.from_seed(secret.signing_seed)
    share = KeyShare(position, trustee, value, signing_key)
    verify_key_share(keys, share)
    return share


def verify_key_share(keys: KeyRecord, share: KeyShare) -> None:
    """Check that a key share is the committed one and its signing key the published one.

    Raises:
        FaultyTrustee: It is not (KEY-5).

    Spec: KEY-5
    """
    key = keys.public_key
    committed = secret_power(verification_base(key, keys.clearing), share.secret, key.n)
    if committed != share.position.verification_key or share.signing_key.public != share.trustee.key:
        raise FaultyTrustee(
            f"The share of {share.trustee.name} does not match the published commitments; a new deal is needed.",
            check="KEY-5",
            subject=share.trustee.id,
        )
