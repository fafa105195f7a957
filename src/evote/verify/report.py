# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification found.

Spec: REC-6
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal

from evote.board.files import printable
from evote.errors import EvoteError

Stage = Literal["nothing", "sealed", "open", "closed", "end"]
STAGES: tuple[Stage, ...] = ("nothing", "sealed", "open", "closed", "end")


def silent(what: str, done: int, total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        check: Identifier of the rule that is broken.
        subject: File, entry, contest or person.
        detail: One sentence.
    """

    check: str
    subject: str
    detail: str


@dataclass(slots=True)
class Step:
    """One step of a verification.

    Attributes:
        number: Its place, from 1.
        title: What it establishes.
        checks: Identifiers of the rules it checks.
        count: How many things were looked at.
        seconds: How long it took.
        failures: What is wrong.
    """

    number: int
    title: str
    checks: str
    count: int = 0
    seconds: float = 0.0
    failures: list[Finding] = field(default_factory=list)

    @contextmanager
    def finding(self, subject: str, check: str = "") -> Iterator[None]:
        """Turn an error of the library into a finding of this step and go on after the block.

        Args:
            subject: What is looked at, where the error does not say.
            check: The rule, where the error does not say.
        """
        self.count += 1
        try:
            yield
        except EvoteError as error:
            self.fail(error, subject, check)

    def fail(self, error: EvoteError, subject: str = "", check: str = "") -> None:
        """Record an error as a finding."""
        place = printable(error.subject or subject)
        self.failures.append(Finding(error.check or check or "REC-2", place, printable(str(error))))


@dataclass(slots=True)
class Report:
    """A verification of a record.

    Attributes:
        until: Up to which stage the record was to be verified.
        stage: What the record has reached.
        election: Election id in hexadecimal, or "".
        steps: What was done, in the order of the specification.
        notes: What a reader should know though nothing is wrong.
    """

    until: Stage
    stage: Stage = "nothing"
    election: str = ""
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, title: str, checks: str) -> Iterator[Step]:
        """Do one step and take its time."""
        step = Step(len(self.steps) + 1, title, checks)
        self.steps.append(step)
        start = monotonic()
        try:
            yield step
        finally:
            step.seconds = monotonic() - start

    @property
    def failures(self) -> list[Finding]:
        """Everything that is wrong, in order."""
        return [finding for step in self.steps for finding in step.failures]

    @property
    def verified(self) -> bool:
        """Whether the record reached the stage asked for and nothing is wrong; an empty report is not verified."""
        return bool(self.steps) and not self.failures and STAGES.index(self.stage) >= STAGES.index(self.until)
