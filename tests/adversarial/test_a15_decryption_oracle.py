# SPDX-License-Identifier: GPL-3.0-or-later
"""A15: the trustees' tool is asked for a single ballot, a sum less one ballot, a sum outside the plan, too early."""

from __future__ import annotations

import inspect
import json

import pytest

from evote.board import Kind
from evote.encoding import canonical_json, encode_base64url
from evote.errors import VerificationError
from evote.record import layout
from evote.record.ballot import Ballot
from evote.record.tally import DecryptionShare, Sum
from evote.tally.memory import ServedElections
from evote.tally.session import finish_tally, inbox_folder, post_decryption_shares, start_tally
from evote.tally.shares import decrypt_sums
from evote.verify import VerifiedClosing, audit_record, verify_closing
from evote.verify.sums import find_invalid_shares
from simulator import CLOSES, LAWFUL, World, small_world

VOTES = {"one-all": ["a", "b", "a"], "two-x": ["c", "c"]}


def product(world: World, ballots: list[bytes]) -> bytes:
    key, total = world.election.key, 1
    for data in ballots:
        total = total * Ballot.from_bytes(data).numbers(key)[0] % key.square
    return key.ciphertext_bytes(total)


def ballots_of(world: World, unit: str) -> list[bytes]:
    return [one for one in world.ballots if json.loads(one)["unit"] == unit]


@pytest.mark.parametrize("stage", ["open", "voted"])
def test_nothing_is_opened_before_the_closing(tmp_path, stage) -> None:
    world = small_world(tmp_path / "w", votes=VOTES if stage == "voted" else {})
    for ask in (
        lambda: start_tally(world.folder, lambda *_: None),
        lambda: verify_closing(world.record.path),
        world.decrypt,
    ):
        with pytest.raises(VerificationError) as caught:
            ask()
        assert caught.value.check == "END-1"
    assert not (world.folder / "inbox").exists()
    world.close()
    world.decrypt()
    assert (world.folder / "inbox").exists() == (stage == "voted")


def test_no_function_of_the_trustee_takes_a_number() -> None:
    assert list(inspect.signature(decrypt_sums).parameters) == ["closing", "share", "memory", "now"]
    assert list(inspect.signature(post_decryption_shares).parameters) == [
        "directory",
        "closing",
        "share",
        "memory",
        "now",
    ]
    assert list(VerifiedClosing.__dataclass_fields__) == ["election", "point", "opening", "closing", "sums"]


FORGERIES = {
    "a single ballot": ("one-all", lambda ballots: ballots[:1]),
    "the sum less one ballot": ("one-all", lambda ballots: ballots[:-1]),
    "one ballot twice": ("one-all", lambda ballots: [*ballots, ballots[0]]),
    "another unit": ("two-y", lambda ballots: ballots[:1]),
}


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("logged", [False, True])
def test_a_forged_sum_in_the_record_is_not_what_the_trustee_opens(tmp_path, forgery, logged) -> None:
    unit, chosen = FORGERIES[forgery]
    world = small_world(tmp_path / "w", votes=VOTES)
    world.close()
    honest = start_tally(world.copy(tmp_path / "honest").folder, lambda *_: None).sums
    forged = honest[unit] if unit in honest else honest["one-all"].replace(unit=unit, units=(unit,))
    picked = chosen(ballots_of(world, "one-all"))
    forged = forged.replace(ballots=len(picked), weight=len(picked), ciphertext=product(world, picked))
    data = world.record.write(layout.sum_path(unit), forged)
    if logged:  # the log's own key signs the forgery
        world.append(Kind.SUM, data)
        assert Sum.from_bytes(world.record.bytes_of(layout.sum_path(unit))) == forged

    world.decrypt()
    closing = verify_closing(world.record.path)
    assert closing.sums == honest
    posted = [
        DecryptionShare.from_bytes(path.read_bytes())
        for trustee in LAWFUL
        for path in sorted(inbox_folder(world.folder, trustee).iterdir())
    ]
    assert {one.unit for one in posted} == {"one-all", "two-x"}
    assert find_invalid_shares(world.election, honest, posted) == {}
    if unit in honest:
        bad = find_invalid_shares(world.election, {**honest, unit: forged}, posted)
        assert set(bad) == {(unit, trustee) for trustee in LAWFUL}
        assert {error.check for error in bad.values()} == {"DEC-3"}
    finish_tally(world.folder, {}, lambda *_: None)
    checks = {one.check for one in audit_record(world.record.path).failures}
    assert ("SUM-3" in checks) == logged  # what the log does not hold is written anew
    assert bool(checks) == logged


def test_a_box_less_one_ballot_is_another_closing_and_so_refused(tmp_path) -> None:
    """To open the sum less one ballot the board must close without it: then ballots and marks differ."""
    world = small_world(tmp_path / "w", votes=VOTES)
    less = world.copy(tmp_path / "less")
    less.carry_upwards(
        [
            (Kind.SEAL, world.record.bytes_of(layout.SEAL)),
            (Kind.OPEN, world.record.bytes_of(layout.OPEN)),
            *((Kind.BALLOT, one) for one in world.ballots[1:]),
        ]
    )
    less.close(world.count_ballots())
    with pytest.raises(VerificationError) as caught:
        less.decrypt()
    assert caught.value.check == "ACT-4"


def test_a_ballot_that_is_no_choice_of_a_voter_spoils_the_record_before_anything_is_opened(tmp_path) -> None:
    """A ciphertext the attacker wants opened cannot be published as a ballot: it lacks a proof."""
    world = small_world(tmp_path / "w", votes=VOTES)
    target = json.loads(world.ballots[0])
    raised = pow(
        Ballot.from_bytes(world.ballots[0]).numbers(world.election.key)[0], 2, world.election.key.square
    )
    target["ciphertext"] = encode_base64url(world.election.key.ciphertext_bytes(raised))
    data = canonical_json(target)
    world.publish([data])
    world.close()
    with pytest.raises(VerificationError) as caught:
        world.decrypt()
    assert caught.value.check == "SEL-3"


def test_the_memory_is_written_before_anything_is_computed(tmp_path, monkeypatch) -> None:
    world = small_world(tmp_path / "w", votes=VOTES)
    world.close()
    closing, memory = verify_closing(world.record.path), ServedElections((tmp_path / "served",))

    def fail(*_: object) -> None:
        raise RuntimeError("the power fails here")

    monkeypatch.setattr("evote.tally.shares.prove_share", fail)
    with pytest.raises(RuntimeError):
        decrypt_sums(closing, world.shares["moreau"], memory, CLOSES)
    assert (tmp_path / "served").exists()
