# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that verifies a file of ballots as a worker does, and prints its resident bytes before and at the peak."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from evote.manifest import Manifest
from evote.record.acts import Seal
from evote.record.election import PublicElection
from evote.record.keys import KeyRecord
from evote.verify.ballots import BallotAuditor


def main(folder: Path) -> None:
    """Verify the ballots of a folder, in batches of the auditor's own size."""
    election = PublicElection(
        Seal.from_bytes((folder / "seal").read_bytes()),
        Manifest.from_bytes((folder / "manifest").read_bytes()),
        KeyRecord.from_bytes((folder / "keys").read_bytes()),
    )
    idle = _peak()
    auditor = BallotAuditor(election)
    with (folder / "ballots").open("rb") as file:
        for index, line in enumerate(file):
            auditor.add(index, line.rstrip(b"\n"))
    auditor.finish()
    if auditor.findings:
        raise SystemExit(str(auditor.findings[0]))
    sys.stdout.write(f"{idle} {_peak()}\n")


def _peak() -> int:
    """Return the most resident bytes so far; of this program alone, where the system tells (Linux)."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(
            int(line.split()[1]) * 1024
            for line in status.read_text().splitlines()
            if line.startswith("VmHWM")
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
