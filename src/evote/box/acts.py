# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening and closing the vote. Each can be interrupted anywhere and done again.

Spec: ACT-2 to ACT-5, BOX-10
"""

from __future__ import annotations

from evote.board import Entry, Kind, write_durably
from evote.board import Phase as LogPhase
from evote.box.counts import Marks, marks_by_unit
from evote.box.premises import Premises, log_phase
from evote.box.publication import publish_slots
from evote.box.setup import verify_as_sealed
from evote.crypto.merkle import leaf_hash, root_of
from evote.crypto.transcript import framed_digest
from evote.errors import NotOpen, StateError
from evote.record import layout
from evote.record.acts import AttendanceRoot, Closing, Opening, UnitMarks
from evote.record.ballot import Ballot


def open_vote(premises: Premises) -> Opening:
    """Open the vote: box and attendance are empty, and the register's key says so.

    Returns:
        What `open.json` holds.

    Raises:
        StateError: Not sealed (ACT-1); open already, not empty, or the roll is not the sealed one (ACT-2).
        NotOpen: Before the sealed hour, in mode REAL (ACT-2).

    Spec: ACT-2
    """
    with premises.alone():
        election = premises.election
        if log_phase(premises.private) != LogPhase.SEALED:
            raise StateError("The vote is opened already.", check="ACT-2")
        _verify_openable(premises)
        if premises.record.has(layout.OPEN):  # interrupted before the log had it
            act = premises.record.read(layout.OPEN, Opening)
        else:
            verify_as_sealed(premises)
            premises.urn.turn_slot((), -1, premises.record.log(election).checkpoint)
            now, opens = int(premises.clock()), election.manifest.timetable.opens
            if now >= election.manifest.timetable.closes:
                raise StateError(
                    "The sealed closing hour is past; set new hours and seal again.",
                    check="ACT-2",
                    subject="timetable",
                )
            if now < opens and election.manifest.mode == "REAL":
                raise NotOpen("The sealed hour of opening has not come.", check="ACT-2")
            bare = Opening.make(
                election=election.id,
                time=now,
                early=now < opens,
                signatures=(),
                register_signature=b"",
                ballots=0,
                marks=0,
            )
            act = bare.replace(register_signature=premises.keys.register.key.sign(bare.signed_bytes()))
            premises.record.write(layout.OPEN, act)
        with premises.log() as log:
            log.append([(Entry.of(Kind.OPEN, act.to_bytes()), b"")])
        return act


def verify_empty(premises: Premises) -> None:
    """Check that nobody has connected or voted, and that the box holds no ballot.

    Raises:
        StateError: Somebody has, or it does (ACT-2).

    Spec: ACT-2
    """
    marked, ballots = not premises.register.untouched(), premises.urn.store.count()
    if marked or ballots:
        raise StateError(
            f"Box and attendance list are not empty ({ballots} ballots): the vote cannot open.", check="ACT-2"
        )


def _verify_openable(premises: Premises) -> None:
    register, manifest = premises.register, premises.manifest
    verify_empty(premises)
    if premises.roll(manifest).commitments(manifest, register.roll_salt()) != manifest.roll:
        raise StateError(
            "The register's roll is not the sealed one; seal again.", check="ACT-2", subject="roll"
        )


def close_vote(premises: Premises) -> Closing:
    """Close the vote: everything is published, marks and ballots agree, attendance is committed to.

    From the moment that `close.json` is written no ballot is taken. Done again, it finishes what was left.

    Returns:
        What `close.json` holds.

    Raises:
        StateError: Never opened (ACT-3); connected voters have not finished (ACT-3); as many ballots as marks
            there are not (ACT-4): then nothing was written.
        NotOpen: Before the sealed hour, in mode REAL (ACT-3).

    Spec: ACT-3 to ACT-5, BOX-10
    """
    with premises.alone():
        if log_phase(premises.private) in (LogPhase.EMPTY, LogPhase.SEALED):
            raise NotOpen("The vote was not opened.", check="ACT-3")
        act = premises.record.read(layout.CLOSE, Closing) if premises.record.has(layout.CLOSE) else None
        if act is None:
            _verify_closing_hour(premises)
            _verify_counts(premises)
            premises.verify_stores()
            until = premises.manifest.timetable.grace_ends
            publish_slots(premises, until, until)
            act = _make_closing(premises)
            premises.record.write(layout.CLOSE, act)
        _log_closing(premises, act)
        premises.urn.finish(premises.record.log(premises.election).checkpoint)
        premises.register.rebuild()
        return act


def _verify_closing_hour(premises: Premises) -> None:
    hours, now = premises.manifest.timetable, premises.clock()
    if premises.manifest.mode != "REAL":
        return
    if now < hours.closes:
        raise NotOpen("The sealed hour of closing has not come.", check="ACT-3")
    if now < hours.grace_ends and (waiting := premises.register.connected()):
        raise StateError(
            f"{waiting} ballots of connected voters are not finished; close when grace ends.", check="ACT-3"
        )


def _verify_counts(premises: Premises) -> None:
    """Refuse to close while ballots and marks of a unit differ; both numbers are printed.

    Spec: ACT-4
    """
    ballots = {unit.id: [0, 0] for unit in premises.manifest.counting.units}
    for body in premises.urn.bodies():
        ballot = Ballot.from_bytes(body)
        ballots[ballot.unit][0] += 1
        ballots[ballot.unit][1] += ballot.weight
    marks = marks_by_unit(premises.manifest, premises.register.marks())
    for unit, (count, weight) in ballots.items():
        have = marks[unit]
        if (have.voters, have.weight) != (count, weight):
            raise StateError(
                f"{unit}: {have.voters} attendance marks of weight {have.weight}, but {count} ballots of weight "
                f"{weight}; the vote stays open until this is explained.",
                check="ACT-4",
                subject=unit,
            )


def _make_closing(premises: Premises) -> Closing:
    manifest = premises.manifest
    opening = premises.record.read(layout.OPEN, Opening)
    marks = marks_by_unit(manifest, premises.register.marks())
    now = max(int(premises.clock()), opening.time)
    bare = Closing.make(
        election=premises.election.id,
        time=now,
        early=now < manifest.timetable.closes,
        signatures=(),
        register_signature=b"",
        marks=tuple(_unit_marks(unit.id, marks[unit.id]) for unit in manifest.counting.units),
        attendance=tuple(_attendance_root(premises, contest.id) for contest in manifest.contests),
    )
    return bare.replace(register_signature=premises.keys.register.key.sign(bare.signed_bytes()))


def _unit_marks(unit: str, marks: Marks) -> UnitMarks:
    return UnitMarks.make(unit=unit, voters=marks.voters, weight=marks.weight)


def attendance_tag(election_id: bytes, contest: str, salt: bytes, voter: str) -> bytes:
    """Return a voter's tag in the committed attendance list of a contest.

    Spec: ACT-3
    """
    return framed_digest("evote/v1/attendance", (election_id, contest.encode(), salt, voter.encode()))


def _attendance_root(premises: Premises, contest: str) -> AttendanceRoot:
    salt = premises.register.roll_salt()
    voters = [one.voter for one in premises.register.attendance(contest)]
    tags = sorted(attendance_tag(premises.election.id, contest, salt, voter) for voter in voters)
    return AttendanceRoot.make(
        contest=contest,
        size=len(tags),
        root=root_of([leaf_hash(tag) for tag in tags]),
        salt_digest=framed_digest("evote/v1/attendance-salt", (salt,)),
    )


def _log_closing(premises: Premises, act: Closing) -> None:
    """Append the closing if the log does not have it, and keep the checkpoint that ends with it.

    Spec: ACT-5
    """
    with premises.log() as log:
        if log.phase == LogPhase.VOTING:
            log.append([(Entry.of(Kind.CLOSE, act.to_bytes()), b"")])
        if not premises.record.has(layout.CLOSING_CHECKPOINT):
            write_durably(premises.record.path / layout.CLOSING_CHECKPOINT, log.signed_checkpoint())
