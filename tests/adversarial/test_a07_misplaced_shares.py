# SPDX-License-Identifier: GPL-3.0-or-later
"""A7: a trustee posts, signed, the share of another sum, of another trustee, or of another closing."""

from __future__ import annotations

import pytest

from evote.errors import InvalidProof, VerificationError
from evote.proofs.decryption import tally_context
from evote.record.key_share import prove_share
from evote.record.tally import DecryptionShare
from evote.tally.memory import ServedElections
from evote.tally.shares import decrypt_sums
from evote.verify import verify_closing
from evote.verify.sums import find_invalid_shares, sum_context
from simulator import CLOSES, World, small_world


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    made = small_world(
        tmp_path_factory.mktemp("a07") / "w", votes={"one-all": ["a", "b"], "two-x": ["c", "a"]}
    )
    made.close()
    return made


@pytest.fixture(scope="module")
def closing(world):
    return verify_closing(world.record.path)


@pytest.fixture(scope="module")
def posted(world, closing, tmp_path_factory) -> dict[tuple[str, str], DecryptionShare]:
    folder = tmp_path_factory.mktemp("served")
    return {
        (one.unit, name): one
        for name, share in world.shares.items()
        for one in decrypt_sums(closing, share, ServedElections((folder / name,)), CLOSES)
    }


def signed(world: World, share: DecryptionShare, **changes: object) -> DecryptionShare:
    """Return a share with changes, signed by the trustee it then names."""
    bare = share.replace(signature=b"", **changes)
    return bare.replace(signature=world.shares[bare.trustee].signing_key.sign(bare.signed_bytes()))


def verdicts(world, closing, *shares: DecryptionShare) -> dict[tuple[str, str], tuple[type, str, str]]:
    found = find_invalid_shares(world.election, closing.sums, shares)
    return {name: (type(error), error.check, error.subject) for name, error in found.items()}


def test_every_honest_share_holds(world, closing, posted) -> None:
    assert set(posted) == {(unit, name) for unit in ("one-all", "two-x") for name in world.shares}
    assert verdicts(world, closing, *posted.values()) == {}


def test_the_share_of_another_sum_is_refused_and_its_trustee_named(world, closing, posted) -> None:
    moved = signed(world, posted["one-all", "moreau"], unit="two-x")
    honest = [share for name, share in posted.items() if name != ("two-x", "moreau")]
    assert verdicts(world, closing, *honest, moved) == {
        ("two-x", "moreau"): (InvalidProof, "DEC-3", "two-x/moreau")
    }


def test_the_share_of_another_trustee_is_refused_and_the_poster_named(world, closing, posted) -> None:
    stolen = signed(world, posted["one-all", "petit"], trustee="moreau")
    assert verdicts(world, closing, stolen, posted["one-all", "petit"]) == {
        ("one-all", "moreau"): (InvalidProof, "DEC-3", "one-all/moreau")
    }


def test_a_share_of_the_other_group_at_the_same_place_is_refused(world, closing, posted) -> None:
    stolen = signed(world, posted["one-all", "lefevre"], trustee="moreau")  # 1.1 for 2.1
    assert verdicts(world, closing, stolen)["one-all", "moreau"][1] == "DEC-3"


def test_a_right_share_made_with_a_foreign_key_share_is_refused(world, closing, posted) -> None:
    """The first equation holds for any exponent; the second knows whose it must be."""
    liar = world.shares["moreau"]
    foreign = type(liar)(liar.position, liar.trustee, world.shares["petit"].secret, liar.signing_key)
    proven = prove_share(world.election.keys, foreign, sum_context(world.election, closing.sums["one-all"]))
    share = signed(world, posted["one-all", "moreau"], proven=proven)
    assert verdicts(world, closing, share) == {
        ("one-all", "moreau"): (InvalidProof, "DEC-4", "one-all/moreau")
    }


@pytest.mark.parametrize(
    "change",
    [{"election": b"f" * 32}, {"closing_size": 1}, {"closing_root": b"r" * 32}],
    ids=lambda one: next(iter(one)),
)
def test_a_share_made_for_another_election_or_closing_is_refused(world, closing, posted, change) -> None:
    share = signed(world, posted["one-all", "moreau"], **change)
    assert verdicts(world, closing, share) == {
        ("one-all", "moreau"): (VerificationError, "SHR-1", "one-all/moreau")
    }


def test_a_proof_made_at_another_closing_is_refused_under_this_ones_name(world, closing, posted) -> None:
    """The trustee changes the labels back: the proof still says where it was made."""
    total = closing.sums["one-all"]
    for change in (
        {"election": b"f" * 32},
        {"closing_size": 1},
        {"closing_root": b"r" * 32},
        {"unit": "two-x"},
    ):
        elsewhere = total.replace(**change)
        other_id = change.get("election", world.election.id)
        key = world.election.key
        context = tally_context(
            key,
            other_id,
            elsewhere.closing_size,
            elsewhere.closing_root,
            elsewhere.unit,
            key.read_ciphertext(total.ciphertext),
        )
        proven = prove_share(world.election.keys, world.shares["moreau"], context)
        share = signed(world, posted["one-all", "moreau"], proven=proven)
        assert verdicts(world, closing, share)["one-all", "moreau"] == (
            InvalidProof,
            "DEC-3",
            "one-all/moreau",
        )


def test_the_share_of_a_sum_that_is_not_opened_is_refused(world, closing, posted) -> None:
    for unit in ("two-y", "nowhere"):
        share = signed(world, posted["one-all", "moreau"], unit=unit)
        assert verdicts(world, closing, share)[unit, "moreau"][:2] == (VerificationError, "SHR-1")
