# SPDX-License-Identifier: GPL-3.0-or-later
"""The CSPM's second college of June 2024: seats at full size, and the whole chain at a tenth of it.

The figures were published: 3608, 2290, 800 and 591 votes, the last shared by two lists in a way that is not known
here and does not matter; 3 and 2 seats.
"""

from __future__ import annotations

import itertools

import pytest

from evote.ballot import Choice, encrypt_ballot
from evote.board.record_folder import RecordFolder
from evote.box.setup import seal_election
from evote.crypto.fixed_base import base_table
from evote.manifest.template import cspm_2024
from evote.record import layout
from evote.record.tally import Minutes, SeatsRecord
from evote.seats import ListTally, allocate_seats
from evote.tally.memory import ServedElections
from evote.tally.session import finish_tally, post_decryption_shares, start_tally
from evote.verify import audit_record, verify_closing
from office import enter, set_up
from simulator import CLOSES, LAWFUL, OPENS, dealt

LISTS = ("aph-amuf-cfdt", "cmh-inph-snam", "jeunes-medecins", "snmh-fo", "ufmict-cgt")
TENTH = dict(zip((*LISTS, "blank"), (361, 229, 80, 30, 29, 20), strict=True))
ABSENT = 12
TIE_RULE = ("most-votes", "most-candidates", "oldest-candidate")


@pytest.mark.parametrize("last", [0, 1, 200, 295, 296, 400, 591])
def test_the_seats_proclaimed_in_2024(last) -> None:
    votes = (3608, 2290, 800, 591 - last, last)
    assert sum(votes) == 7289
    ranks = itertools.count(1)
    lists = [
        ListTally(name, count, 6, tuple(itertools.islice(ranks, 6)))
        for name, count in zip(LISTS, votes, strict=True)
    ]
    found = allocate_seats(5, lists, TIE_RULE)
    assert found.by_quotient == (2, 1, 0, 0, 0)
    assert found.seats == (3, 2, 0, 0, 0)
    assert (found.vacant, found.lots_used) == (0, False)
    assert [step.winner for step in found.steps] == [LISTS[0], LISTS[1]]


def college_two():
    """Return the template of 2024 with its second college alone, at 2048 bits."""
    full = cspm_2024(OPENS)
    plan = full.replace(
        parameters="evote-2048",
        contests=(full.contest("cspm-2"),),
        counting=full.counting.replace(units=full.units_of("cspm-2")),
    )
    assert tuple(one.id for one in plan.contest("cspm-2").lists) == LISTS
    return plan


def cast_all(folder, choices: list[str]) -> list[str]:
    """Let every voter vote as their device does; return some references."""
    references = []
    with enter(folder, OPENS + 60) as box:
        box.open_vote()
        powers = base_table(box.public.key)
        for number, choice in enumerate(choices):
            voter = f"v{number}"
            slot = box.slot(voter=voter, contest="cspm-2")
            ballot = encrypt_ballot(box.public, slot, Choice(choice), powers=powers)
            receipt = box.cast(voter=voter, ballot=ballot.to_bytes())
            ballot.check_receipt(receipt)
            if number % 100 == 0:
                references.append(str(receipt.reference))
        assert box.turnout() == {"cspm-2": len(choices)}
    return references


def test_the_second_college_at_a_tenth_of_its_size(tmp_path) -> None:
    choices = [choice for choice, count in TENTH.items() for _ in range(count)]
    assert len(choices) == 749
    roll = "voter_id,name,contests\n" + "".join(
        f"v{number},Voter {number},cspm-2\n" for number in range(len(choices) + ABSENT)
    )
    folder = set_up(tmp_path / "election", college_two(), roll)
    seal_election(folder)
    references = cast_all(folder, choices)
    closes = cspm_2024(OPENS).timetable.closes
    assert closes > CLOSES
    with enter(folder, closes) as box:
        act = box.close_vote()
        assert [(one.voters, one.weight) for one in act.marks] == [(749, 749)]
        assert {box.check_reference(one).presence for one in references} == {"found"}

    start_tally(folder, lambda *_: None)
    closing = verify_closing(folder / "record")
    shares = dealt("evote-2048", closing.election.manifest.policy)[1]
    for trustee in LAWFUL:
        memory = ServedElections((tmp_path / f"{trustee}.served",))
        post_decryption_shares(folder, closing, shares[trustee], memory, closes + 1)
    outcome = finish_tally(folder, {}, lambda *_: None)
    assert outcome.refused == []
    assert outcome.results["cspm-2"].counts == (20, 361, 229, 80, 30, 29)

    report = audit_record(folder / "record")
    assert report.failures == []
    assert report.verified
    record = RecordFolder(folder / "record")
    seats = record.read(layout.seats_path("cspm-2"), SeatsRecord)
    assert [one.seats for one in seats.lists] == [3, 2, 0, 0, 0]
    assert (seats.blank, seats.votes_cast, seats.vacant) == (20, 729, 0)
    minutes = record.read(layout.minutes_path("cspm-2"), Minutes)
    assert (minutes.registered, minutes.voters) == (749 + ABSENT, 749)
    assert minutes.blank + minutes.votes_cast == minutes.voters
