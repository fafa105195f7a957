# SPDX-License-Identifier: GPL-3.0-or-later
"""An event's shape, and what it must follow (EVT-1)."""

from __future__ import annotations

import pytest

from evote.errors import EncodingError, VerificationError
from evote.record import layout
from evote.record.events import ChainEnd, Event
from forgery import refused

FIRST = Event.make(
    number=1, previous=bytes(32), time=120, actor="bea", operation="sealed", reason="", detail="Election 00."
)
SECOND = FIRST.replace(number=2, previous=FIRST.digest(), operation="opened")


def test_events_follow_each_other() -> None:
    assert Event.from_bytes(FIRST.to_bytes()) == FIRST
    end = ChainEnd().after(FIRST).after(SECOND)
    assert end == ChainEnd(2, SECOND.digest(), 120)


@pytest.mark.parametrize("change", [{"number": 3}, {"previous": bytes(32)}, {"time": 60}])
def test_an_event_that_does_not_follow_is_refused(change) -> None:
    end = ChainEnd().after(FIRST)
    end.after(SECOND)
    with refused(VerificationError, "EVT-1", layout.event_path(2)):
        end.after(SECOND.replace(**change))


@pytest.mark.parametrize(
    "change",
    [
        {"number": 0},
        {"number": layout.MAX_EVENTS + 1},
        {"previous": bytes(31)},
        {"time": 121},
        {"actor": ""},
        {"actor": "a\nb"},
        {"operation": "voted"},
        {"reason": "x" * 1001},
        {"detail": "\x1b[2K"},
        {"election": bytes(32)},
    ],
    ids=str,
)
def test_shapes(change) -> None:
    with refused(EncodingError, "ENC-5"):
        Event.make(**{**FIRST.model_dump(), **change})


def test_the_longest_event_can_be_read() -> None:
    widest = FIRST.replace(actor="\U0001f5f3" * 1000, reason="\U0001f5f3" * 1000, detail="\U0001f5f3" * 1000)
    assert Event.from_bytes(widest.to_bytes()) == widest


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("events/1.json", True),
        (f"events/{layout.MAX_EVENTS}.json", True),
        (f"events/{layout.MAX_EVENTS + 1}.json", False),
        ("amendments/1.json", True),
        (f"amendments/{layout.MAX_AMENDMENTS + 1}.json", False),
        ("events/0.json", False),
        ("events/01.json", False),
        ("events/1.json.bak", False),
        ("sums/1.json", False),
        ("events/١.json", False),
        ("events/1.json\n", False),
    ],
)
def test_names_of_numbered_files(name, known) -> None:
    assert layout.is_numbered_path(name) == known
