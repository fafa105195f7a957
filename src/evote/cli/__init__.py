# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: one module a role; parse, call one function, print."""

from __future__ import annotations

import click

from evote.cli.bench import bench
from evote.cli.board import board
from evote.cli.ceremony import ceremony
from evote.cli.console import Commands
from evote.cli.demo import demo
from evote.cli.office import close, new, open_, publish, roll, seal, status
from evote.cli.tally import tally
from evote.cli.verifier import verify
from evote.cli.voter import check, vote
from evote.cli.witness import witness


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="evote", message="evote %(version)s")
def main() -> None:
    """Verifiable elections by list ballot.

    Commissioners: new, roll, ceremony, seal, open, status, publish, close, tally. Voters: vote, check.
    Anybody: verify, board monitor, witness, bench. To see a whole election first: evote demo.
    """


for command in (
    new,
    roll,
    ceremony,
    seal,
    open_,
    status,
    vote,
    publish,
    check,
    close,
    tally,
    verify,
    board,
    witness,
    demo,
    bench,
):
    main.add_command(command)
