# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of voters: vote, check."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from pathlib import Path

import click

from evote.ballot import Choice, EncryptedBallot, encrypt_ballot
from evote.ballot.qr import draw_qr, verify_drawable
from evote.board.files import read_bounded, write_durably
from evote.board.lookup import FoundBallot, check_reference_in, find_code_in
from evote.board.record_folder import RecordFolder
from evote.box import BallotBox
from evote.cli.console import folder_argument, json_option, moment, say
from evote.errors import AlreadyVoted, InvalidBallot, ParameterError, StateError
from evote.record.ballot import Ballot
from evote.record.election import PublicElection
from evote.record.reference import Receipt, parse_code

_LONGEST_CODE = 20
_LABEL = re.compile(r"\s*(reference|code)\s*:", re.IGNORECASE)


@click.command(short_help="Encrypt, cast, and check the receipt.")
@folder_argument
@click.option("--voter", required=True, help="Voter id as on the roll.")
@click.option("--contest", required=True, help="Contest id.")
@click.option("--choice", required=True, help="List id, or «blank».")
@click.option(
    "--ballot",
    "ballot_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the encrypted ballot in this file; if it was cast, the same command gives its receipt again.",
)
@click.option(
    "--qr",
    "qr_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the reference's QR code into this file, .svg or .png (extra evote[qr]); needs --host.",
)
@click.option("--host", default="", help="Host of the page that checks references, as vote.example.org.")
def vote(
    directory: Path,
    voter: str,
    contest: str,
    choice: str,
    ballot_file: Path | None,
    qr_file: Path | None,
    host: str,
) -> None:
    """Encrypt a choice here, cast it, check the receipt, and print code and reference.

    Example: evote vote election --voter 1000056696 --contest cspm-2 --choice blank
    """
    if qr_file is not None and not host:
        raise ParameterError(
            "--qr needs --host: the host of the page that checks references, as vote.example.org.",
            check="REF-8",
        )
    if qr_file is not None:
        verify_drawable(qr_file.name, host)  # before anything is marked
    with BallotBox.open(directory) as box:
        box.publish()  # what is due
        election = box.public
        election.manifest.contest(contest).option(choice)  # before anything is marked
        if ballot_file is not None and ballot_file.exists():
            ballot, receipt = _receipt_again(box, ballot_file, contest)
        else:
            slot = box.slot(voter=voter, contest=contest)
            if box.status(voter)[contest] == "voted":
                raise AlreadyVoted(
                    "This voter has voted in this contest; a vote is final.", check="BOX-7", subject=contest
                )
            ballot = encrypt_ballot(election, slot, Choice(choice))
            _keep(ballot_file, ballot)
            try:
                receipt = box.cast(voter=voter, ballot=ballot.to_bytes())
            except InvalidBallot as refusal:
                if refusal.check != "BAL-4":
                    raise
                say("Somebody has cast a copy of your ballot: report it. It is encrypted afresh.")
                ballot = encrypt_ballot(election, slot, Choice(choice))
                _keep(ballot_file, ballot)
                receipt = box.cast(voter=voter, ballot=ballot.to_bytes())
    ballot.check_receipt(receipt)
    say("Your ballot is in the box. The receipt is checked: keep it.")
    say(f"Code:      {receipt.code}")
    say(f"Reference: {receipt.reference}")
    if qr_file is not None:
        write_durably(qr_file, draw_qr(qr_file.name, receipt.reference, host), mode=0o600)
        say(f"QR code:   {qr_file}")


def _keep(ballot_file: Path | None, ballot: EncryptedBallot) -> None:
    if ballot_file is not None:
        write_durably(ballot_file, ballot.to_bytes(), mode=0o600)


def _receipt_again(box: BallotBox, ballot_file: Path, contest: str) -> tuple[EncryptedBallot, Receipt]:
    """Return the receipt of a kept ballot that is in the box; a kept ballot is never cast: its choice is unseen."""
    ballot = EncryptedBallot(box.public, Ballot.from_bytes(read_bounded(ballot_file, Ballot.max_bytes)))
    if ballot.ballot.contest != contest:
        raise StateError(
            f"{ballot_file} holds a ballot of {ballot.ballot.contest}; name another file.", check="BOX-6"
        )
    try:
        receipt = box.receipt(ballot.to_bytes())
    except StateError:
        raise StateError(
            f"{ballot_file} holds a ballot that is not in the box; remove it, then vote again.", check="BOX-6"
        ) from None
    say(f"{ballot_file} holds a ballot that was cast before; this is its receipt, not a new vote.")
    return ballot, receipt


@click.command(short_help="Check a ballot reference, or look a code up.")
@click.argument("text", metavar="REFERENCE|CODE")
@click.option(
    "--record", required=True, type=click.Path(file_okay=False, path_type=Path), help="The record's folder."
)
@json_option
def check(text: str, record: Path, *, as_json: bool) -> None:
    """Check a ballot reference, or look a code up, in a record; offline.

    Exit status 0 if the ballot is found, or accepted and not due yet.

    Example: evote check 4Z38-PVJZ-9K2M --record election/record
    """
    folder = RecordFolder(record)
    election = folder.election()
    label = _LABEL.match(text)
    text = text[label.end() :] if label else text
    short = len("".join(text.split()).replace("-", "")) <= _LONGEST_CODE
    is_code = label[1].lower() == "code" if label else short
    answer, lines, good = (_look_up if is_code else _check_reference)(folder, election, text)
    if as_json:
        say(json.dumps(answer, sort_keys=True, ensure_ascii=False))
    else:
        for line in lines:
            say(line)
    if not good:
        raise SystemExit(1)


_Answer = tuple[dict[str, object], list[str], bool]
"""For JSON; for people; whether the exit status is 0."""


def _look_up(folder: RecordFolder, election: PublicElection, text: str) -> _Answer:
    code = parse_code(text)
    matches = find_code_in(folder, election, code)
    lines = [f"Ballots with this code in the published log: {len(matches)}."]
    lines += [_describe(election, one) for one in matches]
    if not matches:
        lines.append("It is not published yet, or mistyped; the full reference tells which.")
    answer: dict[str, object] = {
        "code": code,
        "found": len(matches),
        "entries": [one.index for one in matches],
        "ballots": [asdict(one) for one in matches],
    }
    return answer, lines, bool(matches)


def _describe(election: PublicElection, found: FoundBallot) -> str:
    if not found.contest:
        return f"  Place {found.index}; the ballot itself was withdrawn after the archive period."
    title = election.manifest.contest(found.contest).title
    section = f", section {found.section}" if found.section else ""
    return f"  Place {found.index}: {title} ({found.contest}), college {found.college}{section}."


def _check_reference(folder: RecordFolder, election: PublicElection, text: str) -> _Answer:
    verdict = check_reference_in(folder, election, text, time.time())
    lines = [verdict.signature_sentence, verdict.presence_sentence]
    if verdict.presence == "pending":
        lines.append(f"It will be published by {moment(verdict.publish_by)}.")
    known = {
        "Event": verdict.event,
        "College": verdict.college,
        "Contest": verdict.contest,
        "Section": verdict.section,
        "Code": verdict.code,
    }
    lines += [f"{name}: {value}" for name, value in known.items() if value]
    return verdict.to_dict(), lines, verdict.presence in ("found", "pending")
