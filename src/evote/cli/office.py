# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the election office: new, roll, seal, open, publish, close, status."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from evote.board.cosigned import count_cosignatures
from evote.board.files import read_bounded
from evote.board.record_folder import RecordFolder
from evote.box import BallotBox, Phase
from evote.box.setup import (
    ceremony_folder,
    configure_stores,
    count_roll,
    create_election_folder,
    import_roll,
    read_draft,
    seal_election,
)
from evote.cli.console import (
    Commands,
    actor_option,
    folder_argument,
    json_option,
    moment,
    number_of,
    say,
    spoken,
)
from evote.errors import ParameterError, StateError, StorageError
from evote.manifest.template import cspm_2024
from evote.record import layout

_MAX_ROLL_BYTES = 256 << 20
_HOUR = 3600
_LOOK_AGAIN = 5
_TEMPLATES = {"cspm-2024": cspm_2024}


@click.command()
@folder_argument
@click.option("--template", default="cspm-2024", show_default=True, type=click.Choice(sorted(_TEMPLATES)))
def new(directory: Path, template: str) -> None:
    """Make an election folder with an editable manifest.json.

    Example: evote new election
    """
    opens = (int(time.time()) // _HOUR + 24) * _HOUR
    create_election_folder(directory, _TEMPLATES[template](opens))
    say(
        f"Made {directory}/manifest.json from the template {template}, in mode TEST. Edit it: lists, hours, bureau."
    )
    say(f"Next: evote roll import {directory} voters.csv")


@click.command()
@folder_argument
@click.option("--register", default="", help="Database URL of the register; by default private/register.db.")
@click.option("--box", default="", help="Database URL of the ballot box; by default private/box.db.")
@click.option("--spare", default="", help="Folder on another disk for a second copy of the slot key.")
def stores(directory: Path, register: str, box: str, spare: str) -> None:
    """Say where register and box are, before anything is in them: two databases, two roles.

    Passwords are better left to PostgreSQL's own password file (.pgpass) than written into a URL.

    Example: evote stores election --register postgresql+psycopg://evote_register@db/register
    --box postgresql+psycopg://evote_box@db/box
    """
    configure_stores(directory, register, box, spare)
    say(f"Register: {'a database of its own' if register else 'private/register.db'}.")
    say(f"Box:      {'a database of its own' if box else 'private/box.db'}.")
    say("Both are reachable, and empty or this election's own.")
    say(f"Next: evote roll import {directory} voters.csv")


@click.group(cls=Commands)
def roll() -> None:
    """The electoral roll."""


@roll.command(name="import")
@folder_argument
@click.argument("voters", type=click.Path(dir_okay=False, path_type=Path))
@actor_option
def import_(directory: Path, voters: Path, actor: str) -> None:
    """Import the roll from a CSV file with the columns voter_id,name,contests.

    The third holds contest[:section[:weight]] items, separated by semicolons. Nothing is imported if a line
    is bad; every bad line is named.

    Example: evote roll import election voters.csv
    """
    sealed = (directory / "record" / "seal.json").is_file()
    counted = import_roll(directory, read_bounded(voters, _MAX_ROLL_BYTES), actor=actor)
    say(
        f"{number_of(counted.voters, 'voter')} imported, {number_of(counted.entitlements, 'ballot')} to cast."
    )
    if sealed:
        say(f'The sealed roll is not this one any more. Next: evote seal {directory} --reason "why"')
    else:
        say(f"Next: evote ceremony deal {directory} --out SHARES, on an offline machine")


@click.command(short_help="Check the whole set-up and seal the election.")
@folder_argument
@click.option("--reason", default="", help="Why an election that was sealed before is sealed again.")
@actor_option
def seal(directory: Path, reason: str, actor: str) -> None:
    """Check the whole set-up and the empty box, and seal the election.

    Example: evote seal election
    """
    election = seal_election(directory, reason=reason, actor=actor)
    manifest = election.manifest
    say(f"Sealed: {manifest.event}, {manifest.title}, mode {manifest.mode}, {manifest.parameters}.")
    most = sum(entry.voters for entry in manifest.roll)
    say(f"{number_of(len(manifest.contests), 'contest')}, {number_of(most, 'ballot')} to cast at most.")
    say("Election id, for comparison aloud:")
    say(f"  {spoken(election.id)}")
    say(f"Next: evote open {directory}, from {moment(manifest.timetable.opens)}")


@click.command(name="open", short_help="Open the vote.")
@folder_argument
@actor_option
def open_(directory: Path, actor: str) -> None:
    """Open the vote: the box and the attendance list are empty, and that is signed.

    Example: evote open election
    """
    with BallotBox.open(directory) as box:
        act = box.open_vote(actor=actor)
        early = " (before the sealed hour, mode TEST)" if act.early else ""
        say(f"Open since {moment(act.time)}{early}: 0 ballots, 0 attendance marks.")
        say(f"The vote closes {moment(box.public.manifest.timetable.closes)}.")


@click.command()
@folder_argument
@click.option("--watch", is_flag=True, help="Stay and publish at every sealed time until the vote is closed.")
@click.option("--now", "forced", is_flag=True, help="Publish everything at once (mode TEST only).")
def publish(directory: Path, *, watch: bool, forced: bool) -> None:
    """Publish the ballots that are due.

    Example: evote publish election --watch
    """
    if watch and forced:
        raise click.UsageError("Use --watch or --now, not both.")
    with _open_box(directory, patient=watch) as box:
        if box.phase in (Phase.DRAFT, Phase.SEALED):
            raise StateError("The vote is not open yet; there is nothing to publish.", check="BOX-9")
        if box.phase in (Phase.CLOSED, Phase.TALLIED):
            raise StateError("The vote is closed; every ballot is published.", check="BOX-9")
        say(f"Ballots published: {box.publish(forced=forced)}.")
        _say_cosigned(box)
        failed = False
        while watch and box.phase in (Phase.SEALED, Phase.OPEN, Phase.GRACE):
            time.sleep(_LOOK_AGAIN)
            failed = not _publish_again(box, failed=failed)


@click.command(short_help="Close the vote.")
@folder_argument
@actor_option
def close(directory: Path, actor: str) -> None:
    """Close the vote: publish all ballots and commit to the attendance lists.

    Example: evote close election
    """
    with BallotBox.open(directory) as box:
        manifest = box.public.manifest
        early = manifest.mode == "TEST" and time.time() < manifest.timetable.closes
        if box.phase == Phase.OPEN and early and sys.stdin.isatty():
            click.confirm("The sealed hour has not come (mode TEST). Close the vote for good?", abort=True)
        act = box.close_vote(actor=actor)
        voters = sum(entry.voters for entry in act.marks)
        early_note = " (before the sealed hour, mode TEST)" if act.early else ""
        say(f"Closed {moment(act.time)}{early_note}: ballots {voters}, attendance marks {voters}.")
        if box.phase == Phase.TALLIED:
            say(f"Next: evote verify {directory / 'record'}")
        elif _say_cosigned(box):
            say(f"Next: evote tally start {directory}")
        else:
            say(
                "The trustees' tools wait for the witnesses. Next: run evote close again, or bring the lines by file:"
            )
            say(f"  evote board cosign {directory} FILE")


def _say_cosigned(box: BallotBox) -> bool:
    """Say who has cosigned what was published, and why others have not; return whether the quorum is reached."""
    asked = box.cosigned
    if asked is None or not asked.cosigned.quorum:
        return True
    say(f"Witnesses: {asked.cosigned}.")
    for sentence in asked.failures:
        say(f"  {sentence}")
    return asked.cosigned.complete


def _open_box(directory: Path, *, patient: bool) -> BallotBox:
    """Open the box; while it cannot be reached, whoever is patient tries again."""
    while True:
        try:
            return BallotBox.open(directory)
        except StorageError as error:
            if not patient:
                raise
            _say_unpublished(error)
            time.sleep(_LOOK_AGAIN)


def _publish_again(box: BallotBox, *, failed: bool) -> bool:
    """Publish what is due, and return whether it worked; a database that is away for a while stops nothing."""
    try:
        count = box.publish()
    except StorageError as error:
        _say_unpublished(error)
        return False
    if failed:
        say("Publication works again.")
    if count:
        say(f"Ballots published: {count}.")
        _say_cosigned(box)
    return True


def _say_unpublished(error: StorageError) -> None:
    say(f"Not published, tried again in {_LOOK_AGAIN} s: {error}")


@click.command(short_help="Compare everything of the service with everything else.")
@folder_argument
@click.option("--reason", default="", help="Why; published in the log of operations.")
@actor_option
@json_option
def integrity(directory: Path, *, reason: str, actor: str, as_json: bool) -> None:
    """Compare register, box, log, record, software and witnesses; voters wait meanwhile.

    Exit status 0 if nothing is wrong.

    Example: evote integrity election --reason "before the opening"
    """
    with BallotBox.open(directory) as box:
        report = box.check_integrity(actor=actor, reason=reason)
    if as_json:
        alerts = [
            {"kind": one.kind.value, "subject": one.subject, "detail": one.detail} for one in report.alerts
        ]
        say(json.dumps({"time": report.time, "alerts": alerts}, sort_keys=True, ensure_ascii=False))
    else:
        for one in report.alerts:
            say(f"{one.kind.value}: {one.subject}: {one.detail}")
        say("Nothing is wrong." if report.sound else f"Wrong: {number_of(len(report.alerts), 'thing')}.")
    if not report.sound:
        raise SystemExit(1)


_NEXT = {
    Phase.SEALED: "open",
    Phase.OPEN: "publish, and close when the hour has come",
    Phase.GRACE: "close",
    Phase.CLOSED: "tally start, tally decrypt by each trustee, tally finish",
    Phase.TALLIED: "verify",
}


def _draft_state(directory: Path) -> dict[str, object]:
    """Say what of the set-up is done and what comes next; a manifest that breaks a rule is refused."""
    draft = read_draft(directory)
    folder = ceremony_folder(directory)
    voters = count_roll(directory)
    key, drill = (folder / "keys.json").is_file(), (folder / "drill.json").is_file()
    following = (
        "roll import"
        if not voters
        else "ceremony deal"
        if not key
        else "ceremony check by each trustee, twice, then ceremony drill"
        if not drill
        else "seal"
    )
    return {
        "mode": draft.mode,
        "contests": f"{len(draft.contests)}",
        "voters on the roll": f"{voters}",
        "key": "dealt" if key else "not dealt",
        "drill": "passed" if drill else "not held",
        "next": following,
    }


def _sealed_state(box: BallotBox, record: RecordFolder) -> dict[str, object]:
    """Say what has come of a sealed election, and what comes next."""
    manifest, phase = box.public.manifest, box.phase
    state: dict[str, object] = {
        "phase": phase.value,
        "election": box.public.id.hex(),
        "opens": manifest.timetable.opens,
        "closes": manifest.timetable.closes,
        "turnout": box.turnout(),
        "next": _NEXT[phase],
    }
    coming = [one for one in manifest.publication.times if one > time.time()]
    if phase == Phase.OPEN and coming:
        state["next publication"] = min(coming)
    if phase == Phase.CLOSED and manifest.witness_quorum:
        found = count_cosignatures(record, manifest, layout.CLOSING_CHECKPOINT)
        state["witnesses"] = f"{found}"
        if not found.complete:
            state["next"] = (
                f"close again, or board cosign {record.path.parent} FILE; the tally waits for witnesses"
            )
    return state


@click.command()
@folder_argument
@json_option
def status(directory: Path, *, as_json: bool) -> None:
    """Say where the election is and what comes next.

    Example: evote status election
    """
    if not (directory / "manifest.json").is_file():
        raise ParameterError(f"{directory} is not an election folder; make one with: evote new {directory}")
    try:
        with BallotBox.open(directory) as box:
            box.publish()  # what is due
            state = _sealed_state(box, RecordFolder(directory / "record"))
    except StateError as error:
        if error.check != "ACT-1":
            raise
        state = {"phase": Phase.DRAFT.value, **_draft_state(directory)}
    if as_json:
        say(json.dumps(state, sort_keys=True))
        return
    for name, value in state.items():
        if isinstance(value, dict):
            _say_turnout(value)
        else:
            say(f"{name:>30}  {moment(value) if isinstance(value, int) else value}")


def _say_turnout(turnout: dict[str, int]) -> None:
    for contest, count in turnout.items():
        if count:
            say(f"{'turnout ' + contest:>30}  {count}")
    if silent := sum(not count for count in turnout.values()):
        say(f"{'no vote yet':>30}  {number_of(silent, 'contest')}")
