# SPDX-License-Identifier: GPL-3.0-or-later
"""An honest server: an election folder set up with toy keys, a ballot box over it, and a clock that tests turn."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evote.ballot import Choice, EncryptedBallot, encrypt_ballot
from evote.board.files import write_durably
from evote.box import BallotBox, setup
from evote.box.stores import save_places
from evote.box.urn import Urn
from evote.manifest import Draft
from simulator import CLOSES, OPENS, PROFESSION, contest, dealt, draft

ROLL = """voter_id,name,contests
ada,Ada,one;two:x
bea,Bea,one;two:x
cyd,Cyd,one;two:y
dan,Dan,two:y:3
"""


class Clock:
    """Shows the time that it was set to."""

    def __init__(self, now: float = OPENS + 60) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def two_contests(**changes: object) -> Draft:
    """Return a draft with a contest «one» and a contest «two» of two sections."""
    return draft((contest("one"), contest("two", sections=("x", "y"))), **changes)


def set_up(
    folder: Path, plan: Draft | None = None, roll: str = ROLL, stores: tuple[str, str] = ("", "")
) -> Path:
    """Make an election folder with roll and ceremony, ready to be sealed; register and box at two URLs if given."""
    plan = plan or two_contests()
    setup.create_election_folder(folder, plan)
    if any(stores):
        save_places(folder / "private", *stores, spare="")
    (folder / "professions" / "a.txt").write_bytes(PROFESSION)
    setup.import_roll(folder, roll.encode())
    deal, _, drill = dealt(plan.parameters, plan.policy)
    write_durably(setup.ceremony_folder(folder) / "keys.json", deal.record.to_bytes())
    write_durably(setup.ceremony_folder(folder) / "drill.json", drill.to_bytes())
    return folder


def open_office(
    folder: Path, plan: Draft | None = None, roll: str = ROLL, stores: tuple[str, str] = ("", "")
) -> Path:
    """Make an election folder in which the vote is open."""
    set_up(folder, plan, roll, stores)
    setup.seal_election(folder)
    with enter(folder) as box:
        box.open_vote()
    return folder


@contextmanager
def enter(folder: Path, now: float = OPENS + 60) -> Iterator[BallotBox]:
    """Open the ballot box at a time."""
    with BallotBox.open(folder, clock=Clock(now)) as box:
        yield box


def close_office(folder: Path, now: float = CLOSES) -> None:
    """Close the vote."""
    with enter(folder, now) as box:
        box.close_vote()


def encrypt(box: BallotBox, voter: str, contest_id: str, choice: str) -> EncryptedBallot:
    """Encrypt a voter's choice as their device does."""
    return encrypt_ballot(box.public, box.slot(voter=voter, contest=contest_id), Choice(choice))


def tree(folder: Path, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the digest of every file under a folder; names that end in one of `without` are left out."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(without or ("\0",))
    }


def copy(folder: Path, target: Path) -> Path:
    """Copy an election folder."""
    shutil.copytree(folder, target)
    return target


def put(urn: Urn, body: bytes, square: bytes, slot: int) -> str:
    """Put a ballot into the box, past every check of a cast."""
    key = urn.keys.current()
    return urn.put(key, key.seal(body, square, slot), body, square)
