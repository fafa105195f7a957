# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the tally: start, decrypt, finish."""

from __future__ import annotations

import time
from pathlib import Path

import click

from evote.cli.console import (
    Commands,
    actor_option,
    ask_code,
    code_file_option,
    folder_argument,
    moment,
    number_of,
    progress_bar,
    read_share_file,
    say,
    share_option,
    spoken,
    verify_is_no_record,
    waiting,
)
from evote.cli.engine import local_engine, trusting_means, workers_option
from evote.cli.results import print_outcome
from evote.cli.verifier import print_report
from evote.errors import ParameterError, StateError
from evote.keys.share_file import open_key_share
from evote.record import layout
from evote.tally.memory import ServedElections
from evote.tally.opening import describe_need
from evote.tally.session import (
    finish_tally,
    inbox_folder,
    post_decryption_shares,
    posted_trustees,
    start_tally,
)
from evote.verify import VerifiedClosing, audit_record, verify_closing
from evote.verify.sums import needs_opening


@click.group(cls=Commands)
def tally() -> None:
    """The count: sums, decryption by the trustees, results."""


def _describe(closing: VerifiedClosing) -> None:
    to_open = [unit for unit, total in closing.sums.items() if needs_opening(total)]
    sums = number_of(len(to_open), "sum")
    say(f"Closed {moment(closing.closing.time)}. {sums} to open: {', '.join(to_open) or 'none'}.")
    say("Closing root, for comparison aloud:")
    say(f"  {spoken(closing.point.root)}")


@tally.command()
@folder_argument
@workers_option
@actor_option
def start(directory: Path, workers: int | None, actor: str) -> None:
    """Verify everything up to the closing and write the sums.

    Example: evote tally start election
    """
    with local_engine(workers) as engine, progress_bar("Verifying the record") as progress:
        closing = start_tally(directory, progress, trusting_means(engine), actor=actor)
    _describe(closing)
    if (directory / "record" / layout.END).is_file():
        say(f"The tally is finished. Next: evote verify {directory / 'record'}")
    elif any(map(needs_opening, closing.sums.values())):
        say(f"Next: trustees run: evote tally decrypt {directory} --share FILE")
    else:
        say(f"Nobody voted. Next: evote tally finish {directory}")


@tally.command()
@folder_argument
@share_option
@code_file_option
@workers_option
def decrypt(directory: Path, share_file: Path, code_file: Path | None, workers: int | None) -> None:
    """Verify the record, recompute the sums, and post this trustee's decryption shares.

    Run it on the trustee's own machine, with a copy of the record and the share file.

    Example: evote tally decrypt election --share moreau.share
    """
    file = read_share_file(share_file)
    verify_is_no_record(directory)
    if (directory / "record" / layout.END).is_file():
        raise StateError(
            f"The tally is finished; verify it: evote verify {directory / 'record'}", check="END-1"
        )
    with local_engine(workers) as engine, progress_bar("Verifying the record first") as progress:
        closing = verify_closing(directory / "record", progress=progress, means=trusting_means(engine))
    _describe(closing)
    keys = closing.election.keys
    share = open_key_share(keys, file, ask_code(file.header.name, code_file))
    memory = ServedElections.of_share_file(share_file, share.trustee.id, keys.digest())
    with waiting("Decrypting"):
        made = post_decryption_shares(directory, closing, share, memory, time.time())
    trustee = share.trustee
    need = describe_need(keys, posted_trustees(directory, closing))
    say(f"Share of {trustee.name} ({trustee.role}) posted for {number_of(len(made), 'sum')}.")
    say(
        f"It is in {inbox_folder(directory, trustee.id)}: on a machine of your own, give that folder to the bureau."
    )
    say(f"Still needed: {need}." if need else f"A quorum is reached. Next: evote tally finish {directory}")


@tally.command()
@folder_argument
@click.option("--lot", "lots", multiple=True, metavar="CONTEST=LIST,LIST",
              help="A drawing of lots that the bureau made for a tie, in the order drawn.")  # fmt: skip
@workers_option
@actor_option
def finish(directory: Path, lots: tuple[str, ...], workers: int | None, actor: str) -> None:
    """Check the shares, open the sums, write results, seats and minutes, end the log, verify once more.

    Example: evote tally finish election
    """
    drawn = {}
    for lot in lots:
        contest, equals, order = lot.partition("=")
        if not equals:
            raise ParameterError("Write a drawing of lots as CONTEST=LIST,LIST.", check="SEA-6")
        drawn[contest] = tuple(order.split(","))
    with local_engine(workers) as engine, progress_bar("Verifying the record first") as progress:
        outcome = finish_tally(directory, drawn, progress, trusting_means(engine), actor=actor)
    for sentence in outcome.refused:
        say(f"Refused: {sentence}")
    print_outcome(outcome)
    if not outcome.ended:
        say(f"Opened, log not ended: the log's key is not here. The results are in {outcome.folder}.")
        return
    with progress_bar("Verifying the finished record") as progress:
        report = audit_record(directory / "record", progress=progress, means=trusting_means())
    print_report(report)
    raise SystemExit(0 if report.verified else 1)
