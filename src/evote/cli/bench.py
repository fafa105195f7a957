# SPDX-License-Identifier: GPL-3.0-or-later
"""`evote bench`: what this machine takes, beside the naive way measured in the same run."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from typing import Final

import click
from rich.table import Table

from evote.cli.console import console, json_option, progress_bar, say
from evote.cli.measures import Bench, Figure, Progress, Task, in_turns, machine, table_memory
from evote.crypto.fixed_base import base_table
from evote.crypto.integers import product
from evote.params import DEFAULT_PARAMETERS, MAX_OPTIONS, PARAMETER_NAMES

_BATCHES: Final = (100, 1000)
_LARGEST_BATCH: Final = 10_000
_ROUNDS: Final = 5
_SUMMED: Final = 1000
_TITLES: Final = {
    "encrypt_table": "Encryption with proof, by the table",
    "encrypt_cold": "Encryption with proof, one ballot without the table",
    "verify_cast": "Verification of one ballot as at cast",
    "verify_alone": "Verification one by one, the reference",
    "sum": "Sum, for each ballot",
    "share": "Decryption share with proof",
}


@dataclass(frozen=True, slots=True)
class _Results:
    """What `evote bench` found.

    Attributes:
        figures: Name -> figure.
        naive: Seconds of the naive way, `prove` and `verify`.
        table_bytes: Memory of the table.
        table_seconds: What it took to build.
        ballot_bytes: Length of a ballot.
    """

    figures: dict[str, Figure]
    naive: dict[str, float]
    table_bytes: int
    table_seconds: float
    ballot_bytes: int


@click.command(short_help="Measure this machine.")
@click.option(
    "--parameters", default=DEFAULT_PARAMETERS, show_default=True, type=click.Choice(PARAMETER_NAMES)
)
@click.option(
    "--lists", default=10, show_default=True, type=click.IntRange(1, MAX_OPTIONS - 1),
    help="Lists in the contest, besides blank.",
)  # fmt: skip
@click.option(
    "--ballots", "batches", multiple=True, default=_BATCHES, show_default=True,
    type=click.IntRange(2, _LARGEST_BATCH), metavar="N", help="Ballots in a batch; may be given several times.",
)  # fmt: skip
@click.option(
    "--rounds", default=_ROUNDS, show_default=True, type=click.IntRange(1, 1000),
    help="How often each thing is measured; the least time counts.",
)  # fmt: skip
@json_option
def bench(parameters: str, lists: int, batches: tuple[int, ...], rounds: int, *, as_json: bool) -> None:
    """Measure encryption and verification on one core of this machine, with a stand-in key.

    The naive way takes, for each option of a ballot, one power with a full and one with a 256-bit exponent modulo
    n squared. It is measured in turns with everything else, and every figure is given as times the naive way too.

    Example: evote bench --ballots 1000
    """
    sizes = tuple(sorted(set(batches)))
    subject = Bench(parameters, lists, max(sizes))
    with progress_bar("Measuring") as progress:
        results = _measure(subject, sizes, rounds, progress)
    if as_json:
        say(json.dumps(_as_dict(results, parameters, lists, rounds), sort_keys=True, ensure_ascii=False))
    else:
        _print(results, parameters, lists)


def _measure(bench: Bench, sizes: tuple[int, ...], rounds: int, progress: Progress) -> _Results:
    """Build the table, make the ballots, measure."""
    start = time.perf_counter()
    powers = base_table(bench.key)
    table_seconds = time.perf_counter() - start
    ballots = []
    for number in range(max(sizes)):
        ballots.append(bench.encrypt(number, powers))
        progress("ballots", number + 1, max(sizes))
    ciphertexts = [bench.read(ballot)[0].ciphertext for ballot in ballots[:_SUMMED]]
    tasks: dict[str, Task] = {
        "naive_prove": bench.naive.prove,
        "encrypt_table": partial(bench.encrypt, 1, powers),
        "encrypt_cold": partial(bench.encrypt, 1),
        "naive_verify": bench.naive.verify,
        "verify_cast": partial(bench.verify_at_cast, ballots[0]),
        "verify_alone": partial(bench.verify_alone, ballots[0]),
        **{f"verify_batch_{size}": partial(bench.verify_batch, ballots[:size]) for size in sizes},
        "naive_sum": partial(product, ciphertexts, bench.key.square),
        "sum": partial(bench.add_up, ciphertexts),
        "naive_share": partial(bench.decrypt_naively, ciphertexts[0]),
        "share": partial(bench.decrypt, ciphertexts[0]),
    }
    least = in_turns(tasks, rounds, progress)
    prove, verify = least["naive_prove"], least["naive_verify"]
    figures = {
        "encrypt_table": Figure(least["encrypt_table"], prove),
        "encrypt_cold": Figure(least["encrypt_cold"], prove),
        "verify_cast": Figure(least["verify_cast"], verify),
        "verify_alone": Figure(least["verify_alone"], verify),
        **{name: Figure(least[name] / size, verify) for name, size in _batch_names(sizes).items()},
        "sum": Figure(least["sum"] / len(ciphertexts), least["naive_sum"] / len(ciphertexts)),
        "share": Figure(least["share"], least["naive_share"]),
    }
    naive = {"prove": prove, "verify": verify}
    return _Results(figures, naive, table_memory(bench.key), table_seconds, len(ballots[0]))


def _batch_names(sizes: tuple[int, ...]) -> dict[str, int]:
    return {f"verify_batch_{size}": size for size in sizes}


def _print(results: _Results, parameters: str, lists: int) -> None:
    table = Table(title=f"{parameters}, {lists} lists and blank, one core", title_justify="left")
    table.add_column("For one ballot or share")
    for column in ("ms", "times naive"):
        table.add_column(column, justify="right")
    naive = results.naive
    table.add_row("Encryption with proof, the naive way", _number(naive["prove"] * 1000), "1")
    table.add_row("Verification, the naive way", _number(naive["verify"] * 1000), "1")
    for name, figure in results.figures.items():
        title = _TITLES.get(name) or f"Verification in a batch of {int(name.rpartition('_')[2]):,}"
        table.add_row(title, _number(figure.seconds * 1000), _number(figure.times))
    console.print(table)
    built, once = results.table_seconds, results.table_seconds / naive["prove"]
    say(
        f"Table: {results.table_bytes / 1e6:.0f} MB, built in {_number(built * 1000)} ms, as long as "
        f"{_number(once)} ballots by the naive way. A ballot has {results.ballot_bytes:,} bytes."
    )
    say(f"{', '.join(f'{name} {value}' for name, value in machine().items())}")


def _number(value: float) -> str:
    """Write three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def _as_dict(results: _Results, parameters: str, lists: int, rounds: int) -> dict[str, object]:
    return {
        "parameters": parameters,
        "lists": lists,
        "rounds": rounds,
        "ballot_bytes": results.ballot_bytes,
        "machine": machine(),
        "naive": {f"{name}_ms": seconds * 1000 for name, seconds in results.naive.items()},
        "figures": {
            name: {"ms": figure.seconds * 1000, "times": figure.times}
            for name, figure in results.figures.items()
        },
        "table": {
            "bytes": results.table_bytes,
            "build_ms": results.table_seconds * 1000,
            "naive_ballots": results.table_seconds / results.naive["prove"],
        },
    }
