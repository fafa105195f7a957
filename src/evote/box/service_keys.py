# SPDX-License-Identifier: GPL-3.0-or-later
"""The service's own secrets: keys of log, reference and register, the slot key, and the lock of the box.

Spec: BOX-5, BOX-6
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evote.board.files import hold_lock, make_folder, printable, read_bounded, remove_file, write_durably
from evote.crypto.notes import NoteSigner
from evote.errors import StateError, StorageError

KEY_FILES: Final = {"log.key": "", "reference.key": "/reference", "register.key": "/register"}
_SLOT_KEY: Final = "slot.key"
_SLOT_KEY_BYTES: Final = 32
_LOCK: Final = "box.lock"


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """The three signing keys of the service; secret.

    Attributes:
        log: Signs checkpoints; its name is the origin.
        reference: Signs ballot references.
        register: Signs opening, closing and proofs of attendance.
    """

    log: NoteSigner
    reference: NoteSigner
    register: NoteSigner


def create_service_keys(private: Path, origin: str) -> ServiceKeys:
    """Make the service's keys; those that are there stay, under the names that the origin gives them.

    Args:
        private: The private folder; made if it is missing.
        origin: The manifest's origin.

    Raises:
        StorageError: A key cannot be read or written.

    Spec: BOX-5
    """
    try:
        make_folder(private, mode=0o700)
    except OSError as error:
        raise StorageError(f"{printable(private)}: {error.strerror}.", subject=printable(private)) from None
    for file, suffix in KEY_FILES.items():
        path, name = private / file, origin + suffix
        if not path.exists():
            NoteSigner.generate(name).save(path)
        elif (found := NoteSigner.load(path)).name != name:
            _rename_key(path, NoteSigner(name, found.key))
    return load_service_keys(private, origin)


def _rename_key(path: Path, signer: NoteSigner) -> None:
    """Write a key under another name: the origin was edited before anything was signed."""
    fresh = path.with_name(path.name + ".new")
    remove_file(fresh)
    signer.save(fresh)
    try:
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"{printable(path)}: {error.strerror}.", subject=printable(path)) from None


def load_service_keys(private: Path, origin: str) -> ServiceKeys:
    """Read the service's keys.

    Raises:
        StorageError: A key is missing or cannot be read.
        EncodingError: A file is not a key (BRD-5).
        StateError: A key belongs to another origin (BOX-5).

    Spec: BOX-5
    """
    signers = []
    for file, suffix in KEY_FILES.items():
        signer = NoteSigner.load(private / file)
        if signer.name != origin + suffix:
            raise StateError(f"{file} belongs to another origin, {signer.name}.", check="BOX-5", subject=file)
        signers.append(signer)
    return ServiceKeys(*signers)


@contextmanager
def exclusive(private: Path) -> Iterator[None]:
    """Be the only one, among threads and processes, who changes box and register; waits for the others.

    The system gives the lock back when a process dies, so a ticket that is seen under it was left by a crash.

    Raises:
        StorageError: The lock file cannot be opened.

    Spec: BOX-6
    """
    with hold_lock(private / _LOCK):
        yield


def _mark(key: bytes) -> bytes:
    return hashlib.sha256(b"evote/v1/slot-key" + key).digest()[:4]


class SlotKey:
    """The key of in-flight tickets; outside both databases, gone after every publication.

    Spec: BOX-6
    """

    def __init__(self, private: Path) -> None:
        self._path = private / _SLOT_KEY

    def ticket(self, digest: bytes) -> bytes:
        """Return the key's mark || HMAC-SHA256(slot key, SHA-256 of the ballot); a missing key is made."""
        key = self._load()
        return _mark(key) + hmac.digest(key, digest, hashlib.sha256)

    def verify_made(self, tickets: Iterable[bytes]) -> None:
        """Refuse to judge tickets of another key.

        Raises:
            StateError: The key was replaced while casts were unfinished (BOX-6).
        """
        mark = _mark(self._read())
        if any(not ticket.startswith(mark) for ticket in tickets):
            raise StateError(
                "The slot key is not the one of the unfinished casts: bring back private/slot.key.",
                check="BOX-6",
            )

    def verify_present(self) -> None:
        """Refuse to judge tickets without the key that made them.

        Raises:
            StateError: The key is gone (BOX-6).
        """
        if not self._is_usable():
            raise StateError(
                "The slot key is missing while casts are unfinished: bring back private/slot.key.",
                check="BOX-6",
            )

    def rotate(self) -> None:
        """Put a fresh key in the old one's place; no ticket may be outstanding."""
        self._erase()
        write_durably(self._path, secrets.token_bytes(_SLOT_KEY_BYTES), mode=0o600)

    def destroy(self) -> None:
        """Erase the key for good."""
        self._erase()
        remove_file(self._path)

    def _is_usable(self) -> bool:
        return self._path.exists() and any(self._read())

    def _read(self) -> bytes:
        return read_bounded(self._path, _SLOT_KEY_BYTES)

    def _load(self) -> bytes:
        if not self._is_usable():
            self.rotate()
        return self._read()

    def _erase(self) -> None:
        """Overwrite the key where it lies, as far as the file system does that."""
        try:
            if self._path.exists():
                with self._path.open("r+b") as file:
                    file.write(bytes(_SLOT_KEY_BYTES))
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            name = printable(self._path)
            raise StorageError(f"{name}: {error.strerror}.", subject=name) from None
