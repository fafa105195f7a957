# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations that a record tells of: none is missing, none was changed, none stands elsewhere.

Spec: EVT
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from evote.board.journal import read_chain
from evote.board.record_folder import RecordFolder
from evote.errors import BoardInconsistency
from evote.record import layout
from evote.verify.report import Report


def audit_events(report: Report, folder: RecordFolder, logged: Sequence[bytes]) -> None:
    """Check the chain of events and their order in the log.

    Args:
        report: Takes the step, its first finding (EVT-1), and a note where there are alerts.
        folder: The record; untrusted.
        logged: Digests of the `event` entries, in the order of the log.

    Spec: EVT-1
    """
    alerts, found = 0, []
    with report.step("The operations are chained, in the order of the log", "EVT") as step:
        with step.finding(layout.EVENTS, "EVT-1"):
            for event, data in read_chain(folder.path / layout.EVENTS):
                alerts += event.operation == "alert"
                found.append(hashlib.sha256(data).digest())
            if found != list(logged):
                raise BoardInconsistency("The log names other events than these, in order.", check="EVT-1")
        step.count = len(found)
    if alerts:
        report.notes.append(f"Alerts in the log of operations: {alerts}. Read them with: evote events")
