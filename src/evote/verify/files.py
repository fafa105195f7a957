# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of a record is known, and committed by exactly one entry, by the seal, or by the end.

Spec: REC
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from evote.board.entries import Kind
from evote.board.files import walk_files
from evote.board.record_folder import RecordFolder
from evote.board.tiles import CHECKPOINT, is_log_name
from evote.errors import BoardInconsistency, VerificationError
from evote.record import layout
from evote.record.election import PublicElection
from evote.verify.report import Step

_SINGLE_FILES = {
    Kind.SEAL: layout.SEAL,
    Kind.OPEN: layout.OPEN,
    Kind.CLOSE: layout.CLOSE,
    Kind.END: layout.END,
}
_TALLY_FOLDERS = {Kind.SUM: "sums", Kind.SHARE: "shares", Kind.RESULT: "results"}
_FOLDERS = {**_TALLY_FOLDERS, Kind.EVENT: layout.EVENTS, Kind.AMEND: layout.AMENDMENTS}


def verify_known_files(folder: RecordFolder, election: PublicElection, step: Step) -> None:
    """Refuse every file that a record of this election cannot have; the reader of the log checks the log's own.

    Raises:
        VerificationError: REC-1, through `step`.

    Spec: REC-1
    """
    known = {CHECKPOINT, *_possible_files(election)}
    for entry in walk_files(folder.path):
        name = Path(entry.path).relative_to(folder.path).as_posix()
        of_log = name.startswith(("tile/", "ballots/"))
        possible = of_log or name in known or layout.is_numbered_path(name)
        if not possible or not entry.is_file(follow_symlinks=False):
            with step.finding(name):
                raise VerificationError("This file does not belong into a record.", check="REC-1")


def is_known_file(election: PublicElection, name: str) -> bool:
    """Tell whether a record of this election can have a file of this name; of the log's own, at some size.

    Args:
        election: Its manifest and keys give the names.
        name: Untrusted.

    Spec: REC-1
    """
    known = name == CHECKPOINT or is_log_name(name) or layout.is_numbered_path(name)
    return known or name in _possible_files(election)


def _possible_files(election: PublicElection) -> Iterator[str]:
    manifest = election.manifest
    yield from (layout.SEAL, *layout.SET_UP_FILES, layout.README, layout.OPEN, layout.CLOSE, layout.END)
    yield layout.CLOSING_CHECKPOINT
    for contest in manifest.contests:
        yield layout.seats_path(contest.id)
        yield layout.minutes_path(contest.id)
        yield from (
            layout.profession_path(profession.file) for one in contest.lists for profession in one.professions
        )
    for unit in manifest.counting.units:
        yield layout.sum_path(unit.id)
        yield layout.result_path(unit.id)
        yield from (layout.share_path(unit.id, trustee.id) for trustee in election.keys.trustees)


def verify_entries(
    folder: RecordFolder, entries: Sequence[tuple[Kind, bytes]], step: Step, *, whole: bool
) -> None:
    """Check that entries and files name each other, each once.

    Args:
        folder: The record.
        entries: Kind and digest of every entry that is no ballot.
        step: Takes the findings (REC-3).
        whole: Whether what comes after the closing is looked at.

    Spec: REC-3
    """
    for kind in Kind:
        if kind == Kind.BALLOT or (not whole and kind in (*_TALLY_FOLDERS, Kind.END)):
            continue
        named = Counter(digest for entry_kind, digest in entries if entry_kind == kind)
        for name in _files_of(folder, kind):
            with step.finding(name):
                digest = hashlib.sha256(folder.bytes_of(name)).digest()
                if named[digest] != 1:
                    raise BoardInconsistency("No single entry of the log names this file.", check="REC-3")
                del named[digest]
        if named:
            with step.finding(kind.value):
                raise BoardInconsistency(
                    f"An entry «{kind.value}» of the log names a file that is not there.", check="REC-3"
                )


def _files_of(folder: RecordFolder, kind: Kind) -> list[str]:
    if kind in _FOLDERS:
        return folder.names_in(_FOLDERS[kind])
    name = _SINGLE_FILES.get(kind, "")
    return [name] if name and folder.has(name) else []


def verify_professions(folder: RecordFolder, election: PublicElection, step: Step) -> None:
    """Check the professions de foi against the manifest, and the note to the reader.

    Spec: REC-4, REC-5
    """
    professions = {
        layout.profession_path(profession.file): profession.digest
        for contest in election.manifest.contests
        for one in contest.lists
        for profession in one.professions
    }
    for name, digest in professions.items():
        with step.finding(name):
            if hashlib.sha256(folder.bytes_of(name)).digest() != digest:
                raise VerificationError("The file is not the one that was sealed.", check="REC-4")
    with step.finding(layout.README):
        if folder.bytes_of(layout.README) != layout.README_TEXT:
            raise VerificationError("The note to the reader was altered.", check="REC-5")
