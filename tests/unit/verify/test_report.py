# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from evote.errors import InvalidProof, StorageError, VerificationError
from evote.verify.report import STAGES, Finding, Report


def test_an_empty_report_is_not_verified() -> None:
    assert not Report("nothing").verified
    assert not Report("end").verified


@pytest.mark.parametrize("until", STAGES)
@pytest.mark.parametrize("stage", STAGES)
def test_a_report_is_verified_from_the_stage_asked_for_on(stage, until) -> None:
    report = Report(until)
    with report.step("A step", "REC"):
        pass
    report.stage = stage
    assert report.verified == (STAGES.index(stage) >= STAGES.index(until))


def test_one_finding_is_enough() -> None:
    report = Report("nothing")
    with report.step("A step", "REC") as step:
        step.fail(VerificationError("Wrong.", check="REC-1", subject="a file"))
    assert not report.verified
    assert report.failures == [Finding("REC-1", "a file", "Wrong.")]


def test_what_the_error_says_comes_before_what_the_caller_says() -> None:
    report = Report("nothing")
    with report.step("A step", "REC") as step:
        with step.finding("file", "REC-9"):
            raise InvalidProof("A.", check="SEL-3", subject="ballot 7")
        with step.finding("file", "REC-9"):
            raise StorageError("B.")
        with step.finding("file"):
            raise StorageError("C.")
    assert [(one.check, one.subject) for one in report.failures] == [
        ("SEL-3", "ballot 7"),
        ("REC-9", "file"),
        ("REC-2", "file"),
    ]
    assert step.count == 3


def test_errors_that_are_not_the_librarys_pass() -> None:
    report = Report("nothing")
    with pytest.raises(ZeroDivisionError), report.step("A step", "REC") as step, step.finding("file"):
        raise ZeroDivisionError
    assert report.steps[0].seconds >= 0


def test_steps_are_numbered_and_their_findings_stand_in_order() -> None:
    report = Report("nothing")
    with report.step("First", "A") as first, report.step("Second", "B") as second:
        second.fail(VerificationError("2", check="B-1"))
        first.fail(VerificationError("1", check="A-1"))
    assert [step.number for step in report.steps] == [1, 2]
    assert [one.check for one in report.failures] == ["A-1", "B-1"]
