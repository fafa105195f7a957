# SPDX-License-Identifier: GPL-3.0-or-later
"""Publication: ballots enter the log at the sealed times only, in an order that tells nothing.

Spec: BOX-9
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evote.board import Entry, Kind
from evote.board.checkpoint import Checkpoint
from evote.box.operations import note_publication, publish_operations
from evote.box.premises import Phase, Premises
from evote.crypto.merkle import leaf_hash
from evote.errors import StateError
from evote.manifest import Manifest

_CHUNK: Final = 256  # ballots appended at once: a tile, and what is held in memory


def publication_slot(manifest: Manifest, now: float, closed_until: int) -> int:
    """Return the time at which a ballot that arrives now is published.

    Args:
        manifest: Gives the sealed times.
        now: POSIX seconds.
        closed_until: The last publication time whose slot takes no more ballots.

    Returns:
        The first sealed time that has not passed, else the end of grace.

    Spec: BOX-9
    """
    for moment in manifest.publication.times:
        if moment >= now and moment > closed_until:
            return moment
    return manifest.timetable.grace_ends


def last_slot(manifest: Manifest, now: float) -> int:
    """Return the last publication time that has come, or -1."""
    times = (*manifest.publication.times, manifest.timetable.grace_ends)
    return max((moment for moment in times if moment <= now), default=-1)


def publish_due(premises: Premises, *, forced: bool = False) -> int:
    """Publish what is due.

    Args:
        premises: The service.
        forced: Publish everything now (mode TEST only).

    Returns:
        How many ballots entered the log.

    Raises:
        StateError: Forced outside mode TEST (BOX-9), or the log cannot be written (BRD-17, BRD-18).

    Spec: BOX-9
    """
    if not premises.urn.is_settled():
        with premises.alone():  # finishes what a crash or a full disk has left
            pass
    if not _is_due(premises, forced=forced):
        premises.ask_witnesses_again()
        return 0  # nobody waits for that
    if forced and premises.manifest.mode != "TEST":
        raise StateError("Only a test election publishes before the sealed time.", check="BOX-9")
    with premises.sequencing():
        if not _is_due(premises, forced=forced):
            return 0
        publish_operations(premises)  # what a crash left beside the log
        done = last_slot(premises.manifest, premises.clock())
        until = premises.manifest.timetable.grace_ends if forced else done
        with premises.alone():
            premises.urn.close_slots(done)
        due = _due(premises, until)
        if due and not forced:
            note_publication(premises, done, len(due))
        count, head = _append(premises, due)
        if count and forced:
            note_publication(premises, done, count, forced=True)
        with premises.alone():
            premises.urn.turn(due.values(), done, head)
    premises.ask_witnesses()
    return count


def _is_due(premises: Premises, *, forced: bool) -> bool:
    if premises.phase not in (Phase.OPEN, Phase.GRACE):
        return False
    slot = last_slot(premises.manifest, premises.clock())
    return forced or slot > premises.urn.store.state().published_until


def publish_rest(premises: Premises) -> None:
    """Publish every ballot that is left, at closing; the caller sequences and is alone.

    Spec: BOX-9
    """
    until = premises.manifest.timetable.grace_ends
    premises.urn.close_slots(until)
    due = _due(premises, until)
    _, head = _append(premises, due)
    premises.urn.turn(due.values(), until, head)


def _due(premises: Premises, until: int) -> dict[bytes, bytes]:
    """Return digest and name of the sealed ballots of the slots up to a time."""
    return {one.digest: one.key for one, _ in premises.urn.sealed() if one.slot <= until}


def _append(premises: Premises, due: Mapping[bytes, bytes]) -> tuple[int, Checkpoint]:
    """Append what is due and not in the log, sorted by leaf hash, and add it to the published ballots.

    Casts for later slots go on meanwhile. Done again after a crash, it appends and adds nothing twice.

    Returns:
        How many ballots were appended, and what the log has come to.

    Spec: BOX-9
    """
    urn, count = premises.urn, 0
    with premises.log() as log:
        there = {entry.digest for entry in log.entries(0, log.size) if entry.kind == Kind.BALLOT}
        entries = sorted(
            (Entry(Kind.BALLOT, digest) for digest in due), key=lambda entry: leaf_hash(entry.to_bytes())
        )
        for start in range(0, len(entries), _CHUNK):
            chunk = entries[start : start + _CHUNK]
            ballots = urn.open([due[entry.digest] for entry in chunk])
            lines = [
                (entry, ballot.body)
                for entry, ballot in zip(chunk, ballots, strict=True)
                if entry.digest not in there
            ]
            log.append(lines)
            urn.store.add(sorted(ballots, key=lambda ballot: ballot.digest))
            count += len(lines)
        return count, log.checkpoint
