# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of voters: vote, check."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from evote.ballot import Choice, EncryptedBallot, encrypt_ballot
from evote.ballot.qr import draw_qr, verify_drawable
from evote.board.files import read_bounded, write_durably
from evote.board.lookup import check_reference_in, find_code_in
from evote.board.record_folder import RecordFolder
from evote.box import BallotBox
from evote.cli.console import folder_argument, json_option, moment, say
from evote.errors import InvalidBallot, StateError
from evote.record.ballot import Ballot
from evote.record.reference import Receipt, parse_code

_LONGEST_CODE = 40


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
    if len(text.strip()) <= _LONGEST_CODE:
        code = parse_code(text)
        matches = find_code_in(folder, election, code)
        answer: dict[str, object] = {
            "code": code,
            "found": len(matches),
            "entries": [one.index for one in matches],
        }
        lines = [f"Ballots with this code in the published log: {len(matches)}."]
        if not matches:
            lines.append("It is not published yet, or mistyped; the full reference tells which.")
        good = bool(matches)
    else:
        verdict = check_reference_in(folder, election, text, time.time())
        answer = verdict.to_dict()
        good = verdict.presence in ("found", "pending")
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
    if as_json:
        say(json.dumps(answer, sort_keys=True, ensure_ascii=False))
    else:
        for line in lines:
            say(line)
    if not good:
        raise SystemExit(1)
