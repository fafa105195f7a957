# SPDX-License-Identifier: GPL-3.0-or-later
"""`evote demo`: a whole election with synthetic voters, from ceremony to verified result."""

from __future__ import annotations

import random
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from evote.ballot import Choice, encrypt_ballot
from evote.board.files import write_durably
from evote.box import BallotBox
from evote.box.setup import ceremony_folder, create_election_folder, import_roll, seal_election
from evote.cli.console import moment, progress_bar, say, spoken, waiting
from evote.cli.results import print_outcome
from evote.cli.verifier import print_report
from evote.crypto.fixed_base import base_table
from evote.crypto.sealing import STANDARD_COST, TOY_COST
from evote.errors import StateError
from evote.keys.dealer import deal_keys
from evote.keys.drill import contribute_to_drill, finish_drill, make_drill_shares
from evote.keys.share_file import open_key_share, seal_key_share
from evote.manifest import Draft
from evote.manifest.template import demonstration
from evote.params import DEFAULT_PARAMETERS, PARAMETER_NAMES
from evote.record.keys import KeyShareFile
from evote.record.reference import Receipt
from evote.tally.memory import ServedElections
from evote.tally.session import finish_tally, post_decryption_shares, start_tally
from evote.verify import audit_record, verify_closing

_QUORUM = ("garnier", "moreau", "roux")  # the secretary and two delegates
_FIRST_VOTER = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the synthetic voters do: voter id -> contest -> choice."""

    choices: dict[str, dict[str, str]]

    def roll(self) -> bytes:
        """Return the roll as CSV."""
        lines = [f"{voter},Voter {voter},{';'.join(chosen)}\n" for voter, chosen in self.choices.items()]
        return ("voter_id,name,contests\n" + "".join(lines)).encode()


def _plan(draft: Draft, voters: int, seed: int | None) -> _Plan:
    """Give every voter one CSPM college, and some of them CSN and CD; the seed moves choices and nothing else."""
    source = random.Random(seed)  # noqa: S311 - synthetic choices, never keys or nonces
    colleges = [contest.id for contest in draft.contests if contest.id.startswith("cspm")]
    choices: dict[str, dict[str, str]] = {}
    for number in range(voters):
        mine = [colleges[number % len(colleges)], *("csn", "cd")[: source.randrange(3)]]
        choices[str(_FIRST_VOTER + number)] = {contest: _choose(draft, contest, source) for contest in mine}
    return _Plan(choices)


def _choose(draft: Draft, contest_id: str, source: random.Random) -> str:
    ids = [one.id for one in draft.contest(contest_id).lists]
    weights = [1.0 / place for place in range(1, len(ids) + 1)]
    return str(source.choices([*ids, "blank"], [*weights, 0.3])[0])


@contextmanager
def _chapter(title: str) -> Iterator[None]:
    say(f"── {title}")
    start = time.monotonic()
    yield
    say(f"   {time.monotonic() - start:.1f} s")


@click.command(short_help="Run a whole election with synthetic voters.")
@click.argument(
    "directory", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path)
)
@click.option("--voters", default=60, show_default=True, type=click.IntRange(1, 100_000))
@click.option(
    "--lists", default=10, show_default=True, type=click.IntRange(3, 10), help="Lists in the CSPM contests."
)
@click.option(
    "--parameters", default=DEFAULT_PARAMETERS, show_default=True, type=click.Choice(PARAMETER_NAMES)
)
@click.option(
    "--seed", type=int, help="Seed of the synthetic choices alone; keys and nonces are always fresh."
)
def demo(directory: Path | None, voters: int, lists: int, parameters: str, seed: int | None) -> None:
    """Run a whole election, from the key ceremony to the verified result, with synthetic voters.

    Example: evote demo --voters 60
    """
    folder = directory or Path(tempfile.mkdtemp(prefix="evote-demo-"))
    if (folder / "manifest.json").exists():
        raise StateError(f"{folder} holds an election already; name a new folder.")
    start = time.monotonic()
    draft = demonstration(int(time.time()) - 60, parameters, lists)
    plan = _plan(draft, voters, seed)
    with _chapter("Key ceremony: (president or secretary) and two of four delegates"):
        create_election_folder(folder, draft)
        import_roll(folder, plan.roll())
        _hold_ceremony(folder, draft)
    with _chapter("Seal and open"):
        election = seal_election(folder, reason="")
        say(f"   Election id {spoken(election.id[:8])} …")
    with _chapter(f"{voters} voters cast {sum(map(len, plan.choices.values()))} ballots"):
        _vote(folder, plan)
    with _chapter(f"Tally by the secretary and two delegates: {', '.join(_QUORUM)}"):
        _decrypt(folder)
        with waiting("Opening the sums"):
            outcome = finish_tally(folder, {}, lambda *_: None)
    print_outcome(outcome)
    with _chapter("Verification from the record alone"), progress_bar("Verifying") as progress:
        report = audit_record(folder / "record", progress=progress)
    print_report(report)
    say(f"The record is in {folder / 'record'} ({time.monotonic() - start:.0f} s in all).")
    say(f"Verify it again: evote verify {folder / 'record'}")
    raise SystemExit(0 if report.verified else 1)


def _hold_ceremony(folder: Path, draft: Draft) -> None:
    """Deal, let every trustee check and drill, and open the drill values."""
    with waiting("Searching two safe primes") as progress:
        dealt = deal_keys(draft.sizes, draft.policy, progress)
    keys, cost = dealt.record, TOY_COST if draft.sizes.toy else STANDARD_COST
    codes = {trustee: secrets.token_hex(8) for trustee in dealt.secrets}
    shares = {}
    for trustee, secret in dealt.secrets.items():
        file = seal_key_share(keys, trustee, secret, codes[trustee], cost)
        write_durably(folder / "shares" / f"{trustee}.share", file.to_bytes(), mode=0o600)
        shares[trustee] = open_key_share(keys, file, codes[trustee])
    lines = "".join(f"{trustee}\t{code}\n" for trustee, code in codes.items())
    write_durably(folder / "shares" / "codes.tsv", lines.encode(), mode=0o600)
    say(f"   {keys.parameters}: key {spoken(keys.public_key.fingerprint()[:8])} …, {len(shares)} shares")
    contributions = [contribute_to_drill(keys, share) for share in shares.values()]
    with waiting("Drill: every required quorum opens 48 values"):
        drilled = [make_drill_shares(keys, share, contributions) for share in shares.values()]
        drill = finish_drill(keys, contributions, drilled)
    write_durably(ceremony_folder(folder) / "keys.json", keys.to_bytes())
    write_durably(ceremony_folder(folder) / "drill.json", drill.to_bytes())
    say("   The drill shows that the key opens with every required quorum.")


def _vote(folder: Path, plan: _Plan) -> None:
    receipts: list[Receipt] = []
    total = sum(map(len, plan.choices.values()))
    with BallotBox.open(folder) as box, progress_bar("Voting") as progress:
        box.open_vote()
        powers = base_table(box.public.key)
        for voter, chosen in plan.choices.items():
            for contest, choice in chosen.items():
                slot = box.slot(voter=voter, contest=contest)
                ballot = encrypt_ballot(box.public, slot, Choice(choice), powers=powers)
                receipt = box.cast(voter=voter, ballot=ballot.to_bytes())
                ballot.check_receipt(receipt)
                receipts.append(receipt)
                progress("ballots", len(receipts), total)
        act = box.close_vote()
        say(f"   Closed {moment(act.time)}: as many ballots as attendance marks in every unit.")
        for receipt in (receipts[0], receipts[-1]):
            verdict = box.check_reference(str(receipt.reference))
            say(f"   {receipt.code}: {verdict.signature_sentence} {verdict.presence_sentence}")
            if verdict.presence != "found":
                raise StateError("A reference was not found in the published log.", check="REF-4")


def _decrypt(folder: Path) -> None:
    """Let each trustee of the quorum verify the record and post their shares."""
    start_tally(folder, lambda *_: None)
    codes = dict(line.split("\t") for line in (folder / "shares" / "codes.tsv").read_text().splitlines())
    for trustee in _QUORUM:
        closing = verify_closing(folder / "record")
        path = folder / "shares" / f"{trustee}.share"
        share = open_key_share(
            closing.election.keys, KeyShareFile.from_bytes(path.read_bytes()), codes[trustee]
        )
        memory = ServedElections((path.with_name(path.name + ".served"),))
        made = post_decryption_shares(folder, closing, share, memory, time.time())
        say(
            f"   {share.trustee.name} ({share.trustee.role}) verified the record and opened {len(made)} sums."
        )
