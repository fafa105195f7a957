# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the election office: new, roll, seal, open, publish, close, status."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from evote.board.files import read_bounded
from evote.box import BallotBox, Phase
from evote.box.setup import create_election_folder, import_roll, seal_election
from evote.cli.console import Commands, folder_argument, json_option, moment, say, spoken
from evote.errors import ParameterError, StateError
from evote.manifest.template import cspm_2024

_MAX_ROLL_BYTES = 256 << 20
_HOUR = 3600
_TEMPLATES = {"cspm-2024": cspm_2024}


@click.command()
@folder_argument
@click.option("--template", default="cspm-2024", show_default=True, type=click.Choice(sorted(_TEMPLATES)))
def new(directory: Path, template: str) -> None:
    """Make an election folder with an editable manifest.json.

    Example: evote new election
    """
    opens = (int(time.time()) // _HOUR + 24) * _HOUR
    create_election_folder(directory, _TEMPLATES[template](opens))
    say(
        f"Made {directory}/manifest.json from the template {template}, in mode TEST. Edit it: lists, hours, bureau."
    )
    say(f"Next: evote roll import {directory} voters.csv")


@click.group(cls=Commands)
def roll() -> None:
    """The electoral roll."""


@roll.command(name="import")
@folder_argument
@click.argument("voters", type=click.Path(dir_okay=False, path_type=Path))
def import_(directory: Path, voters: Path) -> None:
    """Import the roll from a CSV file with the columns voter_id,name,contests.

    The third holds contest[:section[:weight]] items, separated by semicolons. Nothing is imported if a line
    is bad; every bad line is named.

    Example: evote roll import election voters.csv
    """
    counted = import_roll(directory, read_bounded(voters, _MAX_ROLL_BYTES))
    say(f"{counted.voters} voters imported, {counted.entitlements} ballots to cast.")
    say(f"Next: evote ceremony deal {directory} --out SHARES, on an offline machine")


@click.command(short_help="Check the whole set-up and seal the election.")
@folder_argument
@click.option("--reason", default="", help="Why an election that was sealed before is sealed again.")
def seal(directory: Path, reason: str) -> None:
    """Check the whole set-up and the empty box, and seal the election.

    Example: evote seal election
    """
    election = seal_election(directory, reason=reason)
    manifest = election.manifest
    say(f"Sealed: {manifest.event}, {manifest.title}, mode {manifest.mode}, {manifest.parameters}.")
    say(
        f"{len(manifest.contests)} contests, {sum(entry.voters for entry in manifest.roll)} ballots to cast at most."
    )
    say("Election id, for comparison aloud:")
    say(f"  {spoken(election.id)}")
    say(f"Next: evote open {directory}, from {moment(manifest.timetable.opens)}")


@click.command(name="open", short_help="Open the vote.")
@folder_argument
def open_(directory: Path) -> None:
    """Open the vote: the box and the attendance list are empty, and that is signed.

    Example: evote open election
    """
    with BallotBox.open(directory) as box:
        act = box.open_vote()
        early = " (before the sealed hour, mode TEST)" if act.early else ""
        say(f"Open since {moment(act.time)}{early}: 0 ballots, 0 attendance marks.")
        say(f"The vote closes {moment(box.public.manifest.timetable.closes)}.")


@click.command()
@folder_argument
@click.option("--watch", is_flag=True, help="Stay and publish at every sealed time until the vote is closed.")
@click.option("--now", "forced", is_flag=True, help="Publish everything at once (mode TEST only).")
def publish(directory: Path, *, watch: bool, forced: bool) -> None:
    """Publish the ballots that are due.

    Example: evote publish election --watch
    """
    if watch and forced:
        raise click.UsageError("Use --watch or --now, not both.")
    with BallotBox.open(directory) as box:
        say(f"{box.publish(forced=forced)} ballots published.")
        while watch and box.phase in (Phase.SEALED, Phase.OPEN, Phase.GRACE):
            time.sleep(5)
            if count := box.publish():
                say(f"{count} ballots published.")


@click.command(short_help="Close the vote.")
@folder_argument
def close(directory: Path) -> None:
    """Close the vote: publish all ballots and commit to the attendance lists.

    Example: evote close election
    """
    with BallotBox.open(directory) as box:
        act = box.close_vote()
        voters = sum(entry.voters for entry in act.marks)
        early = " (before the sealed hour, mode TEST)" if act.early else ""
        say(f"Closed {moment(act.time)}{early}: {voters} ballots, {voters} attendance marks.")
        say(f"Next: evote tally start {directory}")


_NEXT = {
    Phase.DRAFT: "edit manifest.json, then roll import, ceremony, seal",
    Phase.SEALED: "open",
    Phase.OPEN: "publish, and close when the hour has come",
    Phase.GRACE: "close",
    Phase.CLOSED: "tally start, tally decrypt by each trustee, tally finish",
    Phase.TALLIED: "verify",
}


@click.command()
@folder_argument
@json_option
def status(directory: Path, *, as_json: bool) -> None:
    """Say where the election is and what comes next.

    Example: evote status election
    """
    if not (directory / "manifest.json").is_file():
        raise ParameterError(f"{directory} is not an election folder; make one with: evote new {directory}")
    try:
        with BallotBox.open(directory) as box:
            state: dict[str, object] = {
                "phase": box.phase.value,
                "election": box.public.id.hex(),
                "opens": box.public.manifest.timetable.opens,
                "closes": box.public.manifest.timetable.closes,
                "turnout": box.turnout(),
                "next": _NEXT[box.phase],
            }
    except StateError as error:
        if error.check != "ACT-1":
            raise
        state = {"phase": Phase.DRAFT.value, "next": _NEXT[Phase.DRAFT]}
    if as_json:
        say(json.dumps(state, sort_keys=True))
        return
    for name, value in state.items():
        if isinstance(value, dict):
            for contest, count in value.items():
                say(f"{'turnout ' + contest:>20}  {count}")
        else:
            say(f"{name:>20}  {moment(value) if isinstance(value, int) else value}")
