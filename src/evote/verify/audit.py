# SPDX-License-Identifier: GPL-3.0-or-later
"""The verification of a record, step by step in the order of the specification.

Everything is recomputed from the record alone. A step that needs what an earlier one could not establish is
not done; the earlier failure stands in the report.

Spec: the catalogue of checks in record.md
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from evote.board.checkpoint import Checkpoint
from evote.board.entries import Kind
from evote.board.files import printable
from evote.board.reader import LogReader
from evote.board.record_folder import RecordFolder
from evote.errors import BoardInconsistency, EvoteError, StorageError, VerificationError
from evote.manifest import verify_manifest
from evote.params import LEGACY_PARAMETERS
from evote.record import layout
from evote.record.acts import Closing, Opening
from evote.record.election import PublicElection
from evote.record.keys import Drill
from evote.record.tally import Sum
from evote.verify.acts import (
    audit_amendments,
    verify_amendment_order,
    verify_closing_act,
    verify_opening_act,
    verify_seal,
)
from evote.verify.ballots import Tallies, empty_tallies
from evote.verify.certificate import Certificate, Certificates
from evote.verify.closing import audit_closing_checkpoint, audit_cosignatures
from evote.verify.drill import verify_drill
from evote.verify.engine import Engine
from evote.verify.events import audit_events
from evote.verify.files import verify_entries, verify_known_files, verify_professions
from evote.verify.keys import verify_key_record
from evote.verify.log import LogAudit, Progress
from evote.verify.published import audit_end, audit_outcomes, audit_results, audit_shares, audit_sums
from evote.verify.report import STAGES, Report, Stage, Step, silent
from evote.verify.sums import ClosingPoint, expected_sums


@dataclass(frozen=True, slots=True)
class Means:
    """How a record is verified; none of it changes a verdict.

    Attributes:
        engine: Who verifies the ballots.
        certificates: Keep what was done, so that a verification can be interrupted; None keeps nothing.
        trusting: Whether what this user has verified before, with this software, need not be verified again.
        earlier: Checkpoint of an older copy that the log must continue, or why it could not be read.
    """

    engine: Engine = field(default_factory=Engine)
    certificates: Certificates | None = None
    trusting: bool = False
    earlier: Checkpoint | EvoteError | None = None


@dataclass(slots=True)
class AuditState:
    """What has been established of a record so far, and with what means."""

    folder: RecordFolder
    election: PublicElection
    means: Means
    certificate: Certificate | None = None
    entries: list[tuple[Kind, bytes]] = field(default_factory=list)
    tallies: Tallies = field(default_factory=dict)
    opening: Opening | None = None
    closing: Closing | None = None
    point: ClosingPoint | None = None

    def digests(self, kind: Kind) -> list[bytes]:
        """Return the digests of the log's entries of a kind, in order."""
        return [digest for entry_kind, digest in self.entries if entry_kind == kind]

    def kinds(self) -> set[Kind]:
        """Return which kinds of entries the log holds."""
        return {kind for kind, _ in self.entries}


@dataclass(frozen=True, slots=True)
class VerifiedClosing:
    """A record that was verified up to its closing, and the sums that follow from it.

    Attributes:
        election: The election.
        point: The closing checkpoint.
        opening: The opening act.
        closing: The closing act.
        sums: Every sum that the sealed plan opens, by name of the group of units.
    """

    election: PublicElection
    point: ClosingPoint
    opening: Opening
    closing: Closing
    sums: dict[str, Sum]


def audit_record(
    path: Path | str,
    *,
    until: Stage = "end",
    election: bytes = b"",
    progress: Progress = silent,
    means: Means | None = None,
) -> Report:
    """Verify a record and report every finding; never raises on bad evidence.

    Args:
        path: The record's folder; untrusted.
        until: "end" for a finished record; "sealed", "open" or "closed" for one that is under way: then what
            comes after that stage is not looked at.
        election: The election id that the record must have, 32 bytes, as on the voters' notice; b"" for any.
        progress: Told about the ballots.
        means: Workers, a cluster, what was verified before; by default this process does everything.

    Returns:
        The report; `verified` only if the stage was reached and nothing is wrong.

    Spec: the catalogue of checks in record.md
    """
    report = _audit(path, until, means or Means(), progress)[0]
    if election:
        with report.step("The election is the one expected", "ACT-1") as step, step.finding(layout.SEAL):
            if report.election != election.hex():
                raise VerificationError(
                    "The record is of another election than the one expected.", check="ACT-1"
                )
    return report


def verify_record(
    path: Path | str, *, until: Stage = "end", election: bytes = b"", progress: Progress = silent
) -> None:
    """Verify a record; return silently if it is right.

    Raises:
        VerificationError: The first finding, or the record has not reached the stage (END-1).
    """
    _raise_first(audit_record(path, until=until, election=election, progress=progress))


def verify_closing(
    path: Path | str, *, progress: Progress = silent, means: Means | None = None
) -> VerifiedClosing:
    """Verify a record up to its closing and recompute the sums that the sealed plan opens.

    Args:
        path: The record's folder; untrusted.
        progress: Told about the ballots.
        means: As in `audit_record`.

    Raises:
        VerificationError: The first finding, or the vote is not closed (END-1).

    Spec: SUM-1, SUM-2
    """
    report, state = _audit(path, "closed", means or Means(), progress)
    _raise_first(report)
    if state is None or state.point is None or state.opening is None or state.closing is None:
        raise VerificationError("The vote is not closed.", check="END-1")
    sums = expected_sums(state.election, state.point, state.tallies)
    return VerifiedClosing(state.election, state.point, state.opening, state.closing, sums)


def _raise_first(report: Report) -> None:
    if report.failures:
        first = report.failures[0]
        raise VerificationError(f"{first.subject}: {first.detail}", check=first.check, subject=first.subject)
    if not report.verified:
        raise VerificationError(
            f"The record has reached «{report.stage}» and not «{report.until}».", check="END-1"
        )


def _audit(
    path: Path | str, until: Stage, means: Means, progress: Progress
) -> tuple[Report, AuditState | None]:
    report = Report(until)
    folder = RecordFolder(path)
    with report.step("Seal, manifest and keys belong together", "ACT-1 ENC") as step:
        election = _read_election(folder, step)
    if election is None:
        return report, None
    report.election = election.id.hex()
    state = AuditState(folder, election, means)
    state.certificate = _certificate(state)
    try:
        if not _audit_manifest(report, election):  # nothing that follows can be read without its rules
            return report, None
        if not _audit_keys(report, state):  # no share can be read with a key that is not the policy's
            return report, None
        log_is_whole = _audit_log(report, state, progress)
        _audit_acts(report, state)
        if log_is_whole:
            _audit_files(report, state, until)
            audit_events(report, folder, state.digests(Kind.EVENT))
        if until == "end" and state.point is not None and Kind.END in state.kinds():
            _audit_tally(report, state)
        _audit_stage(report)
    except OSError as error:  # the disk, or names that no disk should have
        failure = StorageError(f"The record cannot be read: {error.strerror or error}.", check="REC-2")
        report.steps[-1].fail(failure, "record")
    _add_notes(report, state)
    return report, state


def _certificate(state: AuditState) -> Certificate | None:
    """Return what this user has verified of this log before, where that counts."""
    means = state.means
    if means.trusting and means.certificates is not None:
        with suppress(EvoteError, OSError):  # a log that cannot be read is reported where it is read
            return means.certificates.latest(state.election.id, state.folder.log(state.election))
    return None


def _read_election(folder: RecordFolder, step: Step) -> PublicElection | None:
    election = None
    with step.finding(layout.SEAL, "ACT-1"):
        found = folder.election()
        verify_seal(found)
        _ = found.manifest.sizes, found.keys.positions, found.keys.modulus_certificate  # names and widths
        election = found
    return election  # noqa: RET504 - None if the block above failed


def _audit_manifest(report: Report, election: PublicElection) -> bool:
    with report.step("The manifest keeps its rules", "MAN") as step, step.finding(layout.MANIFEST):
        verify_manifest(election.manifest)
    return not step.failures


def _audit_keys(report: Report, state: AuditState) -> bool:
    election = state.election
    with report.step("The key is fit and dealt by the policy", "KEY MOD") as step, step.finding(layout.KEYS):
        if state.certificate is None:  # else: the same keys, by the election id
            verify_key_record(election.keys, election.manifest.parameters, election.manifest.policy)
    if step.failures:
        return False
    with (
        report.step("The key opens with every required quorum", "DRL DEC") as step,
        step.finding(layout.DRILL),
    ):
        drill = state.folder.read(layout.DRILL, Drill)
        if drill.digest() != election.seal.drill:
            raise VerificationError("The seal names another drill.", check="ACT-1", subject=layout.DRILL)
        if state.certificate is None:
            verify_drill(election.keys, drill)
    report.stage = "sealed"
    return True


def _audit_log(report: Report, state: AuditState, progress: Progress) -> bool:
    """Read the log once; return whether it is whole."""
    means, election = state.means, state.election
    titles = ("The log is whole and signed", "Every ballot is canonical, known, proved and unique")
    with report.step(titles[0], "BRD") as log_step, report.step(titles[1], "BAL SEL") as ballot_step:
        reader = _open_log(state, log_step)
        if reader is None:
            state.tallies = empty_tallies(election)
            return False
        kept = means.certificates.journal(election.id) if means.certificates else nullcontext(None)
        with kept as journal:
            log = LogAudit(
                election, reader, means.engine, progress, means.certificates, state.certificate, journal
            )
            log.run(log_step, ballot_step)
        state.tallies = log.tallies
        state.entries = [(one.kind, one.digest) for one in log.files]
        audit_cosignatures(state.folder, election, log_step)
        if log.closing_size:
            with log_step.finding("checkpoint"):
                state.point = ClosingPoint(log.closing_size, reader.root_at(log.closing_size))
    report.notes += log.notes()
    if means.earlier is not None:
        _audit_growth(report, reader, means.earlier)
    return not log_step.failures


def _audit_growth(report: Report, reader: LogReader, earlier: Checkpoint | EvoteError) -> None:
    """Compare the very log that was verified with an older copy's checkpoint."""
    with report.step("The log only grew since the older copy", "BRD-15") as step:
        step.count = reader.checkpoint.size - 1
        with step.finding("checkpoint"):
            if isinstance(earlier, EvoteError):
                raise BoardInconsistency(f"The older copy cannot be compared: {earlier}", check="BRD-15")
            reader.verify_extends(earlier)


def _open_log(state: AuditState, step: Step) -> LogReader | None:
    reader = None
    with step.finding("checkpoint"):
        reader = state.folder.log(state.election)
    return reader  # noqa: RET504 - None if the block above failed


def _audit_acts(report: Report, state: AuditState) -> None:
    kinds = state.kinds()
    with report.step("The acts are signed and agree with the ballots", "ACT") as step:
        if Kind.OPEN in kinds:
            with step.finding(layout.OPEN):
                state.opening = state.folder.read(layout.OPEN, Opening)
                verify_opening_act(state.election, state.opening)
                report.stage = "open"
        if state.point is not None:
            with step.finding(layout.CLOSE):
                state.closing = state.folder.read(layout.CLOSE, Closing)
                verify_closing_act(state.election, state.opening, state.closing, state.tallies)
            audit_closing_checkpoint(state.folder, state.election, state.point, report, step)
            report.stage = "closed"
        audit_amendments(state.election, step)


def _audit_files(report: Report, state: AuditState, until: Stage) -> None:
    with report.step("Every file is known and committed", "REC") as step:
        with step.finding("record", "REC-1"):
            verify_known_files(state.folder, state.election, step)
        whole = until == "end" and Kind.END in state.kinds()
        verify_entries(state.folder, state.entries, step, whole=whole)
        with step.finding(layout.AMENDMENTS):
            verify_amendment_order(state.election, state.digests(Kind.AMEND))
        verify_professions(state.folder, state.election, step)


def _audit_tally(report: Report, state: AuditState) -> None:
    if state.point is None or state.opening is None or state.closing is None:
        return
    folder, election = state.folder, state.election
    sums: dict[str, Sum] = {}
    with report.step("The sums are those of the ballots and the sealed plan", "SUM") as step:
        with step.finding("sums", "SUM-1"):
            sums = expected_sums(election, state.point, state.tallies)
        audit_sums(folder, sums, step)
    with report.step("Every decryption share is right", "SHR DEC") as step:
        shares = audit_shares(folder, election, sums, step)
    with report.step("Every opening is right and gives its counts", "RES OPN") as step:
        counts = audit_results(folder, election, sums, step)
    with report.step("Seats and minutes follow from the counts", "SEA MIN") as step:
        course = (state.opening, state.closing, state.point, shares)
        audit_outcomes(folder, election, counts, course, step)
    with report.step("The record is complete and ended", "END") as step:
        audit_end(folder, election, step)
    report.stage = "end"


def _audit_stage(report: Report) -> None:
    """Say that a record is under way, where more was asked for."""
    if STAGES.index(report.stage) < STAGES.index(report.until) and not report.failures:
        with (
            report.step("The record has reached the stage asked for", "END-1") as step,
            step.finding("record"),
        ):
            raise VerificationError(
                f"The record is under way and has reached «{report.stage}»; to verify it so far, "
                f"use --until {report.stage}.",
                check="END-1",
            )


def _add_notes(report: Report, state: AuditState) -> None:
    manifest = state.election.manifest
    if manifest.mode == "TEST":
        report.notes.append("This is a test election: it binds nobody.")
    if manifest.parameters in LEGACY_PARAMETERS:
        report.notes.append(f"{manifest.parameters} is not recommended beyond 2030.")
    if manifest.sizes.toy:
        report.notes.append(f"{manifest.parameters} protects nothing: for tests only.")
    if any(act is not None and act.early for act in (state.opening, state.closing)):
        report.notes.append("The vote was opened or closed before the sealed hour (mode TEST).")
    report.notes.append("Opening and closing are signed by the service, and not by the bureau.")
    if state.closing is not None and state.closing.time > manifest.timetable.grace_ends:
        report.notes.append("The vote was closed after its sealed end; no ballot was taken after that hour.")
    if state.election.seal.supersedes:
        report.notes.append(
            f"The seal replaces an earlier one. Reason: {printable(state.election.seal.reason)}"
        )
    for contest in manifest.contests:
        ballots = sum(state.tallies[unit.id].ballots for unit in manifest.units_of(contest.id))
        if state.point is not None and 0 < ballots < manifest.counting.minimum:
            report.notes.append(
                f"{contest.id}: {ballots} ballots are fewer than the minimum of the counting plan."
            )
