# SPDX-License-Identifier: GPL-3.0-or-later
"""The service's signing keys: of log, reference and register.

Spec: BOX-5
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evote.board.files import make_folder, printable, remove_file
from evote.crypto.notes import NoteSigner
from evote.errors import StateError, StorageError

LOG_KEY: Final = "log.key"
REFERENCE_KEY: Final = "reference.key"
REGISTER_KEY: Final = "register.key"
KEY_FILES: Final = {LOG_KEY: "", REFERENCE_KEY: "/reference", REGISTER_KEY: "/register"}


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
    return ServiceKeys(*(load_service_key(private, file, origin) for file in KEY_FILES))


def load_service_key(private: Path, file: str, origin: str) -> NoteSigner:
    """Read one of the service's keys, so that the loss of another one stops nothing that does not need it.

    Args:
        private: The private folder.
        file: One of `KEY_FILES`.
        origin: The manifest's origin.

    Raises:
        StorageError: It is missing or cannot be read.
        EncodingError: The file is not a key (BRD-5).
        StateError: It belongs to another origin (BOX-5).

    Spec: BOX-5
    """
    signer = NoteSigner.load(private / file)
    if signer.name != origin + KEY_FILES[file]:
        raise StateError(f"{file} belongs to another origin, {signer.name}.", check="BOX-5", subject=file)
    return signer
