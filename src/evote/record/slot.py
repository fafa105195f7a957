# SPDX-License-Identifier: GPL-3.0-or-later
"""A voter's place in a contest: what the device needs to know to encrypt a choice.

Spec: BAL-3
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a voter's ballot is counted; holds no identity.

    Attributes:
        contest: Contest id.
        section: Section id.
        unit: Counting unit id.
        weight: Weight of the vote, at least 1.
    """

    contest: str
    section: str
    unit: str
    weight: int
