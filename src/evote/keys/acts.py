# SPDX-License-Identifier: GPL-3.0-or-later
"""A trustee signs an act of the bureau, with the signing key in the share file.

Spec: ACT-7
"""

from __future__ import annotations

from dataclasses import replace

from evote.errors import StateError
from evote.record.acts import TrusteeSignature
from evote.record.amendments import Amendment
from evote.record.election import PublicElection
from evote.record.key_share import KeyShare


def verify_proposed(election: PublicElection, amendment: Amendment) -> None:
    """Check an amendment before it is shown to a trustee and signed: the next one of this election, and in order.

    Args:
        election: From the trustee's own copy of the record.
        amendment: Untrusted; its signatures are not looked at.

    Raises:
        StateError: The election is amended already, or the copy of the record is too old (ACT-7).
        VerificationError: It is not an amendment that this election can have (ACT-7).

    Spec: ACT-7
    """
    if amendment.number <= len(election.amendments):
        raise StateError(f"Amendment {amendment.number} is in the record already.", check="ACT-7")
    if amendment.number > len(election.amendments) + 1:
        raise StateError("This copy of the record lacks an earlier amendment; get the newest.", check="ACT-7")
    _ = election.reference_keys
    amended = replace(election, amendments=(*election.amendments, amendment))
    amended.verify_amendment(amendment.number, signed=False)


def sign_amendment(election: PublicElection, amendment: Amendment, share: KeyShare) -> Amendment:
    """Return an amendment with a trustee's signature added, in the order of trustees' ids.

    Args:
        election: From the trustee's own copy of the record.
        amendment: Untrusted; shown to the trustee before.
        share: Secret; its signing key signs.

    Raises:
        StateError: As `verify_proposed`, or the share is of another election (KEY-8).
        VerificationError: As `verify_proposed`.

    Spec: ACT-7
    """
    verify_proposed(election, amendment)
    if share.trustee not in election.keys.trustees:
        raise StateError(
            "The key share belongs to another election.", check="KEY-8", subject=share.trustee.id
        )
    mine = TrusteeSignature.make(
        trustee=share.trustee.id, signature=share.signing_key.sign(amendment.signed_bytes())
    )
    others = [one for one in amendment.signatures if one.trustee != share.trustee.id]
    return amendment.replace(signatures=tuple(sorted((*others, mine), key=lambda one: one.trustee)))
