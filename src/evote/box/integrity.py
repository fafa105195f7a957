# SPDX-License-Identifier: GPL-3.0-or-later
"""The integrity check: everything of the service is compared with everything else, on demand.

Spec: BOX-13
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from evote.board import Kind
from evote.box.alerts import Alert, AlertKind, IntegrityReport
from evote.box.counts import marks_by_unit
from evote.box.operations import note_operation
from evote.box.premises import Phase, Premises
from evote.box.publication import last_slot
from evote.box.service_keys import KEY_FILES
from evote.errors import EvoteError, StateError
from evote.record.ballot import Ballot
from evote.verify import audit_record
from evote.verify.report import Stage
from evote.verify.software import software

_KINDS: Final = {"BOX-15": AlertKind.CASTS_UNSETTLED, "BOX-4": AlertKind.BALLOT_ALTERED}
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
        try:
            _note(premises, alerts, actor, reason)
        except StateError as error:
            alerts.append(Alert(AlertKind.CHECK_NOT_NOTED, "events", str(error)))
    premises.ask_witnesses()  # what was noted is in the log
    return IntegrityReport(time, tuple(alerts))


def _note(premises: Premises, alerts: list[Alert], actor: str, reason: str) -> None:
    if premises.phase != Phase.TALLIED:
        note_operation(premises, "integrity-checked", actor=actor, reason=reason)
        for kind in dict.fromkeys(alert.kind for alert in alerts):
            note_operation(premises, "alert", detail=kind.value)


def _look(premises: Premises) -> Iterator[Alert]:
    yield from _look_at_stores(premises)
    yield from _look_at_record(premises)
    yield from _look_at_witnesses(premises)
    yield from _look_at_keys(premises)
    if software() != premises.manifest.software:
        yield Alert(AlertKind.SOFTWARE_CHANGED, "software", "The software here is not the sealed one.")
    role = premises.register.role()
    if role and role == premises.urn.store.role():
        yield Alert(AlertKind.STORES_SHARE_A_ROLE, role, "One role can read both register and box.")
    if premises.urn.keys.spare_is_away:
        yield Alert(AlertKind.SPARE_AWAY, "spare", "The spare folder is away: an old slot key may lie there.")
    voting = premises.phase in (Phase.OPEN, Phase.GRACE)
    if voting and premises.urn.store.state().published_until > premises.clock():
        yield Alert(
            AlertKind.CLOCK_WENT_BACK, "clock", "A publication time to come is done: the clock was wrong."
        )


def _look_at_keys(premises: Premises) -> Iterator[Alert]:
    for file in KEY_FILES:
        try:
            premises.signer(file)
        except EvoteError as error:
            yield Alert(AlertKind.SERVICE_KEY_MISSING, file, f"{error} Bring it back.")


def _look_at_stores(premises: Premises) -> Iterator[Alert]:
    """Compare register, box and log while nobody casts."""
    try:
        with premises.alone():
            altered = sum(
                1 for one in premises.urn.ballots() if hashlib.sha256(one.body).digest() != one.digest
            )
            if altered:
                yield Alert(AlertKind.BALLOT_ALTERED, "box", f"{altered} published ballots were altered.")
                return
            yield from _compare_counts(premises)
            yield from _compare_log(premises)
    except StateError as error:
        kind = _KINDS.get(error.check, AlertKind.RECORD_WRONG)
        yield Alert(kind, error.subject, str(error))


def _compare_counts(premises: Premises) -> Iterator[Alert]:
    manifest = premises.manifest
    found = {unit.id: [0, 0] for unit in manifest.counting.units}
    for one in premises.urn.ballots():
        ballot = Ballot.from_bytes(one.body)
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
    stored = {one.digest for one in premises.urn.ballots()}
    with premises.log() as log:
        logged = {entry.digest for entry in log.entries(0, log.size) if entry.kind == Kind.BALLOT}
    if lost := logged - stored:
        yield Alert(AlertKind.BALLOT_LOST, "box", f"The log holds {len(lost)} ballots that the box does not.")
    if (most := premises.high_water.read()) > len(stored):
        yield Alert(AlertKind.BALLOT_LOST, "box", f"There were {most} ballots, and there are {len(stored)}.")
    published = set(premises.urn.store.digests())
    if strange := published - logged:
        yield Alert(
            AlertKind.BALLOT_ALTERED, "box", f"The box calls {len(strange)} ballots published that are not."
        )
    now, delay = premises.clock(), premises.manifest.publication.delay
    if premises.phase in (Phase.OPEN, Phase.GRACE):
        state = premises.urn.store.state()
        if (slot := last_slot(premises.manifest, now - delay)) > state.published_until:
            due = f"{datetime.fromtimestamp(slot, tz=UTC):%Y-%m-%d %H:%M} UTC"
            yield Alert(AlertKind.LATE_PUBLICATION, due, "What was due then is not published: publish it.")


def _look_at_record(premises: Premises) -> Iterator[Alert]:
    """Verify the record as far as it goes, and count the witnesses."""
    report = audit_record(premises.record.path, until=_STAGES.get(premises.phase, "closed"))
    for finding in report.failures:
        yield Alert(AlertKind.RECORD_WRONG, finding.subject, f"{finding.detail} ({finding.check})")


def _look_at_witnesses(premises: Premises) -> Iterator[Alert]:
    """Ask the witnesses, once the vote was opened."""
    if premises.phase == Phase.SEALED:
        return
    asked = premises.ask_witnesses()
    for name in asked.others:
        yield Alert(AlertKind.OTHER_HISTORY, name, "It says it has cosigned more, or another history.")
    if not asked.cosigned.complete:
        yield Alert(AlertKind.WITNESSES_MISSING, asked.cosigned.path, f"{asked.cosigned}.")
