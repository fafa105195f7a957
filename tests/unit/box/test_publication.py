# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evote.board import Entry, Kind
from evote.crypto.merkle import leaf_hash
from evote.errors import BoardInconsistency, ParameterError, StateError
from evote.verify import audit_record

from .conftest import CLOSES, FIRST, GRACE_ENDS, OPENS, SECOND, World, encrypt

VOTES = [("ada-lovelace", "board"), ("bea", "board"), ("ada-lovelace", "council"), ("cyd", "council")]


def _entries(world: World) -> list[Entry]:
    with world.premises().log() as log:
        return list(log.entries(0, log.size))


def test_ballots_enter_the_log_at_the_sealed_times_and_sorted(world: World) -> None:
    box = world.enter()
    ballots = {name: encrypt(box, *name) for name in VOTES}
    for voter, contest in VOTES[:3]:
        box.cast(voter, ballots[voter, contest].to_bytes())
    assert box.publish() == 0
    world.clock.now = FIRST
    assert box.publish() == 3
    leaves = [leaf_hash(entry.to_bytes()) for entry in _entries(world)[2:]]
    assert leaves == sorted(ballots[name].leaf_hash for name in VOTES[:3])
    box.cast("cyd", ballots["cyd", "council"].to_bytes())
    assert box.publish() == 0
    world.clock.now = SECOND
    assert box.publish() == 1
    assert box.publish() == 0
    assert audit_record(world.record, until="open").verified


def test_a_time_that_passed_is_published_late_and_all_at_once(world: World) -> None:
    box = world.enter()
    for name in VOTES[:2]:
        box.cast(name[0], encrypt(box, *name).to_bytes())
    world.clock.now = SECOND + 5
    assert box.publish() == 2


def test_the_slot_key_changes_at_every_publication(world: World) -> None:
    box, path = world.enter(), world.directory / "private" / "slot.key"
    seen = {path.read_bytes()}
    box.cast("bea", encrypt(box, "bea", "board").to_bytes())
    seen.add(path.read_bytes())
    for now in (FIRST, SECOND, GRACE_ENDS):
        world.clock.now = now
        box.publish()
        seen.add(path.read_bytes())
    assert len(seen) == 4
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_test_election_may_publish_at_once(world: World) -> None:
    box = world.enter()
    ballot = encrypt(box, "bea", "board")
    receipt = box.cast("bea", ballot.to_bytes())
    assert box.publish(forced=True) == 1
    assert box.publish(forced=True) == 0
    assert box.cast("bea", ballot.to_bytes()) == receipt
    world.clock.now = FIRST
    assert box.publish() == 0
    assert len(_entries(world)) == 3


def test_a_real_election_may_not(world_of: Callable[[Path], World], sealed_for_real: Path) -> None:
    world = world_of(sealed_for_real)
    box = world.enter()
    assert box.publish() == 0
    world.clock.now = OPENS
    box.open_vote()
    with pytest.raises(StateError) as caught:
        box.publish(forced=True)
    assert caught.value.check == "BOX-9"


@pytest.mark.parametrize("published", [0, 1, 2])
def test_a_crash_before_the_bookkeeping_publishes_nothing_twice(world: World, published: int) -> None:
    box = world.enter()
    for name in VOTES[:2]:
        box.cast(name[0], encrypt(box, *name).to_bytes())
    premises = world.premises()
    with premises.log() as log:
        ballots = sorted(premises.urn.sealed(), key=lambda one: one[0].digest)[:published]
        log.append([(Entry(Kind.BALLOT, one.digest), body) for one, body in ballots])
    world.clock.now = FIRST
    assert world.enter().publish() == 2 - published
    assert sum(entry.kind == Kind.BALLOT for entry in _entries(world)) == 2


def test_the_order_of_arrival_leaves_no_trace(
    world_of: Callable[[Path], World], world: World, tmp_path: Path
) -> None:
    box = world.enter()
    ballots = {name: encrypt(box, *name).to_bytes() for name in VOTES}
    outcomes = []
    for order in list(itertools.permutations(VOTES))[::5]:
        copy = world_of(world.directory)
        copy.clock.now = OPENS + 120
        with copy.enter() as there:
            for voter, contest in order:
                there.slot(voter, contest)
                there.cast(voter, ballots[voter, contest])
            copy.clock.now = CLOSES
            there.close_vote()
        stores = [
            (copy.directory / "private" / name).read_bytes()[100:] for name in ("register.db", "box.db")
        ]
        outcomes.append((copy.files(), stores))
        shutil.rmtree(copy.directory)
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_references_are_pending_then_found_and_codes_lead_to_ballots(world: World) -> None:
    box = world.enter()
    receipt = box.cast("cyd", encrypt(box, "cyd", "council").to_bytes())
    text = str(receipt.reference)
    pending = box.check_reference(text)
    assert (pending.signature, pending.presence, pending.code) == (True, "pending", receipt.code)
    assert box.find(receipt.code) == ()
    world.clock.now = FIRST
    box.publish()
    found = box.check_reference("https://vote.example/r#" + text[:50] + "\n" + text[50:])
    contest = box.public.manifest.contest("council")
    assert (found.presence, found.section, found.contest) == ("found", "Sud", contest.title)
    assert (found.event, found.college) == (box.public.manifest.event, contest.college)
    assert found.to_dict()["index"] == 2
    (match,) = box.find(receipt.code.lower())
    assert (match.index, match.unit, match.section) == (2, "council-south", "Sud")


def test_a_ballot_that_is_not_published_in_time_is_missing(world: World) -> None:
    box = world.enter()
    text = str(box.cast("cyd", encrypt(box, "cyd", "council").to_bytes()).reference)
    world.clock.now = FIRST + 600
    assert box.check_reference(text).presence == "pending"
    world.clock.now = FIRST + 601
    verdict = box.check_reference(text)
    assert (verdict.signature, verdict.presence) == (True, "missing")


@pytest.mark.parametrize("text", ["", "AAAA", "é", "0" * 159])
def test_what_is_no_reference_is_invalid_and_never_missing(world: World, text: str) -> None:
    verdict = world.enter().check_reference(text)
    assert (verdict.signature, verdict.presence, verdict.event) == (False, "unknown", "")


def test_a_changed_character_makes_a_reference_invalid(world: World) -> None:
    box = world.enter()
    text = str(box.cast("cyd", encrypt(box, "cyd", "council").to_bytes()).reference)
    world.clock.now = GRACE_ENDS
    for place in range(0, len(text), 7):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        verdict = box.check_reference(changed)
        assert (verdict.signature, verdict.presence) == (False, "unknown")


def test_a_wrong_code_is_refused(world: World) -> None:
    with pytest.raises(ParameterError) as caught:
        world.enter().find("0000-0000-0001")
    assert caught.value.check == "REF-5"


def test_nobody_is_accused_on_a_damaged_log(world: World) -> None:
    box = world.enter()
    text = str(box.cast("cyd", encrypt(box, "cyd", "council").to_bytes()).reference)
    box.cast("bea", encrypt(box, "bea", "board").to_bytes())
    world.clock.now = GRACE_ENDS + 10**4
    box.publish()
    assert box.check_reference(text).presence == "found"
    tile = world.record / "tile" / "0" / "000.p" / "4"
    tile.write_bytes(tile.read_bytes()[:64] + bytes(64))
    with pytest.raises(BoardInconsistency) as caught:
        box.check_reference(text)
    assert caught.value.check == "BRD-10"


def test_withdrawn_ballots_are_still_found(world: World) -> None:
    box = world.enter()
    text = str(box.cast("cyd", encrypt(box, "cyd", "council").to_bytes()).reference)
    box.publish(forced=True)
    shutil.rmtree(world.record / "ballots")
    verdict = box.check_reference(text)
    assert (verdict.presence, verdict.section) == ("found", "")
