# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking who is committed to as having voted: a voter's own proof, and the bureau's whole list.

Neither is part of the record; the record has the roots.

Spec: ATT
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from evote.board.entries import Entry, Kind
from evote.board.record_folder import RecordFolder
from evote.crypto.merkle import leaf_hash, verify_inclusion
from evote.errors import BoardInconsistency, ParameterError, VerificationError
from evote.manifest import Manifest, RollCommitment, verify_manifest
from evote.record import layout
from evote.record.acts import Closing, UnitMarks
from evote.record.attendance import (
    AttendanceLine,
    AttendanceProof,
    UnitTrees,
    attendance_mark,
    roll_entry,
    unit_trees,
)
from evote.record.election import PublicElection
from evote.verify.acts import verify_closing_form, verify_seal

Commitment = TypeVar("Commitment", RollCommitment, UnitMarks)
_REFUSALS: Final = {
    "ATT-5": "Voter, section, weight and salt are not at this place of the sealed roll.",
    "ATT-6": "The closing does not say this of the voter.",
}


def read_closing(folder: RecordFolder, election: PublicElection) -> Closing:
    """Return the closing that a record's signed log holds; the ballots are not looked at.

    Args:
        folder: The record; untrusted.
        election: Its seal, manifest and keys; the caller compares the election id.

    Raises:
        ParameterError: The manifest breaks a rule (MAN).
        VerificationError: There is none (REC-2); not of this election or of another form (ACT-1, ACT-3); not where the
            closing checkpoint says (ACT-5, REC-3).
        InvalidSignature: Not signed by the register's or the log's key (ACT-3, BRD-6).
        EncodingError: A file is not canonical (ENC, BRD).
        StorageError: The log cannot be read.

    Spec: ACT-3, ACT-5, REC-3
    """
    verify_seal(election)
    verify_manifest(election.manifest)
    act = folder.read(layout.CLOSE, Closing)
    verify_closing_form(election, act)
    saved, log = folder.closing_checkpoint(election), folder.log(election)
    if not 0 < saved.size <= log.checkpoint.size or log.root_at(saved.size) != saved.root:
        raise VerificationError("The closing checkpoint is not that of the log.", check="ACT-5")
    index, leaf = saved.size - 1, leaf_hash(Entry.of(Kind.CLOSE, act.to_bytes()).to_bytes())
    try:
        verify_inclusion(index, log.checkpoint.size, leaf, log.inclusion_proof(index), log.checkpoint.root)
    except BoardInconsistency:
        raise BoardInconsistency(
            "The log holds another closing than close.json.", check="REC-3", subject=layout.CLOSE
        ) from None
    return act


def verify_attendance(election: PublicElection, closing: Closing, proof: AttendanceProof) -> None:
    """Check a voter's proof; return silently if it is right, whether it says «voted» or «not voted».

    Args:
        election: Pinned by its id.
        closing: As `read_closing` returns it.
        proof: Untrusted. Who reads it sees to it that voter and contest are the ones they mean.

    Raises:
        VerificationError: Another election, or a contest and section that it does not have (ATT-4); not on the sealed
            roll as it says (ATT-5); the closing says otherwise of this voter (ATT-6).

    Spec: ATT-4 to ATT-6
    """
    if not election.id == proof.election == closing.election:
        raise VerificationError("The proof belongs to another election.", check="ATT-4", subject="election")
    try:
        unit = election.manifest.unit_of(proof.contest, proof.section).id
    except ParameterError:
        raise VerificationError(
            "The proof names a contest or section that the election does not have.",
            check="ATT-4",
            subject=proof.contest,
        ) from None
    roll = _of_unit(election.manifest.roll, unit, "ATT-5")
    marks = _of_unit(closing.marks, unit, "ATT-6")
    entry = roll_entry(unit, proof.voter, proof.section, proof.weight, proof.salt)
    mark = attendance_mark(election.id, unit, proof.voter, proof.salt, voted=proof.present)
    _verify_leaf(proof, roll.voters, entry, proof.roll_path, roll.root, "ATT-5")
    _verify_leaf(proof, roll.voters, mark, proof.attendance_path, marks.root, "ATT-6")


def _verify_leaf(
    proof: AttendanceProof, size: int, entry: bytes, path: tuple[bytes, ...], root: bytes, check: str
) -> None:
    try:
        verify_inclusion(proof.place, size, leaf_hash(entry), path, root)
    except BoardInconsistency:
        raise VerificationError(_REFUSALS[check], check=check, subject=proof.contest) from None


def _of_unit(commitments: tuple[Commitment, ...], unit: str, check: str) -> Commitment:
    for one in commitments:
        if one.unit == unit:
            return one
    raise VerificationError(f"Nothing is committed to of the unit {unit}.", check=check, subject=unit)


def verify_roll(manifest: Manifest, lines: Iterable[AttendanceLine]) -> None:
    """Check that a list is the sealed roll, and that nobody stands on it twice; marks are not looked at.

    Args:
        manifest: As sealed.
        lines: The whole roll; untrusted.

    Raises:
        VerificationError: It is not (ATT-8); `subject` is the unit, the contest or the voter.

    Spec: ATT-8
    """
    _sealed_trees(manifest, tuple(lines))


def verify_attendance_list(
    election: PublicElection, closing: Closing, lines: Iterable[AttendanceLine]
) -> None:
    """Check that a list is the sealed roll with the marks that the closing commits to.

    Args:
        election: Pinned by its id.
        closing: As `read_closing` returns it.
        lines: The whole roll, with who has voted; untrusted. Names and minutes are in no commitment.

    Raises:
        VerificationError: Not the sealed roll, or somebody stands on it twice (ATT-8); not the marks of the closing
            (ATT-9). `subject` is the unit, the contest or the voter.

    Spec: ATT-8, ATT-9
    """
    if closing.election != election.id:
        raise VerificationError("The closing belongs to another election.", check="ATT-9", subject="election")
    for unit, trees in _sealed_trees(election.manifest, tuple(lines)).items():
        marks = _of_unit(closing.marks, unit, "ATT-9")
        if (marks.voters, marks.weight) != trees.marked:
            voters, weight = trees.marked
            raise VerificationError(
                f"The list marks {voters} voters of weight {weight}; the closing has {marks.voters} of weight "
                f"{marks.weight}.",
                check="ATT-9",
                subject=unit,
            )
        if marks.root != trees.attendance_root(election.id):
            raise VerificationError(
                "Those whom the list has as having voted are not those of the closing.",
                check="ATT-9",
                subject=unit,
            )


def _sealed_trees(manifest: Manifest, lines: tuple[AttendanceLine, ...]) -> dict[str, UnitTrees]:
    """Return the trees of a list that is the sealed roll.

    Spec: ATT-8
    """
    seen: set[tuple[str, str]] = set()
    for line in lines:
        if (line.contest, line.voter) in seen:
            raise VerificationError(
                f"The voter stands twice on the roll of {line.contest}.", check="ATT-8", subject=line.voter
            )
        seen.add((line.contest, line.voter))
    found = unit_trees(manifest, lines)
    for roll in manifest.roll:
        trees = found[roll.unit]
        if (roll.voters, roll.weight) != (trees.voters, trees.weight):
            raise VerificationError(
                f"The list has {trees.voters} voters of weight {trees.weight}; the sealed roll has {roll.voters} of "
                f"weight {roll.weight}.",
                check="ATT-8",
                subject=roll.unit,
            )
        if roll.root != trees.roll_root:
            raise VerificationError(
                "Voters, sections, weights or salts of the list are not those of the sealed roll.",
                check="ATT-8",
                subject=roll.unit,
            )
    return found
