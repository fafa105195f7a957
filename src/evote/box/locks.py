# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may work at once: many casts side by side, or one who publishes, opens, closes or cleans up, alone.

Both kinds come in by the same gate, so that a stream of casts cannot keep the other one out. The system
gives the locks back when a process dies: so what an unfinished cast left behind is seen only by who is alone.

Spec: BOX-6
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from evote.board.files import hold_lock, printable
from evote.errors import StorageError

_GATE: Final = "gate.lock"
_SEQUENCER: Final = "sequencer.lock"
_BOX: Final = "box.lock"


@contextmanager
def sequencing(private: Path) -> Iterator[None]:
    """Be the only one who writes the log; voters go on casting. Taken before `alone`, never inside it.

    Raises:
        StorageError: The lock file cannot be opened.

    Spec: BRD-17
    """
    with hold_lock(private / _SEQUENCER):
        yield


@contextmanager
def beside_others(private: Path) -> Iterator[None]:
    """Work while nobody is alone, beside others who do the same.

    Raises:
        StorageError: A lock file cannot be opened.
    """
    with _holding(private, fcntl.LOCK_SH):
        yield


@contextmanager
def alone(private: Path) -> Iterator[None]:
    """Be the only one, among threads and processes of this machine; waits for the others.

    Raises:
        StorageError: A lock file cannot be opened.
    """
    with _holding(private, fcntl.LOCK_EX):
        yield


@contextmanager
def _holding(private: Path, kind: int) -> Iterator[None]:
    path = private / _BOX
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        name = printable(path)
        raise StorageError(f"{name}: {error.strerror}.", subject=name) from None
    try:
        with hold_lock(private / _GATE):
            fcntl.flock(descriptor, kind)
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # also for a child that was forked meanwhile
        os.close(descriptor)
