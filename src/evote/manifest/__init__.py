# SPDX-License-Identifier: GPL-3.0-or-later
"""The election: contests, lists, hours, key policy, counting plan; what the seal fixes.

Spec: MAN
"""

from __future__ import annotations

from evote.manifest.model import (
    Candidate,
    CandidateList,
    Contest,
    CountingPlan,
    Draft,
    Election,
    Group,
    KeyPolicy,
    Manifest,
    Member,
    Profession,
    Publication,
    RollCommitment,
    Section,
    Software,
    Timetable,
    Unit,
    Witness,
)
from evote.manifest.plan import merge_small_units
from evote.manifest.rules import check_capacity, verify_election, verify_manifest

__all__ = [
    "Candidate",
    "CandidateList",
    "Contest",
    "CountingPlan",
    "Draft",
    "Election",
    "Group",
    "KeyPolicy",
    "Manifest",
    "Member",
    "Profession",
    "Publication",
    "RollCommitment",
    "Section",
    "Software",
    "Timetable",
    "Unit",
    "Witness",
    "check_capacity",
    "merge_small_units",
    "verify_election",
    "verify_manifest",
]
