# SPDX-License-Identifier: GPL-3.0-or-later
"""`evote demo`, and in it the election of June 2024: the figures, and the whole chain at several sizes."""

from __future__ import annotations

import csv
import io
import itertools
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from evote.board.record_folder import RecordFolder
from evote.cli import electorate
from evote.cli.electorate import Plan
from evote.cli.engine import local_engine
from evote.cli.replay import plan_2024
from evote.errors import NotEligible, ParameterError
from evote.manifest import verify_election
from evote.manifest.figures_2024 import COLLEGES, FEWEST_VOTERS, VOTERS, apportion, turnout_2024
from evote.manifest.template import cspm_2024, replay_2024
from evote.record import layout
from evote.record.acts import Closing
from evote.record.tally import Result, SeatsRecord
from evote.seats import ListTally, allocate_seats
from evote.verify import audit_record

from .conftest import run, succeed

OPENS = 1_800_000_000
LISTS = ("aph-amuf-cfdt", "cmh-inph-snam", "jeunes-medecins", "snmh-fo", "ufmict-cgt")
PROCLAIMED = (3, 2, 0, 0, 0)


def plan_for(voters: int | None, seed: int = 1) -> Plan:
    return plan_2024(replay_2024(OPENS, "toy-512"), voters, random.Random(seed).shuffle)


def seats_of(votes: tuple[int, ...]) -> tuple[int, ...]:
    ranks = itertools.count(1)
    lists = [
        ListTally(name, count, 6, tuple(itertools.islice(ranks, 6)))
        for name, count in zip(LISTS, votes, strict=True)
    ]
    return allocate_seats(5, lists, ("most-votes", "most-candidates", "oldest-candidate")).seats


def verify_replay(folder: Path, plan: Plan) -> None:
    """Check a finished record against what the voters chose."""
    draft = replay_2024(OPENS, "toy-512")
    record = RecordFolder(folder / "record")
    closing = record.read(layout.CLOSE, Closing)
    assert sum(one.voters for one in closing.marks) == plan.ballots
    assert sum(entry.voters for entry in record.election().manifest.roll) == sum(
        map(len, itertools.chain(plan.choices.values(), plan.absent.values()))
    )
    for contest in draft.contests:
        assert record.read(layout.result_path(contest.id), Result).counts == plan.counts(contest)
    for contest_id in ("cspm-1", "cspm-2"):
        seats = record.read(layout.seats_path(contest_id), SeatsRecord)
        assert tuple(one.seats for one in seats.lists) == PROCLAIMED
    assert audit_record(folder / "record").verified


def test_the_published_figures() -> None:
    first, second, _ = COLLEGES
    assert sum(college.electors for college in COLLEGES) == 94_379
    assert sum(second.votes) == 7_289
    assert second.votes[:3] == (3_608, 2_290, 800)
    assert sum(second.votes[3:]) == 591
    assert [round(100 * votes / sum(first.votes), 2) for votes in first.votes[:2]] == [60.51, 33.58]
    assert first.proclaimed == second.proclaimed == PROCLAIMED
    assert seats_of(first.votes) == seats_of(second.votes) == PROCLAIMED


def test_the_plan_at_its_real_size() -> None:
    draft, plan = replay_2024(OPENS, "evote-3072"), plan_for(None)
    assert plan.electors == 94_379
    assert len(plan.choices) == VOTERS == round(94_379 / 10)
    assert 25_000 <= plan.ballots <= 25_500
    assert plan.counts(draft.contest("cspm-2"))[1:] == (3_608, 2_290, 800, 330, 261)
    assert plan.counts(draft.contest("cspm-1"))[1:3] == (573, 318)
    for contest in draft.contests:
        assert plan.counts(contest) == turnout_2024().counts[contest.id]


def test_everybody_votes_in_the_contests_of_their_college_and_discipline() -> None:
    plan = plan_for(None)
    kinds = Counter(tuple(chosen) for chosen in plan.choices.values())
    assert len(kinds) == 7 + 7 + 1
    for contests in {*kinds, *plan.absent.values()}:
        college, *others = contests
        disciplines = {contest.rpartition("-")[2] for contest in others}
        if college == "cspm-2":
            assert [one.rpartition("-")[0] for one in others] == ["csn-ph", "cd"]
            assert len(disciplines) == 1
        else:
            assert [one.rpartition("-")[0] for one in others] == (["csn-hu"] if college == "cspm-1" else [])


def test_the_roll_names_every_elector_once() -> None:
    plan = plan_for(None)
    header, *lines = csv.reader(io.StringIO(plan.roll().decode()))
    assert header == ["voter_id", "name", "contests"]
    assert len({line[0] for line in lines}) == len(lines) == 94_379
    assert {line[0]: line[2].split(";") for line in lines} == {
        voter: list(contests) for voter, contests in {**plan.choices, **plan.absent}.items()
    }


def test_the_seed_moves_who_votes_what_and_no_count() -> None:
    one, other = plan_for(300, 1), plan_for(300, 2)
    assert one == plan_for(300, 1)
    assert one.choices != other.choices
    for contest in replay_2024(OPENS, "toy-512").contests:
        assert one.counts(contest) == other.counts(contest)


@pytest.mark.parametrize("start", range(60, 80))
def test_every_scale_keeps_size_order_and_proclaimed_seats(start: int) -> None:
    for voters in (*range(start, 1_200, 20), *range(1_200 + start, VOTERS, 997)):
        turnout = turnout_2024(voters)
        assert sum(group.voters for group in turnout.groups) == voters
        assert sum(group.electors for group in turnout.groups) == 94_379 * voters // VOTERS
        assert all(group.electors >= group.voters for group in turnout.groups)
        assert seats_of(turnout.counts["cspm-1"][1:]) == PROCLAIMED
        assert seats_of(turnout.counts["cspm-2"][1:]) == PROCLAIMED
        for group in turnout.groups:
            assert all(sum(turnout.counts[contest]) == group.voters for contest in group.contests[1:])


@pytest.mark.parametrize("voters", [0, FEWEST_VOTERS - 1, VOTERS + 1])
def test_other_sizes_are_refused(voters: int) -> None:
    with pytest.raises(ParameterError, match="60 to 9438 voters"):
        turnout_2024(voters)


def test_shares_by_largest_remainder() -> None:
    assert apportion(10, (1, 1, 1)) == (4, 3, 3)
    assert apportion(5, (57, 31, 12)) == (3, 1, 1)
    assert apportion(0, (3, 4)) == (0, 0)
    assert apportion(7, (3, 4)) == (3, 4)


def test_the_replayed_election_has_the_contests_of_2024_and_other_hours() -> None:
    real, replayed = cspm_2024(OPENS), replay_2024(OPENS, "evote-3072")
    verify_election(replayed)
    assert replayed.mode == "TEST"
    assert replayed.publication.times == ()
    assert replayed == real.replace(timetable=replayed.timetable, publication=replayed.publication)


def test_the_replay_of_2024_scaled_down(tmp_path: Path) -> None:
    said = succeed(
        "demo", "--replay", "cspm-2024", tmp_path / "election",
        "--voters", 120, "--parameters", "toy-512", "--seed", 1, "--workers", 1,
    )  # fmt: skip
    plan = plan_for(120)
    verify_replay(tmp_path / "election", plan)
    assert said.startswith("Published: 94,379 electors")
    assert "Made up, in proportion" in said
    assert f"{plan.electors:,} electors, 120 voters, {plan.ballots} ballots." in said
    assert "All 24 counts are what the synthetic voters chose." in said
    for contest in ("cspm-1", "cspm-2"):
        assert f"{contest}: as proclaimed in 2024 (aph-amuf-cfdt 3, cmh-inph-snam 2)." in said
    assert "csn-ph-medecine: votes cast" in said
    assert "\nVERIFIED\n" in said


def test_other_seats_than_the_proclaimed_ones_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *rest = COLLEGES
    monkeypatch.setattr("evote.cli.replay.COLLEGES", (replace(first, proclaimed=(2, 3, 0, 0, 0)), *rest))
    result = run(
        "demo", "--replay", "cspm-2024", tmp_path / "election",
        "--voters", 60, "--parameters", "toy-512", "--workers", 1,
    )  # fmt: skip
    assert result.exit_code == 1
    assert "cspm-1: NOT as proclaimed in 2024 (aph-amuf-cfdt 2, cmh-inph-snam 3)." in result.stdout
    assert "cspm-2: as proclaimed" in result.stdout


def test_several_processes_cast_the_ballots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(electorate, "_WORTH_WORKERS", 1)
    succeed(
        "demo", "--replay", "cspm-2024", tmp_path / "election",
        "--voters", 60, "--parameters", "toy-512", "--seed", 1, "--workers", 2,
    )  # fmt: skip
    verify_replay(tmp_path / "election", plan_for(60))


def test_a_refusal_in_another_process_arrives(at, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(electorate, "_WORTH_WORKERS", 1)
    plan = Plan({f"nobody-{number}": {"one": "a"} for number in range(100)})
    with local_engine(2) as engine, pytest.raises(NotEligible, match="not on the roll"):
        electorate.cast_all(at("opened"), plan, engine, lambda *_: None)


def test_the_plain_demonstration(tmp_path: Path) -> None:
    said = succeed("demo", tmp_path / "election", "--voters", 7, "--lists", 3, "--parameters", "toy-512")
    assert "7 electors, 7 voters" in said
    assert "\nVERIFIED\n" in said
    again = run("demo", tmp_path / "election", "--parameters", "toy-512")
    assert again.exit_code == 1
    assert "holds an election already" in again.stderr


def test_a_demonstration_with_one_voter(tmp_path: Path) -> None:
    assert "\nVERIFIED\n" in succeed("demo", tmp_path / "one", "--voters", 1, "--parameters", "toy-512")


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("--voters", 59), 1, "60 to 9438 voters"),
        (("--voters", 9_439), 1, "60 to 9438 voters"),
        (("--lists", 5), 2, "leave --lists out"),
    ],
)
def test_a_replay_refuses_what_does_not_fit(tmp_path: Path, arguments, status: int, sentence: str) -> None:
    result = run("demo", "--replay", "cspm-2024", tmp_path / "election", *arguments)
    assert result.exit_code == status
    assert sentence in result.stderr
    assert not (tmp_path / "election").exists()


@pytest.mark.slow
def test_the_replay_of_2024_at_its_real_size(tmp_path: Path) -> None:
    said = succeed("demo", "--replay", "cspm-2024", tmp_path / "election", "--seed", 1)
    assert "94,379 electors, 9,438 voters, 25,418 ballots." in said
    verify_replay(tmp_path / "election", plan_for(None))
