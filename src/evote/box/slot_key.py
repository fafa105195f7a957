# SPDX-License-Identifier: GPL-3.0-or-later
"""The slot key: what ties voters, sealed ballots and published ballots together, until it is destroyed.

Under it a ballot is sealed until it is published, and the tickets of unfinished casts are made. It lies in files
outside both databases, their archives and their backups, and is replaced after every publication: from then on
nobody, with whatever copies of the databases, can tell which sealed ballot became which published one.

Spec: BOX-4, BOX-15
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from evote.board.files import printable, read_bounded, remove_file, write_durably
from evote.box.ports import SealedBallot, SealedHead
from evote.crypto.sealing import open_under, seal_under
from evote.errors import StateError, StorageError

FILE: Final = "slot.key"
_NEXT: Final = "slot.key.next"
SPARE_MARK: Final = "evote-spare"
_KEY_BYTES: Final = 32
_MARK_BYTES: Final = 8
_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SlotKey:
    """One slot key; secret.

    Attributes:
        key: 32 random bytes.
    """

    key: bytes = field(repr=False)

    def _derive(self, purpose: bytes, data: bytes = b"") -> bytes:
        return hmac.digest(self.key, purpose + b"\x00" + data, hashlib.sha256)

    @property
    def mark(self) -> bytes:
        """Tells slot keys apart: 8 bytes, public."""
        return hashlib.sha256(b"evote/v1/slot-key" + self.key).digest()[:_MARK_BYTES]

    def name(self, digest: bytes) -> bytes:
        """Return the name of a sealed ballot, from the SHA-256 of its bytes."""
        return self._derive(b"ballot", digest)

    def ticket(self, head: SealedHead) -> bytes:
        """Return the ticket of a cast: of this ballot, sealed by this cast and by no other.

        A second cast of the same bytes has another nonce, so that its ticket never fits the first one's ballot.
        """
        return self._derive(b"ticket", head.key + head.nonce)

    def seal(self, body: bytes, square: bytes, slot: int) -> SealedBallot:
        """Seal a ballot.

        Args:
            body: Its canonical bytes.
            square: Digest of c^2 mod n^2, 32 bytes.
            slot: The time at which it is published.

        Spec: BOX-4
        """
        name = self.name(hashlib.sha256(body).digest())
        sealed = seal_under(self._derive(b"seal"), square + body, name)
        return SealedBallot(name, self._derive(b"square", square), slot, sealed)

    def open(self, ballot: SealedBallot) -> tuple[bytes, bytes]:
        """Return square digest and bytes of a sealed ballot.

        Raises:
            StateError: It was altered (BOX-4).

        Spec: BOX-4
        """
        try:
            data = open_under(self._derive(b"seal"), ballot.sealed, ballot.key)
        except StateError:
            raise StateError(
                "A ballot in the box was altered or removed.", check="BOX-4", subject=ballot.key.hex()
            ) from None
        return data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]


class SlotKeyFiles:
    """The slot key on disk: `slot.key`, and `slot.key.next` while it is being replaced, in each folder.

    The box's state says which key is the right one; whatever a crash leaves, `settle` finds it.

    A spare folder is one that `mark_spare` has marked; while its mark is not to be seen (the disk is away), it is
    left out, never made.

    Args:
        private: The private folder.
        spare: A folder on another disk, or None.

    Spec: BOX-15
    """

    def __init__(self, private: Path, spare: Path | None = None) -> None:
        self._private = private
        self._spare = spare

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (self._private,) if self._spare is None or self.spare_is_away else (self._private, self._spare)

    @property
    def spare_is_away(self) -> bool:
        """Whether a spare folder is named and cannot be seen: an old key may lie there."""
        return self._spare is not None and not os.path.isfile(self._spare / SPARE_MARK)  # noqa: PTH113 - no error

    def current(self) -> SlotKey:
        """Return the key in `slot.key`; whether it is the box's own, the box's state says.

        Raises:
            StateError: There is none (BOX-15).
        """
        if (key := self.find()) is None:
            raise _missing()
        return key

    def find(self) -> SlotKey | None:
        """Return the key in `slot.key`, or None: then `settle` may find it where a crash left it."""
        return next(filter(None, (_read(path) for path in _paths(self._folders, FILE))), None)

    def prepare(self) -> SlotKey:
        """Make a new key, durable beside the current one, which stays until `settle`."""
        key = SlotKey(secrets.token_bytes(_KEY_BYTES))
        for path in _paths(self._folders, _NEXT):
            _write(path, key)
        return key

    def settle(self, mark: bytes) -> None:
        """Make the key with this mark the only one; erase every other.

        Raises:
            StateError: It is not there: the ballots in the box cannot be read without it (BOX-15).
        """
        folders = self._folders
        found = {path: _read(path) for path in _paths(folders, FILE, _NEXT)}
        key = next((key for key in found.values() if key is not None and key.mark == mark), None)
        if key is None:
            raise _missing()
        _erase_unfinished(folders)
        if [found[path] for path in _paths(folders, FILE)] != [key] * len(folders):
            for path, other in found.items():
                if other != key:
                    _erase(path)
            for path in _paths(folders, FILE):
                _write(path, key)
        for path in _paths(folders, _NEXT):
            _remove(path)

    def destroy(self) -> None:
        """Erase every key for good."""
        _erase_unfinished(self._folders)
        for path in _paths(self._folders, FILE, _NEXT):
            _remove(path)


def _paths(folders: Sequence[Path], *names: str) -> Iterator[Path]:
    yield from (folder / name for name in names for folder in folders)


def _erase_unfinished(folders: Sequence[Path]) -> None:
    """Erase what a crash left of writing a key."""
    for folder in folders:
        for path in folder.glob(f".{FILE}*.tmp"):
            _remove(path)


def _remove(path: Path) -> None:
    """Erase a key and remove its file."""
    _erase(path)
    remove_file(path)


def _missing() -> StateError:
    return StateError(
        "The slot key that belongs to the box is missing: bring back private/slot.key, or its spare copy. If "
        "register or box were restored from a backup, bring back the newest ones.",
        check="BOX-15",
    )


def mark_spare(folder: Path) -> None:
    """Mark a folder that exists as one for spare copies of the slot key.

    Raises:
        StorageError: It does not exist, or cannot be written (BOX-15).
    """
    if not folder.is_dir():
        raise StorageError(f"{printable(folder)} is no folder; make it first.", check="BOX-15")
    write_durably(folder / SPARE_MARK, b"Spare copies of the slot key; in no backup.\n", mode=0o600)


def _write(path: Path, key: SlotKey) -> None:
    write_durably(path, key.key, mode=0o600)


def _read(path: Path) -> SlotKey | None:
    if not os.path.isfile(path):  # noqa: PTH113 - False, not an error, where it cannot be looked at
        return None
    data = read_bounded(path, _KEY_BYTES)
    return SlotKey(data) if len(data) == _KEY_BYTES and any(data) else None


def _erase(path: Path) -> None:
    """Overwrite a key where it lies, as far as the file system does that."""
    try:
        if path.exists():
            with path.open("r+b") as file:
                file.write(bytes(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        name = printable(path)
        raise StorageError(f"{name}: {error.strerror}.", subject=name) from None
