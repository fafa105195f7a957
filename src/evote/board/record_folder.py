# SPDX-License-Identifier: GPL-3.0-or-later
"""The record on disk: one folder, every file typed and bounded.

Spec: REC
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from evote.board.checkpoint import Checkpoint
from evote.board.files import printable, read_bounded, walk_files, write_durably
from evote.board.reader import LogReader, read_checkpoint
from evote.crypto.notes import NoteKey
from evote.encoding import Document
from evote.errors import EncodingError, StateError, StorageError, VerificationError
from evote.manifest import Manifest
from evote.record import layout
from evote.record.acts import Seal
from evote.record.amendments import Amendment
from evote.record.election import PublicElection
from evote.record.keys import KeyRecord

MAX_FILE_BYTES = 64 << 20
AnyDocument = TypeVar("AnyDocument", bound=Document)


class RecordFolder:
    """A record on disk.

    Attributes:
        path: The folder; what it holds is untrusted.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def has(self, name: str) -> bool:
        """Tell whether a file is there."""
        return os.path.isfile(self.path / name)  # noqa: PTH113 - False, not an error, where it cannot be looked at

    def bytes_of(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """Read a file.

        Raises:
            VerificationError: It is missing, not a plain file, too long or not readable (REC-2).
        """
        try:
            return read_bounded(self.path / name, limit)
        except StorageError:
            raise VerificationError(
                f"{printable(name)} is missing, too long or not readable.", check="REC-2", subject=name
            ) from None

    def read(self, name: str, kind: type[AnyDocument]) -> AnyDocument:
        """Read a published object.

        Raises:
            VerificationError: See `bytes_of` (REC-2).
            EncodingError: Not the canonical bytes of this kind (ENC); `subject` is the file.
        """
        try:
            return kind.from_bytes(self.bytes_of(name, kind.max_bytes))
        except EncodingError as error:
            error.subject = name
            raise

    def write(self, name: str, document: Document) -> bytes:
        """Write a published object durably and return its bytes."""
        data = document.to_bytes()
        write_durably(self.path / name, data)
        return data

    def files(self) -> Iterator[str]:
        """Yield the relative path of everything that is not a folder.

        Raises:
            StorageError: The folder cannot be read.
        """
        for entry in walk_files(self.path):
            yield Path(entry.path).relative_to(self.path).as_posix()

    def names_in(self, folder: str) -> list[str]:
        """Return the relative paths of all files under a subfolder, sorted."""
        return sorted(name for name in self.files() if name.startswith(folder + "/"))

    def election(self) -> PublicElection:
        """Read seal, manifest, keys and amendments.

        Raises:
            StateError: Nothing is sealed here (ACT-1).
            VerificationError: A file is missing, or the seal names others (REC-2, ACT-1).
            EncodingError: A file is not canonical (ENC).
        """
        if not self.has(layout.SEAL):
            where = printable(self.path)
            hint = f"{where} does not exist"
            if (self.path / "record" / layout.SEAL).is_file():
                hint = f"{where} is an election folder; its record is {printable(self.path / 'record')}"
            elif (self.path.parent / "private").is_dir():
                status = f"evote status {printable(self.path.parent)} says what comes next"
                hint = f"The election is not sealed yet; {status}"
            elif self.path.exists():
                hint = f"{where} holds no sealed election: there is no {layout.SEAL}"
            raise StateError(f"{hint}.", check="ACT-1")
        return PublicElection(
            self.read(layout.SEAL, Seal),
            self.read(layout.MANIFEST, Manifest),
            self.read(layout.KEYS, KeyRecord),
            tuple(self._amendments()),
        )

    def _amendments(self) -> Iterator[Amendment]:
        for number in range(1, layout.MAX_AMENDMENTS + 1):
            name = layout.amendment_path(number)
            if not self.has(name):
                return
            yield self.read(name, Amendment)

    def log(self, election: PublicElection) -> LogReader:
        """Open the log under the key that the seal pins."""
        return LogReader(self.path, log_key(election))

    def closing_checkpoint(self, election: PublicElection) -> Checkpoint:
        """Read the closing checkpoint; its signature is checked, its place in the log is not."""
        return read_checkpoint(self.path / layout.CLOSING_CHECKPOINT, log_key(election))


def log_key(election: PublicElection) -> NoteKey:
    """Return the log's key as the seal pins it.

    Raises:
        VerificationError: It has another name than the manifest's origin (ACT-1).
    """
    key = NoteKey.from_text(election.seal.log_key)
    if key.name != election.manifest.origin:
        raise VerificationError(
            "The log's key is not named after the origin.", check="ACT-1", subject=layout.SEAL
        )
    return key
