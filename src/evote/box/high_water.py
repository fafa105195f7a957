# SPDX-License-Identifier: GPL-3.0-or-later
"""How many ballots there were: a file beside the databases that only grows, so that a restored one is noticed.

It is written at most every ten seconds. What was cast in the seconds before a restore can be missed.

Spec: BOX-4
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from evote.board.files import read_bounded, write_durably
from evote.errors import StorageError

FILE: Final = "ballots.most"
_SECONDS: Final = 10.0
_MAX_BYTES: Final = 20


class HighWater:
    """The greatest number of ballots that the box was seen to hold.

    Args:
        private: The private folder.
    """

    def __init__(self, private: Path) -> None:
        self._path = private / FILE

    def read(self) -> int:
        """Return the number; 0 before the first.

        Raises:
            StorageError: The file is damaged (BOX-4).
        """
        if not self._path.exists():
            return 0
        text = read_bounded(self._path, _MAX_BYTES)
        if not text.isdigit():
            raise StorageError(f"{self._path} is damaged; remove it.", check="BOX-4", subject=FILE)
        return int(text)

    @property
    def is_due(self) -> bool:
        """Whether the number is to be written again."""
        try:
            return time.time() - self._path.stat().st_mtime > _SECONDS
        except OSError:
            return True

    def note(self, ballots: int) -> None:
        """Write a number, if it is a greater one.

        Raises:
            StorageError: It cannot be written.
        """
        if ballots > self.read() or not self._path.exists():
            write_durably(self._path, str(ballots).encode(), mode=0o600)
        else:
            os.utime(self._path)
