# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as tables on the terminal."""

from __future__ import annotations

from rich.table import Table

from evote.cli.console import console, say
from evote.record.tally import SeatsRecord
from evote.tally.session import Outcome


def print_outcome(outcome: Outcome) -> None:
    """Print votes and seats of every contest."""
    for seats in outcome.seats.values():
        print_seats(seats)


def print_seats(seats: SeatsRecord) -> None:
    """Print one contest: votes and seats by list, blank apart."""
    if seats.withheld:
        say(f"{seats.contest}: too few ballots to open, as sealed.")
        return
    table = Table(
        title=f"{seats.contest}: votes cast {seats.votes_cast}, blank {seats.blank}", title_justify="left"
    )
    table.add_column("List")
    table.add_column("Votes", justify="right")
    table.add_column("Seats", justify="right")
    table.add_column("Elected")
    for one in seats.lists:
        table.add_row(one.list, str(one.votes), str(one.seats), ", ".join(one.elected))
    console.print(table)
    if seats.vacant:
        say(f"{seats.vacant} seat(s) vacant.")
