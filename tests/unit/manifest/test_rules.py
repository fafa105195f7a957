# SPDX-License-Identifier: GPL-3.0-or-later
"""MAN: every rule refuses with its reason; templates keep them all (A16, A29)."""

from __future__ import annotations

import pytest

from evote.crypto.cosignatures import WitnessKey, WitnessSigner
from evote.crypto.notes import NoteKey
from evote.errors import EncodingError, EvoteError, ParameterError
from evote.manifest import (
    CountingPlan,
    Draft,
    Manifest,
    Publication,
    Timetable,
    Witness,
    check_capacity,
    verify_election,
    verify_manifest,
)
from evote.manifest.template import bureau_policy, cspm_2024, demonstration
from simulator import CLOSES, OPENS, ORIGIN, contest, draft, sealed_manifest

CONTESTS = (contest("one"), contest("two", sections=("x", "y", "z")))


def refused(check: str, **changes: object) -> str:
    verify_election(draft(CONTESTS))
    with pytest.raises(EvoteError) as caught:
        verify_election(draft(changes.pop("contests", CONTESTS), **changes))
    assert caught.value.check == check
    return str(caught.value)


def test_templates_keep_every_rule() -> None:
    plan = cspm_2024(OPENS)
    verify_election(plan)
    assert Draft.from_bytes(plan.to_bytes()) == plan
    ids = [one.id for one in plan.contests]
    assert len(ids) == 24
    assert [one.seats for one in plan.contests[:3]] == [5, 5, 5]
    assert sum(one.startswith("csn-") for one in ids) == 14
    assert sum(one.startswith("cd-") for one in ids) == 7
    assert len(plan.contests[0].lists) == 5
    for lists in (3, 10):
        verify_election(demonstration(OPENS, "evote-3072", lists))


def test_ids_stand_once() -> None:
    one = CONTESTS[0]
    refused("MAN-1", contests=(one, one))
    refused("MAN-1", contests=(one.replace(lists=(one.lists[0], one.lists[0])),))
    refused("MAN-1", contests=(one.replace(lists=(one.lists[0].replace(id="blank"),)),))
    refused("MAN-1", contests=(one.replace(sections=one.sections * 2),))
    twins = (one.lists[0], one.lists[1].replace(candidates=one.lists[0].candidates))
    refused("MAN-1", contests=(one.replace(lists=twins),))
    refused("MAN-1", languages=("fr", "fr"))


def test_hours_are_in_order() -> None:
    for hours in (
        (OPENS, OPENS, CLOSES),
        (CLOSES, OPENS, CLOSES),
        (OPENS, CLOSES, CLOSES - 1),
        (OPENS, CLOSES, CLOSES + 1801),
    ):
        refused("MAN-2", timetable=Timetable.make(opens=hours[0], closes=hours[1], grace_ends=hours[2]))
    for times in ((OPENS,), (CLOSES,), (OPENS + 20, OPENS + 10), (OPENS + 10, OPENS + 10)):
        refused("MAN-3", publication=Publication.make(times=times, audience="bureau", delay=0))


def with_units(**changes: object) -> CountingPlan:
    plan = draft(CONTESTS).counting
    units = tuple(
        unit.replace(**changes.get(unit.id, {}))
        for unit in plan.units
        if unit.id not in changes.get("drop", ())
    )
    return plan.replace(units=units)


def test_a16_units_are_disjoint_and_cover_every_section() -> None:
    overlapping = {
        "two-x": {"sections": ("x", "y")},
        "two-y": {"sections": ("y", "z")},
        "two-z": {"sections": ("z", "x")},
    }
    assert "counted twice" in refused("MAN-4", counting=with_units(**overlapping))
    refused("MAN-4", counting=with_units(drop=("two-y",)))
    refused("MAN-4", counting=with_units(**{"two-y": {"sections": ("y", "other")}}))
    refused("MAN-4", counting=with_units(**{"one-all": {"contest": "three"}}))


def test_a16_merge_targets_lie_in_the_contest() -> None:
    refused("MAN-5", counting=with_units(**{"two-y": {"merge_into": "one-all"}}))
    refused("MAN-5", counting=with_units(**{"two-y": {"merge_into": "two-y"}}))
    refused("MAN-5", counting=with_units(**{"two-y": {"merge_into": ""}}))


def test_the_policy_keeps_its_shape() -> None:
    policy = bureau_policy()
    bureau, delegates = policy.groups
    president, secretary = bureau.members

    def with_groups(*groups, **changes):
        return policy.replace(groups=groups, **changes)

    refused("MAN-7", policy=with_groups(bureau, delegates.replace(threshold=5)))
    refused(
        "MAN-7",
        policy=with_groups(bureau.replace(members=(president, secretary.replace(index=3))), delegates),
    )
    refused(
        "MAN-7",
        policy=with_groups(bureau.replace(members=(president, secretary.replace(index=1))), delegates),
    )
    refused(
        "MAN-8",
        policy=with_groups(bureau.replace(members=(president.replace(role="trustee"), secretary)), delegates),
    )
    refused(
        "MAN-8",
        policy=with_groups(bureau.replace(members=(president, secretary.replace(role="trustee"))), delegates),
    )
    refused("MAN-8", policy=with_groups(bureau, delegates.replace(members=delegates.members[:3])))
    one = delegates.members[0]
    same = tuple(member.replace(name=one.name) for member in delegates.members[:3])
    refused("MAN-8", policy=with_groups(bureau, delegates.replace(members=(*same, delegates.members[3]))))
    technician = delegates.members[3].replace(role="technician", index=4, id="tech")
    fifth = delegates.members[3].replace(index=5)
    sixth = delegates.members[3].replace(index=6, id="six", name="Six")
    refused(
        "MAN-8",
        policy=with_groups(
            bureau, delegates.replace(members=(*delegates.members[:3], technician, fifth, sixth))
        ),
    )
    refused("MAN-9", policy=policy.replace(accept_disjoint_quorums=False))
    verify_election(
        draft(
            CONTESTS,
            policy=with_groups(bureau, delegates.replace(threshold=3), accept_disjoint_quorums=False),
        )
    )
    substitute = delegates.members[0].replace(id="deputy", name="Deputy", role="substitute")
    verify_election(
        draft(
            CONTESTS, policy=with_groups(bureau, delegates.replace(members=(*delegates.members, substitute)))
        )
    )
    assert delegates.replace(members=(*delegates.members, substitute)).size == 4


def test_the_last_tie_rule_decides() -> None:
    refused("MAN-10", contests=(CONTESTS[0].replace(tie_rule=("most-votes",)),))
    verify_election(draft((CONTESTS[0].replace(tie_rule=("most-votes", "lot")),)))


def test_toy_keys_are_for_tests() -> None:
    refused("MAN-11", mode="REAL")
    with pytest.raises(ParameterError) as caught:
        verify_election(draft(CONTESTS, parameters="evote-1024"))
    assert caught.value.check == "PAR-1"


@pytest.mark.parametrize(
    ("weight", "options", "fits"), [(2**63 - 1, 4, True), (2**63, 4, False), (1, 254, True), (2, 254, False)]
)
def test_a29_capacity_is_half_of_the_modulus(weight: int, options: int, fits: bool) -> None:
    plan = draft((contest("big", lists=1),))
    wide = plan.contests[0].replace(
        lists=tuple(plan.contests[0].lists[0].replace(id=f"l{k}") for k in range(options - 1))
    )
    if fits:
        check_capacity(plan, wide, weight)
        return
    with pytest.raises(ParameterError) as caught:
        check_capacity(plan, wide, weight)
    assert caught.value.check == "MAN-6"


def witnesses(*names: str, url: str = "") -> tuple[Witness, ...]:
    return tuple(
        Witness.make(key=WitnessSigner.generate(name).witness_key.to_text(), url=url) for name in names
    )


@pytest.mark.parametrize(
    ("count", "quorums"), [(0, [0]), (1, [1]), (2, [2]), (3, [2, 3]), (4, [3, 4]), (50, range(26, 51))]
)
def test_a_quorum_of_witnesses_is_more_than_half(count: int, quorums) -> None:
    named = witnesses(*(f"w{n}" for n in range(count)))
    for quorum in range(min(count + 2, 51)):
        if quorum in quorums:
            verify_election(draft(CONTESTS, witnesses=named, witness_quorum=quorum))
        else:
            refused("MAN-13", witnesses=named, witness_quorum=quorum)


def test_witnesses_differ_and_none_is_the_log() -> None:
    good = witnesses("w1", "w2")
    verify_election(draft(CONTESTS, witnesses=good, witness_quorum=2))
    same_key = WitnessKey("w3", good[0].witness_key.public).to_text()
    note_key = NoteKey("w3", good[0].witness_key.public).to_text()
    for key in (
        witnesses("w1")[0].key,
        same_key,
        note_key,
        witnesses(ORIGIN)[0].key,
        "w3",
        good[0].key + " ",
    ):
        refused("MAN-13", witnesses=(good[0], good[1].replace(key=key)), witness_quorum=2)
    verify_election(draft(CONTESTS, witnesses=(good[0], witnesses("w3")[0]), witness_quorum=2))


@pytest.mark.parametrize(
    ("url", "fits"),
    [("", True), ("http://w.example", True), ("https://w.example:8443/a/b", True), ("http://[::1]:9/", True),
     ("ftp://w.example", False), ("file:///etc", False), ("w.example", False), ("https://", False),
     ("https://user@w.example", False), ("https://w.example/?a", False), ("https://w.example/#a", False),
     ("https://w.example/a b", False), ("https://w\u00e9.example", False), ("https://w.example:x", False),
     ("https://w.example:70000", False), ("https://[::1", False), ("HTTPS://w.example", False),
     ("https://w.example\\@x", False)],
)  # fmt: skip
def test_where_a_witness_is_asked(url: str, fits: bool) -> None:
    named = witnesses("w1", url=url)
    if fits:
        verify_election(draft(CONTESTS, witnesses=named, witness_quorum=1))
    else:
        refused("MAN-13", witnesses=named, witness_quorum=1)


def test_a_sealed_manifest_names_every_unit_once() -> None:
    plan = draft(CONTESTS)
    weights = {unit.id: (2, 3) for unit in plan.counting.units}
    manifest = sealed_manifest(plan, weights)
    verify_manifest(manifest)
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest
    assert manifest.digit_bits("two") == 4
    for roll in (manifest.roll[1:], manifest.roll[::-1], (*manifest.roll, manifest.roll[0])):
        with pytest.raises(ParameterError) as caught:
            verify_manifest(manifest.replace(roll=roll))
        assert caught.value.check == "MAN-12"
    light = (manifest.roll[0].replace(weight=1), *manifest.roll[1:])
    heavy = tuple(entry.replace(weight=2**53 - 1) for entry in manifest.roll)
    for roll in (light, heavy):
        with pytest.raises(ParameterError) as caught:
            verify_manifest(manifest.replace(roll=roll))
        assert caught.value.check == "MAN-12"


@pytest.mark.parametrize(
    "change", [{"mode": "real"}, {"origin": "two words"}, {"witnesses": ("w",)}, {"colour": 1}]
)
def test_fields_are_strict(change) -> None:
    with pytest.raises(EncodingError) as caught:
        draft(CONTESTS, **change)
    assert caught.value.check == "ENC-5"
