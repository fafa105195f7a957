# SPDX-License-Identifier: GPL-3.0-or-later
"""A small log to change one thing in."""

from __future__ import annotations

from pathlib import Path

import pytest

from evote.board import Entry, Kind, LogWriter
from evote.crypto.notes import NoteSigner
from evote.crypto.signing import SigningKey

LOG = NoteSigner("vote.example/2024", SigningKey.from_seed(bytes(range(32))))


def act(kind: Kind) -> tuple[Entry, bytes]:
    return Entry.of(kind, kind.encode()), b""


class Place:
    """The folders of a log, and entries to put there."""

    opening = (act(Kind.SEAL), act(Kind.OPEN))
    closing = tuple(map(act, (Kind.CLOSE, Kind.SUM, Kind.SHARE, Kind.RESULT, Kind.END)))

    def __init__(self, folder: Path) -> None:
        self.record = folder / "record"
        self.private = folder / "private"
        self.signer = LOG
        self.key = LOG.note_key

    @staticmethod
    def ballots(start: int, end: int) -> list[tuple[Entry, bytes]]:
        return [(Entry.of(Kind.BALLOT, body), body) for body in (b"ballot %d" % i for i in range(start, end))]

    def create(self) -> LogWriter:
        return LogWriter.create(self.record, self.private, self.signer)

    def open(self, **options: int) -> LogWriter:
        return LogWriter(self.record, self.private, self.signer, **options)

    def fill(self, *batches: list[tuple[Entry, bytes]]) -> None:
        with self.create() as log:
            for batch in batches:
                log.append(batch)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.record).as_posix(): path.read_bytes()
            for path in self.record.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
