# SPDX-License-Identifier: GPL-3.0-or-later
"""The public append-only log of an election on disk: reading and writing.

`LogWriter` is loaded on first use, because it needs a POSIX lock and readers do not.

Spec: BRD
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evote.board.checkpoint import Checkpoint
from evote.board.entries import Entry, Kind, Phase
from evote.board.files import read_bounded, write_durably
from evote.board.reader import LogItem, LogReader, read_checkpoint

if TYPE_CHECKING:
    from evote.board.writer import LogLine, LogWriter

__all__ = [
    "Checkpoint",
    "Entry",
    "Kind",
    "LogItem",
    "LogLine",
    "LogReader",
    "LogWriter",
    "Phase",
    "read_bounded",
    "read_checkpoint",
    "write_durably",
]


def __getattr__(name: str) -> Any:
    if name in ("LogLine", "LogWriter"):
        from evote.board import writer

        return getattr(writer, name)
    raise AttributeError(name)
