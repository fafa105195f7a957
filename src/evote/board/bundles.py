# SPDX-License-Identifier: GPL-3.0-or-later
"""Ballots, bundle by bundle, from a folder or from a web server that serves one.

Spec: BRD-12
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, Final, Protocol, cast
from urllib.request import urlopen

from evote.board.files import open_plain
from evote.board.tiles import BALLOT_LENGTH_BYTES, MAX_BALLOT_BYTES, ballots_path
from evote.errors import BoardInconsistency, EncodingError, StorageError

_SECONDS: Final = 60  # a web server that says nothing for so long is gone


class Source(Protocol):
    """Where a record's files are read from."""

    def open(self, path: str) -> BinaryIO:
        """Open a file of the record.

        Raises:
            StorageError: It is not there, or cannot be read.
        """


class FolderSource:
    """A record on this machine, or on storage that it shares."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, path: str) -> BinaryIO:
        """Open a plain file."""
        return open_plain(self._folder / path)


class WebSource:
    """A record that a web server serves as static files."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")

    def open(self, path: str) -> BinaryIO:
        """Ask the server for a file."""
        try:
            return cast("BinaryIO", urlopen(f"{self._address}/{path}", timeout=_SECONDS))  # noqa: S310 - see open_source
        except (OSError, ValueError, HTTPException) as error:
            raise StorageError(f"{self._address}/{path} cannot be read ({error}).", subject=path) from None


def open_source(place: str) -> Source:
    """Return the record at a folder's path or at an address that begins with http:// or https://."""
    return WebSource(place) if place.startswith(("http://", "https://")) else FolderSource(Path(place))


def read_ballots(
    source: Source, number: int, width: int, skip: int, digests: Sequence[bytes]
) -> Iterator[bytes]:
    """Yield the ballots of a bundle, each compared with the digest that its entry names.

    Args:
        source: Where the record is; untrusted.
        number: Of the bundle.
        width: How many entries it holds.
        skip: How many at its beginning are passed over.
        digests: Of the following ballots, to the end of the bundle; b"" for an entry that is no ballot.

    Raises:
        EncodingError: The bundle is malformed (BRD-12).
        BoardInconsistency: It is missing, or a ballot is not what its entry names (BRD-12).

    Spec: BRD-12
    """
    path = ballots_path(number, width)
    try:
        file = source.open(path)
    except StorageError:
        raise _refuse(path, "is missing or not readable") from None
    with file:
        for _ in range(skip):
            _next_ballot(file, path)
        for digest in digests:
            ballot = _next_ballot(file, path)
            if not digest and ballot:
                raise _refuse(path, "holds bytes for an entry that is no ballot")
            if digest and (not ballot or hashlib.sha256(ballot).digest() != digest):
                raise _refuse(path, "holds a ballot that is not the one its entry names")
            yield ballot
        if _read(file, 1, path):
            raise EncodingError(f"{path} has bytes after its last ballot.", check="BRD-12", subject=path)


def _refuse(path: str, reason: str) -> BoardInconsistency:
    return BoardInconsistency(f"{path} {reason}.", check="BRD-12", subject=path)


def _read(file: BinaryIO, count: int, path: str) -> bytes:
    try:
        return file.read(count)
    except (OSError, HTTPException) as error:
        raise StorageError(f"{path} cannot be read ({error}).", subject=path) from None


def _next_ballot(file: BinaryIO, path: str) -> bytes:
    head = _read(file, BALLOT_LENGTH_BYTES, path)
    length = int.from_bytes(head, "big")
    if len(head) < BALLOT_LENGTH_BYTES or length > MAX_BALLOT_BYTES:
        raise EncodingError(
            f"{path} is cut off or holds a ballot that is too long.", check="BRD-12", subject=path
        )
    ballot = _read(file, length, path)
    if len(ballot) < length:
        raise EncodingError(f"{path} is cut off.", check="BRD-12", subject=path)
    return ballot
