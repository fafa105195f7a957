# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill the service at every durable step: `python crashes.py WHERE FOLDER [EVERY [FIRST [ONLY]]]`.

A child process kills itself at the n-th step, for n = FIRST, FIRST + EVERY, … until a step is never reached. Steps are:
before and after every commit of a database (and, with PostgreSQL, when the commit was sent and not answered), before
and after every file that is created, synced, renamed or removed; with ONLY, those of this name. After each kill another process takes over, and
everything that was acknowledged must be there once. Prints a line for every kill.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

from sqlalchemy.engine.default import DefaultDialect

from evote.board import files
from evote.box import BallotBox
from evote.errors import AlreadyVoted, InvalidBallot
from polling import close, encrypted, entered, name, verify_drills_once, verify_kept
from simulator import CLOSES, OPENS

AT_ONCE = 40  # ballots encrypted
BALLOTS_CLOSED = 5
Act = Callable[[BallotBox], object]


class Dying:
    """Counts the steps of this process and kills it at one of them, after saying which one it was."""

    def __init__(self, place: int, pipe: int, only: str) -> None:
        self._left, self._pipe, self._only = place, pipe, only

    def step(self, what: str, last: Callable[[], object] | None = None) -> None:
        """Be at a step; `last` is done only by who dies here."""
        self._left -= what == self._only or not self._only
        if self._left == 0:
            if last is not None:
                last()
            os.write(self._pipe, what.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Count from now on."""
        files.create_file = self._around(files.create_file, "create")
        for what in ("replace", "rename", "unlink", "fsync"):
            setattr(os, what, self._around(getattr(os, what), what))
        commit = DefaultDialect.do_commit

        def dying_commit(dialect: DefaultDialect, connection: object) -> None:
            self.step("before commit")
            if dialect.name == "postgresql":
                self.step("commit sent", lambda: _send_commit(connection))
            commit(dialect, connection)
            self.step("after commit")

        DefaultDialect.do_commit = dying_commit

    def _around(self, function: Callable[..., object], what: str) -> Callable[..., object]:
        def dying(*arguments: object, **options: object) -> object:
            where = _file_name(arguments[what == "replace"])
            self.step(f"before {what}{where}")
            result = function(*arguments, **options)
            self.step(f"after {what}{where}")
            return result

        return dying


def _file_name(path: object) -> str:
    """Return a file's name, that of a temporary file without its random part."""
    return (
        "" if isinstance(path, int) else " " + re.sub(r"^\.(.*)\.[0-9a-f]{16}\.tmp$", r"\1", Path(path).name)
    )


def _send_commit(connection: object) -> None:
    connection.pgconn.send_query(b"COMMIT")
    connection.pgconn.flush()


def die_in(
    act: Act, folder: Path, place: int, *, only: str = "", opening: bool = False, now: float = OPENS + 60
) -> str:
    """Do something in a child that dies at its `place`-th step; return at which one, "" if it did not die.

    Args:
        act: What to do with the box.
        folder: The election.
        place: Counted from the act on.
        only: Count only steps of this name.
        opening: Count from the opening of the box on.
        now: The hour.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            dying = Dying(place, writer, only)
            if opening:
                dying.watch()
            with entered(folder, now) as box:
                if not opening:
                    dying.watch()
                act(box)
        except BaseException as error:  # noqa: BLE001 - the parent reads of it
            os.write(writer, f"failed: {error!r}".encode())
            os._exit(1)
        os._exit(0)
    os.close(writer)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said = os.read(reader, 10_000).decode()
    os.close(reader)
    if status not in (0, -signal.SIGKILL):
        raise SystemExit(f"{place}: {said}")
    return said


class Election:
    """An election under crashes, with voters and ballots to come."""

    def __init__(self, folder: Path, only: str) -> None:
        self.folder = folder
        self._ballots = chain.from_iterable(encrypted(folder, AT_ONCE) for _ in count())
        self._voters = (name(number) for number in count())
        self.only = only
        self.references: dict[str, str] = {}
        self._slot_keys: set[bytes] = set()

    def next_vote(self) -> tuple[str, bytes]:
        """Return somebody who has not voted, with a ballot."""
        return next(self._voters), next(self._ballots)

    def cast(self, *votes: tuple[str, bytes]) -> None:
        """Cast ballots, or cast them again; they are taken, and no other ones are."""
        self._note_key()
        with entered(self.folder) as box:
            for voter, ballot in votes:
                first, again = (str(box.cast(voter, ballot).reference) for _ in range(2))
                self.references[voter] = first
                if first != again:
                    raise SystemExit("the same ballot had two receipts")
                with suppress(AlreadyVoted):
                    box.cast(voter, next(self._ballots))
                    raise SystemExit("a second ballot was taken")

    def _note_key(self) -> None:
        self._slot_keys |= {path.read_bytes() for path in (self.folder / "private").glob("*slot.key*")}

    def verify(self, *, until: str = "open") -> None:
        """Check that all is there once, and that no slot key of the past is left in any file."""
        self._note_key()
        verify_kept(self.folder, self.references.values(), until=until)
        current = self.folder / "private" / "slot.key"
        past = self._slot_keys - {current.read_bytes() if current.exists() else b"", bytes(32)}
        for path in (self.folder / "private").rglob("*"):
            if path.is_file() and any(key in path.read_bytes() for key in past):
                raise SystemExit(f"{path} holds a slot key of the past")


def in_casts(election: Election, place: int) -> str:
    """Die while casting; the voter comes back with the same ballot."""
    voter, ballot = election.next_vote()
    died = die_in(lambda box: box.cast(voter, ballot), election.folder, place, only=election.only)
    if place % 2:  # publication may come before the voter does
        verify_kept(election.folder, election.references.values())
    election.cast((voter, ballot))
    election.verify()
    return died


def in_copies(election: Election, place: int) -> str:
    """Die while casting a copy of somebody else's ballot; whoever did it gets no mark by it, and can vote."""
    victim, ballot = election.next_vote()
    election.cast((victim, ballot))
    thief, own = election.next_vote()

    def cast_copy(box: BallotBox) -> None:
        with suppress(InvalidBallot):
            box.cast(thief, ballot)

    died = die_in(cast_copy, election.folder, place, only=election.only)
    if place % 2:  # somebody else settles it
        verify_kept(election.folder, election.references.values())
    election.cast((thief, own))
    election.verify()
    return died


def in_publications(election: Election, place: int) -> str:
    """Die while publishing."""
    election.cast(election.next_vote(), election.next_vote())
    died = die_in(lambda box: box.publish(forced=True), election.folder, place, only=election.only)
    election.verify()
    return died


def after_casts(election: Election, place: int) -> str:
    """Die while opening the box, after a cast that died with its ballot stored and its ticket there."""
    voter, ballot = election.next_vote()
    die_in(lambda box: box.cast(voter, ballot), election.folder, 2, only="after commit")
    died = die_in(lambda _: None, election.folder, place, opening=True)
    election.cast((voter, ballot))
    election.verify()
    return died


def after_publications(election: Election, place: int) -> str:
    """Die while opening the box, after a publication that died before it had erased the slot key of the past."""
    election.cast(election.next_vote(), election.next_vote())
    die_in(lambda box: box.publish(forced=True), election.folder, 1, only="before create slot.key")
    died = die_in(lambda _: None, election.folder, place, opening=True)
    election.verify()
    return died


def in_closings(election: Election, place: int) -> str:
    """Die while closing, again and again, always one step later in what is left to do."""
    if place == 1:
        election.cast(*(election.next_vote() for _ in range(BALLOTS_CLOSED)))
    died = die_in(lambda box: box.close_vote(), election.folder, place, now=CLOSES + 1)
    if not died:
        close(election.folder)
        election.verify(until="closed")
    return died


def before_closings(election: Election, place: int) -> str:
    """Die while publishing; nobody publishes again, and the vote is closed."""
    if place > 1:
        return ""
    election.cast(election.next_vote(), election.next_vote())
    died = die_in(lambda box: box.publish(forced=True), election.folder, place, only=election.only)
    close(election.folder)
    election.verify(until="closed")
    return died


CRASHES = {
    "cast": in_casts,
    "copy": in_copies,
    "publish": in_publications,
    "after-cast": after_casts,
    "after-publish": after_publications,
    "close": in_closings,
    "before-close": before_closings,
}


def main(where: str, folder: Path, every: str = "1", first: str = "1", only: str = "") -> None:
    """Crash everywhere."""
    verify_drills_once()
    election = Election(folder, only)
    for place in count(int(first), int(every)):
        died = CRASHES[where](election, place)
        sys.stdout.write(json.dumps([place, died, len(election.references)]) + "\n")
        sys.stdout.flush()
        if not died:
            break


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
