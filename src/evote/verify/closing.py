# SPDX-License-Identifier: GPL-3.0-or-later
"""The closing checkpoint: the log's own at the closing, and cosigned by the witnesses' quorum.

Spec: ACT-5, ACT-6
"""

from __future__ import annotations

from evote.board.cosigned import count_cosignatures, verify_cosigned
from evote.board.record_folder import RecordFolder
from evote.board.tiles import CHECKPOINT
from evote.errors import VerificationError
from evote.record import layout
from evote.record.election import PublicElection
from evote.verify.report import Report, Step
from evote.verify.sums import ClosingPoint


def audit_closing_checkpoint(
    folder: RecordFolder, election: PublicElection, point: ClosingPoint, report: Report, step: Step
) -> None:
    """Check the closing checkpoint against the log and, unless less was asked for, against the quorum.

    Spec: ACT-5, ACT-6
    """
    with step.finding(layout.CLOSING_CHECKPOINT, "ACT-5"):
        saved = folder.closing_checkpoint(election)
        if (saved.size, saved.root) != (point.size, point.root):
            raise VerificationError("The closing checkpoint is not that of the log.", check="ACT-5")
    if report.until in ("closed", "end"):
        with step.finding(layout.CLOSING_CHECKPOINT, "ACT-6"):
            verify_cosigned(folder, election.manifest)
        if election.manifest.witnesses and not step.failures:
            found = count_cosignatures(folder, election.manifest, layout.CLOSING_CHECKPOINT)
            report.notes.append(f"Witnesses: {found}.")


def audit_cosignatures(folder: RecordFolder, election: PublicElection, step: Step) -> None:
    """Check that no witness's line under the log's head is wrong; how many there are does not matter.

    Spec: WIT-3
    """
    with step.finding(CHECKPOINT):
        count_cosignatures(folder, election.manifest, CHECKPOINT)
