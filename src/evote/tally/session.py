# SPDX-License-Identifier: GPL-3.0-or-later
"""The tally in an election folder: sums, shares from the inbox, openings, outcome, end.

Each stage (sums, shares, results, end) enters the log in one append, so a run that was interrupted goes on
from the last stage that the log holds; files of a stage that never got there are written anew.

Spec: SUM-3, SHR, RES, SEA, MIN, END
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evote.board import Entry, Kind, LogWriter, read_bounded, write_durably
from evote.board.cosigning import cosign_published
from evote.board.files import checkpoint_lock
from evote.board.journal import Journal, publish_events
from evote.board.record_folder import RecordFolder
from evote.board.writer import STATE_FILE
from evote.crypto.notes import NoteSigner
from evote.encoding import Document
from evote.errors import EvoteError, StateError
from evote.record import layout
from evote.record.acts import End
from evote.record.events import Operation
from evote.record.key_share import KeyShare
from evote.record.tally import DecryptionShare, Result, SeatsRecord
from evote.tally.memory import ServedElections
from evote.tally.opening import describe_need, open_sum
from evote.tally.shares import decrypt_sums
from evote.verify.audit import Means, VerifiedClosing, verify_closing
from evote.verify.log import Progress
from evote.verify.outcome import Course, derive_minutes, derive_seats, key_holders
from evote.verify.published import committed_files
from evote.verify.sums import find_invalid_shares, needs_opening

_LOG_KEY = "log.key"
Lots = Mapping[str, Sequence[str]]
"""Contest id -> list ids in the order drawn by lot."""


@dataclass(slots=True)
class Outcome:
    """What `finish_tally` achieved.

    Attributes:
        results: Group of units -> opening.
        seats: Contest id -> seats.
        refused: What was wrong with shares in the inbox: one sentence each, with the trustee.
        ended: False if the log's key is not here: opened, log not ended.
        folder: Where the results are.
    """

    folder: Path
    ended: bool
    results: dict[str, Result] = field(default_factory=dict)
    seats: dict[str, SeatsRecord] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


class _Stages:
    """The log after its closing, stage by stage."""

    def __init__(self, directory: Path, closing: VerifiedClosing) -> None:
        self.record = RecordFolder(directory / "record")
        self._private = directory / "private"
        self._signer = NoteSigner.load(self._private / _LOG_KEY)
        self._start = closing.point.size

    def done(self, kind: Kind) -> int:
        """Return how many entries of a kind the log holds."""
        with LogWriter(self.record.path, self._private, self._signer) as log:
            return sum(entry.kind == kind for entry in log.entries(self._start, log.size))

    def publish(self, kind: Kind, documents: Mapping[str, Document]) -> None:
        """Write the files of a stage, then append their entries at once; nothing if the log has them."""
        with LogWriter(self.record.path, self._private, self._signer) as log:
            if any(entry.kind == kind for entry in log.entries(self._start, log.size)):
                return
            for folder in {name.split("/")[0] for name in documents if "/" in name}:
                shutil.rmtree(self.record.path / folder, ignore_errors=True)
            files = [self.record.write(name, document) for name, document in documents.items()]
            log.append([(Entry.of(kind, data), b"") for data in files])

    def note(self, operation: Operation, actor: str, detail: str) -> None:
        """Record an operation, once, in the journal and in the log."""
        journal = Journal(self._private)
        journal.record(operation, actor=actor, now=time.time(), detail=detail, once=True)
        with LogWriter(self.record.path, self._private, self._signer) as log:
            publish_events(self.record, journal, log)


def _settle(directory: Path) -> None:
    """Let the log finish or forget what an interrupted run left half written; only its key's holder can."""
    private, record = directory / "private", RecordFolder(directory / "record")
    if (private / _LOG_KEY).is_file() and (private / STATE_FILE).is_file():
        with LogWriter(record.path, private, NoteSigner.load(private / _LOG_KEY)) as log:
            publish_events(record, Journal(private), log)


def _publish_sums(stages: _Stages, closing: VerifiedClosing, actor: str) -> None:
    if stages.done(Kind.SUM):
        return
    stages.note("tally-started", actor, f"Election {closing.election.id.hex()[:16]}.")
    stages.publish(Kind.SUM, {layout.sum_path(unit): total for unit, total in closing.sums.items()})


def start_tally(
    directory: Path, progress: Progress, means: Means | None = None, *, actor: str = "service"
) -> VerifiedClosing:
    """Verify the record up to its closing and publish the sums that the sealed plan opens.

    Args:
        directory: The election folder, with the log's key.
        progress: Told about the ballots.
        means: How the record is verified.
        actor: Who starts it, for the log of operations; published.

    Raises:
        VerificationError: The record is wrong, or the vote is not closed.

    Spec: SUM-1 to SUM-3
    """
    _settle(directory)
    closing = verify_closing(directory / "record", progress=progress, means=means)
    _publish_sums(_Stages(directory, closing), closing, actor)
    return closing


def inbox_folder(directory: Path, trustee: str) -> Path:
    """Return where a trustee's files are posted."""
    return directory / "inbox" / trustee


def post_decryption_shares(
    directory: Path, closing: VerifiedClosing, share: KeyShare, memory: ServedElections, now: float
) -> tuple[DecryptionShare, ...]:
    """Make a trustee's decryption shares and post them to the inbox.

    Args:
        directory: The election folder, or a copy with `record/` only.
        closing: From `verify_closing` on this machine, just before.
        share: Secret.
        memory: What the share has served.
        now: This machine's clock.

    Spec: SHR-1, SHR-5
    """
    made = decrypt_sums(closing, share, memory, now)
    for one in made:
        write_durably(inbox_folder(directory, share.trustee.id) / f"{one.unit}.json", one.to_bytes())
    return made


def posted_trustees(directory: Path, closing: VerifiedClosing) -> list[str]:
    """Return which trustees have posted a share of every sum."""
    wanted = [unit for unit, total in closing.sums.items() if needs_opening(total)]
    return [
        trustee.id
        for trustee in closing.election.keys.trustees
        if all((inbox_folder(directory, trustee.id) / f"{unit}.json").is_file() for unit in wanted)
    ]


def _read_inbox(directory: Path, closing: VerifiedClosing) -> tuple[list[DecryptionShare], list[str]]:
    """Return the posted shares that are right, and a sentence for each that is not."""
    shares: dict[tuple[str, str], DecryptionShare] = {}
    refused: list[str] = []
    for trustee in closing.election.keys.trustees:
        for unit, total in closing.sums.items():
            path = inbox_folder(directory, trustee.id) / f"{unit}.json"
            if not needs_opening(total) or not path.is_file():
                continue
            try:
                share = DecryptionShare.from_bytes(read_bounded(path, DecryptionShare.max_bytes))
                if (share.unit, share.trustee) != (unit, trustee.id):
                    raise StateError("it is filed under another name", check="SHR-1")
                shares[unit, trustee.id] = share
            except EvoteError as error:
                refused.append(f"{trustee.name}, {unit}: {error} ({error.check})")
    invalid = find_invalid_shares(closing.election, closing.sums, shares.values())
    for name, failure in invalid.items():
        _, trustee = closing.election.keys.trustee(name[1])
        refused.append(f"{trustee.name}, {name[0]}: {failure} ({failure.check})")
    return [share for name, share in shares.items() if name not in invalid], refused


def _verify_quorum(
    closing: VerifiedClosing, shares: Sequence[DecryptionShare], refused: Sequence[str]
) -> None:
    keys = closing.election.keys
    for unit, total in closing.sums.items():
        given = [share.trustee for share in shares if share.unit == unit]
        if needs_opening(total) and (need := describe_need(keys, given)):
            wrong = f" Refused: {'; '.join(refused)}." if refused else ""
            raise StateError(f"Still needed: {need}.{wrong}", check="RES-3", subject=unit)


def finish_tally(
    directory: Path, lots: Lots, progress: Progress, means: Means | None = None, *, actor: str = "service"
) -> Outcome:
    """Check the shares in the inbox, open the sums, write the outcome and end the log.

    Args:
        directory: The election folder. Without the log's key the results are written to `opened/` beside
            the record, and the log is not ended.
        lots: Drawings of lots that the bureau recorded.
        progress: Told about the ballots.
        means: How the record is verified.
        actor: Who finishes it, for the log of operations; published.

    Raises:
        StateError: No lawful quorum yet (RES-3), or a tie needs a drawing of lots (SEA-6).
        VerificationError: The record is wrong.

    Spec: SHR, RES, SEA, MIN, END
    """
    _settle(directory)
    closing = verify_closing(directory / "record", progress=progress, means=means)
    for contest in lots:
        closing.election.manifest.contest(contest)
    if not (directory / "private" / _LOG_KEY).is_file():
        return _open_without_log(directory, closing, lots)
    stages = _Stages(directory, closing)
    if stages.done(Kind.END):  # what is ended stays as it is, whatever lots are named now
        return _read_outcome(stages.record, closing)
    _publish_sums(stages, closing, actor)
    if stages.done(Kind.SHARE):
        names = stages.record.names_in("shares")
        shares = [stages.record.read(name, DecryptionShare) for name in names]
        refused: list[str] = []
    else:
        shares, refused = _read_inbox(directory, closing)
        _verify_quorum(closing, shares, refused)
    outcome = Outcome(stages.record.path, ended=True, refused=refused)
    documents = _derive(closing, shares, lots, outcome)
    stages.publish(Kind.SHARE, {layout.share_path(one.unit, one.trustee): one for one in shares})
    stages.publish(Kind.RESULT, {layout.result_path(unit): one for unit, one in outcome.results.items()})
    for name, document in documents.items():
        stages.record.write(name, document)
    stages.note("tally-finished", actor, f"Election {closing.election.id.hex()[:16]}.")
    with checkpoint_lock(directory / "private"):  # from here on no cosignature is added to checkpoints/close
        end = End.make(election=closing.election.id, files=committed_files(stages.record))
        stages.record.write(layout.END, end)
    stages.publish(Kind.END, {layout.END: end})
    cosign_published(stages.record, closing.election, directory / "private")
    return outcome


def _derive(
    closing: VerifiedClosing, shares: Sequence[DecryptionShare], lots: Lots, outcome: Outcome
) -> dict[str, Document]:
    """Open every sum, fill the outcome, and return seats and minutes by file name."""
    election = closing.election
    for unit, total in closing.sums.items():
        outcome.results[unit] = open_sum(election, total, [share for share in shares if share.unit == unit])
    holders = key_holders(election, (share.trustee for share in shares))
    course = Course(closing.opening, closing.closing, closing.point, holders)
    documents: dict[str, Document] = {}
    for contest in election.manifest.contests:
        results = [one.counts for one in outcome.results.values() if one.contest == contest.id]
        counts = [sum(column) for column in zip(*results, strict=True)] or None
        seats = derive_seats(election, contest, counts, lots.get(contest.id, ()))
        outcome.seats[contest.id] = seats
        documents[layout.seats_path(contest.id)] = seats
        documents[layout.minutes_path(contest.id)] = derive_minutes(election, contest, course, seats)
    return documents


def _read_outcome(record: RecordFolder, closing: VerifiedClosing) -> Outcome:
    return Outcome(
        record.path,
        ended=True,
        results={unit: record.read(layout.result_path(unit), Result) for unit in closing.sums},
        seats={
            contest.id: record.read(layout.seats_path(contest.id), SeatsRecord)
            for contest in closing.election.manifest.contests
        },
    )


def _open_without_log(directory: Path, closing: VerifiedClosing, lots: Lots) -> Outcome:
    shares, refused = _read_inbox(directory, closing)
    _verify_quorum(closing, shares, refused)
    outcome = Outcome(directory / "opened", ended=False, refused=refused)
    documents = _derive(closing, shares, lots, outcome)
    documents |= {layout.share_path(one.unit, one.trustee): one for one in shares}
    documents |= {layout.result_path(unit): one for unit, one in outcome.results.items()}
    for name, document in documents.items():
        write_durably(outcome.folder / name, document.to_bytes())
    return outcome
