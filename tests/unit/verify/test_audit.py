# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from evote.board import Kind
from evote.errors import VerificationError
from evote.record import layout
from evote.record.acts import Closing, Opening
from evote.verify import audit_record, verify_closing, verify_record
from evote.verify.acts import verify_closing_act, verify_opening_act
from evote.verify.ballots import UnitTally
from simulator import CLOSES, OPENS, World, contest, draft, sealed_manifest, small_world

VOTES = {"one-all": ["a", "b", "blank"], "two-x": ["c"], "two-y": ["a"]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> World:
    made = small_world(tmp_path_factory.mktemp("audit") / "w", votes=VOTES)
    made.close()
    made.tally()
    return made


def test_a_finished_record_is_verified(finished) -> None:
    verify_record(finished.record.path)
    report = audit_record(finished.record.path)
    assert (report.verified, report.stage, report.until) == (True, "end", "end")
    assert report.election == finished.election.id.hex()


def test_progress_is_told_of_every_part(finished) -> None:
    told = []
    audit_record(finished.record.path, progress=lambda *one: told.append(one))
    size = finished.reader().checkpoint.size
    assert told == [("ballots", size, size)]


def test_the_sums_of_a_closing_are_those_of_the_plan(finished) -> None:
    closing = verify_closing(finished.record.path)
    assert {unit: (total.ballots, total.weight) for unit, total in closing.sums.items()} == {
        "one-all": (3, 3),
        "two-x": (1, 1),
        "two-y": (1, 1),
    }
    assert {total.closing_root for total in closing.sums.values()} == {closing.point.root}


@pytest.mark.parametrize("until", ["closed", "end"])
def test_a_record_that_is_not_that_far_is_not_verified(tmp_path, until) -> None:
    world = small_world(tmp_path / "w", votes=VOTES)
    report = audit_record(world.record.path, until=until)
    assert (report.verified, [one.check for one in report.failures]) == (False, ["END-1"])
    assert report.stage == "open"
    with pytest.raises(VerificationError) as caught:
        verify_record(world.record.path, until=until)
    assert caught.value.check == "END-1"


def test_the_first_finding_is_what_verify_raises(finished, tmp_path) -> None:
    world = finished.copy(tmp_path / "w")
    world.write(layout.README, b"")
    with pytest.raises(VerificationError) as caught:
        verify_record(world.record.path)
    assert (caught.value.check, caught.value.subject) == ("REC-5", layout.README)


def test_a_record_without_seal_has_one_step(tmp_path) -> None:
    report = audit_record(tmp_path)
    assert [one.check for one in report.failures] == ["ACT-1"]
    assert (len(report.steps), report.election, report.stage) == (1, "", "nothing")


@pytest.mark.parametrize(
    ("opened", "closed", "checks"),
    [
        (OPENS, CLOSES, []),
        (OPENS - 1, CLOSES, []),  # early, and says so: mode TEST
        (OPENS, OPENS, []),
        (CLOSES, CLOSES - 1, ["ACT-3"]),  # closed before it was opened
    ],
)
def test_hours_of_the_acts(tmp_path, opened, closed, checks) -> None:
    world = World(tmp_path / "w", sealed_manifest(draft((contest("one"),)), {"one-all": (3, 3)}))
    world.open(opened)
    world.close(time=closed)
    report = audit_record(world.record.path, until="closed")
    assert [one.check for one in report.failures] == checks
    assert any("before the sealed hour" in note for note in report.notes) == (
        opened < OPENS or closed < CLOSES
    )


def real(tmp_path) -> World:
    return World(tmp_path / "w", sealed_manifest(draft((contest("one"),), mode="REAL"), {"one-all": (3, 3)}))


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_real_election_does_not_open_or_close_early(tmp_path, seconds) -> None:
    """The acts alone: with toy keys the manifest of a real election is refused before."""
    world = real(tmp_path)
    world.open(OPENS - seconds)
    world.close(time=CLOSES - seconds)
    opening, closing = world.record.read(layout.OPEN, Opening), world.record.read(layout.CLOSE, Closing)
    checks = []
    for verify, arguments in (
        (verify_opening_act, (opening,)),
        (verify_closing_act, (opening, closing, {"one-all": UnitTally()})),
    ):
        try:
            verify(world.election, *arguments)
        except VerificationError as error:
            checks.append(error.check)
    assert checks == (["ACT-2", "ACT-3"] if seconds else [])


def test_a_real_election_has_no_note_of_a_test(tmp_path) -> None:
    world = real(tmp_path)
    world.open()
    report = audit_record(world.record.path, until="open")
    assert [one.check for one in report.failures] == ["MAN-11"]  # toy keys
    assert not any("test election" in note for note in report.notes)


@pytest.mark.parametrize(
    ("changes", "check"),
    [({"early": True}, "ACT-2"), ({"time": OPENS - 1}, "ACT-2"), ({"election": b"o" * 32}, "ACT-2")],
)
def test_an_opening_that_lies_is_refused(tmp_path, changes, check) -> None:
    world = World(tmp_path / "w", sealed_manifest(draft((contest("one"),)), {"one-all": (3, 3)}))
    fields = {"election": world.election.id, "time": OPENS, "early": False, **changes}
    bare = Opening.make(**fields, signatures=(), register_signature=b"", ballots=0, marks=0)
    world.append(Kind.OPEN, world.record.write(layout.OPEN, world._act(bare)))
    report = audit_record(world.record.path, until="open")
    assert [one.check for one in report.failures] == [check]


def test_an_opening_signed_by_the_log_is_refused(tmp_path) -> None:
    world = World(tmp_path / "w", sealed_manifest(draft((contest("one"),)), {"one-all": (3, 3)}))
    world.register_signer = world.log_signer
    world.open()
    assert [one.check for one in audit_record(world.record.path, until="open").failures] == ["ACT-2"]
