# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing a checkpoint that was saved with the one that is published now, from a folder or over the web.

Spec: WIT-9, BRD-15
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evote.board.checkpoint import Checkpoint
from evote.board.fetch import ask_server
from evote.board.files import printable, read_bounded, write_durably
from evote.board.tiles import CHECKPOINT, TILE_BYTES, tile_nodes
from evote.crypto.merkle import tree_consistency, tree_root, verify_consistency
from evote.crypto.notes import MAX_NOTE_BYTES, NoteKey
from evote.errors import BoardInconsistency, EncodingError, InvalidSignature, StorageError
from evote.record import layout
from evote.record.acts import Seal

SECONDS = 10.0
Fetch = Callable[[str, int], bytes]
"""(path in the record, greatest size) -> bytes; raises StorageError."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a comparison found.

    Attributes:
        saved: The checkpoint that was saved before; None at the first run.
        current: The one that is published now, which is saved now.
    """

    saved: Checkpoint | None
    current: Checkpoint


def open_place(place: str) -> Fetch:
    """Return what reads the files of a record, in a folder or below an http(s) address.

    Args:
        place: Folder or address; what it holds is untrusted.
    """
    if not place.startswith(("http://", "https://")):
        return lambda path, limit: read_bounded(Path(place) / path, limit)
    base = place.rstrip("/")

    def fetch(path: str, limit: int) -> bytes:
        answer = ask_server(f"{base}/{path}", limit, SECONDS)
        if answer.status != 200:
            raise StorageError(f"{printable(base)}/{path}: status {answer.status}.", subject=path)
        return answer.body

    return fetch


def sealed_log_key(fetch: Fetch) -> NoteKey:
    """Return the log's key that the record's own seal names.

    Raises:
        StorageError: There is no seal.
        EncodingError: It is none (ENC), or names no key (BRD-5).
    """
    return NoteKey.from_text(Seal.from_bytes(fetch(layout.SEAL, Seal.max_bytes)).log_key)


def watch_log(fetch: Fetch, key: NoteKey, saved_file: Path) -> Watch:
    """Verify that the published log continues the checkpoint that was saved, then save the published one.

    If it does not, the saved file stays as it is and the published note is kept beside it, as `<file>.conflict`.

    Args:
        fetch: From `open_place`.
        key: The log's key, pinned by who watches.
        saved_file: Holds the checkpoint note of the last run; made at the first one.

    Raises:
        StorageError: A file cannot be read or written, or the place does not answer.
        EncodingError: Not a checkpoint (BRD-4, BRD-7).
        InvalidSignature: The log's key did not sign it, or not the saved one (BRD-6).
        BoardInconsistency: Another history, or fewer entries (BRD-15): both notes are kept. Tiles that do not give
            the published root (BRD-3, BRD-10): nothing can be said.

    Spec: WIT-9
    """
    note = fetch(CHECKPOINT, MAX_NOTE_BYTES)
    current = Checkpoint.from_note(note, key)
    saved = _read_saved(saved_file, key) if saved_file.exists() else None
    if saved is not None and (reason := _difference(saved, current, fetch)):
        conflict = saved_file.with_name(saved_file.name + ".conflict")
        if not conflict.exists():  # the first one found is evidence enough
            write_durably(conflict, note)
        raise BoardInconsistency(
            f"The published log {reason}. The log's key has signed both checkpoints: keep {printable(saved_file)} and "
            f"{printable(conflict)}, they are the evidence.",
            check="BRD-15",
            subject=CHECKPOINT,
        )
    write_durably(saved_file, note)
    return Watch(saved, current)


def _read_saved(path: Path, key: NoteKey) -> Checkpoint:
    try:
        return Checkpoint.from_note(read_bounded(path, MAX_NOTE_BYTES), key)
    except (InvalidSignature, BoardInconsistency):
        raise InvalidSignature(
            f"{printable(path)} was not signed by the key of this log: it is of another log, or the election was "
            "sealed again. Keep the file, and give another one for this log.",
            check="BRD-6",
            subject=printable(path),
        ) from None
    except EncodingError:
        raise EncodingError(
            f"{printable(path)} is not a checkpoint.", check="BRD-7", subject=printable(path)
        ) from None


def _difference(saved: Checkpoint, current: Checkpoint, fetch: Fetch) -> str:
    """Return how the log does not continue the saved checkpoint, or ""."""
    if current.size < saved.size:
        return f"has lost entries: {saved.size} before, {current.size} now"
    root = current.root
    if current.size > saved.size:
        nodes = tile_nodes(current.size, cache(lambda path: fetch(path, TILE_BYTES)))
        root = tree_root(saved.size, nodes)
        proof = tree_consistency(saved.size, current.size, nodes)
        verify_consistency(saved.size, root, current.size, current.root, proof)
    return "" if root == saved.root else f"is of another history: its first {saved.size} entries are others"
