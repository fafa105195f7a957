# SPDX-License-Identifier: GPL-3.0-or-later
"""A process of the voting service with several threads: `python voters.py FOLDER [PATIENCE]`.

Opens the box, says `ready`, waits for a line with its tasks ([voter, ballot in hexadecimal], …), casts them, and prints
a line for each as soon as it is answered: [place, reference or error]. With PATIENCE, a cast that fails for the
databases' sake is repeated with the same ballot for so many seconds.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evote.box import BallotBox
from evote.errors import EvoteError, StorageError
from simulator import OPENS

THREADS = 4


def cast(box: BallotBox, voter: str, ballot: bytes, patience: float) -> str:
    """Cast a ballot and return its reference, or the name of the error."""
    end = time.monotonic() + patience
    while True:
        try:
            return str(box.cast(voter, ballot).reference)
        except StorageError as error:
            if time.monotonic() > end:
                return f"StorageError: {error}"
            time.sleep(0.1)
        except EvoteError as error:
            return type(error).__name__


def main(folder: Path, patience: float) -> None:
    """Cast what is asked for."""
    with BallotBox.open(folder, clock=lambda: OPENS + 60) as box, ThreadPoolExecutor(THREADS) as threads:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        tasks = json.loads(sys.stdin.readline())

        def run(place: int) -> None:
            voter, ballot = tasks[place]
            answer = cast(box, voter, bytes.fromhex(ballot), patience)
            sys.stdout.write(json.dumps([place, answer]) + "\n")
            sys.stdout.flush()

        for done in [threads.submit(run, place) for place in range(len(tasks))]:
            done.result()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0)
