# SPDX-License-Identifier: GPL-3.0-or-later
"""ENC-2, ENC-4: numbers, texts, identifiers, times."""

from __future__ import annotations

import pytest

from evote.encoding import Count, Digest, Identifier, Part, PublicKeyBytes, Remark, SignatureBytes, Text, Time
from evote.errors import EncodingError


class Fields(Part):
    count: Count = 0
    digest: Digest = bytes(32)
    id: Identifier = "a"
    key: PublicKeyBytes = bytes(32)
    remark: Remark = ""
    signature: SignatureBytes = bytes(64)
    text: Text = "a"
    time: Time = 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", 0),
        ("count", (1 << 53) - 1),
        ("id", "a"),
        ("id", "7"),
        ("id", "csn-ph-medecine"),
        ("id", "a--b"),
        ("id", "x" * 64),
        ("remark", ""),
        ("text", "Élection n° 1 – « été »"),
        ("text", "x" * 1000),
        ("text", "مرحبا 投票 🗳"),
        ("time", 0),
        ("time", 253_402_300_799),
    ],
)
def test_accepted(field: str, value: object) -> None:
    assert getattr(Fields.make(**{field: value}), field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", -1),
        ("count", 1 << 53),
        ("count", 1.0),
        ("count", True),
        ("count", "1"),
        ("digest", bytes(31)),
        ("digest", bytes(33)),
        ("key", bytes(31)),
        ("signature", bytes(63)),
        ("signature", bytes(65)),
        ("id", ""),
        ("id", "-a"),
        ("id", "a-"),
        ("id", "A"),
        ("id", "a b"),
        ("id", "a\n"),
        ("id", "a/b"),
        ("id", "a.b"),
        ("id", ".."),
        ("id", "é"),
        ("id", "١"),
        ("id", "x" * 65),
        ("text", ""),
        ("text", "x" * 1001),
        ("text", "a\n"),
        ("text", "a\tb"),
        ("text", "a\0"),
        ("text", "\x1b[2J"),
        ("text", "left\u202eright"),
        ("text", "zero\u200bwidth"),
        ("text", "a\u2028b"),
        ("text", "a\ue000"),
        ("text", "a\ud800"),
        ("text", b"a"),
        ("remark", "a\u2066b"),
        ("remark", "x" * 1001),
        ("time", -1),
        ("time", 253_402_300_800),
        ("time", 1.5),
        ("time", True),
    ],
)
def test_refused(field: str, value: object) -> None:
    with pytest.raises(EncodingError) as caught:
        Fields.make(**{field: value})
    assert caught.value.check == "ENC-5"


def test_people_write_hours_with_their_zone() -> None:
    assert Fields.make(time="2024-06-11T09:00:00+02:00").time == 1_718_089_200
    assert Fields.make(time="2024-06-11T07:00:00Z").time == 1_718_089_200
    for text in (
        "2024-06-11T09:00:00",
        "2024-06-11",
        "nine o'clock",
        "",
        "1718089200",
        "9999-12-31T23:59:59-01:00",
    ):
        with pytest.raises(EncodingError) as caught:
            Fields.make(time=text)
        assert caught.value.check == "ENC-5"
