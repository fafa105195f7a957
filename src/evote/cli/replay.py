# SPDX-License-Identifier: GPL-3.0-or-later
"""The election of June 2024 at its real size, with the published figures and made-up ones in between."""

from __future__ import annotations

from collections.abc import Callable

from evote.cli.console import say
from evote.cli.electorate import FIRST_VOTER, Plan
from evote.cli.results import print_seats
from evote.manifest import Contest, Draft
from evote.manifest.figures_2024 import COLLEGES, VOTERS, College, Turnout, turnout_2024
from evote.record.tally import SeatsRecord
from evote.tally.session import Outcome

REPLAYS = ("cspm-2024",)
MADE_UP = """\
Published: 94,379 electors, a turnout of about one in ten, the lists, the votes of CSPM college 2, the percentages
of the first two lists of CSPM college 1, the seats of both. Made up, in proportion: the sizes of colleges and
disciplines, all blank votes, the split of the last 591 votes of college 2, the other votes of college 1, all of
CSPM college 3, of the CSN and of the CD. The candidates' names are invented, and so are the voters."""
Shuffle = Callable[[list[str]], None]


def plan_2024(draft: Draft, voters: int | None, shuffle: Shuffle) -> Plan:
    """Deal the choices of 2024 out to voters.

    Args:
        draft: From `replay_2024`.
        voters: How many; None for as many as there were.
        shuffle: Moves who votes when and what; never how many.

    Raises:
        ParameterError: Too few voters, or more than there were.
    """
    turnout = turnout_2024(VOTERS if voters is None else voters)
    stacks = {contest.id: _stack(contest, turnout, shuffle) for contest in draft.contests}
    ids = [str(FIRST_VOTER + number) for number in range(sum(group.electors for group in turnout.groups))]
    shuffle(ids)
    choices: dict[str, dict[str, str]] = {}
    absent: dict[str, tuple[str, ...]] = {}
    for group in turnout.groups:
        for place in range(group.electors):
            if place < group.voters:
                choices[ids.pop()] = {contest: stacks[contest].pop() for contest in group.contests}
            else:
                absent[ids.pop()] = group.contests
    arrivals = list(choices)
    shuffle(arrivals)
    return Plan({voter: choices[voter] for voter in arrivals}, absent)


def _stack(contest: Contest, turnout: Turnout, shuffle: Shuffle) -> list[str]:
    """Return the choices of a contest in a random order."""
    options = ("blank", *(one.id for one in contest.lists))
    stack = [
        option
        for option, count in zip(options, turnout.counts[contest.id], strict=True)
        for _ in range(count)
    ]
    shuffle(stack)
    return stack


def print_replay(outcome: Outcome) -> bool:
    """Print the CSPM in full and every other contest in a line; tell whether the seats are those proclaimed."""
    for contest, seats in outcome.seats.items():
        if not contest.startswith("cspm"):
            say(_in_a_line(seats))
    for college in COLLEGES:
        print_seats(outcome.seats[college.contest])
    verdicts = [_compare(college, outcome) for college in COLLEGES if college.proclaimed]
    return all(verdicts)


def _in_a_line(seats: SeatsRecord) -> str:
    won = ", ".join(f"{one.list} {one.seats}" for one in seats.lists if one.seats)
    return f"{seats.contest}: votes cast {seats.votes_cast}, blank {seats.blank}; seats: {won or 'none'}."


def _compare(college: College, outcome: Outcome) -> bool:
    """Say whether a college's seats are those that were proclaimed."""
    lists = outcome.seats[college.contest].lists
    same = tuple(one.seats for one in lists) == college.proclaimed
    proclaimed = ", ".join(f"{one.list} {n}" for one, n in zip(lists, college.proclaimed, strict=True) if n)
    say(f"{college.contest}: {'as' if same else 'NOT as'} proclaimed in 2024 ({proclaimed}).")
    return same
