# SPDX-License-Identifier: GPL-3.0-or-later
"""The integrity check: everything of the service is compared with everything else, on demand.

Spec: BOX-13
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from evote.board import Kind
from evote.board.cosigned import count_cosignatures
from evote.board.tiles import CHECKPOINT
from evote.box.alerts import Alert, AlertKind, IntegrityReport
from evote.box.counts import marks_by_unit
from evote.box.operations import note_operation
from evote.box.premises import Phase, Premises
from evote.box.publication import last_slot
from evote.errors import EvoteError, StateError
from evote.record.ballot import Ballot
from evote.verify import audit_record
from evote.verify.report import Stage
from evote.verify.software import software

_STAGES: Final[dict[Phase, Stage]] = {Phase.SEALED: "sealed", Phase.OPEN: "open", Phase.GRACE: "open"}


def check_integrity(premises: Premises, *, actor: str, reason: str) -> IntegrityReport:
    """Look for everything that can be wrong with the service, and note check and findings in the log of operations.

    It waits for casts that go on, and new ones wait for it: some seconds for ten thousand ballots.

    Args:
        premises: The service.
        actor: Who asks; published.
        reason: Why; published.

    Raises:
        StateError: The election is not sealed (ACT-1).
        StorageError: A store cannot be reached.

    Spec: BOX-13
    """
    _ = premises.election
    with premises.sequencing():
        time, alerts = int(premises.clock()), list(_look(premises))
        if premises.phase in (Phase.SEALED, Phase.OPEN, Phase.GRACE, Phase.CLOSED):
            note_operation(premises, "integrity-checked", actor=actor, reason=reason)
            for kind in dict.fromkeys(alert.kind for alert in alerts):
                note_operation(premises, "alert", detail=kind.value)
    return IntegrityReport(time, tuple(alerts))


def _look(premises: Premises) -> Iterator[Alert]:
    yield from _look_at_stores(premises)
    yield from _look_at_record(premises)
    if software() != premises.manifest.software:
        yield Alert(AlertKind.SOFTWARE_CHANGED, "software", "The software here is not the sealed one.")
    role = premises.register.role()
    if role and role == premises.urn.store.role():
        yield Alert(AlertKind.STORES_SHARE_A_ROLE, role, "One role can read both register and box.")
    for witness, size in (premises.cosigned.ahead if premises.cosigned else {}).items():
        yield Alert(
            AlertKind.OTHER_HISTORY, witness, f"It says it has cosigned {size} entries, more than here."
        )


def _look_at_stores(premises: Premises) -> Iterator[Alert]:
    """Compare register and box while nobody casts."""
    try:
        with premises.alone():
            yield from _compare_counts(premises)
            yield from _compare_log(premises)
    except StateError as error:
        kind = AlertKind.CASTS_UNSETTLED if error.check == "BOX-6" else AlertKind.BALLOT_ALTERED
        yield Alert(kind, error.subject, str(error))


def _compare_counts(premises: Premises) -> Iterator[Alert]:
    manifest = premises.manifest
    found = {unit.id: [0, 0] for unit in manifest.counting.units}
    for body in premises.urn.bodies():
        ballot = Ballot.from_bytes(body)
        found[ballot.unit][0] += 1
        found[ballot.unit][1] += ballot.weight
    for unit, marks in marks_by_unit(manifest, premises.register.marks()).items():
        ballots, weight = found[unit]
        if (marks.voters, marks.weight) != (ballots, weight):
            yield Alert(
                AlertKind.BALLOTS_AND_MARKS_DIFFER,
                unit,
                f"{marks.voters} marks of weight {marks.weight}, {ballots} ballots of weight {weight}.",
            )


def _compare_log(premises: Premises) -> Iterator[Alert]:
    """Compare the log's ballots with the box's, and what is due with what is done."""
    stored = {hashlib.sha256(body).digest() for body in premises.urn.bodies()}
    with premises.log() as log:
        logged = {entry.digest for entry in log.entries(0, log.size) if entry.kind == Kind.BALLOT}
    if lost := logged - stored:
        yield Alert(AlertKind.BALLOT_LOST, "box", f"The log holds {len(lost)} ballots that the box does not.")
    published = set(premises.urn.store.digests())
    if strange := published - logged:
        yield Alert(
            AlertKind.BALLOT_ALTERED, "box", f"The box calls {len(strange)} ballots published that are not."
        )
    now, delay = premises.clock(), premises.manifest.publication.delay
    if premises.phase in (Phase.OPEN, Phase.GRACE):
        state = premises.urn.store.state()
        if (slot := last_slot(premises.manifest, now - delay)) > state.published_until:
            yield Alert(AlertKind.LATE_PUBLICATION, str(slot), "A sealed publication time has passed by.")


def _look_at_record(premises: Premises) -> Iterator[Alert]:
    """Verify the record as far as it goes, and count the witnesses."""
    report = audit_record(premises.record.path, until=_STAGES.get(premises.phase, "closed"))
    for finding in report.failures:
        yield Alert(AlertKind.RECORD_WRONG, finding.subject, f"{finding.detail} ({finding.check})")
    manifest = premises.manifest
    if manifest.witnesses and premises.phase != Phase.SEALED:
        try:
            cosigned = count_cosignatures(premises.record, manifest, CHECKPOINT)
        except EvoteError as error:
            yield Alert(AlertKind.RECORD_WRONG, CHECKPOINT, str(error))
            return
        if not cosigned.complete:
            yield Alert(AlertKind.WITNESSES_MISSING, CHECKPOINT, f"{cosigned}.")
