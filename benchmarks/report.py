# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure everything and write the tables of docs/explanation/performance.md anew.

python -m benchmarks.report             # about four minutes on one core
python -m benchmarks.report --quick     # smaller batches, fewer rounds; prints and leaves the page alone
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gmpy2
from benchmarks.measures import (
    BallotFigures,
    OptionFigures,
    Subject,
    TallyFigures,
    WorkerMemory,
    measure_ballots,
    measure_options,
    measure_tally,
    measure_worker,
)

from evote.cli.measures import Figure, machine

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "performance.md"
_SIZES = ("evote-3072", "evote-2048")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    batches: dict[str, tuple[int, ...]]
    options: tuple[int, ...]
    option_ballots: int
    shares: int
    rounds: int
    option_rounds: int


FULL = Extent(
    {"evote-3072": (100, 1000, 5000), "evote-2048": (100, 1000, 5000)},
    (2, 5, 10, 20, 40, 60),
    option_ballots=1000,
    shares=48,
    rounds=5,
    option_rounds=3,
)
QUICK = Extent(
    {"evote-3072": (100, 300), "evote-2048": (100, 300)},
    (2, 10, 20),
    option_ballots=100,
    shares=12,
    rounds=2,
    option_rounds=1,
)


def tables(extent: Extent) -> dict[str, str]:
    """Measure everything and return the tables by name."""
    measured: dict[str, tuple[BallotFigures, Subject]] = {}
    memory: dict[str, WorkerMemory] = {}
    for parameters in _SIZES:
        _note(f"{parameters}: one ballot, batches of {', '.join(map(str, extent.batches[parameters]))}")
        measured[parameters] = measure_ballots(parameters, extent.batches[parameters], extent.rounds)
        memory[parameters] = measure_worker(measured[parameters][1])
    figures = [one for one, _ in measured.values()]
    _note("sums and decryption shares")
    tally = measure_tally(measured[_SIZES[0]][1], extent.shares, extent.rounds)
    options = []
    for count in extent.options:
        _note(f"{count} options")
        options.append(measure_options(_SIZES[0], count, extent.option_ballots, extent.option_rounds))
    return {
        "machine": machine_line(),
        "ballots": ballot_table(figures),
        "model": model_table(figures),
        "options": option_table(options),
        "tally": tally_table(tally),
        "memory": memory_table(figures, memory),
    }


def machine_line() -> str:
    """Say on what the figures were taken."""
    it = machine()
    return (
        f"Measured on one core of {it['processor']} ({sys.platform}), Python {it['python']}, "
        f"gmpy2 {it['gmpy2']}, {gmpy2.mp_version()}."
    )


def ballot_table(figures: Sequence[BallotFigures]) -> str:
    """Write what a ballot takes."""
    rows: list[list[str]] = [
        ["Encryption with proof, naive", *_naive(one.warm for one in figures)],
        ["… by the table", *_both(one.warm for one in figures)],
        ["… one ballot, chain of squares made anew", *_both(one.cold for one in figures)],
        ["Verification, naive", *_naive(one.cast for one in figures)],
        ["… by its own equations (the reference)", *_both(one.alone for one in figures)],
        ["… one ballot as at cast", *_both(one.cast for one in figures)],
    ]
    rows += [
        [f"… in a batch of {size:,}", *_both(one.batches[size] for one in figures)]
        for size in figures[0].batches
    ]
    rows.append(["Bytes of a ballot", *(cell for one in figures for cell in (f"{one.ballot_bytes:,}", ""))])
    heads = ["milliseconds for a ballot"]
    for one in figures:
        heads += [one.parameters, "times naive"]
    return _table(heads, rows)


def model_table(figures: Sequence[BallotFigures]) -> str:
    """Write batches against the cost model."""
    rows = [
        [
            one.parameters,
            f"{size:,}",
            f"{floor.multiplications:.0f}",
            f"{floor.plain * 1e6:.2f}",
            f"{floor.halves * 1e6:.2f}",
            _number(floor.multiplications * floor.plain * 1000),
            _number(floor.seconds * 1000),
            f"{floor.over_plain:.2f}",
            f"{floor.over_halves:.2f}",
            _number(one.read * 1000),
        ]
        for one in figures
        for size, floor in one.floors.items()
    ]
    heads = [
        "key", "batch", "multiplications for a ballot", "µs plain", "µs in halves", "floor, ms", "measured, ms",
        "measured / floor", "measured / floor in halves", "of which reading, ms",
    ]  # fmt: skip
    return _table(heads, rows)


def option_table(figures: Sequence[OptionFigures]) -> str:
    """Write what the number of options changes."""
    rows = [
        [
            str(one.options),
            _number(one.prove.naive * 1000),
            _number(one.prove.seconds * 1000),
            _number(one.prove.times),
            _number(one.batch.naive * 1000),
            _number(one.batch.seconds * 1000),
            _number(one.batch.times),
            f"{one.ballot_bytes:,}",
        ]
        for one in figures
    ]
    heads = [
        "options", "prove, naive", "prove by the table", "times", "verify, naive",
        f"verify in a batch of {figures[0].ballots:,}", "times", "bytes of a ballot",
    ]  # fmt: skip
    return _table(heads, rows)


def tally_table(tally: TallyFigures) -> str:
    """Write sums and shares."""
    rows = [
        ["Sum, for each ballot", "one multiplication and reduction", *_pair(tally.sum)],
        ["Decryption share with proof", "the same powers, without hiding their time", *_pair(tally.share)],
        [
            f"Verification of a share, in a batch of {tally.shares}",
            "by its own equations",
            *_pair(tally.batch),
        ],
    ]

    return _table(["milliseconds", "naive", "naive takes", "this library", "times"], rows)


def memory_table(figures: Sequence[BallotFigures], memory: dict[str, WorkerMemory]) -> str:
    """Write what is held in memory."""
    rows = [
        [
            one.parameters,
            f"{one.table_bytes / 1e6:.0f} MB",
            f"{one.table_seconds:.2f} s",
            f"{one.table_seconds / one.warm.naive:.1f}",
            f"{memory[one.parameters].idle / 1e6:.0f} MB",
            f"{memory[one.parameters].peak / 1e6:.0f} MB",
            f"{memory[one.parameters].ballots:,}",
        ]
        for one in figures
    ]
    heads = [
        "key", "table", "built in", "as long as … naive ballots", "worker, idle", "worker, peak", "with … ballots",
    ]  # fmt: skip
    return _table(heads, rows)


def _both(figures: Iterable[Figure]) -> list[str]:
    return [cell for one in figures for cell in (_number(one.seconds * 1000), _number(one.times))]


def _naive(figures: Iterable[Figure]) -> list[str]:
    return [cell for one in figures for cell in (_number(one.naive * 1000), "1")]


def _pair(figure: Figure) -> list[str]:
    return [_number(figure.naive * 1000), _number(figure.seconds * 1000), _number(figure.times)]


def _number(value: float) -> str:
    """Write three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_page(page: str, found: dict[str, str]) -> str:
    """Return the page with every measured part replaced."""
    for name, text in found.items():
        pattern = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page, places = pattern.subn(lambda match, text=text: f"{match[1]}{text}\n{match[2]}", page)
        if places != 1:
            raise SystemExit(f"{PAGE.name} has {places} places for «{name}»; give it one.")
    return page


def _note(text: str) -> None:
    sys.stderr.write(f"measuring {text}\n")


def main() -> None:
    """Measure, then write the page."""
    parser = argparse.ArgumentParser(description="Measure, and write the tables of the page on performance.")
    parser.add_argument("--quick", action="store_true", help="measure less; print, and leave the page alone")
    if parser.parse_args().quick:
        for name, text in tables(QUICK).items():
            sys.stdout.write(f"{name}\n{text}\n\n")
        return
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(write_page(page, tables(FULL)), encoding="utf-8")


if __name__ == "__main__":
    main()
