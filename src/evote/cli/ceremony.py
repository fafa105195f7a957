# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the key ceremony: deal, check, drill."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import click

from evote.board.files import create_file, make_folder, read_bounded, write_durably
from evote.box.setup import ceremony_folder, read_draft
from evote.cli.console import (
    Commands,
    ask_code,
    ask_new_code,
    code_file_option,
    folder_argument,
    read_codes,
    read_share_file,
    say,
    share_option,
    spoken,
    waiting,
)
from evote.crypto.sealing import MIN_CODE_LENGTH, STANDARD_COST, TOY_COST
from evote.encoding import Document
from evote.errors import ParameterError, StateError, StorageError
from evote.keys.dealer import deal_keys
from evote.keys.drill import contribute_to_drill, finish_drill, make_drill_shares
from evote.keys.share_file import open_key_share, seal_key_share
from evote.manifest import Draft, verify_election
from evote.record.keys import DrillContribution, DrillShares, KeyRecord
from evote.tally.session import inbox_folder
from evote.verify.drill import drill_seed
from evote.verify.keys import verify_key_record

Posted = TypeVar("Posted", DrillContribution, DrillShares)


@click.group(cls=Commands)
def ceremony() -> None:
    """The key ceremony: deal the key, check each share, drill."""


def _verified_draft(directory: Path) -> Draft:
    draft = read_draft(directory)
    verify_election(draft)
    return draft


@ceremony.command()
@folder_argument
@click.option("--out", "shares", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Folder for the share files, on a medium that the holders take away.")  # fmt: skip
@click.option("--codes", type=click.Path(dir_okay=False, path_type=Path),
              help="Activation codes for scripted runs: lines of trustee, TAB, code.")  # fmt: skip
@click.option("--again", is_flag=True, help="Deal anew; the earlier shares become useless.")
def deal(directory: Path, shares: Path, codes: Path | None, *, again: bool) -> None:
    """Make the election key, prove it, split it among the bureau, and forget it.

    Run it on a machine without a network. Each holder types their own activation code.

    Example: evote ceremony deal election --out /media/usb/shares
    """
    draft = _verified_draft(directory)
    folder = ceremony_folder(directory)
    if (directory / "record" / "open.json").exists():
        raise StateError("The vote was opened with its key; another could never count it.", check="KEY-8")
    if (folder / "keys.json").exists() and not again:
        raise StateError("The key is dealt already; to deal anew, add --again.", check="KEY-8")
    _verify_free(draft, shares)
    chosen = _choose_codes(draft, codes)
    with waiting(f"Searching two safe primes of {draft.sizes.modulus_bits // 2} bits") as progress:
        dealt = deal_keys(draft.sizes, draft.policy, progress)
    make_folder(shares)
    cost = TOY_COST if draft.sizes.toy else STANDARD_COST
    for trustee, secret in dealt.secrets.items():
        file = seal_key_share(dealt.record, trustee, secret, chosen[trustee], cost)
        create_file(shares / f"{trustee}.share", file.to_bytes(), mode=0o600)
        say(f"Wrote {shares / trustee}.share")
    shutil.rmtree(folder, ignore_errors=True)  # only now: the new shares are all there
    shutil.rmtree(directory / "inbox", ignore_errors=True)
    write_durably(folder / "keys.json", dealt.record.to_bytes())
    say("Fingerprint of the public key, for comparison aloud:")
    say(f"  {spoken(dealt.record.public_key.fingerprint()[:16])}")
    say(f"Next: each trustee runs, twice: evote ceremony check {directory} --share FILE")


def _verify_free(draft: Draft, shares: Path) -> None:
    """Refuse a folder that holds share files: those of another key would be lost."""
    for _, member in draft.policy.members:
        if (path := shares / f"{member.id}.share").exists():
            raise StorageError(f"{path} exists and may be needed; name an empty folder.", check="KEY-9")


def _choose_codes(draft: Draft, path: Path | None) -> dict[str, str]:
    """Return an activation code for every holder before anything is generated."""
    given = read_codes(path) if path else {}
    chosen: dict[str, str] = {}
    for _, member in draft.policy.members:
        if path and member.id not in given:
            raise ParameterError(f"{path} has no code for {member.id}.", check="KEY-9", subject=member.id)
        code = given[member.id] if path else ask_new_code(f"{member.name} ({member.role})")
        if len(code.strip()) < MIN_CODE_LENGTH:
            raise ParameterError(
                f"The code of {member.id} is too short; take {MIN_CODE_LENGTH} characters or more.",
                check="KEY-9",
                subject=member.id,
            )
        if code in chosen.values():
            raise ParameterError(
                f"{member.id} has the code of another trustee; each needs a code of their own.",
                check="KEY-9",
                subject=member.id,
            )
        chosen[member.id] = code
    return chosen


def read_keys(directory: Path) -> KeyRecord:
    """Read the key record of an election that is not sealed yet.

    Raises:
        StateError: No key was dealt (KEY-8).
    """
    path = ceremony_folder(directory) / "keys.json"
    if not path.is_file():
        raise StateError("No key was dealt yet; run: evote ceremony deal", check="KEY-8")
    return KeyRecord.from_bytes(read_bounded(path, KeyRecord.max_bytes))


def _collect(
    directory: Path, keys: KeyRecord, name: str, kind: type[Posted]
) -> dict[tuple[int, int], Posted]:
    """Return what the positions have posted, by position; anything for another key is left out."""
    found: dict[tuple[int, int], Posted] = {}
    for trustee in keys.trustees:
        path = inbox_folder(directory, trustee.id) / name
        position, _ = keys.trustee(trustee.id)
        if path.is_file():
            posted = kind.from_bytes(read_bounded(path, kind.max_bytes))
            if posted.keys == keys.digest() and (posted.group, posted.member) == (
                position.group,
                position.member,
            ):
                found[position.group, position.member] = posted
    return dict(sorted(found.items()))


def _names(keys: KeyRecord, positions: Sequence[tuple[int, int]]) -> str:
    return ", ".join(
        trustee.name
        for g, member in positions
        for trustee in keys.groups[g - 1].trustees
        if trustee.index == member and trustee.role != "substitute"
    )


def _post(directory: Path, trustee: str, name: str, document: Document) -> None:
    write_durably(inbox_folder(directory, trustee) / name, document.to_bytes())


_CONTRIBUTION, _SHARES = "drill-contribution.json", "drill-shares.json"


@ceremony.command()
@folder_argument
@share_option
@code_file_option
def check(directory: Path, share_file: Path, code_file: Path | None) -> None:
    """Check a trustee's own share, and do what is due from this trustee in the drill.

    Each trustee runs it twice: first for the contribution, then, when all have contributed, for the shares.

    Example: evote ceremony check election --share moreau.share
    """
    draft, keys = _verified_draft(directory), read_keys(directory)
    verify_key_record(keys, draft.parameters, draft.policy)
    file = read_share_file(share_file)
    share = open_key_share(keys, file, ask_code(file.header.name, code_file))
    trustee, place = share.trustee, (share.position.group, share.position.member)
    say(f"The share of {trustee.name} ({trustee.role}) is right.")
    contributions = _collect(directory, keys, _CONTRIBUTION, DrillContribution)
    if place not in contributions:
        contributions[place] = contribute_to_drill(keys, share)
        _post(directory, trustee.id, _CONTRIBUTION, contributions[place])
        say("Contributed to the drill.")
    if missing := sorted(set(keys.positions) - set(contributions)):
        say(f"Still to contribute: {_names(keys, missing)}.")
        return
    ordered = [contributions[one] for one in sorted(contributions)]
    shares = _collect(directory, keys, _SHARES, DrillShares)
    if place not in shares or shares[place].seed != drill_seed(keys, ordered):
        with waiting("Making the shares of the drill"):
            shares[place] = make_drill_shares(keys, share, ordered)
        _post(directory, trustee.id, _SHARES, shares[place])
        say("Posted the shares of the drill.")
    if missing := sorted(set(keys.positions) - set(shares)):
        say(f"Still to post shares: {_names(keys, missing)}.")
    else:
        say(f"All have posted. Next: evote ceremony drill {directory}")


@ceremony.command()
@folder_argument
def drill(directory: Path) -> None:
    """Open the drill values with every required quorum: the key will open on election night.

    Example: evote ceremony drill election
    """
    draft, keys = _verified_draft(directory), read_keys(directory)
    verify_key_record(keys, draft.parameters, draft.policy)
    contributions = _collect(directory, keys, _CONTRIBUTION, DrillContribution)
    shares = _collect(directory, keys, _SHARES, DrillShares)
    for posted, what in ((contributions, "contribution"), (shares, "shares")):
        if missing := sorted(set(keys.positions) - set(posted)):
            raise StateError(
                f"The drill lacks the {what} of {_names(keys, missing)}; each runs: evote ceremony check",
                check="DRL-1" if what == "contribution" else "DRL-3",
            )
    with waiting("Opening the drill values with every required quorum"):
        transcript = finish_drill(keys, list(contributions.values()), list(shares.values()))
    write_durably(ceremony_folder(directory) / "drill.json", transcript.to_bytes())
    say(f"The key opens with every required quorum. Next: evote seal {directory}")
