# SPDX-License-Identifier: GPL-3.0-or-later
"""The register makes every voter's proof after the closing, and the bureau's list never while the vote is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from evote.board.journal import Journal
from evote.box import BallotBox, setup
from evote.box.attendance import export_attendance, prove_attendance, verify_roll_file
from evote.box.premises import Premises
from evote.box.roll import parse_roll
from evote.errors import EvoteError, NotEligible, ParameterError, StateError, VerificationError
from evote.record.acts import Closing
from evote.record.attendance_list import read_attendance_list
from evote.verify.attendance import read_closing, verify_attendance, verify_attendance_list, verify_roll

from .conftest import CLOSES, OPENS, ROLL, World, encrypt, make_draft

VOTED = {("bea", "council"), ("cyd", "council"), ("ada-lovelace", "board")}
REASON = {"actor": "anne", "reason": "check of the closing"}


def _exports(premises: Premises) -> list[tuple[str, str]]:
    """Return who exported a list and why, from the journal."""
    events = Journal(premises.private).events()
    return [(event.actor, event.reason) for event in events if event.operation == "attendance-exported"]


def _close(world: World) -> tuple[BallotBox, Closing, Premises]:
    box = world.enter()
    for voter, contest in sorted(VOTED):
        box.cast(voter, encrypt(box, voter, contest).to_bytes())
    world.clock.now = CLOSES
    return box, box.close_vote(), world.premises()


def _refused(kind: type[EvoteError], check: str, call: Callable[[], object]) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.check == check


def test_every_voter_has_a_right_proof_in_every_contest_of_theirs(world: World) -> None:
    box, act, premises = _close(world)
    assert read_closing(premises.record, box.public) == act
    rights = {(voter.id, slot.contest) for voter in premises.roll(box.public.manifest).entries for slot in voter.slots}  # fmt: skip
    assert len(rights) == 7
    for voter, contest in rights:
        proof = prove_attendance(premises, voter, contest)
        verify_attendance(box.public, act, proof)
        assert proof.present == ((voter, contest) in VOTED)


def test_nobody_else_has_one(world: World) -> None:
    _, _, premises = _close(world)
    for voter, contest in (("eve", "board"), ("zoe", "council"), ("bea", "senate"), ("\ud800", "board")):
        _refused(NotEligible, "BOX-7", lambda v=voter, c=contest: prove_attendance(premises, v, c))


def test_there_are_no_proofs_before_the_closing(world: World) -> None:
    _refused(StateError, "ATT-11", lambda: prove_attendance(world.premises(), "bea", "council"))


def test_no_proof_is_made_that_the_closing_refuses(world: World) -> None:
    _, _, premises = _close(world)
    with sqlite3.connect(world.directory / "private" / "register.db") as changed:
        changed.execute("UPDATE entitlements SET state = 0, voted_at = 0 WHERE voter = 'bea'")
    changed.close()
    _refused(VerificationError, "ATT-6", lambda: prove_attendance(premises, "bea", "council"))
    _refused(VerificationError, "ATT-6", lambda: prove_attendance(premises, "eve", "council"))


def test_no_proof_is_made_from_another_roll(world: World) -> None:
    _, _, premises = _close(world)
    with sqlite3.connect(world.directory / "private" / "register.db") as changed:
        changed.execute("DELETE FROM entitlements WHERE voter = 'eve'")
    changed.close()
    _refused(StateError, "ATT-3", lambda: prove_attendance(premises, "bea", "council"))


def test_the_list_is_the_whole_roll_and_opens_the_closing(world: World) -> None:
    box, act, premises = _close(world)
    lines = read_attendance_list(export_attendance(premises, **REASON))
    assert _exports(premises) == [(REASON["actor"], REASON["reason"])]
    assert len(lines) == 7
    assert {(line.voter, line.contest) for line in lines if line.voted} == VOTED
    assert {line.minute for line in lines} == {0, OPENS + 60}
    verify_attendance_list(box.public, act, lines)
    verify_roll_file(lines, parse_roll(ROLL.encode(), make_draft()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("eve,Eve,council:north\n", ""),
        ("eve,Eve,council:north\n", "eve,Eve,council:north\nfay,Fay,board\n"),
        ("eve,Eve", "eve,Eva"),
        ("cyd,Cyd,council:south:2", "cyd,Cyd,council:south:3"),
        ("dan,Dan,council:south", "dan,Dan,council:north"),
        ("dan,Dan,council:south", "dan,Dan,council:south;board"),
    ],
)
def test_a_list_that_is_not_the_bureaus_own_roll_is_refused(
    world_of: Callable[[Path], World], sealed: Path, old: str, new: str
) -> None:
    lines = read_attendance_list(export_attendance(world_of(sealed).premises(), **REASON))
    assert old in ROLL
    roll = parse_roll(ROLL.replace(old, new).encode(), make_draft())
    _refused(VerificationError, "ATT-10", lambda: verify_roll_file(lines, roll))


def test_before_the_opening_the_list_is_the_roll_without_marks(
    world_of: Callable[[Path], World], sealed: Path
) -> None:
    world = world_of(sealed)
    premises = world.premises()
    lines = read_attendance_list(export_attendance(premises, **REASON))
    verify_roll(premises.manifest, lines)
    assert not any(line.voted for line in lines)
    setup.import_roll(world.directory, ROLL.encode())  # a new salt
    _refused(StateError, "ATT-3", lambda: export_attendance(premises, **REASON))


def test_there_is_no_list_before_sealing_nor_while_the_vote_is_open(
    world_of: Callable[[Path], World], drafted: Path, opened: Path
) -> None:
    for source, now, check in (
        (drafted, OPENS, "ACT-1"),
        (opened, OPENS + 60, "ATT-11"),
        (opened, CLOSES, "ATT-11"),
    ):
        world = world_of(source)
        world.clock.now = now
        premises = world.premises()
        _refused(StateError, check, lambda p=premises: export_attendance(p, **REASON))
        assert _exports(premises) == []


def test_a_list_that_cannot_be_noted_or_has_no_reason_stays_inside(
    world_of: Callable[[Path], World], sealed: Path
) -> None:
    premises = world_of(sealed).premises()
    _refused(ParameterError, "ATT-7", lambda: export_attendance(premises, actor="a", reason=" "))
    assert _exports(premises) == []
    last = max((premises.private / "events").iterdir(), key=lambda path: int(path.stem))
    last.write_bytes(b"{}")  # a journal that is damaged takes no event
    _refused(StateError, "EVT-1", lambda: export_attendance(premises, **REASON))
