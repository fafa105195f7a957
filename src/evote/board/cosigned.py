# SPDX-License-Identifier: GPL-3.0-or-later
"""Cosignatures in a record: counted against the manifest's quorum, and added to the checkpoint that they are of.

Spec: WIT-3, WIT-8, ACT-6
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from evote.board.checkpoint import Checkpoint
from evote.board.files import checkpoint_lock, write_durably
from evote.board.record_folder import RecordFolder
from evote.board.tiles import CHECKPOINT
from evote.crypto.cosignatures import add_cosignatures, read_cosignatures, select_cosignatures
from evote.crypto.notes import MAX_NOTE_BYTES, split_note
from evote.errors import EncodingError, InvalidSignature, VerificationError
from evote.manifest import Manifest
from evote.record import layout


@dataclass(frozen=True, slots=True)
class Cosigned:
    """Who cosigned a checkpoint.

    Attributes:
        path: The file.
        present: Names of the manifest's witnesses that cosigned it, in order.
        missing: Names of the others.
        quorum: How many are needed; 0 where the manifest names no witnesses.
    """

    path: str
    present: tuple[str, ...]
    missing: tuple[str, ...]
    quorum: int

    @property
    def complete(self) -> bool:
        """Whether the quorum is reached."""
        return len(self.present) >= self.quorum

    def __str__(self) -> str:
        total = len(self.present) + len(self.missing)
        missing = f"; missing: {', '.join(self.missing)}" if self.missing else ""
        return (
            f"{len(self.present)} of {total} cosignatures on {self.path}, {self.quorum} are needed{missing}"
        )


def count_cosignatures(record: RecordFolder, manifest: Manifest, path: str) -> Cosigned:
    """Verify and count the manifest's witnesses' cosignatures in a checkpoint file.

    The log's signature, and what the checkpoint says of the log, are verified elsewhere.

    Args:
        record: Untrusted.
        manifest: Names the witnesses.
        path: `checkpoint` or `checkpoints/close`.

    Raises:
        VerificationError: The file is missing (REC-2).
        EncodingError: Not a signed note (BRD-4).
        InvalidSignature: A witness's line is wrong, or there twice (WIT-3).

    Spec: WIT-3
    """
    keys = manifest.witness_keys
    found = read_cosignatures(record.bytes_of(path, MAX_NOTE_BYTES), keys) if keys else {}
    return Cosigned(
        path,
        tuple(key.name for key in keys if key in found),
        tuple(key.name for key in keys if key not in found),
        manifest.witness_quorum,
    )


def verify_cosigned(record: RecordFolder, manifest: Manifest) -> None:
    """Check that the closing checkpoint carries the quorum of cosignatures that the manifest asks for.

    Raises:
        VerificationError: It does not (ACT-6), or the file is missing (REC-2).
        EncodingError: Not a signed note (BRD-4).
        InvalidSignature: A witness's line is wrong (WIT-3).

    Spec: ACT-6
    """
    found = count_cosignatures(record, manifest, layout.CLOSING_CHECKPOINT)
    if not found.complete:
        raise VerificationError(
            f"{found}. Run evote close again, or bring the lines by file: evote board cosign.",
            check="ACT-6",
            subject=layout.CLOSING_CHECKPOINT,
        )


def merge_cosignatures(
    record: RecordFolder, manifest: Manifest, private: Path, lines: Iterable[str]
) -> tuple[str, ...]:
    """Add cosignatures to those of the record's checkpoints that they are of; a line decides by what it signs.

    Lines of unknown keys, over another text, or of witnesses who have cosigned that checkpoint change nothing.
    When the record is ended, `checkpoints/close` is committed to and stays as it is.

    Args:
        record: A record of one's own.
        manifest: Names the witnesses.
        private: The private folder beside the record.
        lines: From anywhere.

    Returns:
        The files to which something was added.

    Raises:
        VerificationError: A checkpoint cannot be read (REC-2), or carries a wrong cosignature (WIT-3).
        StorageError: It cannot be written.

    Spec: WIT-8
    """
    kept, changed = list(lines), []
    with checkpoint_lock(private):
        for path in checkpoint_files(record):
            note = record.bytes_of(path, MAX_NOTE_BYTES)
            merged = add_cosignatures(note, kept, manifest.witness_keys)
            if merged != note:
                write_durably(record.path / path, merged)
                changed.append(path)
    return tuple(changed)


def checkpoint_files(record: RecordFolder) -> list[str]:
    """Return the record's checkpoints that may be cosigned, the one that counts first."""
    closed = record.has(layout.CLOSING_CHECKPOINT) and not record.has(layout.END)
    return [layout.CLOSING_CHECKPOINT, CHECKPOINT] if closed else [CHECKPOINT]


def import_cosignatures(
    record: RecordFolder, manifest: Manifest, private: Path, data: bytes
) -> tuple[str, ...]:
    """Add the cosignatures of a file that a witness sent.

    Args:
        record: A record of one's own.
        manifest: Names the witnesses.
        private: The private folder beside the record.
        data: Notes, or bare signature lines; untrusted.

    Returns:
        The files to which something was added; none if all of it was there.

    Raises:
        EncodingError: Not text (BRD-4).
        InvalidSignature: No line is a cosignature, by a witness of the manifest, of a checkpoint of this record
            (WIT-8).
        VerificationError: As in `merge_cosignatures`.

    Spec: WIT-8
    """
    try:
        lines = [line for line in data.decode().split("\n") if line.startswith("\u2014 ")]
    except UnicodeDecodeError:
        raise EncodingError("This is not a file of cosignatures: it is not text.", check="BRD-4") from None
    changed = merge_cosignatures(record, manifest, private, lines)
    if not changed and not any(_selected(record, manifest, path, lines) for path in checkpoint_files(record)):
        sizes = " and ".join(f"{path} ({_size(record, path)} entries)" for path in checkpoint_files(record))
        raise InvalidSignature(
            f"No line of this file is a cosignature, by a witness of the manifest, of {sizes}.", check="WIT-8"
        )
    return changed


def _selected(record: RecordFolder, manifest: Manifest, path: str, lines: list[str]) -> bool:
    text, _ = split_note(record.bytes_of(path, MAX_NOTE_BYTES))
    return bool(select_cosignatures(text, lines, manifest.witness_keys))


def _size(record: RecordFolder, path: str) -> int:
    return Checkpoint.from_text(split_note(record.bytes_of(path, MAX_NOTE_BYTES))[0]).size
