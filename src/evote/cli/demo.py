# SPDX-License-Identifier: GPL-3.0-or-later
"""`evote demo`: a whole election with synthetic voters, from ceremony to verified result."""

from __future__ import annotations

import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from evote.board.files import write_durably
from evote.box import BallotBox
from evote.box.setup import ceremony_folder, create_election_folder, import_roll, seal_election
from evote.cli.console import moment, progress_bar, say, spoken, waiting
from evote.cli.electorate import FIRST_VOTER, Plan, cast_all
from evote.cli.engine import local_engine, trusting_means
from evote.cli.replay import MADE_UP, REPLAYS, plan_2024, print_replay
from evote.cli.results import print_outcome
from evote.cli.verifier import print_report
from evote.crypto.sealing import STANDARD_COST, TOY_COST
from evote.errors import StateError, TallyMismatch
from evote.keys.dealer import deal_keys
from evote.keys.drill import contribute_to_drill, finish_drill, make_drill_shares
from evote.keys.share_file import open_key_share, seal_key_share
from evote.manifest import Draft
from evote.manifest.template import demonstration, replay_2024
from evote.params import DEFAULT_PARAMETERS, PARAMETER_NAMES
from evote.record.keys import KeyShareFile
from evote.tally.memory import ServedElections
from evote.tally.session import Outcome, finish_tally, post_decryption_shares, start_tally
from evote.verify import Engine, Means, audit_record, verify_closing
from evote.verify.report import silent

_QUORUM = ("garnier", "moreau", "roux")  # the secretary and two delegates


def _plan(draft: Draft, voters: int, source: random.Random) -> Plan:
    """Give every voter one CSPM college, and some of them CSN and CD."""
    colleges = [contest.id for contest in draft.contests if contest.id.startswith("cspm")]
    choices: dict[str, dict[str, str]] = {}
    for number in range(voters):
        mine = [colleges[number % len(colleges)], *("csn", "cd")[: source.randrange(3)]]
        choices[str(FIRST_VOTER + number)] = {contest: _choose(draft, contest, source) for contest in mine}
    return Plan(choices)


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
@click.option("--replay", type=click.Choice(REPLAYS), help="Replay a real election, at its real size.")
@click.option(
    "--voters",
    type=click.IntRange(1, 100_000),
    help="How many voters vote; by default 60, in a replay as many as there were.",
)
@click.option("--lists", type=click.IntRange(3, 10), help="Lists in the CSPM contests; by default 10.")
@click.option(
    "--parameters", default=DEFAULT_PARAMETERS, show_default=True, type=click.Choice(PARAMETER_NAMES)
)
@click.option(
    "--seed", type=int, help="Seed of the synthetic choices alone; keys and nonces are always fresh."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Processes that cast and verify many ballots; by default one for each free core.",
)
def demo(
    directory: Path | None,
    replay: str | None,
    voters: int | None,
    lists: int | None,
    parameters: str,
    seed: int | None,
    workers: int | None,
) -> None:
    """Run a whole election, from the key ceremony to the verified result, with synthetic voters.

    --replay cspm-2024 is the election of the French hospital doctors of June 2024 at its real size: 94,379
    electors, the votes and seats that were published, and made-up figures in between.

    Example: evote demo --voters 60
    """
    if replay and lists:
        raise click.UsageError("A replay has the lists of its election: leave --lists out.")
    if directory is not None and (directory / "manifest.json").exists():
        raise StateError(f"{directory} holds an election already; name a new folder.")
    opens = int(time.time()) - 60
    source = random.Random(seed)  # noqa: S311 - synthetic choices, never keys or nonces
    if replay:
        draft = replay_2024(opens, parameters)
        plan = plan_2024(draft, voters, source.shuffle)
        say(MADE_UP)
    else:
        draft = demonstration(opens, parameters, lists or 10)
        plan = _plan(draft, voters or 60, source)
    folder = directory or Path(tempfile.mkdtemp(prefix="evote-demo-"))
    with local_engine(workers) as engine:
        verified = _run(folder, draft, plan, engine, print_replay if replay else print_outcome)
    raise SystemExit(0 if verified else 1)


def _run(
    folder: Path, draft: Draft, plan: Plan, engine: Engine, show: Callable[[Outcome], bool | None]
) -> bool:
    """Hold the election; return whether everything in it is right."""
    start = time.monotonic()
    with _chapter("Key ceremony: (president or secretary) and two of four delegates"):
        create_election_folder(folder, draft)
        _hold_ceremony(folder, draft)
    with _chapter(f"A roll of {plan.electors:,} electors"):
        import_roll(folder, plan.roll())
    with _chapter("Seal and open"):
        election = seal_election(folder, reason="")
        say(f"   Election id {spoken(election.id[:8])} …")
        with BallotBox.open(folder) as box:
            box.open_vote()
    with (
        _chapter(f"{len(plan.choices):,} voters cast {plan.ballots:,} ballots"),
        progress_bar("Voting") as bar,
    ):
        references = cast_all(folder, plan, engine, bar)
    with _chapter("Close"):
        _close(folder, references)
    with _chapter(f"Tally by the secretary and two delegates: {', '.join(_QUORUM)}"):
        outcome = _tally(folder, engine)
        _verify_counts(draft, plan, outcome)
    right = show(outcome) is not False
    with _chapter("Verification from the record alone"), progress_bar("Verifying") as bar:
        report = audit_record(folder / "record", progress=bar, means=Means(engine))
    print_report(report)
    say(f"{plan.electors:,} electors, {len(plan.choices):,} voters, {plan.ballots:,} ballots.")
    say(f"The record is in {folder / 'record'} ({time.monotonic() - start:.0f} s in all).")
    say(f"Verify it again: evote verify {folder / 'record'}")
    return report.verified and right


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


def _close(folder: Path, references: Sequence[str]) -> None:
    """Close the vote, and look up the first and the last of some references."""
    with BallotBox.open(folder) as box:
        act = box.close_vote()
        say(f"   Closed {moment(act.time)}: as many ballots as attendance marks in every unit.")
        for reference in (references[0], references[-1]):
            verdict = box.check_reference(reference)
            say(f"   {verdict.code}: {verdict.signature_sentence} {verdict.presence_sentence}")
            if verdict.presence != "found":
                raise StateError("A reference was not found in the published log.", check="REF-4")


def _tally(folder: Path, engine: Engine) -> Outcome:
    """Let each trustee of the quorum post their shares, and open the sums.

    All of them trust this machine: a ballot is verified once and not five times.
    """
    means = trusting_means(engine)
    with progress_bar("Verifying the record") as progress:
        start_tally(folder, progress, means)
    codes = dict(line.split("\t") for line in (folder / "shares" / "codes.tsv").read_text().splitlines())
    for trustee in _QUORUM:
        closing = verify_closing(folder / "record", means=means)
        path = folder / "shares" / f"{trustee}.share"
        share = open_key_share(
            closing.election.keys, KeyShareFile.from_bytes(path.read_bytes()), codes[trustee]
        )
        memory = ServedElections((path.with_name(path.name + ".served"),))
        with waiting("Decrypting"):
            made = post_decryption_shares(folder, closing, share, memory, time.time())
        say(f"   {share.trustee.name} ({share.trustee.role}) made shares of {len(made)} sums.")
    with waiting("Opening the sums"):
        return finish_tally(folder, {}, silent, means)


def _verify_counts(draft: Draft, plan: Plan, outcome: Outcome) -> None:
    """Check what only a demonstration can know: that the counts are what the voters chose."""
    for contest in draft.contests:
        if outcome.results[contest.id].counts != plan.counts(contest):
            raise TallyMismatch(
                f"The counts of {contest.id} are not what the synthetic voters chose.", subject=contest.id
            )
    say(f"   All {len(draft.contests)} counts are what the synthetic voters chose.")
