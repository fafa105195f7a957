# SPDX-License-Identifier: GPL-3.0-or-later
"""Among how many voters a ballot hides: one in k, k counted by contest and publication, at the sizes of June 2024.

python -m benchmarks.anonymity            # writes the table of docs/explanation/unlinkability.md anew
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import _table, write_page

from evote.manifest.figures_2024 import apportion, turnout_2024

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "unlinkability.md"
SLOTS = 8  # the vote of 2024 lasted eight days: one publication a day, the last one at closing
PROFILES: Mapping[str, Sequence[int]] = {
    "at closing only": (1,),
    "daily, as many voters every day": (1,) * SLOTS,
    "daily, half of those to come every day": tuple(2 ** (SLOTS - 1 - slot) for slot in range(SLOTS)),
}


@dataclass(frozen=True, slots=True)
class Anonymity:
    """How ballots hide, each among the k of its contest and publication.

    Attributes:
        sizes: k of every contest and publication that has ballots, in ascending order.
    """

    sizes: tuple[int, ...]

    @property
    def ballots(self) -> int:
        """All ballots."""
        return sum(self.sizes)

    @property
    def right_guesses(self) -> int:
        """How many ballots are expected to be guessed right: one in each contest and publication."""
        return len(self.sizes)

    def fewer_than(self, bound: int) -> int:
        """Return how many ballots hide among fewer than `bound`."""
        return sum(size for size in self.sizes if size < bound)

    def quantile(self, percent: int) -> int:
        """Return the least k that more than this percentage of the ballots do not exceed."""
        passed = 0
        for size in self.sizes:
            passed += size
            if passed * 100 > percent * self.ballots:
                return size
        return self.sizes[-1]


def anonymity(contests: Mapping[str, int], profile: Sequence[int]) -> Anonymity:
    """Spread each contest's ballots over publications in proportion to a profile."""
    cells = [size for ballots in contests.values() for size in apportion(ballots, profile)]
    return Anonymity(tuple(sorted(size for size in cells if size)))


def table() -> str:
    """Return the page's table."""
    contests = {contest: sum(counts) for contest, counts in turnout_2024().counts.items()}
    rows = []
    for name, profile in PROFILES.items():
        found = anonymity(contests, profile)
        numbers = (
            found.sizes[0], found.quantile(1), found.quantile(10), found.quantile(50), found.fewer_than(10),
            found.fewer_than(30), found.right_guesses,
        )  # fmt: skip
        rows.append([name, *(f"{number:,}" for number in numbers)])
    heads = [
        "publication", "least k", "k of 1 % of the ballots at most", "… of 10 %", "… of half", "ballots with k < 10",
        "… with k < 30", f"right guesses among {sum(contests.values()):,}",
    ]  # fmt: skip
    return _table(heads, rows)


if __name__ == "__main__":
    PAGE.write_text(write_page(PAGE.read_text(encoding="utf-8"), {"anonymity": table()}), encoding="utf-8")
