# SPDX-License-Identifier: GPL-3.0-or-later
"""Ballots: canonical bytes, known place, valid proof, no two alike; and the sums they add up to.

Spec: BAL, SUM-1
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from evote.crypto.integers import mpz, power
from evote.errors import EvoteError, VerificationError
from evote.proofs.selection import SelectionItem, find_invalid_selections
from evote.record.ballot import Ballot
from evote.record.election import PublicElection

_BATCH = 256


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


def square_digest(election: PublicElection, ciphertext: mpz) -> bytes:
    """Return the digest of c^2 mod n^2 under which a ballot is unique: a copy and n^2 - c have the same.

    Spec: BAL-4
    """
    key = election.key
    return hashlib.sha256(key.ciphertext_bytes(ciphertext * ciphertext % key.square)).digest()


class BallotAuditor:
    """Takes the ballots of a log one by one and verifies them in batches, in constant memory but for digests.

    Args:
        election: What the ballots must belong to.

    Attributes:
        tallies: Unit id -> what its valid ballots add up to; complete after `finish`.
    """

    def __init__(self, election: PublicElection) -> None:
        self._election = election
        self._pending: list[tuple[str, Ballot, SelectionItem]] = []
        self._squares: dict[bytes, str] = {}
        self.tallies = {unit.id: UnitTally() for unit in election.manifest.counting.units}

    def add(self, subject: str, data: bytes) -> Iterator[EvoteError]:
        """Take one ballot; yield what is wrong with it or with earlier ones.

        Args:
            subject: Names the ballot in reports.
            data: Untrusted.

        Spec: BAL-1 to BAL-4
        """
        try:
            ballot = Ballot.from_bytes(data)
            item = self._election.selection_item(ballot)
            square = square_digest(self._election, item[0].ciphertext)
            if square in self._squares:
                raise VerificationError(
                    f"The ballot is a copy of {self._squares[square]}.", check="BAL-4", subject=subject
                )
        except EvoteError as error:
            error.subject = subject
            yield error
            return
        self._squares[square] = subject
        self._pending.append((subject, ballot, item))
        if len(self._pending) >= _BATCH:
            yield from self.finish()

    def finish(self) -> Iterator[EvoteError]:
        """Verify what is pending; yield what is wrong."""
        pending, self._pending = self._pending, []
        invalid = find_invalid_selections([item for _, _, item in pending])
        for index, (subject, ballot, item) in enumerate(pending):
            if index in invalid:
                invalid[index].subject = subject
                yield invalid[index]
            else:
                self._count(ballot, item[0].ciphertext)

    def _count(self, ballot: Ballot, ciphertext: mpz) -> None:
        tally, modulus = self.tallies[ballot.unit], self._election.key.square
        tally.ballots += 1
        tally.weight += ballot.weight
        tally.product = tally.product * power(ciphertext, mpz(ballot.weight), modulus) % modulus
