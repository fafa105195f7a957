# SPDX-License-Identifier: GPL-3.0-or-later
"""Publication: ballots enter the log at the sealed times only, in an order that tells nothing.

Spec: BOX-9
"""

from __future__ import annotations

import hashlib
from typing import Final

from evote.board import Entry, Kind
from evote.board.cosigning import cosign_published
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
    if not _is_voting(premises):
        return 0
    if forced and premises.manifest.mode != "TEST":
        raise StateError("Only a test election publishes before the sealed time.", check="BOX-9")
    with premises.alone():
        if not _is_voting(premises):
            return 0
        slot = last_slot(premises.manifest, premises.clock())
        done = premises.store.published_until
        if slot <= done and not forced:
            return 0
        until = premises.manifest.timetable.grace_ends if forced else slot
        count = append_ballots(premises, premises.store.due(done, until))
        if slot > done:
            premises.store.mark_published(slot)
        if count or slot > done:
            premises.slot_key.rotate()
    premises.cosigned = cosign_published(premises.record, premises.election, premises.private)
    return count


def _is_voting(premises: Premises) -> bool:
    return premises.phase in (Phase.OPEN, Phase.GRACE)


def append_ballots(premises: Premises, digests: list[bytes]) -> int:
    """Append those ballots that the log does not hold yet, sorted by leaf hash; the caller is alone.

    Returns:
        How many were appended.

    Spec: BOX-9
    """
    if not digests:
        return 0
    with premises.log() as log:
        there = {entry.digest for entry in log.entries(0, log.size) if entry.kind == Kind.BALLOT}
        entries = [Entry(Kind.BALLOT, digest) for digest in digests if digest not in there]
        entries.sort(key=lambda entry: leaf_hash(entry.to_bytes()))
        for start in range(0, len(entries), _CHUNK):
            chunk = entries[start : start + _CHUNK]
            log.append([(entry, _body(premises, entry.digest)) for entry in chunk])
    return len(entries)


def _body(premises: Premises, digest: bytes) -> bytes:
    found = premises.store.get(digest)
    if found is None or hashlib.sha256(found.body).digest() != digest:
        raise StateError("A ballot in the box was altered or removed.", check="BOX-4", subject=digest.hex())
    return found.body
