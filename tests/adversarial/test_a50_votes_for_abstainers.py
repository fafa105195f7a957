# SPDX-License-Identifier: GPL-3.0-or-later
"""A50: the server votes for people who abstain.

The abstainer's proof says «marked», or does not check; a closing that counts a mark and gives it to nobody, and a roll
that has somebody twice, do not open with the bureau's list.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from electorate import SALT, close, crowd, held, line, marked, seal
from evote.box.attendance import export_attendance, prove_attendance, verify_roll_file
from evote.box.premises import Premises
from evote.box.roll import parse_roll, voter_salt
from evote.crypto.merkle import inclusion_proof
from evote.errors import VerificationError
from evote.record.acts import Closing
from evote.record.attendance import AttendanceLine, AttendanceProof, unit_trees
from evote.record.attendance_list import read_attendance_list
from evote.record.election import PublicElection
from evote.verify import audit_record
from evote.verify.attendance import read_closing, verify_attendance, verify_attendance_list, verify_roll
from office import ROLL, close_office, encrypt, enter, open_office
from simulator import OPENS

ABSTAINER, VOTERS = "cyd", ("ada", "bea")


def held_by_the_server(folder: Path, *, stuffed: bool) -> Path:
    """Hold an election in which the server casts for the abstainer or not; its record is right either way."""
    open_office(folder)
    with enter(folder) as box:
        for voter in (*VOTERS, ABSTAINER) if stuffed else VOTERS:
            box.cast(voter, encrypt(box, voter, "one", "a").to_bytes())
    close_office(folder)
    assert audit_record(folder / "record", until="closed").verified
    return folder


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return held_by_the_server(tmp_path_factory.mktemp("a50") / "honest", stuffed=False)


@pytest.fixture(scope="module")
def crooked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return held_by_the_server(tmp_path_factory.mktemp("a50") / "crooked", stuffed=True)


def evidence(
    folder: Path, voter: str
) -> tuple[PublicElection, Closing, AttendanceProof, list[AttendanceLine]]:
    """Return what the world sees, a voter's proof, and the bureau's list."""
    premises = Premises.enter(folder)
    try:
        proof = prove_attendance(premises, voter, "one")
        data = export_attendance(premises, actor="bureau", reason="check")
        election = premises.record.election()
        return (
            election,
            read_closing(premises.record, election),
            proof,
            list(read_attendance_list(data)),
        )
    finally:
        premises.close()


def refused(check: str, call, *arguments: object) -> None:
    with pytest.raises(VerificationError) as caught:
        call(*arguments)
    assert caught.value.check == check


def test_an_honest_server_proves_presence_and_absence(honest: Path) -> None:
    for voter, present in (("ada", True), ("bea", True), (ABSTAINER, False)):
        election, closing, proof, lines = evidence(honest, voter)
        verify_attendance(election, closing, proof)
        assert proof.present is present
    verify_attendance_list(election, closing, lines)
    verify_roll_file(lines, parse_roll(ROLL.encode(), election.manifest))
    assert {one.voter for one in lines if one.voted} == set(VOTERS)


def test_an_abstainer_whom_the_server_voted_for_sees_the_mark(crooked: Path) -> None:
    election, closing, proof, lines = evidence(crooked, ABSTAINER)
    verify_attendance(election, closing, proof)
    assert proof.present
    verify_attendance_list(election, closing, lines)
    assert ABSTAINER in {one.voter for one in lines if one.voted}  # and so does the bureau


def test_the_mark_cannot_be_denied_to_the_abstainer(crooked: Path) -> None:
    """Another answer, salt, place, path; somebody else's proof under their name; a proof from another election."""
    election, closing, proof, lines = evidence(crooked, ABSTAINER)
    absent = proof.replace(present=False)
    refused("ATT-6", verify_attendance, election, closing, absent)
    refused("ATT-5", verify_attendance, election, closing, absent.replace(salt=SALT))
    for place in {0, 1, 2} - {proof.place}:
        refused("ATT-5", verify_attendance, election, closing, absent.replace(place=place))
    path = (*proof.roll_path[:-1], SALT)
    refused("ATT-5", verify_attendance, election, closing, absent.replace(roll_path=path))
    path = (*proof.attendance_path[:-1], SALT)
    refused("ATT-6", verify_attendance, election, closing, absent.replace(attendance_path=path))

    denied = [replace(one, minute=0) if one.voter == ABSTAINER else one for one in lines]
    trees = unit_trees(election.manifest, denied)["one-all"]
    refused("ATT-6", verify_attendance, election, closing, trees.prove(election.id, ABSTAINER))
    for other in {one.voter for one in lines if one.contest == "one"} - {ABSTAINER}:
        theirs = trees.prove(election.id, other)
        refused("ATT-5", verify_attendance, election, closing, theirs.replace(voter=ABSTAINER, present=False))
        mixed = absent.replace(place=theirs.place, attendance_path=theirs.attendance_path)
        refused("ATT-5", verify_attendance, election, closing, mixed)


def test_an_absence_in_another_contest_or_election_is_none_here(crooked: Path, honest: Path) -> None:
    election, closing, proof, _ = evidence(crooked, ABSTAINER)
    other, other_closing, elsewhere, _ = evidence(honest, ABSTAINER)
    verify_attendance(other, other_closing, elsewhere)
    assert not elsewhere.present
    refused("ATT-4", verify_attendance, election, closing, elsewhere)
    refused("ATT-5", verify_attendance, election, closing, elsewhere.replace(election=election.id))
    premises = Premises.enter(crooked)
    two = prove_attendance(premises, ABSTAINER, "two")
    premises.close()
    verify_attendance(election, closing, two)
    assert not two.present
    refused("ATT-5", verify_attendance, election, closing, two.replace(contest="one", section="all"))
    assert proof.salt != two.salt


@pytest.mark.parametrize("seed", range(5))
def test_a_bureaus_list_with_one_voter_added_removed_or_changed_is_refused(crooked: Path, seed: int) -> None:
    election, closing, _, lines = evidence(crooked, ABSTAINER)
    verify_attendance_list(election, closing, lines)
    chosen = random.Random(seed).choice(lines)
    rest = [one for one in lines if one is not chosen]
    for changed in (
        [*lines, replace(chosen, voter="new")],
        [*lines, replace(chosen, voter="new", salt=SALT)],
        rest,
        [*rest, replace(chosen, voter="new")],
        [*rest, replace(chosen, salt=SALT)],
        [*rest, replace(chosen, weight=chosen.weight + 1)],
    ):
        refused("ATT-8", verify_attendance_list, election, closing, changed)
    turned = replace(chosen, minute=0 if chosen.voted else OPENS)
    refused("ATT-9", verify_attendance_list, election, closing, [*rest, turned])


def test_a_list_without_the_abstainer_does_not_open_the_closing(crooked: Path) -> None:
    """The server shows the bureau a list in which nobody was wronged."""
    election, closing, _, lines = evidence(crooked, ABSTAINER)
    refused("ATT-9", verify_attendance_list, election, closing, marked(lines, ABSTAINER, 0))
    swapped = [
        replace(one, minute=OPENS) if one.voter == "dan" else one for one in marked(lines, ABSTAINER, 0)
    ]
    refused("ATT-9", verify_attendance_list, election, closing, swapped)


def test_a_mark_that_is_nobodys_does_not_open_with_any_list() -> None:
    """The server counts a mark for the ballot that it cast and marks no place: every voter is content, the bureau not."""
    truth = crowd(20, {1, 2, 3})
    election, honest_closing, trees = held(truth)
    verify_attendance_list(election, honest_closing, truth)
    crooked_closing = close(election, truth, one_all=(4, 4))  # as many as ballots: ACT-4 holds
    for number in range(20):
        proof = trees["one-all"].prove(election.id, f"v{number}")
        verify_attendance(election, crooked_closing, proof)
        assert proof.present == (number in {1, 2, 3})
    refused("ATT-9", verify_attendance_list, election, crooked_closing, truth)
    for scapegoat in range(20):
        blamed = marked(truth, f"v{scapegoat}", OPENS + 600)
        refused("ATT-9", verify_attendance_list, election, crooked_closing, blamed)


def test_a_voter_whom_the_server_sealed_twice_is_found_by_the_bureau() -> None:
    """One place is marked, the other one proves absence; nothing but the bureau's look at the roll can tell."""
    twin = replace(line("v5", minute=OPENS), salt=voter_salt(SALT, "one", "a name of the server's own"))
    lines = [*crowd(8), twin]
    election, closing, trees = held(lines)
    tree, answers = trees["one-all"], set()
    for place, one in enumerate(tree.lines):
        if one.voter == "v5":
            proof = tree.prove(election.id, "v5").replace(
                place=place,
                salt=one.salt,
                present=one.voted,
                roll_path=tuple(inclusion_proof(tree.roll_leaves, place)),
                attendance_path=tuple(inclusion_proof(tree.attendance_leaves(election.id), place)),
            )
            verify_attendance(election, closing, proof)
            answers.add(proof.present)
    assert answers == {True, False}
    for shown in (lines, crowd(8), [*crowd(8), replace(twin, voter="v8")]):
        refused("ATT-8", verify_roll, election.manifest, shown)
        refused("ATT-8", verify_attendance_list, election, closing, shown)


def test_a_person_whom_the_server_invented_is_found_by_the_bureau() -> None:
    invented = line("zoe", minute=OPENS)
    lines = [*crowd(8), invented]
    election, closing, _ = held(lines)
    verify_attendance_list(election, closing, lines)  # everything fits; but the bureau has its own roll
    text = "voter_id,name,contests\n" + "".join(f"v{number},V{number},one:all\n" for number in range(8))
    roll = parse_roll(text.encode(), election.manifest)
    verify_roll_file(crowd(8), roll)
    refused("ATT-10", verify_roll_file, lines, roll)


def test_paths_tell_nothing_of_neighbours_without_their_salts() -> None:
    """The same two people beside the reader, voted or not: paths differ and nothing in them can be recomputed."""
    seen = set()
    for voted in (set(), {1}, {2}, {1, 2}):
        election, closing, trees = held(crowd(3, voted))
        proof = trees["one-all"].prove(election.id, "v0")
        verify_attendance(election, closing, proof)
        guesses = [replace(one, salt=proof.salt, minute=minute) for one in crowd(3) for minute in (0, OPENS)]
        known = unit_trees(election.manifest, guesses)["one-all"].attendance_leaves(election.id)
        assert not set(known) & set(proof.attendance_path)
        seen.add(proof.attendance_path)
    assert len(seen) == 4


def test_another_seal_over_the_same_roll_has_other_marks() -> None:
    lines = crowd(4, {1})
    first, second = seal(lines), seal(lines)
    assert first.manifest.roll == second.manifest.roll
    assert close(first, lines).marks[0].root != close(second, lines).marks[0].root
