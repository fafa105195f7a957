# SPDX-License-Identifier: GPL-3.0-or-later
"""A13: the names of two lists are swapped after the vote, and everything is sealed and signed anew."""

from __future__ import annotations

import json

import pytest

from evote.encoding import canonical_json, encode_base64url
from evote.verify import audit_record
from simulator import World, small_world

VOTES = {"one-all": ["a", "b", "b", "blank"], "two-x": ["c"]}


def swapped(world: World):
    """Return the manifest with the first two lists of the first contest in exchanged places."""
    manifest = world.election.manifest
    first, second, *rest = manifest.contests[0].lists
    contest = manifest.contests[0].replace(lists=(second, first, *rest))
    return manifest.replace(contests=(contest, *manifest.contests[1:]))


def renamed(world: World):
    """Return the manifest with the names of the first two lists exchanged, ids as they were."""
    manifest = world.election.manifest
    first, second, *rest = manifest.contests[0].lists
    lists = (first.replace(name=second.name), second.replace(name=first.name), *rest)
    return manifest.replace(contests=(manifest.contests[0].replace(lists=lists), *manifest.contests[1:]))


def publish_again(world: World, folder, manifest, ballots: list[bytes]):
    again = World(folder, manifest)
    assert again.election.id != world.election.id
    again.open()
    again.publish(ballots)
    again.close()
    return again, audit_record(again.record.path, until="closed")


@pytest.mark.parametrize("change", [swapped, renamed])
def test_every_ballot_fails_under_swapped_lists(tmp_path, change) -> None:
    world = small_world(tmp_path / "w", votes=VOTES)
    world.close()
    assert audit_record(world.record.path, until="closed").verified
    _, report = publish_again(world, tmp_path / "again", change(world), world.ballots)
    refused = [one for one in report.failures if one.check == "BAL-2"]
    assert len(refused) == len(world.ballots) == 5
    assert {one.check for one in report.failures} == {"BAL-2", "ACT-4"}


@pytest.mark.parametrize("change", [swapped, renamed])
def test_every_ballot_fails_when_its_election_is_rewritten_too(tmp_path, change) -> None:
    world = small_world(tmp_path / "w", votes=VOTES)
    target = World(tmp_path / "id", change(world))
    text = encode_base64url(target.election.id)
    ballots = [canonical_json({**json.loads(one), "election": text}) for one in world.ballots]
    target.open()
    target.publish(ballots)
    target.close()
    report = audit_record(target.record.path, until="closed")
    assert sum(one.check == "SEL-3" for one in report.failures) == len(ballots)
    assert {one.check for one in report.failures} == {"SEL-3", "ACT-4"}


def test_lists_swapped_under_the_old_seal_are_refused_at_once(tmp_path) -> None:
    world = small_world(tmp_path / "w", votes=VOTES)
    world.record.write("manifest.json", swapped(world))
    report = audit_record(world.record.path, until="open")
    assert [one.check for one in report.failures] == ["ACT-1"]
