# SPDX-License-Identifier: GPL-3.0-or-later
"""A38: oversized, deeply nested and arbitrary bytes are cast; refused with a check, and quickly, by size first."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.errors import InvalidBallot, NotEligible
from evote.record.ballot import Ballot
from office import encrypt, enter, open_office


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with enter(open_office(tmp_path_factory.mktemp("a38") / "e")) as found:
        yield found


def refused(box, data: bytes) -> str:
    with pytest.raises((InvalidBallot, NotEligible)) as caught:
        box.cast("ada", data)
    assert box.turnout() == {"one": 0, "two": 0}
    return caught.value.check


@pytest.mark.parametrize(
    ("data", "check"),
    [
        (b"", "ENC-5"),
        (b"null", "ENC-5"),
        (b"{" * 100_000, "ENC-5"),
        (b"[" * 500_000 + b"]" * 500_000, "ENC-5"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "ENC-5"),
        (b"\xff\xfe" * 100, "ENC-5"),
        (b'{"weight":1e400}', "ENC-5"),
        (b'{"weight":' + b"9" * 10_000 + b"}", "ENC-5"),
    ],
    ids=range(8),
)
def test_what_is_no_ballot(box, data, check) -> None:
    assert refused(box, data) == check


def test_ten_megabytes_are_refused_without_being_read(box) -> None:
    data = b"x" * (10 << 20)
    assert len(data) > Ballot.max_bytes
    tracemalloc.start()
    assert refused(box, data) == "ENC-6"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@given(st.binary(max_size=300))
def test_arbitrary_bytes(box, data) -> None:
    assert refused(box, data).startswith("ENC-")


@given(st.data())
def test_a_ballot_with_some_bytes_changed(box, data) -> None:
    good = bytearray(_ballot(box))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(good) - 1))
        good[place] ^= data.draw(st.integers(1, 255))
    if bytes(good) != _ballot(box):
        assert refused(box, bytes(good)).split("-")[0] in {"ENC", "BAL", "SEL", "PAR"} or (
            refused(box, bytes(good)) == "BOX-7"  # of a contest that there is not
        )


_MADE: list[bytes] = []


def _ballot(box) -> bytes:
    if not _MADE:
        _MADE.append(encrypt(box, "ada", "one", "a").to_bytes())
    return _MADE[0]
