# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic voters: a roll, and ballots cast as devices cast them, by several processes if there are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from evote.ballot import Choice, encrypt_ballot
from evote.box import BallotBox
from evote.crypto.fixed_base import base_table
from evote.manifest import Contest
from evote.verify import Engine
from evote.verify.log import Progress

FIRST_VOTER = 1_000_000_000
_IN_A_CHUNK = 10  # voters who vote one after the other in a process
_WORTH_WORKERS = 500  # ballots; fewer are cast before a process has made its table
Voter = tuple[str, Mapping[str, str]]
"""A voter and what they choose: contest -> choice."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the synthetic voters do.

    Attributes:
        choices: Voter -> contest -> choice; they vote in this order.
        absent: Electors who do not vote -> their contests.
    """

    choices: Mapping[str, Mapping[str, str]]
    absent: Mapping[str, Iterable[str]] = field(default_factory=dict)

    @property
    def electors(self) -> int:
        """How many voters are on the roll."""
        return len(self.choices) + len(self.absent)

    @property
    def ballots(self) -> int:
        """How many ballots are cast."""
        return sum(map(len, self.choices.values()))

    def roll(self) -> bytes:
        """Return the roll as CSV."""
        everybody = {**self.choices, **self.absent}
        lines = [f"{voter},Voter {voter},{';'.join(everybody[voter])}\n" for voter in sorted(everybody)]
        return ("voter_id,name,contests\n" + "".join(lines)).encode()

    def counts(self, contest: Contest) -> tuple[int, ...]:
        """Return what a contest must come to: ballots by option, blank first."""
        found = Counter(chosen[contest.id] for chosen in self.choices.values() if contest.id in chosen)
        return tuple(found[option] for option in ("blank", *(one.id for one in contest.lists)))


def cast_all(folder: Path, plan: Plan, engine: Engine, progress: Progress) -> list[str]:
    """Let every voter vote as their device does.

    Args:
        folder: The election folder; the vote is open.
        plan: Who votes what.
        engine: Its processes cast the ballots, if they are many.
        progress: Told about the ballots.

    Returns:
        The references of some ballots.
    """
    done, references = 0, []
    for ballots, reference in _cast_chunks(folder, plan, engine):
        done += ballots
        references.append(reference)
        progress("ballots", done, plan.ballots)
    return references


def _cast_chunks(folder: Path, plan: Plan, engine: Engine) -> Iterator[tuple[int, str]]:
    voters = list(plan.choices.items())
    chunks = [voters[start : start + _IN_A_CHUNK] for start in range(0, len(voters), _IN_A_CHUNK)]
    if engine.executor is None or plan.ballots < _WORTH_WORKERS:
        with BallotBox.open(folder) as box:
            yield from (_cast(box, chunk) for chunk in chunks)
        return
    futures = [engine.executor.submit(cast_chunk, str(folder), chunk) for chunk in chunks]
    try:
        yield from (future.result() for future in as_completed(futures))
    finally:
        for future in futures:
            future.cancel()


def cast_chunk(folder: str, voters: Sequence[Voter]) -> tuple[int, str]:
    """Let some voters vote, in a process that keeps its box open; return how many ballots, and a reference."""
    return _cast(_own_box(folder), voters)


@lru_cache(maxsize=1)
def _own_box(folder: str) -> BallotBox:
    return BallotBox.open(folder)


def _cast(box: BallotBox, voters: Sequence[Voter]) -> tuple[int, str]:
    election, ballots, reference = box.public, 0, ""
    powers = base_table(election.key)
    for voter, chosen in voters:
        for contest, choice in chosen.items():
            slot = box.slot(voter=voter, contest=contest)
            ballot = encrypt_ballot(election, slot, Choice(choice), powers=powers)
            receipt = box.cast(voter=voter, ballot=ballot.to_bytes())
            ballot.check_receipt(receipt)
            ballots, reference = ballots + 1, str(receipt.reference)
    return ballots, reference
