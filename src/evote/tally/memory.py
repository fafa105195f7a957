# SPDX-License-Identifier: GPL-3.0-or-later
"""A share serves one election and one closing root: what it has served is remembered before it serves.

Spec: SHR-5
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal

from evote.board.files import hold_lock, read_bounded, write_durably
from evote.encoding import Digest, Document
from evote.errors import StateError, StorageError
from evote.verify.certificate import state_folder


class Served(Document):
    """What a key has opened: one election at one closing root."""

    type: Literal["evote/served"] = "evote/served"
    version: Literal[1] = 1
    keys: Digest
    election: Digest
    closing_root: Digest


class ServedElections:
    """The memory of a share, kept in several places: the user's state folder and beside the share file.

    Args:
        places: Folders or files; the first that can be written is enough, all that exist are asked.
    """

    def __init__(self, places: Sequence[Path]) -> None:
        self._places = tuple(places)

    @classmethod
    def of_share_file(cls, share_file: Path, trustee: str, keys_digest: bytes) -> ServedElections:
        """Return the memory of one share file of one key."""
        key = keys_digest.hex()[:16]
        beside = share_file.with_name(f"{share_file.name}.{key}.served")
        return cls((state_folder() / "served" / f"{key}-{trustee}.json", beside))

    def bind(self, keys: bytes, election: bytes, closing_root: bytes) -> None:
        """Remember that the share serves this closing root, durably, before it computes anything.

        Raises:
            StateError: It has served another election or another closing root (SHR-5).
            StorageError: No place can be written (SHR-5).

        Spec: SHR-5
        """
        wanted = Served.make(keys=keys, election=election, closing_root=closing_root)
        with ExitStack() as locks:
            for place in self._places:  # two runs at once must not serve two boxes
                with suppress(OSError):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    locks.enter_context(hold_lock(place.with_name(f"{place.name}.lock")))
            self._bind(wanted)

    def _bind(self, wanted: Served) -> None:
        for place in self._places:
            if place.exists() and Served.from_bytes(read_bounded(place, Served.max_bytes)) != wanted:
                raise StateError(
                    f"This key share has served another box (see {place}); it opens one box only. "
                    "Compare the closing root aloud with the bureau.",
                    check="SHR-5",
                )
        if not [place for place in self._places if _remember(place, wanted.to_bytes())]:
            raise StorageError(
                "Neither the state folder nor the share's folder can be written, so the share cannot be bound; "
                "nothing was computed. Make one of them writable.",
                check="SHR-5",
            )


def _remember(place: Path, data: bytes) -> bool:
    try:
        write_durably(place, data)
    except OSError:
        return False
    return True
