# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands around who has voted: a voter's own proof, the bureau's list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from evote.board.files import printable, read_bounded, write_durably
from evote.board.record_folder import RecordFolder
from evote.box.attendance import export_attendance, prove_attendance, verify_roll_file
from evote.box.premises import Premises
from evote.box.roll import MAX_ROLL_BYTES, parse_roll
from evote.cli.console import Commands, actor_option, folder_argument, json_option, number_of, say, spoken
from evote.errors import StateError, VerificationError
from evote.manifest import verify_manifest
from evote.record import layout
from evote.record.attendance import AttendanceProof
from evote.record.attendance_list import MAX_LIST_BYTES, read_attendance_list
from evote.verify.attendance import read_closing, verify_attendance, verify_attendance_list, verify_roll

_file_argument = click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
_record_option = click.option(
    "--record", required=True, type=click.Path(file_okay=False, path_type=Path), help="The record's folder."
)


@contextmanager
def _premises(directory: Path) -> Iterator[Premises]:
    if not (directory / "private").is_dir():
        raise StateError(f"{directory} is not an election folder; make one first.", check="BOX-12")
    premises = Premises.enter(directory)
    try:
        yield premises
    finally:
        premises.close()


@click.group(cls=Commands)
def attendance() -> None:
    """Who has voted: a voter's own proof, the bureau's list."""


@attendance.command(short_help="Make a voter's proof that they are or are not marked as having voted.")
@folder_argument
@click.option("--voter", required=True, help="Voter id as on the roll.")
@click.option("--contest", required=True, help="Contest id.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; by default it is printed."
)
def prove(directory: Path, voter: str, contest: str, out: Path | None) -> None:
    """Make a voter's proof that the closing has them as having voted, or as not having voted.

    It is for that voter alone. After the closing only.

    Example: evote attendance prove election --voter 1003 --contest cspm-2 --out 1003.json
    """
    with _premises(directory) as premises:
        data = prove_attendance(premises, voter, contest).to_bytes()
    if out is None:
        click.echo(data)
        return
    write_durably(out, data, mode=0o600)
    say(f"Made {printable(out)}: give it to this voter and to nobody else.")
    say(f"They check it: evote attendance check {printable(out)} --record RECORD")


@attendance.command(short_help="Check your own proof of attendance against a record; offline.")
@_file_argument
@_record_option
@json_option
def check(file: Path, record: Path, *, as_json: bool) -> None:
    """Check your own proof of attendance against a record; offline.

    Exit status 0 if the proof is right, whatever it says; 1 if it is not. Compare voter and election id with
    your own; evote verify says whether the record is right.

    Example: evote attendance check 1003.json --record election/record
    """
    proof = AttendanceProof.from_bytes(read_bounded(file, AttendanceProof.max_bytes))
    folder = RecordFolder(record)
    election = folder.election()
    if not folder.has(layout.CLOSE):
        raise VerificationError(
            "The vote is not closed, or this record is of another election: it holds no closing.",
            check="REC-2",
        )
    verify_attendance(election, read_closing(folder, election), proof)
    if as_json:
        answer = {
            "election": election.id.hex(),
            "contest": proof.contest,
            "voter": proof.voter,
            "present": proof.present,
        }
        click.echo(json.dumps(answer, sort_keys=True, ensure_ascii=False))
        return
    contest = election.manifest.contest(proof.contest)
    say(f"Voter:    {printable(proof.voter)}")
    say(f"Contest:  {proof.contest}, {contest.title}")
    say(f"Election: {spoken(election.id)}")
    say(f"You are {'' if proof.present else 'not '}marked as having voted.")


@attendance.command(short_help="Write the bureau's attendance list; secret.")
@folder_argument
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.option("--reason", required=True, help="Why the list is exported; published in the log of operations.")
@actor_option
def export(directory: Path, out: Path, reason: str, actor: str) -> None:
    """Write the bureau's attendance list: the whole roll, who has voted when, and what opens every mark.

    Before the vote is opened it is the roll alone; while the vote is open there is none.

    Example: evote attendance export election --out attendance.csv --reason "check of the closing"
    """
    with _premises(directory) as premises:
        data = export_attendance(premises, actor=actor, reason=reason)
    write_durably(out, data, mode=0o600)
    say(f"Wrote {printable(out)}, readable by you alone.")
    say("The log of operations says that it was made, by whom and why.")
    say("This list is SECRET: who voted, who did not, and what opens every mark. For the bureau alone.")
    say(f"Next: evote attendance check-list {printable(out)} --record {printable(directory / 'record')}")


@attendance.command(short_help="Check the bureau's list against seal and closing; offline.")
@_file_argument
@_record_option
@click.option(
    "--roll",
    "roll_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The bureau's own file of the roll, to compare every voter with.",
)
def check_list(file: Path, record: Path, roll_file: Path | None) -> None:
    """Check the bureau's list against seal and closing; offline. Exit status 0 if everything fits.

    Example: evote attendance check-list attendance.csv --record election/record --roll voters.csv
    """
    lines = read_attendance_list(read_bounded(file, MAX_LIST_BYTES))
    folder = RecordFolder(record)
    election = folder.election()
    verify_manifest(election.manifest)
    if folder.has(layout.CLOSE):
        verify_attendance_list(election, read_closing(folder, election), lines)
        marked = "The marks are those of the closing"
    else:
        verify_roll(election.manifest, lines)
        marked = "The vote is not closed, so no mark was checked"
    if roll_file is not None:
        verify_roll_file(lines, parse_roll(read_bounded(roll_file, MAX_ROLL_BYTES), election.manifest))
    say(f"Election: {spoken(election.id)}")
    say(f"The list is the sealed roll, {number_of(len(lines), 'line')}, nobody twice in a contest.")
    if roll_file is not None:
        say(f"Every line is that of {printable(roll_file)}.")
    say(f"{marked}:")
    for contest in election.manifest.contests:
        marks = [line.voted for line in lines if line.contest == contest.id]
        say(
            f"  {contest.id}: {number_of(len(marks), 'voter')} on the roll, {sum(marks)} marked as having voted"
        )
