# SPDX-License-Identifier: GPL-3.0-or-later
"""A sealed roll and a closing over it, without ballots: what proofs of attendance are checked against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from evote.box.roll import voter_salt
from evote.crypto.notes import NoteSigner
from evote.manifest import Draft, RollCommitment
from evote.record.acts import Closing, Seal, UnitMarks
from evote.record.attendance import AttendanceLine, UnitTrees, unit_trees
from evote.record.election import PublicElection
from simulator import CLOSES, OPENS, contest, dealt, draft, sealed_manifest

SALT = bytes(range(32))


def plan() -> Draft:
    """Return a draft: «one» of one unit; «two» of two units, the first of which counts two sections."""
    base = draft((contest("one"), contest("two", sections=("x", "y", "z"))))
    one, x, _, z = base.counting.units
    units = (one, x.replace(sections=("x", "y")), z)
    return base.replace(counting=base.counting.replace(units=units))


def line(voter: str, contest_id: str = "one", section: str = "all", *, weight: int = 1, minute: int = 0):
    """Return a line of the list with the salt that the roll salt gives."""
    salt = voter_salt(SALT, contest_id, voter)
    return AttendanceLine(voter, voter.title(), contest_id, section, weight, minute, salt)


def crowd(size: int, voted: Iterable[int] = ()) -> list[AttendanceLine]:
    """Return `size` voters of contest «one», of whom some have voted, each at a minute of their own."""
    there = set(voted)
    return [
        line(f"v{number}", minute=OPENS + 60 * number if number in there else 0) for number in range(size)
    ]


def seal(lines: Sequence[AttendanceLine]) -> PublicElection:
    """Seal an election over a roll; a liar's roll too."""
    base, trees = plan(), unit_trees(plan(), lines)
    manifest = sealed_manifest(base, {unit.id: (0, 0) for unit in base.counting.units}).replace(
        roll=tuple(
            RollCommitment.make(unit=unit, voters=one.voters, weight=one.weight, root=one.roll_root)
            for unit, one in trees.items()
        )
    )
    deal, _, drill = dealt(manifest.parameters, manifest.policy)
    names = {"log_key": "", "reference_key": "/reference", "register_key": "/register"}
    keys = {
        field: NoteSigner.generate(manifest.origin + suffix).note_key.to_text()
        for field, suffix in names.items()
    }
    sealed = Seal.make(
        manifest=manifest.digest(),
        keys=deal.record.digest(),
        drill=drill.digest(),
        supersedes=(),
        reason="",
        signatures=(),
        **keys,
    )
    return PublicElection(sealed, manifest, deal.record)


def close(election: PublicElection, lines: Sequence[AttendanceLine], **claimed: tuple[int, int]) -> Closing:
    """Return an unsigned closing over a list; `claimed` are marks (voters, weight) of a unit that are not the list's."""
    trees = unit_trees(election.manifest, lines)
    marks = []
    for unit, one in trees.items():
        voters, weight = claimed.get(unit.replace("-", "_"), one.marked)
        marks.append(
            UnitMarks.make(unit=unit, voters=voters, weight=weight, root=one.attendance_root(election.id))
        )
    return Closing.make(
        election=election.id,
        time=CLOSES,
        early=False,
        signatures=(),
        register_signature=b"",
        marks=tuple(marks),
    )


def held(lines: Sequence[AttendanceLine]) -> tuple[PublicElection, Closing, dict[str, UnitTrees]]:
    """Seal and close honestly over a list."""
    election = seal(lines)
    return election, close(election, lines), unit_trees(election.manifest, lines)


def marked(lines: Sequence[AttendanceLine], voter: str, minute: int) -> list[AttendanceLine]:
    """Return the list with a voter marked at another minute, in every contest of theirs."""
    return [replace(one, minute=minute) if one.voter == voter else one for one in lines]
