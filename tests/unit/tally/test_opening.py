# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools

import pytest

from evote.errors import ParameterError, ProtocolError, StateError
from evote.record.tally import DecryptionShare
from evote.tally.memory import ServedElections
from evote.tally.opening import describe_need, open_sum
from evote.tally.shares import decrypt_sums
from evote.verify import verify_closing
from evote.verify.sums import still_needed, verify_result
from simulator import CLOSES, World, dealt, small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    made = small_world(tmp_path_factory.mktemp("o") / "w", votes={"one-all": ["a", "b", "blank", "a"]})
    made.close()
    return made


@pytest.fixture(scope="module")
def shares(world, tmp_path_factory) -> dict[str, DecryptionShare]:
    folder, closing = tmp_path_factory.mktemp("served"), verify_closing(world.record.path)
    return {
        trustee: decrypt_sums(closing, share, ServedElections((folder / trustee,)), CLOSES)[0]
        for trustee, share in world.shares.items()
    }


BUREAU, DELEGATES = ("lefevre", "garnier"), ("moreau", "petit", "roux", "fontaine")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ((), {"bureau": 1, "delegates": 2}),
        (("garnier",), {"delegates": 2}),
        (BUREAU, {"delegates": 2}),
        (("moreau",), {"bureau": 1, "delegates": 1}),
        (DELEGATES, {"bureau": 1}),
        (("moreau", "moreau", "garnier"), {"delegates": 1}),
        (("lefevre", "petit", "fontaine"), {}),
        (BUREAU + DELEGATES, {}),
    ],
)
def test_who_is_still_needed(given, missing) -> None:
    assert still_needed(dealt()[0].record, given) == missing


def test_a_stranger_is_nobody() -> None:
    with pytest.raises(ParameterError) as caught:
        still_needed(dealt()[0].record, ["nobody"])
    assert caught.value.check == "KEY-8"


def test_the_need_is_said_with_the_names_of_who_is_left() -> None:
    keys = dealt()[0].record
    assert describe_need(keys, []) == (
        "1 of bureau (Anne Lefèvre, Paul Garnier); "
        "2 of delegates (Claire Petit, Lucie Fontaine, Philippe Moreau, Samir Roux)"
    )
    assert (
        describe_need(keys, ["garnier", "moreau"])
        == "1 of delegates (Claire Petit, Lucie Fontaine, Samir Roux)"
    )
    assert describe_need(keys, ["garnier", "moreau", "roux"]) == ""


def test_every_lawful_quorum_opens_the_same(world, shares) -> None:
    total = verify_closing(world.record.path).sums["one-all"]
    opened = {
        open_sum(world.election, total, [shares[one], *(shares[name] for name in pair)])
        for one in BUREAU
        for pair in itertools.combinations(DELEGATES, 2)
    }
    assert len(opened) == 1
    result = opened.pop()
    assert result.counts == (1, 2, 1, 0)
    verify_result(world.election, total, result)
    assert open_sum(world.election, total, list(shares.values())) == result


@pytest.mark.parametrize("given", [("lefevre", "garnier", "moreau"), ("moreau", "petit", "roux"), ()])
def test_an_unlawful_set_opens_nothing(world, shares, given) -> None:
    total = verify_closing(world.record.path).sums["one-all"]
    with pytest.raises(StateError) as caught:
        open_sum(world.election, total, [shares[name] for name in given])
    assert (caught.value.check, caught.value.subject) == ("RES-3", "one-all")


def test_an_empty_sum_opens_by_itself(world) -> None:
    total = verify_closing(world.record.path).sums["two-x"]
    assert total.ballots == 0
    result = open_sum(world.election, total, [])
    assert result.counts == (0, 0, 0, 0)
    assert int.from_bytes(result.nonce, "big") == 1
    verify_result(world.election, total, result)


def test_a_share_that_was_not_verified_gives_an_opening_that_is_refused(world, shares) -> None:
    total = verify_closing(world.record.path).sums["one-all"]
    wrong = shares["moreau"].replace(proven=shares["petit"].proven)
    with pytest.raises(ProtocolError) as caught:
        open_sum(world.election, total, [shares["garnier"], wrong, shares["roux"]])
    assert caught.value.check == "OPN-2"


def test_the_result_of_another_sum_is_refused(world, shares) -> None:
    sums = verify_closing(world.record.path).sums
    result = open_sum(world.election, sums["one-all"], list(shares.values()))
    number, width = int.from_bytes(result.value, "big"), len(result.value)
    one_more = (number + 1).to_bytes(width, "big")
    moved = (number + 1 - (1 << world.election.manifest.digit_bits("one"))).to_bytes(width, "big")
    for other, check in (
        (result.replace(election=b"o" * 32), "RES-1"),
        (result.replace(contest="two"), "RES-1"),
        (result.replace(unit="two-x"), "RES-1"),
        (result.replace(counts=(2, 1, 1, 0)), "RES-2"),
        (result.replace(value=result.nonce), "OPN-3"),
        (result.replace(value=moved), "OPN-2"),
        (result.replace(value=one_more), "OPN-4"),
        (result.replace(nonce=result.value), "OPN-2"),
        (result.replace(nonce=bytes(len(result.nonce))), "OPN-1"),
    ):
        with pytest.raises(Exception) as caught:
            verify_result(world.election, sums["one-all"], other)
        assert caught.value.check == check
