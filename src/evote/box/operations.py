# SPDX-License-Identifier: GPL-3.0-or-later
"""Noting what is done on an election folder, in the journal and, where there is an open log, in the log.

Spec: EVT-2, EVT-3
"""

from __future__ import annotations

from datetime import UTC, datetime

from evote.board import Phase as LogPhase
from evote.board.journal import Journal, publish_events
from evote.box.premises import Premises, log_phase
from evote.record.events import Operation

SERVICE = "service"


def name_election(election_id: bytes) -> str:
    """Return how a detail names an election: an act is noted once for each."""
    return f"Election {election_id.hex()[:16]}."


def note_operation(
    premises: Premises,
    operation: Operation,
    *,
    actor: str = SERVICE,
    reason: str = "",
    detail: str = "",
    once: bool = False,
) -> None:
    """Record an operation, and publish every event that is not published yet.

    Called by whoever is alone, after the last check that could refuse the operation and before the step that it
    cannot be taken back after: so a crash leaves no operation that is not noted.

    Args:
        premises: The service.
        operation: What is done.
        actor: Who does it; published.
        reason: Why; published.
        detail: As in `Journal.record`.
        once: As there.

    Raises:
        StateError: The journal is damaged, or not that of the log (EVT-1), or full (EVT-2).
        StorageError: Something cannot be written.

    Spec: EVT-2, EVT-3
    """
    journal = Journal(premises.private)
    now = premises.clock()
    journal.record(operation, actor=actor, now=now, reason=reason, detail=detail, once=once)
    publish_operations(premises)


def publish_operations(premises: Premises) -> None:
    """Bring the log up to the journal, where there is a log that takes events.

    Raises:
        StateError: The journal is damaged, or not that of the log (EVT-1).
        StorageError: Something cannot be written.

    Spec: EVT-3
    """
    if log_phase(premises.private) not in (LogPhase.EMPTY, LogPhase.ENDED):
        with premises.log() as log:
            publish_events(premises.record, Journal(premises.private), log)


def note_publication(premises: Premises, slot: int, ballots: int, *, forced: bool = False) -> None:
    """Record that ballots are published; a publication that a crash interrupted is noted once.

    Args:
        premises: The service.
        slot: The sealed time that has come.
        ballots: How many are published.
        forced: Published before their time (mode TEST).

    Spec: EVT-2
    """
    if forced:
        detail = f"{ballots} ballots, before the sealed time (mode TEST)."
    else:
        detail = f"{ballots} ballots, due {datetime.fromtimestamp(slot, tz=UTC):%Y-%m-%dT%H:%M:%SZ}."
    note_operation(premises, "published", detail=detail, once=not forced)
