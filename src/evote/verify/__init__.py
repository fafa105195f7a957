# SPDX-License-Identifier: GPL-3.0-or-later
"""A record goes in, a report comes out. Holds no secret and calls no prover.

Spec: the catalogue of checks in record.md
"""

from __future__ import annotations

from evote.verify.audit import Means, VerifiedClosing, audit_record, verify_closing, verify_record
from evote.verify.certificate import Certificates
from evote.verify.engine import Engine
from evote.verify.growth import audit_since
from evote.verify.report import Finding, Report, Step

__all__ = [
    "Certificates",
    "Engine",
    "Finding",
    "Means",
    "Report",
    "Step",
    "VerifiedClosing",
    "audit_record",
    "audit_since",
    "verify_closing",
    "verify_record",
]
