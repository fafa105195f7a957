# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks measure, as plain functions that return figures.

All figures start from canonical bytes of ballots, are taken on one core, and are compared with the naive way that
was measured in turns with them (`evote.cli.measures`). Ballots for batches are synthetic: they verify and hide nothing.

Spec: SEL (cost)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.synthetic import Machine

from evote.cli.measures import Bench, Figure, in_turns, table_memory
from evote.crypto.fixed_base import base_table
from evote.crypto.group import PublicKey
from evote.crypto.integers import mpz, product, random_below, random_bits
from evote.crypto.multi_power import plan_product
from evote.crypto.residues import Element, Halves, PlainResidues, Residues, SquareResidues
from evote.proofs.decryption import find_invalid_decryptions, verify_decryption
from evote.proofs.selection import SelectionItem

_LOOP = 2000  # multiplications whose time is taken at once
_NUMBERS = 50  # different factors in such a loop


class Subject(Bench):
    """A bench with synthetic ballots."""

    def __init__(self, parameters: str, lists: int, count: int) -> None:
        super().__init__(parameters, lists, count)
        machine = Machine(self.election)
        unit, options = self.slot.unit, self.contest.options
        self.ballots = [machine.ballot(unit, number % options) for number in range(count)]


@dataclass(frozen=True, slots=True)
class Floor:
    """What a batch must take by the cost model, and what it took; for one ballot.

    Attributes:
        multiplications: Modulo n squared, as `plan_product` counts them.
        plain: Seconds of one `x * y % n2`.
        halves: Seconds of one in halves.
        seconds: What was measured, reading and hashing included.
    """

    multiplications: float
    plain: float
    halves: float
    seconds: float

    @property
    def over_plain(self) -> float:
        """Measured, as times the count of plain multiplications."""
        return self.seconds / (self.multiplications * self.plain)

    @property
    def over_halves(self) -> float:
        """Measured, as times the count of multiplications in halves."""
        return self.seconds / (self.multiplications * self.halves)


@dataclass(frozen=True, slots=True)
class BallotFigures:
    """Figures of one size of key.

    Attributes:
        warm: Encryption with proof by the table.
        cold: Encryption with proof of one ballot.
        cast: Verification of one ballot as at cast.
        alone: Verification by a ballot's own equations.
        read: Seconds to read a ballot from its bytes; part of every verification.
        batches: Number of ballots -> verification in one batch, for each ballot.
        floors: The same against the cost model.
    """

    parameters: str
    options: int
    ballot_bytes: int
    warm: Figure
    cold: Figure
    cast: Figure
    alone: Figure
    read: float
    batches: dict[int, Figure]
    floors: dict[int, Floor]
    table_seconds: float
    table_bytes: int


@dataclass(frozen=True, slots=True)
class OptionFigures:
    """Figures of one number of options."""

    options: int
    ballots: int
    ballot_bytes: int
    prove: Figure
    batch: Figure


@dataclass(frozen=True, slots=True)
class TallyFigures:
    """Figures of the sum, for each ballot, and of decryption shares, for each."""

    sum: Figure
    share: Figure
    shares: int
    batch: Figure


@dataclass(frozen=True, slots=True)
class WorkerMemory:
    """Resident bytes of a process that verifies: before, and at its peak with a batch of so many ballots."""

    ballots: int
    idle: int
    peak: int


def measure_ballots(
    parameters: str, batches: Sequence[int], rounds: int, lists: int = 10
) -> tuple[BallotFigures, Subject]:
    """Measure one ballot and batches of ballots; return the ballots too."""
    subject = Subject(parameters, lists, max(batches))
    start = time.perf_counter()
    powers = base_table(subject.key)
    table_seconds = time.perf_counter() - start
    first = subject.ballots[0]
    numbers = factors(subject.key)
    names = {size: f"batch {size}" for size in batches}
    least = in_turns(
        {
            "prove": subject.naive.prove,
            "warm": partial(subject.encrypt, 1, powers),
            "cold": partial(subject.encrypt, 1),
            "verify": subject.naive.verify,
            "cast": partial(subject.verify_at_cast, first),
            "alone": partial(subject.verify_alone, first),
            "read": lambda: [subject.read(ballot) for ballot in subject.ballots[: min(batches)]],
            "plain": partial(multiply_all, PlainResidues(subject.key.square), numbers),
            "halves": partial(multiply_all, SquareResidues(subject.key.n), halves_of(subject.key, numbers)),
            **{names[size]: partial(subject.verify_batch, subject.ballots[:size]) for size in batches},
        },
        rounds,
    )
    prove, verify = least["prove"], least["verify"]
    plain, halves = least["plain"] / _LOOP, least["halves"] / _LOOP
    items = [subject.read(ballot) for ballot in subject.ballots]
    counts = {size: count_multiplications(items[:size]) / size for size in batches}
    figures = BallotFigures(
        parameters,
        subject.contest.options,
        len(first),
        warm=Figure(least["warm"], prove),
        cold=Figure(least["cold"], prove),
        cast=Figure(least["cast"], verify),
        alone=Figure(least["alone"], verify),
        read=least["read"] / min(batches),
        batches={size: Figure(least[names[size]] / size, verify) for size in batches},
        floors={size: Floor(counts[size], plain, halves, least[names[size]] / size) for size in batches},
        table_seconds=table_seconds,
        table_bytes=table_memory(subject.key),
    )
    return figures, subject


def factors(key: PublicKey) -> list[mpz]:
    """Return random factors modulo n squared for a loop of multiplications."""
    return [random_below(key.square) for _ in range(_NUMBERS)] * (_LOOP // _NUMBERS)


def halves_of(key: PublicKey, numbers: Sequence[mpz]) -> list[Halves]:
    """Return the numbers in halves."""
    return [(number % key.n, number // key.n) for number in numbers]


def multiply_all(residues: Residues[Element], elements: Sequence[Element]) -> Element:
    """Multiply and reduce, one element after the other."""
    result = residues.one
    for element in elements:
        result = residues.multiply(result, element)
    return result


def count_multiplications(items: Sequence[SelectionItem]) -> int:
    """Return the multiplications modulo n squared of a batch by the cost model, with random exponents of its own."""
    lengths: list[int] = []
    for statement, proof in items:
        random = [1 + random_bits(statement.key.parameters.batch_bits) for _ in proof.challenges]
        combined = sum(rho * e for rho, e in zip(random, proof.challenges, strict=True))
        lengths += [rho.bit_length() for rho in random]
        lengths.append(combined.bit_length())
    return plan_product(lengths).multiplications


def measure_options(parameters: str, options: int, ballots: int, rounds: int) -> OptionFigures:
    """Measure proving by the table and a batch for one number of options."""
    subject = Subject(parameters, options - 1, ballots)
    powers = base_table(subject.key)
    least = in_turns(
        {
            "prove": subject.naive.prove,
            "warm": partial(subject.encrypt, 1, powers),
            "verify": subject.naive.verify,
            "batch": partial(subject.verify_batch, subject.ballots),
        },
        rounds,
    )
    return OptionFigures(
        options,
        ballots,
        len(subject.ballots[0]),
        Figure(least["warm"], least["prove"]),
        Figure(least["batch"] / ballots, least["verify"]),
    )


def measure_tally(subject: Subject, shares: int, rounds: int) -> TallyFigures:
    """Measure sums, and decryption shares of one trustee for different sums."""
    ciphertexts = [subject.read(ballot)[0].ciphertext for ballot in subject.ballots]
    made = [subject.decrypt(ciphertext) for ciphertext in ciphertexts[:shares]]
    least = in_turns(
        {
            "product": partial(product, ciphertexts, subject.key.square),
            "sum": partial(subject.add_up, ciphertexts),
            "naive share": partial(subject.decrypt_naively, ciphertexts[0]),
            "share": partial(subject.decrypt, ciphertexts[0]),
            "alone": lambda: [verify_decryption(*item) for item in made],
            "batch": lambda: find_invalid_decryptions(made),
        },
        rounds,
    )
    count = len(ciphertexts)
    return TallyFigures(
        Figure(least["sum"] / count, least["product"] / count),
        Figure(least["share"], least["naive share"]),
        len(made),
        Figure(least["batch"] / len(made), least["alone"] / len(made)),
    )


def measure_worker(subject: Subject) -> WorkerMemory:
    """Verify all ballots of a subject in a process of its own and return what memory it took."""
    election = subject.election
    with tempfile.TemporaryDirectory() as folder:
        documents = {"seal": election.seal, "manifest": election.manifest, "keys": election.keys}
        for name, document in documents.items():
            (Path(folder) / name).write_bytes(document.to_bytes())
        (Path(folder) / "ballots").write_bytes(b"\n".join(subject.ballots))
        command = [sys.executable, str(Path(__file__).with_name("worker.py")), folder]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    idle, peak = map(int, output.split())
    return WorkerMemory(len(subject.ballots), idle, peak)
