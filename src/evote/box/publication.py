# SPDX-License-Identifier: GPL-3.0-or-later
"""Publication: ballots enter the log at the sealed times only, in an order that tells nothing.

Spec: BOX-9
"""

from __future__ import annotations

from typing import Final

from evote.board import Entry, Kind
from evote.box.premises import Phase, Premises
from evote.crypto.merkle import leaf_hash
from evote.errors import StateError
from evote.manifest import Manifest

_CHUNK: Final = 4096  # ballots appended at once: what is held in memory


def publication_slot(manifest: Manifest, now: float, published_until: int) -> int:
    """Return the time at which a ballot that arrives now is published.

    Args:
        manifest: Gives the sealed times.
        now: POSIX seconds.
        published_until: The last publication that is done.

    Returns:
        The first sealed time that has not passed, else the end of grace.

    Spec: BOX-9
    """
    for moment in manifest.publication.times:
        if moment >= now and moment > published_until:
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
    if not _is_due(premises, forced=forced):
        return 0  # nobody waits for that
    if forced and premises.manifest.mode != "TEST":
        raise StateError("Only a test election publishes before the sealed time.", check="BOX-9")
    with premises.alone():
        if not _is_due(premises, forced=forced):
            return 0
        slot = last_slot(premises.manifest, premises.clock())
        return publish_slots(premises, premises.manifest.timetable.grace_ends if forced else slot, slot)


def _is_due(premises: Premises, *, forced: bool) -> bool:
    if premises.phase not in (Phase.OPEN, Phase.GRACE):
        return False
    slot = last_slot(premises.manifest, premises.clock())
    return forced or slot > premises.urn.store.state().published_until


def publish_slots(premises: Premises, until: int, done: int) -> int:
    """Append every ballot of the slots up to a time, sorted by leaf hash; the caller is alone.

    Then the ballots are moved, and the slot key is replaced. Can be interrupted anywhere and done again: what
    the log holds is not appended twice.

    Args:
        premises: The service.
        until: The last slot to publish.
        done: The last publication time that has come.

    Returns:
        How many ballots were appended.

    Spec: BOX-9
    """
    urn = premises.urn
    due = {one.digest: one for one, _ in urn.sealed() if one.slot <= until}
    with premises.log() as log:
        there = {entry.digest for entry in log.entries(0, log.size) if entry.kind == Kind.BALLOT}
        entries = [Entry(Kind.BALLOT, digest) for digest in due if digest not in there]
        entries.sort(key=lambda entry: leaf_hash(entry.to_bytes()))
        for start in range(0, len(entries), _CHUNK):
            chunk = entries[start : start + _CHUNK]
            log.append([(entry, urn.body(due[entry.digest])) for entry in chunk])
        urn.turn_slot(due.values(), done, log.checkpoint)
    return len(entries)
