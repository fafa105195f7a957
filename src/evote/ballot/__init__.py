# SPDX-License-Identifier: GPL-3.0-or-later
"""The voter's device: a choice becomes an encrypted ballot; what comes back is checked.

Spec: BAL, REF
"""

from __future__ import annotations

from evote.ballot.encrypt import Choice, EncryptedBallot, encrypt_ballot

__all__ = ["Choice", "EncryptedBallot", "encrypt_ballot"]
