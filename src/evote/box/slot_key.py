# SPDX-License-Identifier: GPL-3.0-or-later
"""The slot key: what ties voters, sealed ballots and published ballots together, until it is destroyed.

Under it a ballot is sealed until it is published, and the tickets of unfinished casts are made. It lies in files
outside both databases, their archives and their backups, and is replaced after every publication: from then on
nobody, with whatever copies of the databases, can tell which sealed ballot became which published one.

Spec: BOX-4, BOX-6
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
from evote.box.ports import SealedBallot
from evote.crypto.sealing import open_under, seal_under
from evote.errors import StateError, StorageError

FILE: Final = "slot.key"
_NEXT: Final = "slot.key.next"
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

    def ticket(self, name: bytes) -> bytes:
        """Return the ticket of a cast, from the name of its ballot; it is no name that the box holds."""
        return self._derive(b"ticket", name)

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

    Args:
        folders: The private folder and any spare ones, on other disks.

    Spec: BOX-6
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    def current(self) -> SlotKey:
        """Return the key in `slot.key`; whether it is the box's own, the box's state says.

        Raises:
            StateError: There is none (BOX-6).
        """
        for path in self._paths(FILE):
            if (key := _read(path)) is not None:
                return key
        raise _missing()

    def prepare(self) -> SlotKey:
        """Make a new key, durable beside the current one, which stays until `settle`."""
        key = SlotKey(secrets.token_bytes(_KEY_BYTES))
        for path in self._paths(_NEXT):
            write_durably(path, key.key, mode=0o600)
        return key

    def settle(self, mark: bytes) -> None:
        """Make the key with this mark the only one; erase every other.

        Raises:
            StateError: It is not there: the ballots in the box cannot be read without it (BOX-6).
        """
        found = [(path, _read(path)) for path in self._paths(FILE, _NEXT)]
        key = next((key for _, key in found if key is not None and key.mark == mark), None)
        if key is None:
            raise _missing()
        if [one for _, one in found] == [*([key] * len(self._folders)), *([None] * len(self._folders))]:
            return
        for path, other in found:
            if other != key:
                _erase(path)
        for path in self._paths(FILE):
            write_durably(path, key.key, mode=0o600)
        for path in self._paths(_NEXT):
            _erase(path)
            remove_file(path)

    def destroy(self) -> None:
        """Erase every key for good."""
        for path in self._paths(FILE, _NEXT):
            _erase(path)
            remove_file(path)

    def _paths(self, *names: str) -> Iterator[Path]:
        yield from (folder / name for name in names for folder in self._folders)


def _missing() -> StateError:
    return StateError(
        "The slot key that belongs to the box is missing: bring back private/slot.key, or its spare copy. If "
        "register or box were restored from a backup, bring back the newest ones.",
        check="BOX-6",
    )


def _read(path: Path) -> SlotKey | None:
    if not path.is_file():
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
