# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed alerts: what a program can act on, and what enters the log of operations (BOX-13)."""

from __future__ import annotations

import re
from pathlib import Path

from evote.box.alerts import Alert, AlertKind, IntegrityReport

PAGE = Path(__file__).parents[3] / "docs" / "spec" / "box.md"


def test_a_report_with_an_alert_is_not_sound() -> None:
    alert = Alert(AlertKind.BALLOT_LOST, "box.db", "The log holds 1 ballot that the box does not.")
    assert IntegrityReport(7).sound
    assert not IntegrityReport(7, (alert,)).sound


def test_the_specification_names_every_kind() -> None:
    section = PAGE.read_text(encoding="utf-8").split("**BOX-13", 1)[1].split("## ", 1)[0]
    assert re.findall(r"(?m)^\| `([a-z-]+)`", section) == [kind.value for kind in AlertKind]
