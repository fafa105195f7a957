# SPDX-License-Identifier: GPL-3.0-or-later
"""The hospital doctors' elections of June 2024 in figures: those that were published, and made-up ones in between.

Published: 94,379 electors, of whom about one in ten voted; five lists. Second college of the CSPM: 7,289 votes
cast, of which 3,608, 2,290 and 800 for three lists and 591 for the two others together; 3 and 2 seats. First
college: 60.51 % and 33.58 % of the votes for the first and the second list; 3 and 2 seats.

Made up, in proportion: how many electors and voters each college and each discipline has; every blank vote; the
two parts of the 591; all other votes of the first college, 947 in number since that gives both percentages; the
whole third college; all of CSN and CD, where voters are taken to vote as their college did for the CSPM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Final

from evote.errors import ParameterError

ELECTORS: Final = 94_379
LISTS: Final = ("aph-amuf-cfdt", "cmh-inph-snam", "jeunes-medecins", "snmh-fo", "ufmict-cgt")
DISCIPLINES: Final[Mapping[str, int]] = {  # percent of a college
    "medecine": 36, "psychiatrie": 12, "chirurgie": 14, "radiologie": 6,
    "biologie": 5, "anesthesie": 14, "pharmacie": 13,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class College:
    """A college of the CSPM in June 2024.

    Attributes:
        contest: Its contest.
        electors: On its roll.
        blank: Blank ballots.
        votes: Of `LISTS`, in their order.
        elsewhere: What else its electors vote in; the contest of their discipline has it before its name.
        proclaimed: Seats of `LISTS` as published; () where that is not known here.
    """

    contest: str
    electors: int
    blank: int
    votes: tuple[int, ...]
    elsewhere: tuple[str, ...] = ()
    proclaimed: tuple[int, ...] = ()

    @property
    def ballots(self) -> tuple[int, ...]:
        """Ballots by option, blank first."""
        return self.blank, *self.votes


COLLEGES: Final = (
    College("cspm-1", 9_379, 33, (573, 318, 28, 17, 11), ("csn-hu",), (3, 2, 0, 0, 0)),
    College("cspm-2", 55_000, 211, (3_608, 2_290, 800, 330, 261), ("csn-ph", "cd"), (3, 2, 0, 0, 0)),
    College("cspm-3", 30_000, 32, (360, 260, 200, 70, 36)),
)
VOTERS: Final = sum(sum(college.ballots) for college in COLLEGES)
FEWEST_VOTERS: Final = 60
_FEWEST_IN_A_COLLEGE: Final = 21  # with fewer, rounding would move a proclaimed seat


@dataclass(frozen=True, slots=True)
class Group:
    """Electors with the same contests.

    Attributes:
        contests: Their contests.
        electors: How many are on the roll.
        voters: How many of them vote, in each of the contests.
    """

    contests: tuple[str, ...]
    electors: int
    voters: int


@dataclass(frozen=True, slots=True)
class Turnout:
    """Who votes where, and what for.

    Attributes:
        groups: All electors.
        counts: Contest -> ballots by option, blank first.
    """

    groups: tuple[Group, ...]
    counts: Mapping[str, tuple[int, ...]]


def apportion(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Share a number out in proportion to weights, by largest remainder; of equal ones the first."""
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    places = sorted(range(len(weights)), key=lambda place: -(total * weights[place] % whole))
    for place in places[: total - sum(shares)]:
        shares[place] += 1
    return tuple(shares)


def turnout_2024(voters: int = VOTERS) -> Turnout:
    """Return the turnout of June 2024; for fewer voters everything in proportion, and the same seats in the CSPM.

    Raises:
        ParameterError: Too few voters, or more than there were.
    """
    if not FEWEST_VOTERS <= voters <= VOTERS:
        raise ParameterError(f"The election of 2024 is replayed with {FEWEST_VOTERS} to {VOTERS} voters.")
    sizes = _college_sizes(voters)
    electors = apportion(ELECTORS * voters // VOTERS, [college.electors for college in COLLEGES])
    groups: list[Group] = []
    counts: dict[str, tuple[int, ...]] = {}
    for college, most, size in zip(COLLEGES, electors, sizes, strict=True):
        counts[college.contest] = apportion(size, college.ballots)
        own = _groups_of(college, most, size)
        groups += own
        for group in own:
            counts |= {contest: apportion(group.voters, college.ballots) for contest in group.contests[1:]}
    return Turnout(tuple(groups), counts)


def _college_sizes(voters: int) -> tuple[int, int, int]:
    sizes = apportion(voters, [sum(college.ballots) for college in COLLEGES])
    first, _, third = (max(size, _FEWEST_IN_A_COLLEGE) for size in sizes)
    return first, voters - first - third, third


def _groups_of(college: College, electors: int, voters: int) -> tuple[Group, ...]:
    if not college.elsewhere:
        return (Group((college.contest,), electors, voters),)
    percents = tuple(DISCIPLINES.values())
    contests = [
        (college.contest, *(f"{body}-{discipline}" for body in college.elsewhere))
        for discipline in DISCIPLINES
    ]
    sizes = zip(contests, apportion(electors, percents), apportion(voters, percents), strict=True)
    return tuple(starmap(Group, sizes))
