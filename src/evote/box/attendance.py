# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has voted, from the register: the trees of the closing, voters' own proofs, the bureau's list.

Spec: ATT
"""

from __future__ import annotations

from collections.abc import Iterable

from evote.box.operations import note_operation
from evote.box.premises import Phase, Premises
from evote.box.roll import Roll
from evote.errors import ParameterError, StateError, VerificationError
from evote.record import layout
from evote.record.acts import Closing
from evote.record.attendance import AttendanceLine, AttendanceProof, UnitTrees, unit_trees
from evote.record.attendance_list import write_attendance_list
from evote.verify.attendance import verify_attendance


def sealed_trees(premises: Premises, contest: str = "") -> dict[str, UnitTrees]:
    """Return the trees of units: the sealed roll with the marks of this moment.

    Args:
        premises: The service.
        contest: The contest whose units are wanted, or "" for all.

    Raises:
        StateError: The register's roll is not the sealed one (ATT-3).

    Spec: ATT-2, ATT-3
    """
    register, manifest = premises.register, premises.manifest
    contests = [contest] if contest else [one.id for one in manifest.contests]
    minutes = {(one, found.voter): found.minute for one in contests for found in register.attendance(one)}
    trees = unit_trees(manifest, premises.roll(manifest).lines(register.roll_salt(), minutes, contest))
    wanted = {unit.id for one in contests for unit in manifest.units_of(one)}
    for roll in manifest.roll:
        if roll.unit in wanted and trees[roll.unit].roll_root != roll.root:
            raise StateError(
                "The register's roll is not the sealed one: was a backup restored, or the register changed?",
                check="ATT-3",
                subject=roll.unit,
            )
    return {unit: one for unit, one in trees.items() if unit in wanted}


def prove_attendance(premises: Premises, voter: str, contest: str) -> AttendanceProof:
    """Make a voter's proof that the closing has them as having voted, or as not having voted.

    Args:
        premises: The service.
        voter: Authenticated by the caller; the proof is for them alone.
        contest: Contest id.

    Returns:
        The proof, checked against the record's closing.

    Raises:
        NotEligible: Not on the roll of this contest (BOX-7).
        StateError: The vote is not closed (ATT-11), or the register's roll is not the sealed one (ATT-3).
        VerificationError: The register was changed since the closing (ATT-6).

    Spec: ATT-4 to ATT-6, ATT-11
    """
    section = premises.entitlement(voter, contest).slot.section
    if premises.phase not in (Phase.CLOSED, Phase.TALLIED):
        raise StateError("Proofs are made when the vote is closed.", check="ATT-11", subject=contest)
    election = premises.election
    unit = election.manifest.unit_of(contest, section).id
    proof = sealed_trees(premises, contest)[unit].prove(election.id, voter)
    verify_attendance(election, premises.record.read(layout.CLOSE, Closing), proof)
    return proof


def export_attendance(premises: Premises, *, actor: str, reason: str) -> bytes:
    """Return the bureau's list: the whole roll with who has voted when, and every salt; secret.

    Args:
        premises: The service.
        actor: Who asks; published in the log of operations, before the list is returned.
        reason: Why; not empty, published.

    Raises:
        ParameterError: No reason (ATT-7).
        StateError: Not sealed (ACT-1), while the vote is open (ATT-11), or the register's roll is not the sealed one
            (ATT-3).

    Spec: ATT-7, ATT-11
    """
    if not reason.strip():
        raise ParameterError("Say why the attendance list is exported.", check="ATT-7", subject="reason")
    if premises.phase in (Phase.OPEN, Phase.GRACE):
        raise StateError("Nobody's attendance is exported while the vote is open.", check="ATT-11")
    trees = sealed_trees(premises)
    order = {contest.id: place for place, contest in enumerate(premises.manifest.contests)}
    lines = [line for one in trees.values() for line in one.lines]
    lines.sort(key=lambda line: (order[line.contest], line.voter))
    data = write_attendance_list(lines)
    with premises.sequencing():
        note_operation(premises, "attendance-exported", actor=actor, reason=reason)
    return data


def verify_roll_file(lines: Iterable[AttendanceLine], roll: Roll) -> None:
    """Check that a list's voters are those of the roll's file that the bureau keeps; marks are not looked at.

    Args:
        lines: The list; untrusted.
        roll: As read from the bureau's own file.

    Raises:
        VerificationError: Voters, names, sections or weights differ (ATT-10); `subject` is one of the voters.

    Spec: ATT-10
    """
    listed = {(line.voter, line.name, line.contest, line.section, line.weight) for line in lines}
    kept = {
        (voter.id, voter.name, slot.contest, slot.section, slot.weight)
        for voter in roll.entries
        for slot in voter.slots
    }
    if listed != kept:
        raise VerificationError(
            f"{len(listed - kept)} lines of the list are not in the roll's file, and {len(kept - listed)} lines of "
            "the file are not in the list.",
            check="ATT-10",
            subject=min(listed ^ kept)[0],
        )
