# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill a step at every durable write and rename, do it again, and say what is there: `python kills.py STEP FOLDER WORK`.

The process dies at the n-th of them: before it, half way (a temporary file with half of its bytes) or right after it.
Prints a JSON line for every death; stops after the first n that is never reached. A program of its own, because it
forks.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from evote.board import LogWriter, files
from evote.board.journal import Journal, publish_events
from evote.board.record_folder import RecordFolder
from evote.box.amending import amendment_file, apply_amendment
from evote.crypto.notes import NoteSigner
from evote.record.amendments import Amendment
from evote.record.reference import current_reference_key
from evote.verify import audit_record

CRASHED = 77
HOW = ("before", "half", "after")


def record(folder: Path) -> None:
    """Record an event that was not recorded before."""
    Journal(folder / "private").record("opened", actor="bea", now=600, detail="here", once=True)


def publish(folder: Path) -> None:
    """Publish what is in the journal."""
    private = folder / "private"
    with LogWriter(folder / "record", private, NoteSigner.load(private / "log.key")) as log:
        publish_events(RecordFolder(folder / "record"), Journal(private), log)


def amend(folder: Path) -> None:
    """Put the waiting amendment into force."""
    act = Amendment.from_bytes(amendment_file(folder, 1).read_bytes())
    apply_amendment(folder, act, actor="bea", now=600)


def say(folder: Path) -> dict[str, object]:
    """Return what a folder has come to."""
    private, report = folder / "private", audit_record(folder / "record", until="sealed")
    key = private / "reference.key"
    current = current_reference_key(RecordFolder(folder / "record").election())
    return {
        "failures": [one.check for one in report.failures],
        "operations": [one.operation for one in Journal(private).events()],
        "temporary": [
            path.name for place in (folder / "record", private / "events") for path in place.rglob(".*.tmp")
        ],
        "signs": key.is_file() and NoteSigner.load(key).note_key == current,
        "waits": (private / "reference.key.new").exists(),
    }


def killed(step: Callable[[Path], None], folder: Path, place: int, how: str) -> bool:
    """Run a step in a child that dies at its `place`-th write or rename; return whether it died."""
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status not in (0, CRASHED):
            raise SystemExit(f"the child failed with {status}")
        return status == CRASHED
    create, rename, count = files.create_file, Path.replace, iter(range(1, 1 << 30))

    def dying(do: Callable[[], object], halve: Callable[[], object]) -> object:
        dies = next(count) == place
        if dies and how == "half":
            halve()
        if dies and how != "after":
            os._exit(CRASHED)
        result = do()
        if dies:
            os._exit(CRASHED)
        return result

    files.create_file = lambda path, data, *, mode: dying(
        lambda: create(path, data, mode=mode), lambda: create(path, data[: len(data) // 2], mode=mode)
    )
    Path.replace = lambda self, target: dying(lambda: rename(self, target), lambda: None)
    step(folder)
    os._exit(0)


def main(step: Callable[[Path], None], source: Path, work: Path) -> None:
    """Kill everywhere."""
    place, died = 0, True
    while died:
        place += 1
        for how in HOW:
            folder = work / f"{place}-{how}"
            shutil.copytree(source, folder)
            died = killed(step, folder, place, how)
            step(folder)
            if died:
                print(json.dumps({"place": place, "how": how, **say(folder)}))
            shutil.rmtree(folder)


if __name__ == "__main__":
    main(
        {"record": record, "publish": publish, "amend": amend}[sys.argv[1]],
        Path(sys.argv[2]),
        Path(sys.argv[3]),
    )
