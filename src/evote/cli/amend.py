# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of amendments: reference-key, sign, apply."""

from __future__ import annotations

import time
from pathlib import Path
from typing import cast

import click

from evote.board.files import read_bounded, write_durably
from evote.board.record_folder import RecordFolder
from evote.box.amending import amendment_file, apply_amendment, merge_signatures, propose_reference_key
from evote.cli.console import (
    Commands,
    actor_option,
    ask_code,
    code_file_option,
    folder_argument,
    moment,
    read_share_file,
    say,
    share_option,
    spoken,
)
from evote.errors import VerificationError
from evote.keys.acts import sign_amendment, verify_proposed
from evote.keys.share_file import open_key_share
from evote.record.amendments import Amendment, Cause
from evote.record.election import PublicElection
from evote.tally.opening import describe_need


@click.group(cls=Commands)
def amend() -> None:
    """Amendments of a sealed election, signed by the bureau."""


def _read(path: Path) -> Amendment:
    return Amendment.from_bytes(read_bounded(path, Amendment.max_bytes))


def _describe(election: PublicElection, act: Amendment) -> None:
    say(
        f"Amendment {act.number} of {election.manifest.event}, {election.manifest.title}, {moment(act.time)}."
    )
    say("Election id:")
    say(f"  {spoken(election.id)}")
    say(f"The key of ballot references is withdrawn as {act.change.cause}. Reason: {act.reason}")
    say(f"New key: {act.change.key}")
    if act.change.cause == "stolen":
        say("References by the old key whose ballots are not in the published log are no evidence any more.")
    say("What is signed, for comparison aloud:")
    say(f"  {spoken(act.signed_bytes())}")


def _need(election: PublicElection, act: Amendment) -> str:
    return describe_need(election.keys, [one.trustee for one in act.signatures])


@amend.command(name="reference-key", short_help="Make a new key of ballot references.")
@folder_argument
@click.option(
    "--cause", required=True, type=click.Choice(["lost", "stolen"]), help="Why the key is withdrawn."
)
@click.option("--reason", required=True, help="What happened, in words; published.")
def reference_key(directory: Path, cause: str, reason: str) -> None:
    """Make a new key of ballot references and write the act that the bureau signs to put it into use.

    Example: evote amend reference-key election --cause lost --reason "Disk of the server failed"
    """
    act = propose_reference_key(directory, cause=cast("Cause", cause), reason=reason, now=time.time())
    election = RecordFolder(directory / "record").election()
    path = amendment_file(directory, act.number)
    _describe(election, act)
    if election.manifest.mode == "TEST":
        say(f"In mode TEST no signature is needed: evote amend apply {directory} {path}")
    say(f"Next: trustees run: evote amend sign {path} --share FILE")


@amend.command(short_help="Sign an amendment, as a trustee.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@share_option
@code_file_option
@click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    help="Your copy of the record; by default the one in the election folder that holds FILE.",
)
def sign(file: Path, share_file: Path, code_file: Path | None, record: Path | None) -> None:
    """Show an amendment and add a trustee's signature to it.

    On a machine of your own: with copies of the record and of FILE, which you give back to the bureau.

    Example: evote amend sign election/acts/amend-1.json --share moreau.share
    """
    election = RecordFolder(record or file.parent.parent / "record").election()
    act = _read(file)
    verify_proposed(election, act)
    _describe(election, act)
    sealed = read_share_file(share_file)
    share = open_key_share(election.keys, sealed, ask_code(sealed.header.name, code_file))
    act = sign_amendment(election, act, share)
    write_durably(file, act.to_bytes())
    say(f"Signed by {share.trustee.name} ({share.trustee.role}).")
    need = _need(election, act)
    say(f"Still needed: {need}." if need else f"A quorum has signed. Next: evote amend apply DIR {file}")


@amend.command(name="apply", short_help="Put a signed amendment into force.")
@folder_argument
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@actor_option
def apply_(directory: Path, files: tuple[Path, ...], actor: str) -> None:
    """Put an amendment into force that a lawful quorum has signed; copies with different signatures are merged.

    Example: evote amend apply election election/acts/amend-1.json
    """
    act = merge_signatures([_read(path) for path in files])
    try:
        act = apply_amendment(directory, act, actor=actor, now=time.time())
    except VerificationError as refusal:
        election = RecordFolder(directory / "record").election()
        need = _need(election, act)
        incomplete = act.election == election.id and act.signatures and need
        if election.manifest.mode == "REAL" or not incomplete:
            raise
        raise VerificationError(
            f"{refusal} In mode TEST none is needed, or a whole lawful quorum; still needed: {need}.",
            check=refusal.check,
            subject=refusal.subject,
        ) from refusal
    say(
        f"Amendment {act.number} is in force and in the log. References are signed by the new key from now on:"
    )
    say(f"  {act.change.key}")
