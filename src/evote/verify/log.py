# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over the log: entries and tiles here, ballots part by part wherever the engine has them verified.

Spec: BRD, BAL, SEL, SUM-1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from evote.board.entries import Kind
from evote.board.reader import Bundle, LogPrefix, LogReader
from evote.errors import EncodingError, EvoteError, StorageError, VerificationError
from evote.record.election import PublicElection
from evote.verify.ballots import BallotFinding, Squares, Tallies, empty_tallies
from evote.verify.certificate import (
    Certificate,
    Certificates,
    Journal,
    NamedFile,
    part_name,
    tallies_of,
    unit_sums,
)
from evote.verify.engine import Engine, PartQueue
from evote.verify.parts import BundlePart, Part, PartResult
from evote.verify.report import Step

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(slots=True)
class LogAudit:
    """A pass over a log, and what it has established.

    Attributes:
        election: What the ballots must belong to.
        reader: The log.
        engine: Who verifies the parts.
        progress: Told about entries whose ballots are done.
        certificates: Of this user.
        certificate: What was verified before and is not read again.
        journal: Keeps the parts that are done.
        files: Entries that are no ballots.
        tallies: What the ballots add up to.
        resumed: How many parts an interrupted verification had done.
        redone: How many parts a worker was lost for.
    """

    election: PublicElection
    reader: LogReader
    engine: Engine
    progress: Progress
    certificates: Certificates | None = None
    certificate: Certificate | None = None
    journal: Journal | None = None
    files: list[NamedFile] = field(default_factory=list)
    tallies: Tallies = field(default_factory=dict)
    resumed: int = 0
    redone: int = 0
    _squares: Squares = field(init=False)
    _findings: dict[int, BallotFinding] = field(default_factory=dict)
    _parts: list[str] = field(default_factory=list)
    _last: LogPrefix = field(default_factory=LogPrefix)

    def run(self, log_step: Step, ballot_step: Step) -> None:
        """Read the log once; findings go into the two steps."""
        self.tallies = empty_tallies(self.election)
        if self.certificate is not None:
            self._take_up(self.certificate)
        self.engine = self.engine.for_entries(self.reader.checkpoint.size - self._last.size)
        queue = PartQueue(self.engine)
        with Squares(self._earlier_squares) as self._squares:
            with log_step.finding("checkpoint"):
                self._hand_out(queue, log_step, ballot_step)
            for done in queue.drain():
                self._take(*done, log_step)
            try:
                self._findings |= {one.index: one for one in self._squares.copies()}
            except StorageError as error:
                ballot_step.fail(error, "ballots")
        self.redone = queue.redone
        for _, one in sorted(self._findings.items()):  # of a copy, it is said that it is one
            ballot_step.fail(VerificationError(one.detail, check=one.check, subject=f"ballot {one.index}"))
        self._conclude(clean=not log_step.failures and not ballot_step.failures)

    def _earlier_squares(self) -> Iterator[bytes]:
        if self.certificates is not None and self.certificate is not None:
            yield from self.certificates.squares(self.certificate)

    @property
    def closing_size(self) -> int:
        """Size of the log right after `close`; 0 without one."""
        return next((one.index + 1 for one in self.files if one.kind == Kind.CLOSE), 0)

    def notes(self) -> list[str]:
        """Return what was not done here and now, in sentences."""
        found = []
        if self.certificate is not None:
            found.append(
                f"Keys, drill and the first {self.certificate.size} entries were verified before: your own "
                f"certificate, root {self.certificate.root.hex()[:16]}."
            )
        other = self.certificates.fork(self.election.id, self.reader) if self.certificates else None
        if other is not None:
            found.append(
                f"You have verified ANOTHER HISTORY of this log before: {other.size} entries with root "
                f"{other.root.hex()[:16]}. The log's key has signed both; keep both records."
            )
        if self.resumed:
            found.append(
                f"{self.resumed} parts were verified by a run that was interrupted; their bytes were compared again."
            )
        if self.redone:
            found.append(f"{self.redone} parts were verified here: workers were lost or cannot read.")
        return found

    def _take_up(self, certificate: Certificate) -> None:
        """Start from what was verified before."""
        for unit, tally in tallies_of(certificate.sums).items():
            self.tallies[unit].add(tally, self.election.key.square)
        self.files += certificate.entries
        self._parts += certificate.parts
        self._last = certificate.prefix

    def _hand_out(self, queue: PartQueue, log_step: Step, ballot_step: Step) -> None:
        """Read the entries, and hand out a part whenever enough of them stand together."""
        size, left = self.reader.checkpoint.size, self.journal.ends() if self.journal else {}
        usual = self.engine.part_entries(size - self._last.size)
        held: list[Bundle] = []
        try:
            for bundle in self.reader.bundles(self._last):
                log_step.count += len(bundle.entries)
                ballot_step.count += sum(entry.kind == Kind.BALLOT for entry in bundle.entries)
                self.files += [
                    NamedFile.make(index=index, kind=entry.kind, digest=entry.digest)
                    for index, entry in enumerate(bundle.entries, bundle.first)
                    if entry.kind != Kind.BALLOT
                ]
                self._last = LogPrefix(bundle.end, bundle.root, bundle.phase)
                held.append(bundle)
                first = held[0].first
                if bundle.end - first >= usual or bundle.end in (left.get(first), *left):
                    ready, held = held, []
                    self._submit(queue, ready, log_step)
        except EvoteError:  # what stands before the fault is verified all the same
            if held:
                self._submit(queue, held, log_step)
            raise
        if held:
            self._submit(queue, held, log_step)

    def _submit(self, queue: PartQueue, held: list[Bundle], log_step: Step) -> None:
        root = held[-1].root
        part = Part(
            str(self.reader.folder),
            self.election.id,
            tuple(
                BundlePart(
                    one.number, one.width, one.first, tuple(entry.ballot_digest for entry in one.entries)
                )
                for one in held
            ),
            known=self._known(held[0].first, held[-1].end, root),
        )
        for done in queue.submit(part, root):
            self._take(*done, log_step)

    def _known(self, first: int, end: int, root: bytes) -> bool:
        return self.journal is not None and self.journal.find(self.election.id, first, end, root) is not None

    def _take(self, part: Part, root: bytes, result: PartResult, log_step: Step) -> None:
        """Add what a part has shown."""
        self._parts.append(part_name(part.first, part.end, root))
        if result.error:
            check, subject, sentence = result.error
            log_step.fail(VerificationError(sentence, check=check, subject=subject))
        tallies, squares = result.numbers(), result.squares
        if part.known and self.journal is not None:
            kept = self.journal.find(self.election.id, part.first, part.end, root)
            if kept is None:
                raise StorageError("A verified part was removed while it was used; verify again.")
            self.resumed += 1
            tallies, squares = tallies_of(kept.sums), kept.squares
        elif self.journal is not None and not result.error and not result.findings:
            self.journal.save(part, root, result)
        for unit, tally in tallies.items():
            self.tallies[unit].add(tally, self.election.key.square)
        self._squares.add(squares)
        self._findings |= {one.index: one for one in result.findings}
        self.progress("ballots", part.end, self.reader.checkpoint.size)

    def _conclude(self, *, clean: bool) -> None:
        if self.journal is None:
            return
        if not clean:
            self.journal.forget()
            return
        with suppress(EncodingError):  # of weights that no election can have, nothing is certified
            self.journal.certify(
                Certificate.make(
                    software=self.journal.certificates.software,
                    election=self.election.id,
                    size=self._last.size,
                    root=self._last.root,
                    phase=self._last.phase,
                    entries=tuple(self.files),
                    sums=unit_sums(self.tallies, self.election.key.parameters.ciphertext_bytes),
                    parts=tuple(self._parts),
                ),
                self.reader,
            )
