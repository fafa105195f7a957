# SPDX-License-Identifier: GPL-3.0-or-later
"""Ballots: canonical bytes, known place, valid proof, no two alike; and the sums they add up to.

Spec: BAL, SUM-1
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Final, Self

from evote.crypto.integers import mpz, power
from evote.errors import EvoteError
from evote.proofs.selection import SelectionItem, SelectionStatement, find_invalid_selections
from evote.record.ballot import Ballot
from evote.record.election import PublicElection

_BATCH_BYTES: Final = 80 << 20  # of ballots that are held for one batch: 5,000 of 11 options at 3072 bits
_INDEX_BYTES: Final = 8
_SQUARE_BYTES: Final = _INDEX_BYTES + 32
_SQUARES_AT_ONCE: Final = 1 << 18  # of which copies are looked for in one pass
_SQUARES_IN_MEMORY: Final = 8 << 20  # bytes; more go to a file


@dataclass(slots=True)
class UnitTally:
    """What the ballots of a unit add up to.

    Attributes:
        ballots: How many.
        weight: Their total weight.
        product: Product of c^weight modulo n^2.
    """

    ballots: int = 0
    weight: int = 0
    product: mpz = field(default_factory=lambda: mpz(1))

    def add(self, other: UnitTally, modulus: mpz) -> None:
        """Take in what other ballots of the unit add up to."""
        self.ballots += other.ballots
        self.weight += other.weight
        self.product = self.product * other.product % modulus


Tallies = dict[str, UnitTally]
"""Unit id -> what its ballots add up to."""


def empty_tallies(election: PublicElection) -> Tallies:
    """Return what no ballots add up to."""
    return {unit.id: UnitTally() for unit in election.manifest.counting.units}


def square_digest(election: PublicElection, ciphertext: mpz) -> bytes:
    """Return the digest of c^2 mod n^2 under which a ballot is unique: a copy and n^2 - c have the same.

    Spec: BAL-4
    """
    key = election.key
    return hashlib.sha256(key.ciphertext_bytes(ciphertext * ciphertext % key.square)).digest()


@dataclass(frozen=True, slots=True)
class BallotFinding:
    """What is wrong with the ballot at a place in the log."""

    index: int
    check: str
    detail: str


class BallotAuditor:
    """Takes ballots one by one and verifies them in batches of bounded memory.

    Copies are found afterwards by `Squares`, which sees all ballots.

    Args:
        election: What the ballots must belong to.
        batch_bytes: How many bytes of ballots make a batch.

    Attributes:
        tallies: What the valid ballots add up to; complete after `finish`.
        squares: Place and digest of the square of every ballot that could be read, as `Squares` takes them.
        findings: What is wrong.
    """

    def __init__(self, election: PublicElection, batch_bytes: int = _BATCH_BYTES) -> None:
        self._election, self._batch_bytes = election, batch_bytes
        self._pending: list[tuple[int, SelectionItem]] = []
        self._held = 0
        self.tallies = empty_tallies(election)
        self.squares = bytearray()
        self.findings: list[BallotFinding] = []

    def add(self, index: int, data: bytes) -> None:
        """Take one ballot.

        Args:
            index: Its place in the log.
            data: Untrusted.

        Spec: BAL-1 to BAL-3
        """
        try:
            ballot = Ballot.from_bytes(data)
            item = self._election.selection_item(ballot)
        except EvoteError as error:
            self._refuse(index, error)
            return
        self.squares += index.to_bytes(_INDEX_BYTES, "big") + square_digest(
            self._election, item[0].ciphertext
        )
        self._pending.append((index, item))
        self._held += len(data)
        if self._held >= self._batch_bytes:
            self.finish()

    def finish(self) -> None:
        """Verify what is pending."""
        pending, self._pending, self._held = self._pending, [], 0
        invalid = find_invalid_selections([item for _, item in pending])
        for place, (index, (statement, _)) in enumerate(pending):
            if place in invalid:
                self._refuse(index, invalid[place])
            else:
                self._count(statement)

    def _refuse(self, index: int, error: EvoteError) -> None:
        self.findings.append(BallotFinding(index, error.check, str(error)))

    def _count(self, statement: SelectionStatement) -> None:
        modulus, ciphertext, weight = self._election.key.square, statement.ciphertext, statement.weight
        weighted = ciphertext if weight == 1 else power(ciphertext, mpz(weight), modulus)
        self.tallies[statement.unit].add(UnitTally(1, weight, weighted), modulus)


class Squares:
    """The squares of all ballots, in memory while they are few and in a nameless file when they are many."""

    def __init__(self, earlier: Callable[[], Iterable[bytes]] = tuple) -> None:
        self._earlier = earlier
        self._file = SpooledTemporaryFile(max_size=_SQUARES_IN_MEMORY)  # noqa: SIM115 - closed by __exit__
        self._lengths: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, squares: bytes) -> None:
        """Take the squares of one part."""
        self._file.write(squares)
        self._lengths.append(len(squares))

    def __iter__(self) -> Iterator[bytes]:
        yield from self._earlier()
        self._file.seek(0)
        for length in self._lengths:
            yield self._file.read(length)

    def copies(self) -> Iterator[BallotFinding]:
        """Find ballots that are copies of earlier ones, in memory that does not grow with their number.

        Spec: BAL-4
        """
        if not any(self._lengths):  # nothing came to those that were compared before
            return
        passes = 1 + sum(map(len, self)) // _SQUARE_BYTES // _SQUARES_AT_ONCE
        for turn in range(passes):
            seen: dict[bytes, int] = {}
            for part in self:
                for start in range(0, len(part), _SQUARE_BYTES):
                    digest = part[start + _INDEX_BYTES : start + _SQUARE_BYTES]
                    if digest[0] % passes == turn:
                        index = int.from_bytes(part[start : start + _INDEX_BYTES], "big")
                        first = seen.setdefault(digest, index)
                        if first != index:
                            seen[digest], later = sorted((first, index))
                            yield BallotFinding(
                                later, "BAL-4", f"The ballot is a copy of ballot {seen[digest]}."
                            )
