# SPDX-License-Identifier: GPL-3.0-or-later
"""A trustee's part of the tally: shares of the sums that the trustee recomputed, and of nothing else.

No function here takes a number from outside: the sums come from a record that was verified just before.

Spec: SHR
"""

from __future__ import annotations

from evote.errors import StateError
from evote.record.key_share import KeyShare, prove_share
from evote.record.tally import DecryptionShare
from evote.tally.memory import ServedElections
from evote.verify.audit import VerifiedClosing
from evote.verify.sums import needs_opening, sum_context


def decrypt_sums(
    closing: VerifiedClosing, share: KeyShare, memory: ServedElections, now: float
) -> tuple[DecryptionShare, ...]:
    """Make a trustee's shares of every sum that the sealed plan opens.

    Args:
        closing: The election and its sums, recomputed from a verified record by `verify_closing`.
        share: The trustee's key share; secret.
        memory: What this share has served before; written before anything is computed.
        now: This machine's clock, POSIX seconds; in mode REAL nothing is opened before the sealed hour.

    Returns:
        One signed share for each sum with ballots.

    Raises:
        StateError: The share has served another election or closing, or it is too early (SHR-5).
        StorageError: It cannot be remembered anywhere, so nothing is computed (SHR-5).

    Spec: SHR-1, SHR-5
    """
    election = closing.election
    if share.trustee not in election.keys.trustees:
        raise StateError(
            "The key share belongs to another election.", check="KEY-8", subject=share.trustee.id
        )
    if election.manifest.mode == "REAL" and now < election.manifest.timetable.closes:
        raise StateError(
            "By this machine's clock the sealed closing hour has not come; nothing is opened before.",
            check="SHR-5",
        )
    memory.bind(election.keys.digest(), election.id, closing.point.root)
    made = []
    for total in closing.sums.values():
        if not needs_opening(total):
            continue
        bare = DecryptionShare.make(
            election=election.id,
            closing_size=closing.point.size,
            closing_root=closing.point.root,
            unit=total.unit,
            trustee=share.trustee.id,
            proven=prove_share(election.keys, share, sum_context(election, total)),
            signature=b"",
        )
        made.append(bare.replace(signature=share.signing_key.sign(bare.signed_bytes())))
    return tuple(made)
