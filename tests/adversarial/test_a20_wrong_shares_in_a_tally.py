# SPDX-License-Identifier: GPL-3.0-or-later
"""A20: wrong, missing and duplicate decryption shares in the inbox and in the record."""

from __future__ import annotations

import shutil

import pytest

from evote.board import Kind
from evote.encoding import decode_base64url, encode_base64url
from evote.errors import StateError
from evote.manifest import KeyPolicy, Member
from evote.manifest.template import bureau_policy
from evote.record.tally import DecryptionShare
from evote.tally.session import finish_tally, inbox_folder, start_tally
from evote.verify import audit_record, verify_closing
from evote.verify.sums import find_invalid_shares
from simulator import LAWFUL, World, contest, dealt, draft, load_json, save_json, sealed_manifest, small_world

VOTES = {"one-all": ["a", "b", "a"], "two-x": ["c", "c"]}


def silent(*_: object) -> None:
    """Report no progress."""


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> World:
    """A closed election in which one more than a quorum has posted."""
    made = small_world(tmp_path_factory.mktemp("a20") / "w", votes=VOTES)
    made.close()
    start_tally(made.folder, silent)
    made.decrypt((*LAWFUL, "petit"))
    honest = made.copy(tmp_path_factory.mktemp("a20") / "honest")
    assert finish_tally(honest.folder, {}, silent).refused == []
    assert audit_record(honest.record.path).verified
    return made


@pytest.fixture
def world(base, tmp_path) -> World:
    return base.copy(tmp_path / "w")


def post(world: World, trustee: str, unit: str = "one-all"):
    return inbox_folder(world.folder, trustee) / f"{unit}.json"


def resign(world: World, path, trustee: str, **changes) -> None:
    """Write a share with changes, signed by its trustee: a trustee who lies."""
    bare = DecryptionShare.from_bytes(path.read_bytes()).replace(signature=b"", **changes)
    signed = bare.replace(signature=world.shares[trustee].signing_key.sign(bare.signed_bytes()))
    path.write_bytes(signed.to_bytes())


def wrong_value(world: World, path) -> object:
    """Return the proven share with another number in it."""
    proven = DecryptionShare.from_bytes(path.read_bytes()).proven
    key = world.election.key
    value = int.from_bytes(proven.share, "big") * 4 % key.n
    return proven.replace(share=key.number_bytes(min(value, key.n - value)))


def flipped(text: str) -> str:
    data = bytearray(decode_base64url(text))
    data[-1] ^= 1
    return encode_base64url(bytes(data))


def spoil_value(world, path):
    resign(world, path, "petit", proven=wrong_value(world, path))


def spoil_response(world, path):
    proven = DecryptionShare.from_bytes(path.read_bytes()).proven
    resign(
        world,
        path,
        "petit",
        proven=proven.replace(response=decode_base64url(flipped(encode_base64url(proven.response)))),
    )


def spoil_signature(world, path):
    save_json(path, {**load_json(path), "signature": flipped(load_json(path)["signature"])})


def spoil_election(world, path):
    resign(world, path, "petit", election=b"o" * 32)


def spoil_closing(world, path):
    resign(world, path, "petit", closing_size=1)


def spoil_file(world, path):
    path.write_bytes(path.read_bytes()[:-1])


def spoil_name(world, path):
    shutil.copy(post(world, "roux"), path)


def spoil_holder(world, path):
    """Another trustee's share under one's own name, signed anew."""
    theirs = DecryptionShare.from_bytes(post(world, "roux").read_bytes())
    resign(world, path, "petit", proven=theirs.proven)


def spoil_unit(world, path):
    other = DecryptionShare.from_bytes(post(world, "petit", "two-x").read_bytes())
    resign(world, path, "petit", proven=other.proven)


WRONG = [
    (spoil_value, "DEC-3"),
    (spoil_response, "DEC-3"),
    (spoil_signature, "SHR-3"),
    (spoil_election, "SHR-1"),
    (spoil_closing, "SHR-1"),
    (spoil_file, "ENC-5"),
    (spoil_name, "SHR-1"),
    (spoil_holder, "DEC-3"),
    (spoil_unit, "DEC-3"),
]


@pytest.mark.parametrize(("spoil", "check"), WRONG)
def test_a_quorum_and_one_wrong_share_succeeds_and_names_the_holder(world, spoil, check) -> None:
    spoil(world, post(world, "petit"))
    outcome = finish_tally(world.folder, {}, silent)
    assert len(outcome.refused) == 1
    assert outcome.refused[0].startswith("Claire Petit, one-all: ")
    assert f"({check})" in outcome.refused[0]
    assert outcome.results["one-all"].counts == (0, 2, 1, 0)
    assert "shares/one-all/petit.json" not in world.record.names_in("shares")
    assert audit_record(world.record.path).verified


@pytest.mark.parametrize(("spoil", "check"), WRONG)
def test_a_wrong_share_inside_the_only_quorum_is_named_in_the_refusal(world, spoil, check) -> None:
    spoil(world, post(world, "petit"))
    shutil.rmtree(inbox_folder(world.folder, "roux"))
    with pytest.raises(StateError) as caught:
        finish_tally(world.folder, {}, silent)
    assert caught.value.check == "RES-3"
    assert "Claire Petit" in str(caught.value)
    assert check in str(caught.value)
    assert world.record.names_in("shares") == []


@pytest.mark.parametrize(
    "absent", [("garnier",), ("moreau", "roux"), ("moreau", "petit"), ("garnier", "moreau", "roux", "petit")]
)
def test_without_a_quorum_nothing_is_opened(world, absent) -> None:
    for trustee in absent:
        shutil.rmtree(inbox_folder(world.folder, trustee))
    with pytest.raises(StateError) as caught:
        finish_tally(world.folder, {}, silent)
    assert caught.value.check == "RES-3"
    assert world.record.names_in("results") == []


def test_a_quorum_of_one_sum_is_no_quorum_of_another(world) -> None:
    for trustee in ("moreau", "roux"):
        post(world, trustee, "two-x").unlink()
    with pytest.raises(StateError) as caught:
        finish_tally(world.folder, {}, silent)
    assert (caught.value.check, caught.value.subject) == ("RES-3", "two-x")


def test_a_wrong_share_planted_in_the_record_is_named(world) -> None:
    finish_tally(world.folder, {}, silent)
    path = world.record.path / "shares/one-all/petit.json"
    resign(world, path, "petit", proven=wrong_value(world, path))
    found = [one for one in audit_record(world.record.path).failures if one.check.startswith("DEC")]
    assert [(one.check, one.subject) for one in found] == [("DEC-3", "one-all/petit")]


def test_a_missing_share_planted_nowhere_is_missed_by_the_log(world) -> None:
    finish_tally(world.folder, {}, silent)
    (world.record.path / "shares/one-all/petit.json").unlink()
    assert {"REC-3", "END-2"} <= {one.check for one in audit_record(world.record.path).failures}


# A delegate and their substitute hold one share


def policy_with_substitute() -> KeyPolicy:
    """Return the bureau's policy with a substitute for the first delegate."""
    policy = bureau_policy()
    delegates = policy.groups[1]
    substitute = Member.make(index=1, id="vasseur", name="Odile Vasseur", role="substitute")
    return policy.replace(
        groups=(policy.groups[0], delegates.replace(members=(*delegates.members, substitute)))
    )


@pytest.fixture(scope="module")
def with_substitute(tmp_path_factory) -> World:
    plan = draft((contest("one"),), policy=policy_with_substitute())
    made = World(tmp_path_factory.mktemp("a20s") / "w", sealed_manifest(plan, {"one-all": (5, 5)}))
    made.open()
    made.publish([made.encrypt("one-all", choice) for choice in ("a", "b", "blank")])
    made.close()
    start_tally(made.folder, silent)
    made.decrypt(("garnier", "moreau", "roux", "vasseur"))
    return made


def only(world: World, *trustees: str) -> World:
    for folder in (world.folder / "inbox").iterdir():
        if folder.name not in trustees:
            shutil.rmtree(folder)
    return world


def test_the_substitute_holds_the_delegates_share(with_substitute) -> None:
    assert dealt("toy-512", policy_with_substitute())[1] is with_substitute.shares
    assert with_substitute.shares["vasseur"].secret == with_substitute.shares["moreau"].secret
    assert (
        with_substitute.shares["vasseur"].signing_key.public
        != with_substitute.shares["moreau"].signing_key.public
    )


@pytest.mark.parametrize("holder", ["moreau", "vasseur"])
def test_either_of_them_completes_a_quorum(with_substitute, tmp_path, holder) -> None:
    world = only(with_substitute.copy(tmp_path / "w"), "garnier", "roux", holder)
    assert finish_tally(world.folder, {}, silent).refused == []
    assert audit_record(world.record.path).verified


def test_delegate_and_substitute_count_once(with_substitute, tmp_path) -> None:
    world = only(with_substitute.copy(tmp_path / "w"), "garnier", "moreau", "vasseur")
    with pytest.raises(StateError) as caught:
        finish_tally(world.folder, {}, silent)
    assert caught.value.check == "RES-3"
    assert "SHR-4" in str(caught.value)


def test_the_second_of_them_is_refused_and_the_tally_goes_on(with_substitute, tmp_path) -> None:
    world = with_substitute.copy(tmp_path / "w")
    outcome = finish_tally(world.folder, {}, silent)
    assert len(outcome.refused) == 1
    assert outcome.refused[0].startswith("Odile Vasseur, one-all: ")
    assert "(SHR-4)" in outcome.refused[0]
    assert audit_record(world.record.path).verified


def test_a_wrong_share_of_the_delegate_does_not_shut_the_substitute_out(with_substitute, tmp_path) -> None:
    world = with_substitute.copy(tmp_path / "w")
    path = post(world, "moreau")
    resign(world, path, "moreau", proven=wrong_value(world, path))
    outcome = finish_tally(world.folder, {}, silent)
    assert len(outcome.refused) == 1
    assert outcome.refused[0].startswith("Philippe Moreau, one-all: ")
    assert "(DEC-3)" in outcome.refused[0]
    assert world.record.has("shares/one-all/vasseur.json")
    assert audit_record(world.record.path).verified


def test_both_of_them_in_a_record_are_refused(with_substitute, tmp_path) -> None:
    world = with_substitute.copy(tmp_path / "w")
    closing = verify_closing(world.record.path)
    paths = [post(world, trustee) for trustee in ("garnier", "moreau", "roux", "vasseur")]
    posted = [DecryptionShare.from_bytes(path.read_bytes()) for path in paths]
    assert find_invalid_shares(world.election, closing.sums, posted[:3]) == {}
    for order in (posted, posted[::-1]):
        invalid = find_invalid_shares(world.election, closing.sums, order)
        assert [error.check for error in invalid.values()] == ["SHR-4"]
    finish_tally(world.folder, {}, silent)
    world.write("shares/one-all/vasseur.json", paths[3].read_bytes())
    assert "SHR-4" in {one.check for one in audit_record(world.record.path).failures}


def test_a_share_posted_twice_is_refused(world) -> None:
    closing = verify_closing(world.record.path)
    share = DecryptionShare.from_bytes(post(world, "petit").read_bytes())
    invalid = find_invalid_shares(world.election, closing.sums, [share, share])
    assert [error.check for error in invalid.values()] == ["SHR-4"]


def test_a_share_of_nobody_is_refused(world) -> None:
    closing = verify_closing(world.record.path)
    share = DecryptionShare.from_bytes(post(world, "petit").read_bytes()).replace(trustee="nobody")
    invalid = find_invalid_shares(world.election, closing.sums, [share])
    assert [error.check for error in invalid.values()] == ["SHR-2"]


def test_shares_in_the_log_outlive_the_inbox(world) -> None:
    finish_tally(world.folder, {}, silent)
    shutil.rmtree(world.folder / "inbox")
    assert finish_tally(world.folder, {}, silent).ended
    assert [one.entry.kind for one in world.reader().items()].count(Kind.SHARE) == 8
