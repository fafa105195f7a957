# SPDX-License-Identifier: GPL-3.0-or-later
"""The public check of the election key.

Spec: KEY-6, KEY-7, KEY-8, MOD
"""

from __future__ import annotations

from evote.crypto.group import verification_base
from evote.crypto.integers import is_unit, power, product
from evote.errors import InvalidProof, VerificationError
from evote.manifest import KeyPolicy
from evote.proofs.modulus import verify_modulus
from evote.record.keys import KeyRecord


def verify_key_record(keys: KeyRecord, parameters: str, policy: KeyPolicy) -> None:
    """Check the key record of an election; return silently if the key is fit for it.

    What this cannot show, that the key opens what it should, is shown by the drill.

    Args:
        keys: Untrusted.
        parameters: The manifest's parameter set.
        policy: The manifest's key policy.

    Raises:
        VerificationError: KEY-8 not the manifest's policy; KEY-7 counts, ranges, units.
        InvalidProof: MOD-1 to MOD-8, KEY-6.
        EncodingError: A number has another width than it must (PAR-3).

    Spec: KEY-6, KEY-7, KEY-8, MOD-1 to MOD-8
    """
    verify_key_policy(keys, parameters, policy)
    key = keys.public_key
    n = key.n
    # KEY-7. Counts, ranges, units; one signing key for each trustee.
    if keys.ceremony != "dealer" or keys.share_bits != key.parameters.modulus_bits:
        raise VerificationError("The bound of key shares is not that of the ceremony.", check="KEY-7")
    for g, group in enumerate(keys.groups, 1):
        if len(group.commitments) != group.threshold:
            raise VerificationError(f"Group {group.id} has a wrong number of commitments.", check="KEY-7")
        if not all(is_unit(commitment, n) for commitment in keys.commitments(g)):
            raise VerificationError(f"Group {group.id} has a commitment that is not a unit.", check="KEY-7")
        if any(commitment * commitment % n == 1 for commitment in keys.commitments(g)):
            raise VerificationError(f"Group {group.id} is not shared: a coefficient is 0.", check="KEY-7")
    if len({trustee.key for trustee in keys.trustees}) != len(keys.trustees):
        raise VerificationError("Two trustees have the same signing key.", check="KEY-7")
    verify_modulus(key, keys.modulus_certificate)
    # KEY-6. The committed secrets add up to 1/n in the exponent of v.
    constant_terms = (keys.commitments(g)[0] for g in range(1, len(keys.groups) + 1))
    if power(product(constant_terms, n), n, n) != verification_base(key, keys.clearing):
        raise InvalidProof("The commitments do not belong to the modulus.", check="KEY-6")


def verify_key_policy(keys: KeyRecord, parameters: str, policy: KeyPolicy) -> None:
    """Check that groups, thresholds and trustees are those of the manifest.

    Raises:
        VerificationError: They are not (KEY-8).

    Spec: KEY-8
    """
    dealt = [
        (group.id, group.threshold, group.size, [(t.index, t.id, t.name, t.role) for t in group.trustees])
        for group in keys.groups
    ]
    planned = [
        (group.id, group.threshold, group.size, [(m.index, m.id, m.name, m.role) for m in group.members])
        for group in policy.groups
    ]
    if keys.parameters != parameters or dealt != planned:
        raise VerificationError("The keys were dealt for another policy than the manifest's.", check="KEY-8")
