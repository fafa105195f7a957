# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening and closing the vote. Each can be interrupted anywhere and done again.

Spec: ACT-2 to ACT-5, BOX-10
"""

from __future__ import annotations

from collections.abc import Mapping

from evote.board import Checkpoint, Entry, Kind, LogWriter, write_durably
from evote.board import Phase as LogPhase
from evote.box.attendance import sealed_trees
from evote.box.consistency import verify_stores
from evote.box.operations import SERVICE, name_election, note_operation, publish_operations
from evote.box.premises import Premises, log_phase
from evote.box.publication import publish_rest
from evote.box.service_keys import REGISTER_KEY
from evote.box.setup import verify_as_sealed
from evote.errors import NotOpen, StateError
from evote.record import layout
from evote.record.acts import Closing, Opening, UnitMarks
from evote.record.attendance import UnitTrees
from evote.record.ballot import Ballot


def open_vote(premises: Premises, *, actor: str = SERVICE) -> Opening:
    """Open the vote: box and attendance are empty, and the register's key says so.

    Args:
        premises: The service.
        actor: Who opens it, for the log of operations; published.

    Returns:
        What `open.json` holds.

    Raises:
        StateError: Not sealed (ACT-1); open already, not empty, or the roll is not the sealed one (ACT-2).
        NotOpen: Before the sealed hour, in mode REAL (ACT-2).

    Spec: ACT-2
    """
    with premises.sequencing(), premises.alone():
        election = premises.election
        if log_phase(premises.private) != LogPhase.SEALED:
            raise StateError("The vote is opened already.", check="ACT-2")
        _verify_openable(premises)
        publish_operations(premises)  # a damaged journal refuses here, before anything is written
        if premises.record.has(layout.OPEN):  # interrupted before the log had it
            act = premises.record.read(layout.OPEN, Opening)
        else:
            verify_as_sealed(premises)
            premises.urn.turn((), -1, premises.record.log(election).checkpoint)
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
            act = bare.replace(register_signature=premises.signer(REGISTER_KEY).key.sign(bare.signed_bytes()))
            premises.record.write(layout.OPEN, act)
        note_operation(premises, "opened", actor=actor, detail=name_election(election.id), once=True)
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


def close_vote(premises: Premises, *, actor: str = SERVICE) -> Closing:
    """Close the vote: everything is published, marks and ballots agree, attendance is committed to.

    From the moment that `close.json` is written no ballot is taken. Done again, it finishes what was left.

    Args:
        premises: The service.
        actor: Who closes it, for the log of operations; published.

    Returns:
        What `close.json` holds.

    Raises:
        StateError: Never opened (ACT-3); connected voters have not finished (ACT-3); as many ballots as marks
            there are not (ACT-4); the register's roll is not the sealed one (ATT-3): then nothing was written.
        NotOpen: Before the sealed hour, in mode REAL (ACT-3).

    Spec: ACT-3 to ACT-5, BOX-10
    """
    with premises.sequencing(), premises.alone():
        if log_phase(premises.private) in (LogPhase.EMPTY, LogPhase.SEALED):
            raise NotOpen("The vote was not opened.", check="ACT-3")
        publish_operations(premises)  # a damaged journal refuses here, before anything is written
        act = premises.record.read(layout.CLOSE, Closing) if premises.record.has(layout.CLOSE) else None
        if act is None:
            _verify_closing_hour(premises)
            trees = sealed_trees(premises)
            _verify_counts(premises, trees)
            verify_stores(premises)
            publish_rest(premises)
            act = _make_closing(premises, trees)
            premises.record.write(layout.CLOSE, act)
        _log_closing(premises, act, actor)
        premises.urn.finish(premises.record.log(premises.election).checkpoint)
        premises.register.rebuild()
    premises.ask_witnesses()
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


def _verify_counts(premises: Premises, trees: Mapping[str, UnitTrees]) -> None:
    """Refuse to close while ballots and marks of a unit differ; both numbers are printed.

    Spec: ACT-4
    """
    ballots = {unit.id: [0, 0] for unit in premises.manifest.counting.units}
    for one in premises.urn.ballots():
        ballot = Ballot.from_bytes(one.body)
        ballots[ballot.unit][0] += 1
        ballots[ballot.unit][1] += ballot.weight
    for unit, (count, weight) in ballots.items():
        voters, their_weight = trees[unit].marked
        if (voters, their_weight) != (count, weight):
            raise StateError(
                f"{unit}: {voters} attendance marks of weight {their_weight}, but {count} ballots of weight "
                f"{weight}; the vote stays open until this is explained.",
                check="ACT-4",
                subject=unit,
            )


def _make_closing(premises: Premises, trees: Mapping[str, UnitTrees]) -> Closing:
    manifest, election = premises.manifest, premises.election.id
    opening = premises.record.read(layout.OPEN, Opening)
    now = max(int(premises.clock()), opening.time)
    bare = Closing.make(
        election=election,
        time=now,
        early=now < manifest.timetable.closes,
        signatures=(),
        register_signature=b"",
        marks=tuple(_unit_marks(trees[unit.id], election) for unit in manifest.counting.units),
    )
    return bare.replace(register_signature=premises.signer(REGISTER_KEY).key.sign(bare.signed_bytes()))


def _unit_marks(trees: UnitTrees, election: bytes) -> UnitMarks:
    voters, weight = trees.marked
    return UnitMarks.make(unit=trees.unit, voters=voters, weight=weight, root=trees.attendance_root(election))


def _log_closing(premises: Premises, act: Closing, actor: str) -> None:
    """Append the closing if the log does not have it, and keep the checkpoint that ends with it.

    Spec: ACT-5
    """
    if log_phase(premises.private) == LogPhase.VOTING:
        note_operation(
            premises, "closed", actor=actor, detail=name_election(act.election), once=True
        )  # before the entry: the checkpoint that is kept ends with it
        with premises.log() as log:
            log.append([(Entry.of(Kind.CLOSE, act.to_bytes()), b"")])
            _keep_checkpoint(premises, log)
    elif not premises.record.has(layout.CLOSING_CHECKPOINT):
        with premises.log() as log:
            _keep_checkpoint(premises, log)


def _keep_checkpoint(premises: Premises, log: LogWriter) -> None:
    """Write the checkpoint of the log right after the closing, whatever has come after it."""
    kinds = [entry.kind for entry in log.entries(0, log.size)]
    size = kinds.index(Kind.CLOSE) + 1
    root = premises.record.log(premises.election).root_at(size)
    note = Checkpoint(log.signer.name, size, root).sign(log.signer)
    write_durably(premises.record.path / layout.CLOSING_CHECKPOINT, note)
