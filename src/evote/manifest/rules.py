# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of a manifest must be to each other; each refusal says why.

Spec: MAN
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from urllib.parse import urlsplit

from evote.errors import EncodingError, ParameterError
from evote.manifest.model import Contest, Election, Group, KeyPolicy, Manifest, Member

_MAX_GRACE = 30 * 60


def _refuse(check: str, subject: str, sentence: str) -> ParameterError:
    return ParameterError(sentence, check=check, subject=subject)


def _unique(kind: str, subject: str, values: Iterable[object]) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise _refuse(
                "MAN-1", subject, f"{subject}: the {kind} {value!r} stands twice; each must differ."
            )
        seen.add(value)


def verify_election(election: Election) -> None:
    """Check a draft or manifest; return silently if it can be sealed as far as it goes.

    Raises:
        ParameterError: `check` is the rule, MAN-1 to MAN-11 or MAN-13; `subject` the contest, unit or group.

    Spec: MAN-1 to MAN-11, MAN-13
    """
    if election.sizes.toy and election.mode != "TEST":
        raise _refuse("MAN-11", election.parameters, "A toy parameter set is refused outside mode TEST.")
    _verify_ids(election)
    _verify_hours(election)
    for contest in election.contests:
        _verify_contest(contest)
        _verify_units(election, contest)
        check_capacity(election, contest, 1)
    known = {contest.id for contest in election.contests}
    for unit in election.counting.units:
        if unit.contest not in known:
            raise _refuse("MAN-4", unit.id, f"Unit {unit.id} names the unknown contest {unit.contest!r}.")
    _verify_policy(election.policy)
    _verify_witnesses(election)


def verify_manifest(manifest: Manifest) -> None:
    """Check a sealed manifest: everything of a draft, and the roll.

    Raises:
        ParameterError: MAN-1 to MAN-13.

    Spec: MAN-1 to MAN-13
    """
    verify_election(manifest)
    if [entry.unit for entry in manifest.roll] != [unit.id for unit in manifest.counting.units]:
        raise _refuse("MAN-12", "roll", "The roll must name each counting unit once, in the plan's order.")
    for entry in manifest.roll:
        if entry.weight < entry.voters:
            raise _refuse("MAN-12", entry.unit, f"Unit {entry.unit}: every voter weighs at least 1.")
    for contest in manifest.contests:
        if manifest.weight_of(contest.id) >= 1 << 53:
            raise _refuse("MAN-12", contest.id, f"{contest.id}: the roll's total weight must be below 2^53.")
        check_capacity(manifest, contest, manifest.weight_of(contest.id))


def check_capacity(election: Election, contest: Contest, weight: int) -> None:
    """Check that the counters of a contest fit one ciphertext: b (L + 1) <= |n|/2 - 2.

    Args:
        election: Gives the parameter set.
        contest: The contest.
        weight: Total weight of its roll.

    Raises:
        ParameterError: They do not (MAN-6).

    Spec: PAR-4, MAN-6
    """
    needed = max(1, weight.bit_length()) * contest.options
    if needed > election.sizes.capacity_bits:
        raise _refuse(
            "MAN-6",
            contest.id,
            f"{contest.id}: {contest.options} options for a roll of weight {weight} need {needed} bits and "
            f"{election.parameters} has {election.sizes.capacity_bits}; take a larger parameter set or split it.",
        )


def _verify_ids(election: Election) -> None:
    _unique("contest", "contests", (contest.id for contest in election.contests))
    _unique("unit", "counting plan", (unit.id for unit in election.counting.units))
    _unique("group", "policy", (group.id for group in election.policy.groups))
    _unique("trustee", "policy", (member.id for _, member in election.policy.members))
    _unique("language", "languages", election.languages)
    files: dict[str, bytes] = {}
    for contest in election.contests:
        _unique("list", contest.id, (one.id for one in contest.lists))
        if any(one.id == "blank" for one in contest.lists):
            raise _refuse(
                "MAN-1", contest.id, f"{contest.id}: «blank» is the blank vote; give the list another id."
            )
        _unique("section", contest.id, (section.id for section in contest.sections))
        ranks = (candidate.age_rank for one in contest.lists for candidate in one.candidates)
        _unique("age rank", contest.id, ranks)
        for profession in (profession for one in contest.lists for profession in one.professions):
            if files.setdefault(profession.file, profession.digest) != profession.digest:
                raise _refuse("MAN-1", contest.id, f"The file {profession.file!r} has two digests.")


def _verify_hours(election: Election) -> None:
    hours = election.timetable
    if not hours.opens < hours.closes <= hours.grace_ends:
        raise _refuse(
            "MAN-2", "timetable", "The vote must open before it closes, and close before grace ends."
        )
    if hours.grace_ends - hours.closes > _MAX_GRACE:
        raise _refuse("MAN-2", "timetable", "Grace for connected voters lasts 30 minutes at most.")
    times = election.publication.times
    if any(not hours.opens < time < hours.closes for time in times):
        raise _refuse("MAN-3", "publication", "Every publication time must lie between opening and closing.")
    if any(earlier >= later for earlier, later in pairwise(times)):
        raise _refuse("MAN-3", "publication", "Publication times must be in order, each once.")


def _verify_contest(contest: Contest) -> None:
    _unique("tie rule", contest.id, contest.tie_rule)
    if contest.tie_rule[-1] not in ("lot", "oldest-candidate"):
        raise _refuse(
            "MAN-10", contest.id, f"{contest.id}: the last tie rule must decide: «lot» or «oldest-candidate»."
        )


def _verify_units(election: Election, contest: Contest) -> None:
    units = election.units_of(contest.id)
    sections = {section.id for section in contest.sections}
    counted: set[str] = set()
    for unit in units:
        for section in unit.sections:
            if section not in sections:
                raise _refuse("MAN-4", unit.id, f"Unit {unit.id} names the unknown section {section!r}.")
            if section in counted:
                raise _refuse("MAN-4", unit.id, f"Section {section!r} of {contest.id} is counted twice.")
            counted.add(section)
        others = {other.id for other in units} - {unit.id}
        if unit.merge_into and unit.merge_into not in others:
            raise _refuse("MAN-5", unit.id, f"Unit {unit.id} must merge into another unit of {contest.id}.")
        if not unit.merge_into and len(units) > 1 and sum(not other.merge_into for other in units) > 1:
            raise _refuse("MAN-5", unit.id, f"Only one unit of {contest.id} may have no merge target.")
    if left := sorted(sections - counted):
        raise _refuse("MAN-4", contest.id, f"{contest.id}: no unit counts the section {left[0]!r}.")


def _verify_policy(policy: KeyPolicy) -> None:
    for group in policy.groups:
        _verify_group(group)
    _verify_shape(policy)
    disjoint = all(2 * group.threshold <= group.size for group in policy.groups)
    if disjoint and not policy.accept_disjoint_quorums:
        raise _refuse(
            "MAN-9",
            "policy",
            "Two quorums without a common member exist; raise a threshold above half of its group, "
            "or accept that explicitly (accept_disjoint_quorums).",
        )


def _verify_group(group: Group) -> None:
    if {member.index for member in group.members} != set(range(1, group.size + 1)):
        raise _refuse("MAN-7", group.id, f"Group {group.id}: indices must run from 1 without a gap.")
    if group.threshold > group.size:
        raise _refuse(
            "MAN-7", group.id, f"Group {group.id}: {group.threshold} of {group.size} can never be met."
        )
    for index in range(1, group.size + 1):
        holders = [member for member in group.members if member.index == index]
        if sum(member.role != "substitute" for member in holders) != 1:
            raise _refuse(
                "MAN-7",
                group.id,
                f"Group {group.id}: index {index} needs one holder; others are substitutes.",
            )


def _verify_shape(policy: KeyPolicy) -> None:
    holders = [member for _, member in policy.members if member.role != "substitute"]

    def count(role: str) -> int:
        return sum(member.role == role for member in holders)

    def most_by_one_person(members: Iterable[Member]) -> int:
        names = [member.name for member in members]
        return max(names.count(name) for name in names)

    everybody = [member for _, member in policy.members]
    broken = {
        "president-holds": (count("president") < 1, "the president must hold a share"),
        "secretary-holds": (count("secretary") < 1, "the secretary must hold a share"),
        "delegates-two-thirds": (3 * count("delegate") < 2 * len(holders), "delegates must hold two thirds"),
        "two-at-most": (most_by_one_person(everybody) > 2, "nobody may hold more than two shares"),
        "no-technician": (
            any(one.role == "technician" for one in everybody),
            "no technician may hold a share",
        ),
    }
    for rule in policy.shape_rules:
        is_broken, sentence = broken[rule]
        if is_broken:
            raise _refuse("MAN-8", "policy", f"The key policy breaks the rule «{rule}»: {sentence}.")


def _verify_witnesses(election: Election) -> None:
    try:
        keys = election.witness_keys
    except EncodingError:
        raise _refuse(
            "MAN-13", "witnesses", "A witness's key must be the text that «evote witness new» prints."
        ) from None
    names = {key.name for key in keys}
    if len(names) < len(keys) or len({key.public for key in keys}) < len(keys) or election.origin in names:
        raise _refuse("MAN-13", "witnesses", "Witnesses must have different names and keys, none the origin.")
    for witness in election.witnesses:
        if witness.url and not _is_web_address(witness.url):
            raise _refuse("MAN-13", witness.url, f"{witness.url!r} is not an http or https address.")
    needed = len(keys) // 2 + 1 if keys else 0
    if not needed <= election.witness_quorum <= len(keys):
        raise _refuse(
            "MAN-13",
            "witness_quorum",
            f"The quorum of {len(keys)} witnesses must be from {needed} to {len(keys)}: more than half, so that "
            "two quorums share one.",
        )


def _is_web_address(url: str) -> bool:
    """Tell whether a text is a plain http(s) address, to which a path can be added."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and not set("?#@\\") & set(url)
    return plain and url.startswith(("http://", "https://")) and bool(parts.hostname) and port != 0
