# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on a published log: cosign, monitor."""

from __future__ import annotations

from pathlib import Path

import click

from evote.board.cosigned import count_cosignatures, import_cosignatures
from evote.board.files import read_bounded
from evote.board.monitor import open_place, sealed_log_key, watch_log
from evote.board.record_folder import RecordFolder
from evote.cli.console import (
    Commands,
    Refusal,
    folder_argument,
    number_of,
    say,
    sentence_of,
    spoken,
    verify_is_no_record,
)
from evote.crypto.notes import MAX_NOTE_BYTES, NoteKey
from evote.errors import EvoteError, StateError
from evote.record import layout


class Unseen(Refusal):
    """What keeps a monitor from comparing; exit status 2, as nothing was found against the log."""

    exit_code = 2


@click.group(cls=Commands)
def board() -> None:
    """The public log: witnesses' cosignatures, and watching it."""


@board.command()
@folder_argument
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def cosign(directory: Path, file: Path) -> None:
    """Add to the record the cosignatures that a witness sent in a file.

    Each goes to the checkpoint that it is of, if it verifies; to no other.

    Example: evote board cosign election cosignature.txt
    """
    verify_is_no_record(directory)
    record = RecordFolder(directory / "record")
    manifest = record.election().manifest
    if not manifest.witnesses:
        raise StateError("The manifest names no witnesses; there is nothing to add.", check="WIT-8")
    changed = import_cosignatures(record, manifest, directory / "private", read_bounded(file, MAX_NOTE_BYTES))
    say(f"Added to {' and '.join(changed)}." if changed else "All of it was there already.")
    if record.has(layout.CLOSING_CHECKPOINT):
        found = count_cosignatures(record, manifest, layout.CLOSING_CHECKPOINT)
        say(f"{found}.")
        if found.complete:
            say(f"Next: evote tally start {directory}")


@board.command()
@click.argument("place")
@click.option("--saved", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="Where the checkpoint is kept from run to run; the first run makes it.")  # fmt: skip
@click.option("--key", "pinned", default="", metavar="KEY",
              help="Key of the log, as text; by default the one that the record's seal names.")  # fmt: skip
def monitor(place: str, saved: Path, pinned: str) -> None:
    """Check that a published log, in a folder or on the web, continues the checkpoint saved before.

    Exit status 1 if it does not; then both checkpoints are kept as evidence, in FILE and FILE.conflict. Exit
    status 2 if it could not be compared: the place does not answer, or a file is not right.

    Example: evote board monitor https://vote.example/record --saved checkpoint.saved
    """
    fetch = open_place(place)
    try:
        key = NoteKey.from_text(pinned) if pinned else sealed_log_key(fetch)
        found = watch_log(fetch, key, saved)
    except EvoteError as error:
        if error.check == "BRD-15":
            raise
        raise Unseen(sentence_of(error)) from error
    head = found.current
    if found.saved is None:
        say(f"First run: {head.origin} with {number_of(head.size, 'entry', 'entries')} is saved in {saved}.")
        say(f"Its key: {key.to_text()}")
    else:
        grown = head.size - found.saved.size
        entries = number_of(head.size, "entry", "entries")
        say(f"{head.origin} only grew: {entries}, {grown} more than saved. Saved in {saved}.")
    say("Root, for comparison aloud:")
    say(f"  {spoken(head.root)}")
