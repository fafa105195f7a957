# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates are drafts that can be sealed as they are."""

from __future__ import annotations

import pytest

from evote.manifest import Draft, verify_election
from evote.manifest.template import bureau_policy, cspm_2024, demonstration
from evote.params import DEFAULT_PARAMETERS

OPENS = 1_717_484_400  # 4 June 2024, 9:00 in Paris


def test_the_election_of_2024() -> None:
    election = cspm_2024(OPENS)
    verify_election(election)
    assert Draft.from_bytes(election.to_bytes()) == election
    ids = [contest.id for contest in election.contests]
    assert len(ids) == 3 + 2 * 7 + 7
    assert [contest.seats for contest in election.contests[:3]] == [5, 5, 5]
    assert {contest.options for contest in election.contests} == {6}
    assert election.timetable.closes == OPENS + 7 * 86400 + 8 * 3600
    assert len(election.publication.times) == 7
    assert election.parameters == DEFAULT_PARAMETERS


@pytest.mark.parametrize("lists", [3, 5, 10])
def test_the_demonstration(lists: int) -> None:
    election = demonstration(OPENS, "toy-512", lists)
    verify_election(election)
    assert [contest.options for contest in election.contests] == [lists + 1] * 3 + [4, 6]
    assert {"csn": 6, "cd": 6}.items() <= {contest.id: contest.seats for contest in election.contests}.items()


def test_names_of_candidates_differ_inside_a_list() -> None:
    for contest in cspm_2024(OPENS).contests:
        for one in contest.lists:
            assert len({candidate.name for candidate in one.candidates}) == len(one.candidates)


def test_the_bureau_needs_a_head_and_two_of_four_delegates() -> None:
    policy = bureau_policy()
    assert [(group.threshold, group.size) for group in policy.groups] == [(1, 2), (2, 4)]
    assert {member.role for _, member in policy.members} == {"president", "secretary", "delegate"}
