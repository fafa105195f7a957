# SPDX-License-Identifier: GPL-3.0-or-later
"""Seats of a list ballot: quotient, highest average, ties and incomplete lists, all exact.

Spec: SEA
"""

from __future__ import annotations

from evote.seats.allocation import (
    INCOMPLETE_RULES,
    TIE_RULES,
    Allocation,
    Average,
    ListTally,
    Step,
    allocate_seats,
)

__all__ = ["INCOMPLETE_RULES", "TIE_RULES", "Allocation", "Average", "ListTally", "Step", "allocate_seats"]
