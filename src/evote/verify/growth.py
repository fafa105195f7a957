# SPDX-License-Identifier: GPL-3.0-or-later
"""A newer copy of a record against an older one: the log only grew, and what is new is right.

Spec: REC-8
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evote.board.checkpoint import Checkpoint
from evote.board.record_folder import RecordFolder
from evote.errors import EvoteError, StateError
from evote.verify.audit import Means, audit_record
from evote.verify.log import Progress
from evote.verify.report import Report, Stage, silent


def audit_since(
    path: Path | str,
    older: Path | str,
    *,
    means: Means,
    until: Stage = "end",
    election: bytes = b"",
    progress: Progress = silent,
) -> Report:
    """Verify what came to a record after an older copy of it, and that nothing else changed.

    The older copy counts for what this user has verified of it with this software; what is missing is verified now.

    Args:
        path: The newer record's folder; untrusted.
        older: The older copy's folder; untrusted.
        means: With certificates.
        until: As in `audit_record`, for the newer record.
        election: As there.
        progress: Told about the ballots.

    Returns:
        The report on the newer record. A log that did not grow from the older one is a finding (BRD-15).

    Raises:
        StateError: There are no certificates to go by.

    Spec: REC-8, BRD-15
    """
    if means.certificates is None:
        raise StateError("What was verified before is known from certificates; give some.", check="REC-8")
    means = replace(means, trusting=True, earlier=_checkpoint(RecordFolder(older)))
    return audit_record(path, until=until, election=election, progress=progress, means=means)


def _checkpoint(folder: RecordFolder) -> Checkpoint | EvoteError:
    """Return the older copy's checkpoint under the key of its own seal, or why there is none."""
    try:
        return folder.log(folder.election()).checkpoint
    except EvoteError as error:
        return error
