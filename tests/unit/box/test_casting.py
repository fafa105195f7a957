# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evote.box import BallotBox, Phase
from evote.box.casting import minute
from evote.errors import AlreadyVoted, EvoteError, InvalidBallot, NotEligible, NotOpen, StateError
from evote.record.ballot import Ballot
from evote.verify.ballots import square_digest
from office import put

from .conftest import CLOSES, FIRST, GRACE_ENDS, OPENS, SECOND, World, encrypt


def test_a_ballot_is_taken_and_its_receipt_checks(world: World) -> None:
    box = world.enter()
    assert box.status("bea") == {"council": "not voted", "board": "not voted"}
    ballot = encrypt(box, "bea", "council")
    assert box.status("bea")["council"] == "in progress"
    receipt = box.cast("bea", ballot.to_bytes())
    ballot.check_receipt(receipt)
    assert receipt.reference.publish_by == FIRST + 600
    assert box.status("bea")["council"] == "voted"
    assert box.turnout() == {"council": 1, "board": 0}


def test_a_retry_gives_the_same_receipt_and_another_ballot_is_refused(world: World) -> None:
    box = world.enter()
    ballot = encrypt(box, "ada-lovelace", "board").to_bytes()
    receipt = box.cast("ada-lovelace", ballot)
    world.clock.now = FIRST + 1
    assert box.cast("ada-lovelace", ballot) == receipt == box.receipt(ballot)
    box.publish()
    assert world.enter().cast("ada-lovelace", ballot) == receipt
    with pytest.raises(AlreadyVoted) as caught:
        box.cast("ada-lovelace", encrypt(box, "ada-lovelace", "board").to_bytes())
    assert caught.value.check == "BOX-7"
    with pytest.raises(StateError) as absent:
        box.receipt(encrypt(box, "bea", "board").to_bytes())
    assert absent.value.check == "BOX-6"


@pytest.mark.parametrize(
    ("voter", "contest"), [("zoe", "board"), ("eve", "board"), ("ada-lovelace", "senate")]
)
def test_who_is_not_on_the_roll_has_no_slot(world: World, voter: str, contest: str) -> None:
    with pytest.raises(NotEligible) as caught:
        world.enter().slot(voter, contest)
    assert caught.value.check == "BOX-7"


@pytest.mark.parametrize("voter", ["zoe", "eve"])
def test_who_is_not_on_the_roll_cannot_cast(world: World, voter: str) -> None:
    box = world.enter()
    with pytest.raises(NotEligible) as caught:
        box.cast(voter, encrypt(box, "ada-lovelace", "board").to_bytes())
    assert caught.value.check == "BOX-7"
    with pytest.raises(NotEligible):
        box.status("zoe")


def _mutations(ballot: Ballot, world: World) -> dict[str, tuple[bytes, str]]:
    key = world.premises().election.key
    proof, (c, _) = ballot.proof, ballot.numbers(key)
    n2 = key.square

    def with_ciphertext(value: int) -> bytes:
        return ballot.replace(
            ciphertext=int(value).to_bytes(key.parameters.ciphertext_bytes, "big")
        ).to_bytes()

    return {
        "layout": (ballot.to_bytes() + b"\n", "ENC-1"),
        "no object": (b"{}", "ENC-5"),
        "size": (b"x" * (Ballot.max_bytes + 1), "ENC-6"),
        "election": (ballot.replace(election=bytes(32)).to_bytes(), "BAL-2"),
        "unit": (ballot.replace(unit="council-south").to_bytes(), "BAL-3"),
        "unknown unit": (ballot.replace(unit="nowhere").to_bytes(), "BAL-3"),
        "weight": (ballot.replace(weight=2).to_bytes(), "BAL-3"),
        "negative": (with_ciphertext(n2 - c), "SEL-3"),
        "re-randomised": (with_ciphertext(c * key.base % n2), "SEL-3"),
        "zero": (with_ciphertext(0), "SEL-2"),
        "width": (ballot.replace(ciphertext=ballot.ciphertext + b"\0").to_bytes(), "PAR-3"),
        "permuted": (ballot.replace(proof=proof.replace(z=proof.z[::-1])).to_bytes(), "SEL-4"),
        "options": (
            ballot.replace(proof=proof.replace(a=proof.a[:-1], e=proof.e[:-1], z=proof.z[:-1])).to_bytes(),
            "SEL-1",
        ),
    }


NAMES = [
    "layout",
    "no object",
    "size",
    "election",
    "unit",
    "unknown unit",
    "weight",
    "negative",
    "re-randomised",
    "zero",
    "width",
    "permuted",
    "options",
]


@pytest.mark.parametrize("name", NAMES)
def test_one_change_makes_a_ballot_invalid_and_records_nothing(world: World, name: str) -> None:
    box = world.enter()
    ballot = encrypt(box, "ada-lovelace", "council")
    data, check = _mutations(ballot.ballot, world)[name]
    with pytest.raises(InvalidBallot) as caught:
        box.cast("ada-lovelace", data)
    assert caught.value.check == check
    assert box.status("ada-lovelace")["council"] == "in progress"
    assert world.premises().urn.store.count() == 0
    ballot.check_receipt(box.cast("ada-lovelace", ballot.to_bytes()))


def test_another_voters_ballot_is_a_copy(world: World) -> None:
    box = world.enter()
    stolen = encrypt(box, "ada-lovelace", "board").to_bytes()
    box.cast("bea", stolen)
    with pytest.raises(InvalidBallot) as caught:
        box.cast("ada-lovelace", stolen)
    assert caught.value.check == "BAL-4"
    assert box.status("ada-lovelace")["board"] == "in progress"
    box.cast("ada-lovelace", encrypt(box, "ada-lovelace", "board").to_bytes())


def test_the_same_square_is_a_copy_whatever_its_bytes(world: World) -> None:
    premises, box = world.premises(), world.enter()
    ballot = encrypt(box, "ada-lovelace", "board")
    number, _ = ballot.ballot.numbers(premises.election.key)
    square = square_digest(premises.election, premises.election.key.square - number)
    assert put(premises.urn, b"another ballot", square, 1) == "stored"
    with pytest.raises(InvalidBallot) as caught:
        box.cast("ada-lovelace", ballot.to_bytes())
    assert caught.value.check == "BAL-4"


@pytest.mark.parametrize("now", [GRACE_ENDS + 1, GRACE_ENDS + 10**6])
def test_nothing_is_taken_after_grace(world: World, now: int) -> None:
    box = world.enter()
    ballot = encrypt(box, "ada-lovelace", "board").to_bytes()
    world.clock.now = now
    with pytest.raises(NotOpen) as caught:
        box.cast("ada-lovelace", ballot)
    assert caught.value.check == "BOX-8"


def test_in_grace_connected_voters_may_finish(world: World) -> None:
    box = world.enter()
    connected = encrypt(box, "ada-lovelace", "board").to_bytes()
    world.clock.now = CLOSES
    assert box.phase == Phase.GRACE
    late = encrypt(box, "bea", "board").to_bytes()
    with pytest.raises(NotOpen) as caught:
        box.cast("bea", late)
    assert caught.value.check == "BOX-8"
    assert box.status("bea")["board"] == "not voted"
    world.clock.now = GRACE_ENDS
    receipt = box.cast("ada-lovelace", connected)
    assert receipt.reference.publish_by == GRACE_ENDS + 600
    assert box.cast("ada-lovelace", connected) == receipt


def test_nothing_is_taken_before_opening(world_of: Callable[[Path], World], sealed: Path) -> None:
    world = world_of(sealed)
    box = world.enter()
    assert box.phase == Phase.SEALED
    ballot = encrypt(box, "ada-lovelace", "board").to_bytes()
    assert box.status("ada-lovelace")["board"] == "not voted"
    with pytest.raises(NotOpen) as caught:
        box.cast("ada-lovelace", ballot)
    assert caught.value.check == "BOX-8"


@pytest.mark.parametrize(
    ("now", "slot"),
    [(OPENS, FIRST), (FIRST, FIRST), (FIRST + 0.5, SECOND), (SECOND, SECOND), (SECOND + 1, GRACE_ENDS)],
)
def test_a_ballot_has_the_slot_of_its_arrival(world: World, now: float, slot: int) -> None:
    world.clock.now = now
    box = world.enter()
    assert (
        box.cast("ada-lovelace", encrypt(box, "ada-lovelace", "board").to_bytes()).reference.publish_by
        == slot + 600
    )


def test_no_ballot_gets_a_slot_that_is_published(world: World) -> None:
    world.clock.now = FIRST
    box = world.enter()
    assert box.publish() == 0
    assert (
        box.cast("ada-lovelace", encrypt(box, "ada-lovelace", "board").to_bytes()).reference.publish_by
        == SECOND + 600
    )


def test_of_many_threads_one_ballot_wins(world: World) -> None:
    boxes = [world.enter(), world.enter()]
    ballots = [encrypt(boxes[0], "ada-lovelace", "board").to_bytes() for _ in range(8)]

    def cast(i: int) -> str:
        try:
            boxes[i % 2].cast("ada-lovelace", ballots[i])
        except AlreadyVoted:
            return "refused"
        return "taken"

    with ThreadPoolExecutor(8) as pool:
        verdicts = sorted(pool.map(cast, range(8)))
    assert verdicts == ["refused"] * 7 + ["taken"]
    assert world.premises().urn.store.count() == 1


_CASTER = """
import sys, time
from evote.box import BallotBox
from evote.errors import AlreadyVoted
directory, name, start = sys.argv[1:]
with BallotBox.open(directory, clock=lambda: float(start)) as box:
    data = open(name, "rb").read()
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        box.cast("ada-lovelace", data)
    except AlreadyVoted:
        print("refused")
    else:
        print("taken")
"""


def test_of_two_processes_one_ballot_wins(world: World, tmp_path: Path) -> None:
    box = world.enter()
    casters = []
    for i in range(2):
        file = tmp_path / f"ballot-{i}"
        file.write_bytes(encrypt(box, "ada-lovelace", "board").to_bytes())
        command = [sys.executable, "-c", _CASTER, str(world.directory), str(file), str(world.clock.now)]
        casters.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for caster in casters:
        assert caster.stdout
        assert caster.stdout.readline() == "ready\n"
    for caster in casters:
        assert caster.stdin
        caster.stdin.write("go\n")
        caster.stdin.flush()
    verdicts = sorted(caster.communicate()[0] for caster in casters)
    assert verdicts == ["refused\n", "taken\n"]
    assert world.premises().urn.store.count() == 1


def _steps(world: World, ballot: bytes, steps: int) -> None:
    """Do the first steps of a cast and crash."""
    premises = world.premises()
    hashlib.sha256(ballot).digest()
    key = premises.urn.keys.current()
    number, _ = Ballot.from_bytes(ballot).numbers(premises.election.key)
    square = square_digest(premises.election, number)
    sealed = key.seal(ballot, square, FIRST)
    ticket = key.ticket(sealed.head)
    if steps > 0:
        assert premises.register.reserve("ada-lovelace", "board", ticket, minute(world.clock.now))
    if steps > 1:
        assert premises.urn.put(key, sealed, ballot, square) == "stored"
    if steps > 2:
        premises.register.confirm("ada-lovelace", "board", ticket)
    premises.close()


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
@pytest.mark.parametrize("reopen", [False, True])
def test_an_interrupted_cast_is_finished_or_undone(world: World, steps: int, reopen: bool) -> None:
    box = world.enter()
    encrypted = encrypt(box, "ada-lovelace", "board")
    _steps(world, encrypted.to_bytes(), steps)
    if reopen:
        box = world.enter()
        assert box.status("ada-lovelace")["board"] == ("voted" if steps > 1 else "in progress")
        assert world.premises().register.in_flight() == []
    encrypted.check_receipt(box.cast("ada-lovelace", encrypted.to_bytes()))
    premises = world.premises()
    assert (premises.urn.store.count(), box.turnout()["board"]) == (1, 1)
    assert premises.register.in_flight() == []


@pytest.mark.parametrize(("steps", "error"), [(1, None), (2, AlreadyVoted), (3, AlreadyVoted)])
def test_after_a_crash_another_ballot_is_taken_only_if_the_first_was_not(
    world: World, steps: int, error: type[EvoteError] | None
) -> None:
    box = world.enter()
    _steps(world, encrypt(box, "ada-lovelace", "board").to_bytes(), steps)
    second = encrypt(box, "ada-lovelace", "board").to_bytes()
    if error is None:
        box.cast("ada-lovelace", second)
    else:
        with pytest.raises(error):
            box.cast("ada-lovelace", second)
    assert world.premises().urn.store.count() == 1


def test_tickets_are_not_judged_without_their_key(world: World) -> None:
    box = world.enter()
    _steps(world, encrypt(box, "ada-lovelace", "board").to_bytes(), 2)
    (world.directory / "private" / "slot.key").unlink()
    with pytest.raises(StateError) as caught:
        BallotBox.open(world.directory, clock=world.clock)
    assert caught.value.check == "BOX-15"


@pytest.mark.parametrize("reopen", [False, True])
def test_who_casts_a_copy_and_is_interrupted_gets_no_mark(world: World, reopen: bool) -> None:
    """The ticket is of this cast, and not of the ballot that the box holds."""
    box = world.enter()
    stolen = encrypt(box, "ada-lovelace", "board").to_bytes()
    box.cast("ada-lovelace", stolen)
    premises = world.premises()
    key = premises.urn.keys.current()
    number, _ = Ballot.from_bytes(stolen).numbers(premises.election.key)
    sealed = key.seal(stolen, square_digest(premises.election, number), FIRST)
    assert premises.register.reserve("bea", "board", key.ticket(sealed.head), minute(world.clock.now))
    assert (
        premises.urn.put(key, sealed, stolen, square_digest(premises.election, number)) == "copy"
    )  # and dies
    if reopen:
        box = world.enter()
        assert box.status("bea")["board"] == "in progress"
    own = encrypt(box, "bea", "board")
    own.check_receipt(box.cast("bea", own.to_bytes()))
    assert box.turnout()["board"] == 2
    assert box.check_integrity().sound


@pytest.mark.parametrize("by", ["cast", "receipt", "publication"])
def test_a_rotation_that_stopped_half_way_is_finished_by_whoever_comes_next(world: World, by: str) -> None:
    """The disk was full: slot.key is overwritten, and the right key waits beside it."""
    box = world.enter()
    first = encrypt(box, "bea", "board")
    box.cast("bea", first.to_bytes())
    private = world.directory / "private"
    (private / "slot.key.next").write_bytes((private / "slot.key").read_bytes())
    (private / "slot.key").write_bytes(bytes(32))
    if by == "cast":
        ballot = encrypt(box, "ada-lovelace", "board")
        ballot.check_receipt(box.cast("ada-lovelace", ballot.to_bytes()))
    elif by == "receipt":
        with pytest.raises(StateError) as caught:
            box.receipt(first.to_bytes())
        assert caught.value.check == "BOX-15"  # not known, and not «not in the box»
        with pytest.raises(StateError) as again:
            box.cast("bea", first.to_bytes())
        assert again.value.check == "BOX-15"
        world.enter()
        first.check_receipt(box.receipt(first.to_bytes()))
    else:
        assert box.publish() == 0
        first.check_receipt(box.receipt(first.to_bytes()))
    assert box.check_integrity().sound


def test_neither_store_holds_what_links_voter_and_ballot(world: World) -> None:
    box = world.enter()
    ballot = encrypt(box, "ada-lovelace", "board")
    box.cast("ada-lovelace", ballot.to_bytes())
    private = world.directory / "private"
    register, store = (private / "register.db").read_bytes(), (private / "box.db").read_bytes()
    digest = hashlib.sha256(ballot.to_bytes()).digest()
    key = world.premises().urn.keys.current()
    (head,) = world.premises().urn.store.sealed_heads()
    ticket = key.ticket(head)
    assert b"ada-lovelace" in register
    assert ballot.ballot.ciphertext not in register
    for secret in (digest, ballot.leaf_hash, ticket):
        assert secret not in register
    for name in (b"ada-lovelace", ticket):
        assert name not in store
    names = sorted(path.name for path in private.iterdir())
    assert not [name for name in names if name.endswith(("-wal", "-journal", "-shm"))]
