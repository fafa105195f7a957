# SPDX-License-Identifier: GPL-3.0-or-later
"""Interrupt a step of the tally at every write, then do it again: `python crashes.py start|finish FOLDER WORK`.

The process is killed at the n-th file that it writes: before the file, or with the temporary file left beside it.
Prints a line for every n; stops after the first n that is never reached. A program of its own, because it forks.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from evote.board import files
from evote.tally.session import finish_tally, start_tally
from evote.verify import audit, audit_record
from evote.verify.drill import verify_drill

CRASHED = 77
audit.verify_drill = lru_cache(verify_drill)  # the same drill every time: verified once


def silent(*_: object) -> None:
    """Report no progress."""


def start(folder: Path) -> None:
    """Start the tally."""
    start_tally(folder, silent)


def finish(folder: Path) -> None:
    """Finish the tally."""
    if not finish_tally(folder, {}, silent).ended:
        raise SystemExit("not ended")


def crash(step: Callable[[Path], None], folder: Path, place: int, *, half: bool) -> bool:
    """Run a step in a child that dies at its `place`-th write; return whether it died."""
    child = os.fork()
    if child == 0:
        create, count = files.create_file, iter(range(1, 1 << 30))

        def dying(path: Path, data: bytes, *, mode: int) -> None:
            dies = next(count) == place
            if dies and not half:
                os._exit(CRASHED)
            create(path, data, mode=mode)
            if dies:
                os._exit(CRASHED)

        files.create_file = dying
        step(folder)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, CRASHED):
        raise SystemExit(f"the child failed with {status}")
    return status == CRASHED


def main(step: str, source: Path, work: Path) -> None:
    """Crash everywhere."""
    run, place, died = {"start": start, "finish": finish}[step], 0, True
    while died:
        place += 1
        for half in (False, True):
            folder = work / f"{place}-{half}"
            shutil.copytree(source, folder)
            died = crash(run, folder, place, half=half)
            run(folder)
            report = audit_record(folder / "record", until="end" if step == "finish" else "closed")
            temporary = [path.name for path in (folder / "record").rglob(".*.tmp")]
            print(place, half, died, report.verified, temporary, [one.check for one in report.failures])
            shutil.rmtree(folder)


main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
