# SPDX-License-Identifier: GPL-3.0-or-later
"""The voting service an integrator embeds: register, ballot box, publication.

Spec: BOX
"""

from __future__ import annotations

from evote.box.premises import Phase
from evote.box.service import BallotBox

__all__ = ["BallotBox", "Phase"]
