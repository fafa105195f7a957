# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of a log: the unit of work that any process, on this machine or another one, can verify alone.

A part goes out as plain data, with the digest of every ballot, and comes back as plain data. So whoever hands
it out trusts the worker for its arithmetic, and nobody for the bytes.

Spec: BAL, SEL-5, SUM-1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from evote.board.bundles import Source, open_source, read_ballots
from evote.board.record_folder import AnyDocument
from evote.board.tiles import TILE_WIDTH
from evote.crypto.integers import mpz
from evote.errors import EvoteError, VerificationError
from evote.manifest import Manifest
from evote.record import layout
from evote.record.acts import Seal
from evote.record.election import PublicElection
from evote.record.keys import KeyRecord
from evote.verify.ballots import BallotAuditor, BallotFinding, Tallies, UnitTally


@dataclass(frozen=True, slots=True)
class BundlePart:
    """What of one bundle belongs to a part.

    Attributes:
        number: Of the bundle.
        width: How many entries it holds.
        first: Index in the log of the first entry of the part.
        digests: Of the ballots from there on; b"" for an entry that is no ballot.
    """

    number: int
    width: int
    first: int
    digests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive entries of a log.

    Attributes:
        source: Folder or address of the record.
        election: Election id, which pins manifest and keys.
        bundles: The entries.
        known: Whether the ballots were verified before, so that only their bytes are compared.
    """

    source: str
    election: bytes
    bundles: tuple[BundlePart, ...] = field(repr=False)
    known: bool = False

    @property
    def first(self) -> int:
        """Index of the first entry."""
        return self.bundles[0].first

    @property
    def end(self) -> int:
        """Index after the last entry."""
        return self.bundles[-1].first + len(self.bundles[-1].digests)


@dataclass(frozen=True, slots=True)
class PartResult:
    """What was found in a part.

    Attributes:
        findings: What is wrong with ballots.
        tallies: Unit id -> (ballots, weight, product as |n|/4 bytes); only units that have ballots.
        squares: Place and digest of the square of every ballot that could be read.
        error: Why the bundles could not be read to their end: check, subject and sentence; () if they were.
    """

    findings: tuple[BallotFinding, ...] = ()
    tallies: Mapping[str, tuple[int, int, bytes]] = field(default_factory=dict)
    squares: bytes = field(default=b"", repr=False)
    error: tuple[str, str, str] | tuple[()] = ()

    def numbers(self) -> Tallies:
        """Return the tallies with their products as numbers."""
        return {
            unit: UnitTally(ballots, weight, mpz.from_bytes(product, "big"))
            for unit, (ballots, weight, product) in self.tallies.items()
        }


def verify_part(part: Part) -> PartResult:
    """Read and verify a part; never raises on bad evidence.

    Spec: BRD-12, BAL-1 to BAL-3, SEL-5
    """
    try:
        election = read_election(part.source, part.election)
        auditor = BallotAuditor(election)
        error = _read(part, auditor)
    except EvoteError as failure:  # not the election that was asked for: this worker sees another record
        return PartResult(error=_described(failure, layout.SEAL))
    auditor.finish()
    key = election.key
    return PartResult(
        tuple(auditor.findings),
        {
            unit: (tally.ballots, tally.weight, key.ciphertext_bytes(tally.product))
            for unit, tally in auditor.tallies.items()
            if tally.ballots
        },
        bytes(auditor.squares),
        error,
    )


def _read(part: Part, auditor: BallotAuditor) -> tuple[str, str, str] | tuple[()]:
    """Read the bundles and hand their ballots to the auditor; return what stopped it."""
    source = open_source(part.source)
    try:
        for bundle in part.bundles:
            skip = bundle.first % TILE_WIDTH
            ballots = read_ballots(source, bundle.number, bundle.width, skip, bundle.digests)
            for index, ballot in enumerate(ballots, bundle.first):
                if ballot and not part.known:
                    auditor.add(index, ballot)
    except EvoteError as failure:
        return _described(failure, "ballots")
    return ()


def _described(failure: EvoteError, subject: str) -> tuple[str, str, str]:
    return failure.check or "REC-2", failure.subject or subject, str(failure)


@lru_cache(maxsize=4)
def read_election(source: str, election_id: bytes) -> PublicElection:
    """Read seal, manifest and keys, and keep them for the next part.

    Raises:
        EvoteError: They cannot be read, or are not those of this election.
    """
    record = open_source(source)
    election = PublicElection(
        _document(record, layout.SEAL, Seal),
        _document(record, layout.MANIFEST, Manifest),
        _document(record, layout.KEYS, KeyRecord),
    )
    if election.id != election_id:
        raise VerificationError("The record is of another election.", check="ACT-1", subject=layout.SEAL)
    return election


def _document(record: Source, name: str, kind: type[AnyDocument]) -> AnyDocument:
    with record.open(name) as file:
        return kind.from_bytes(file.read(kind.max_bytes + 1))
