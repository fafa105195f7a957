# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a record with many ballots quickly: real proofs that verify, by exponents that are nobody's secret.

Every power of H is a product of two from a small pool, so a ballot takes a few multiplications instead of a
dozen powers. Whoever knows the pool can read every ballot: for measuring only.

    python benchmarks/synthetic.py RECORDS/large --ballots 100000 --lists 5
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from evote.board import Entry, Kind, LogWriter
from evote.crypto.fixed_base import plain_power
from evote.crypto.integers import mpz, random_bits
from evote.crypto.merkle import leaf_hash
from evote.manifest import Manifest
from evote.proofs.selection import SelectionProof, SelectionStatement, _challenge
from evote.record.acts import Seal
from evote.record.ballot import Ballot, proof_bytes
from evote.record.election import PublicElection
from evote.record.keys import KeyRecord
from simulator import World, contest, draft, sealed_manifest

_POOL = 48
_CHUNK = 2000


class Pool:
    """Exponents of one length with their powers of H."""

    def __init__(self, election: PublicElection, bits: int) -> None:
        key = election.key
        self._square = key.square
        exponents = [random_bits(bits - 2) for _ in range(_POOL)]
        powers = plain_power(key)
        self._pairs = [(exponent, powers(exponent)) for exponent in exponents]

    def draw(self) -> tuple[mpz, mpz]:
        """Return an exponent, a sum of three, and its power."""
        (x, a), (y, b), (z, c) = random.choices(self._pairs, k=3)
        return x + y + z, a * b % self._square * c % self._square


class Steps:
    """Exponents that differ by one random step, with their powers of H: no two are alike."""

    def __init__(self, election: PublicElection, bits: int) -> None:
        powers = plain_power(election.key)
        self._square = election.key.square
        self._step = random_bits(bits // 2)
        self._exponent = random_bits(bits - 1)
        self._power, self._power_of_step = powers(self._exponent), powers(self._step)

    def draw(self) -> tuple[mpz, mpz]:
        """Return the next exponent and its power."""
        self._exponent += self._step
        self._power = self._power * self._power_of_step % self._square
        return self._exponent, self._power


class Machine:
    """Makes ballots for one election."""

    def __init__(self, election: PublicElection) -> None:
        sizes = election.key.parameters
        self._election = election
        self._nonces = Steps(election, sizes.nonce_bits)
        self._masks = Pool(election, sizes.response_bits - 1)

    def ballot(self, unit: str, option: int) -> bytes:
        """Return a ballot that verifies."""
        election, key = self._election, self._election.key
        contest_id = election.manifest.unit(unit).contest
        bits = election.manifest.digit_bits(contest_id)
        nonce, power = self._nonces.draw()
        ciphertext = key.message_power(mpz(1) << (bits * option)) * power % key.square
        statement = election.statement(contest_id, unit, 1, ciphertext)
        proof = self._prove(statement, option, nonce)
        return Ballot.make(
            election=election.id,
            contest=contest_id,
            unit=unit,
            weight=1,
            ciphertext=key.ciphertext_bytes(ciphertext),
            proof=proof_bytes(key, proof),
        ).to_bytes()

    def _prove(self, statement: SelectionStatement, option: int, nonce: mpz) -> SelectionProof:
        key, sizes = statement.key, statement.key.parameters
        challenges = [
            random_bits(sizes.challenge_bits) if i != option else mpz(0) for i in range(statement.options)
        ]
        drawn = [self._masks.draw() for _ in challenges]
        commitments = tuple(
            power * key.message_power((statement.message(i) - statement.message(option)) * e) % key.square
            for i, (e, (_, power)) in enumerate(zip(challenges, drawn, strict=True))
        )
        total = _challenge(statement, commitments)
        challenges[option] = (total - sum(challenges)) % (mpz(1) << sizes.challenge_bits)
        responses = tuple(mask + nonce * e for e, (mask, _) in zip(challenges, drawn, strict=True))
        return SelectionProof(commitments, tuple(challenges), responses)


def _chunk(election: tuple[bytes, bytes, bytes], unit: str, options: int, count: int) -> list[bytes]:
    machine = _machine(*election)
    return [machine.ballot(unit, random.randrange(options)) for _ in range(count)]


@lru_cache(maxsize=1)
def _machine(seal: bytes, manifest: bytes, keys: bytes) -> Machine:
    return Machine(
        PublicElection(Seal.from_bytes(seal), Manifest.from_bytes(manifest), KeyRecord.from_bytes(keys))
    )


def make_record(folder: Path, ballots: int, lists: int, parameters: str, workers: int = 2) -> World:
    """Make an election whose log holds this many ballots of one contest; closed, not counted."""
    plan = draft((contest("one", lists),), parameters=parameters)
    world = World(folder, sealed_manifest(plan, {"one-all": (2 * ballots, 2 * ballots)}))
    world.open()
    counts = [min(_CHUNK, ballots - start) for start in range(0, ballots, _CHUNK)]
    with LogWriter(world.record.path, world.private, world.log_signer) as log:
        for chunk in _made(world.election, counts, lists + 1, workers):
            lines = [(Entry.of(Kind.BALLOT, ballot), ballot) for ballot in chunk]
            lines.sort(key=lambda line: leaf_hash(line[0].to_bytes()))
            log.append(lines)
    world.close({"one-all": (ballots, ballots)})
    return world


def _made(election: PublicElection, counts: list[int], options: int, workers: int) -> Iterator[list[bytes]]:
    public = election.seal.to_bytes(), election.manifest.to_bytes(), election.keys.to_bytes()
    if workers == 1 or len(counts) == 1:
        yield from (_chunk(public, "one-all", options, count) for count in counts)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = []
        for count in counts:
            waiting.append(pool.submit(_chunk, public, "one-all", options, count))
            if len(waiting) > 2 * workers:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def main() -> None:
    """Make the record that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Make a record with many synthetic ballots.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ballots", type=int, default=2000)
    parser.add_argument("--lists", type=int, default=10)
    parser.add_argument("--parameters", default="evote-3072")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tally", action="store_true", help="count it too: a finished record")
    arguments = parser.parse_args()
    start = time.monotonic()
    world = make_record(
        arguments.folder, arguments.ballots, arguments.lists, arguments.parameters, arguments.workers
    )
    if arguments.tally:
        world.tally()
    sys.stdout.write(f"{world.record.path}: {arguments.ballots} ballots, {time.monotonic() - start:.0f} s\n")


if __name__ == "__main__":
    main()
