# SPDX-License-Identifier: GPL-3.0-or-later
"""`evote events`: the log of operations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from evote.board.files import printable
from evote.board.journal import Journal, read_chain
from evote.cli.console import json_option, moment, say
from evote.errors import StateError
from evote.record import layout
from evote.record.events import Event


def _events_in(folder: Path) -> Iterator[Event]:
    """Yield the events of an election folder, or of a record."""
    if (folder / "private").is_dir():
        yield from Journal(folder / "private").events()
        return
    if not (folder / layout.SEAL).is_file():
        raise StateError(f"{printable(folder)} is neither an election folder nor a record.", check="ACT-1")
    for event, _ in read_chain(folder / layout.EVENTS):
        yield event


@click.command(short_help="Print the log of operations.")
@click.argument("folder", metavar="DIR|RECORD", type=click.Path(file_okay=False, path_type=Path))
@json_option
def events(folder: Path, *, as_json: bool) -> None:
    """Print what was done on the system, by whom, when and why: of an election folder, or of a record.

    The chain is checked here; that a record's events are those of its log, evote verify checks.

    Example: evote events election
    """
    found = list(_events_in(folder))
    if as_json:
        rows = [one.model_dump(mode="json") for one in found]
        say(json.dumps({"events": rows}, sort_keys=True, ensure_ascii=False))
        return
    for one in found:
        reason = f" Reason: {one.reason}" if one.reason else ""
        say(
            f"{one.number:>6}  {moment(one.time)}  {one.operation}, {one.actor}. {one.detail}{reason}".rstrip()
        )
