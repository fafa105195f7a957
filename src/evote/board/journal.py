# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of operations: kept event by event outside the record, and published with it.

The service's own copy is the source; what it holds enters record and log whenever the log takes events. Every
step can be interrupted and done again.

Spec: EVT
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evote.board.entries import Entry, Kind, Phase
from evote.board.files import hold_lock, read_bounded, remove_temporary_files, write_durably
from evote.board.record_folder import RecordFolder
from evote.errors import EvoteError, StateError, VerificationError
from evote.record import layout
from evote.record.events import MINUTE, ChainEnd, Event, Operation

if TYPE_CHECKING:  # needs a POSIX lock, and readers do without
    from evote.board.writer import LogWriter

_NAME: Final = re.compile(r"([1-9][0-9]{0,5})\.json", re.ASCII)
_RESERVED: Final = 1000  # the last places are for what the bureau does
_ACTS: Final = ("sealed", "opened", "published", "closed", "amended", "tally-started", "tally-finished")
_TAKES_EVENTS: Final = (Phase.SEALED, Phase.VOTING, Phase.CLOSED)


def read_chain(folder: Path) -> Iterator[tuple[Event, bytes]]:
    """Yield every event of a folder with its bytes, in order; what is yielded follows what came before.

    Args:
        folder: Holds `1.json`, `2.json`, …; untrusted. One that does not exist holds no event.

    Raises:
        VerificationError: An event is missing or does not follow (EVT-1).
        EncodingError: A file is not an event (ENC).
        StorageError: A file cannot be read.

    Spec: EVT-1
    """
    end = ChainEnd()
    for number in range(1, _count(folder) + 1):
        data = read_bounded(folder / f"{number}.json", Event.max_bytes)
        try:
            event = Event.from_bytes(data)
        except EvoteError as error:
            error.subject = layout.event_path(number)
            raise
        end = end.after(event)
        yield event, data


def _count(folder: Path) -> int:
    """Return how many events a folder holds.

    Raises:
        VerificationError: Some are missing (EVT-1).
    """
    names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208 - names alone
    numbers = {int(found[1]) for name in names if (found := _NAME.fullmatch(name))}
    if missing := next((place for place in range(1, len(numbers) + 1) if place not in numbers), 0):
        name = layout.event_path(missing)
        raise VerificationError(
            f"{name} is missing, and a later event is there.", check="EVT-1", subject=name
        )
    return len(numbers)


class Journal:
    """The operations on one election folder, in `private/events/<n>.json`; safe among threads and processes.

    Attributes:
        folder: Where the events are.
    """

    def __init__(self, private: Path) -> None:
        self.folder = private / layout.EVENTS
        self._lock = private / "events.lock"

    def events(self) -> Iterator[Event]:
        """Yield every event, in order.

        Raises:
            StateError: One is missing, damaged or does not follow (EVT-1).
        """
        for event, _ in self.chain():
            yield event

    def chain(self) -> Iterator[tuple[Event, bytes]]:
        """Yield every event with its bytes, in order.

        Raises:
            StateError: One is missing, damaged or does not follow (EVT-1).

        Spec: EVT-1
        """
        try:
            yield from read_chain(self.folder)
        except EvoteError as error:
            raise _broken(error) from None

    def record(
        self,
        operation: Operation,
        *,
        actor: str,
        now: float,
        reason: str = "",
        detail: str = "",
        once: bool = False,
    ) -> Event:
        """Add an event, durably: after a crash at any moment it is there as a whole or not at all.

        Args:
            operation: What is done.
            actor: Who does it; published. Never a voter.
            now: POSIX seconds; the event has the minute, and never an earlier one than the event before.
            reason: Why, in the actor's words; published.
            detail: What more there is to say; published. Never a voter, a ballot, or a number of one contest.
            once: If there is an event of this operation and detail already, return it and add none.

        Returns:
            The event.

        Raises:
            StateError: The journal is damaged (EVT-1), or full (EVT-2).
            EncodingError: A text is too long or holds a control character (ENC-5).
            StorageError: The event cannot be written.

        Spec: EVT-1, EVT-2
        """
        with hold_lock(self._lock):
            remove_temporary_files(self.folder)
            for event in self.events() if once else ():
                if (event.operation, event.detail) == (operation, detail):
                    return event
            end = self._end()
            if end.number >= layout.MAX_EVENTS - (0 if operation in _ACTS else _RESERVED):
                raise StateError(
                    f"The log of operations is full: {end.number} events; what is done now is not in it.",
                    check="EVT-2",
                )
            event = Event.make(
                number=end.number + 1,
                previous=end.digest,
                time=max(int(now) // MINUTE * MINUTE, end.time),
                actor=actor,
                operation=operation,
                reason=reason,
                detail=detail,
            )
            write_durably(self.folder / f"{event.number}.json", event.to_bytes(), mode=0o600)
            return event

    def _end(self) -> ChainEnd:
        """Return what the next event must follow; looks at the last two events alone."""
        try:
            number = _count(self.folder)
            if number == 0:
                return ChainEnd()
            last = Event.from_bytes(read_bounded(self.folder / f"{number}.json", Event.max_bytes))
            before = ChainEnd()
            if number > 1:
                data = read_bounded(self.folder / f"{number - 1}.json", Event.max_bytes)
                before = ChainEnd(number - 1, hashlib.sha256(data).digest())
            return before.after(last)
        except EvoteError as error:
            raise _broken(error) from None


def _broken(error: EvoteError) -> StateError:
    return StateError(
        f"The log of operations in private/events is damaged: {error} Put back what is missing; events that were "
        "published are in record/events.",
        check="EVT-1",
        subject=error.subject,
    )


def publish_events(record: RecordFolder, journal: Journal, log: LogWriter) -> int:
    """Bring record and log up to the journal; done again after a crash, it adds nothing twice.

    Args:
        record: The record that the log is of.
        journal: The source.
        log: Open for writing. Before the seal and after the end it takes no events, and nothing is done.

    Returns:
        How many events entered the log.

    Raises:
        StateError: The log holds other events than the journal, or the journal is damaged (EVT-1).
        StorageError: A file cannot be written.

    Spec: EVT-3
    """
    if log.phase not in _TAKES_EVENTS:
        return 0
    logged = [entry.digest for entry in log.entries(0, log.size) if entry.kind == Kind.EVENT]
    known, missing = 0, []
    for event, data in journal.chain():
        entry = Entry.of(Kind.EVENT, data)
        if event.number > len(logged):
            missing.append((layout.event_path(event.number), entry, data))
        elif entry.digest == logged[event.number - 1]:
            known += 1
    if known < len(logged):
        raise StateError(
            f"The log holds {len(logged)} events, and private/events only {known} of them: was a backup restored? "
            "Put back the events that are in record/events.",
            check="EVT-1",
        )
    for name, _, data in missing:
        write_durably(record.path / name, data)
    if missing:
        log.append([(entry, b"") for _, entry, _ in missing])
    return len(missing)
