# SPDX-License-Identifier: GPL-3.0-or-later
"""Polling days for the hard tests of the service: many voters, several processes, and what must hold after them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Self

from evote.ballot import Choice, encrypt_ballot
from evote.board import Kind
from evote.board.record_folder import RecordFolder
from evote.box import BallotBox
from evote.crypto.fixed_base import base_table
from evote.record.slot import Slot
from evote.verify import audit, audit_record
from evote.verify.drill import verify_drill
from office import Clock, open_office
from simulator import CLOSES, OPENS, contest, draft

VOTERS_PROGRAM = Path(__file__).parent / "services" / "voters.py"
CONTEST = "one"
PATIENCE = 300.0


def name(number: int) -> str:
    """Return a voter's id."""
    return f"v{number:04d}"


def polling_place(
    folder: Path,
    voters: int,
    stores: tuple[str, str] = ("", ""),
    contests: Sequence[str] = (CONTEST,),
    **changes: object,
) -> Path:
    """Make an election in which the vote is open; everybody is on the roll of every contest."""
    roll = "".join(f"{name(number)},Voter {number},{';'.join(contests)}\n" for number in range(voters))
    plan = draft([contest(one) for one in contests], **changes)
    return open_office(folder, plan, f"voter_id,name,contests\n{roll}", stores)


def encrypted(folder: Path, count: int, contest_id: str = CONTEST) -> list[bytes]:
    """Encrypt ballots as voters' devices do."""
    election = RecordFolder(folder / "record").election()
    powers = base_table(election.key)
    slot = Slot(contest_id, "all", f"{contest_id}-all", 1)
    return [
        encrypt_ballot(election, slot, Choice("abc"[number % 3]), powers=powers).to_bytes()
        for number in range(count)
    ]


def entered(folder: Path, now: float = OPENS + 60) -> BallotBox:
    """Open the box at a time."""
    return BallotBox.open(folder, clock=Clock(now))


class Caster:
    """A process of the service; see services/voters.py."""

    def __init__(self, folder: Path, patience: float = 0) -> None:
        command = [sys.executable, str(VOTERS_PROGRAM), str(folder), str(patience)]
        environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._tasks: Sequence[tuple[str, bytes]] = ()
        self.answers: dict[tuple[str, bytes], str] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)

    def wait_until_ready(self) -> None:
        """Wait until the process has opened the box."""
        line = self._process.stdout.readline()
        assert line == "ready\n", line

    def cast(self, tasks: Sequence[tuple[str, bytes]]) -> None:
        """Let the process cast ballots; its answers come by and by."""
        self._tasks = tasks
        self._process.stdin.write(json.dumps([(voter, ballot.hex()) for voter, ballot in tasks]) + "\n")
        self._process.stdin.close()
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            place, answer = json.loads(line)
            self.answers[self._tasks[place]] = answer

    def finish(self) -> dict[tuple[str, bytes], str]:
        """Wait for the end and return the answer to every voter's ballot."""
        self._reader.join()
        self._process.stdout.close()
        assert self._process.wait() == 0
        return self.answers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def is_receipt(answer: str) -> bool:
    """Tell a reference from the name of an error."""
    return len(answer) > 100


def logged_ballots(folder: Path) -> Counter[bytes]:
    """Return how often each ballot's digest is in the log."""
    record = RecordFolder(folder / "record")
    log = record.log(record.election())
    return Counter(entry.digest for _, entry in log.entries() if entry.kind == Kind.BALLOT)


def attendance(box: BallotBox) -> int:
    """Return how many voters are marked."""
    return sum(box.turnout().values())


def verify_kept(folder: Path, references: Iterable[str], *, until: str = "open") -> None:
    """Publish, then check: every reference is found, nothing is there twice, as many ballots as marks, all verifies."""
    with entered(folder) as box:
        if until == "open":
            box.publish(forced=True)
        marks = attendance(box)
        missing = [text for text in references if box.check_reference(text).presence != "found"]
    assert missing == []
    ballots = logged_ballots(folder)
    assert set(ballots.values()) <= {1}
    assert len(ballots) == marks
    verify_record(folder, until)


def verify_record(folder: Path, until: str) -> None:
    """Check that the record verifies at a stage."""
    report = audit_record(folder / "record", until=until)
    assert report.verified, report.failures


def close(folder: Path) -> None:
    """Close the vote."""
    with entered(folder, CLOSES + 1) as box:
        box.close_vote()


def verify_drills_once() -> None:
    """Let an audit verify the same drill once in this process."""
    audit.verify_drill = lru_cache(verify_drill)


def split(tasks: Sequence[tuple[str, bytes]], parts: int) -> list[list[tuple[str, bytes]]]:
    """Deal tasks out."""
    return [list(tasks[part::parts]) for part in range(parts)]


def accepted(answers: Mapping[tuple[str, bytes], str]) -> dict[str, str]:
    """Return each voter's reference; a voter with two fails."""
    found: dict[str, str] = {}
    for (voter, _), answer in answers.items():
        if is_receipt(answer):
            assert voter not in found
            found[voter] = answer
    return found
