# SPDX-License-Identifier: GPL-3.0-or-later
"""ENC: exactly one byte string for each object; everything else is refused (A32, A38)."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.encoding import (
    Count,
    Digest,
    Document,
    Identifier,
    Text,
    Time,
    canonical_json,
    decode_base64url,
    encode_base64url,
)
from evote.errors import EncodingError


class Sample(Document):
    max_bytes = 1000
    type: Literal["sample"] = "sample"
    version: Literal[1] = 1
    count: Count
    digests: tuple[Digest, ...]
    id: Identifier
    name: Text
    open: bool


GOOD = Sample.make(count=12, digests=(b"d" * 32,), id="abc-1", name="Élise «1»", open=True)


def refused(data: bytes, check: str) -> None:
    with pytest.raises(EncodingError) as caught:
        Sample.from_bytes(data)
    assert caught.value.check == check


@given(st.integers(0, 2**53 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=3), st.booleans())
def test_reading_is_the_inverse_of_writing(count: int, digests: list[bytes], flag: bool) -> None:
    sample = Sample.make(count=count, digests=tuple(digests), id="a", name="n", open=flag)
    assert Sample.from_bytes(sample.to_bytes()) == sample
    assert json.loads(sample.to_bytes())["count"] == count


def test_a32_one_change_from_the_canonical_bytes_is_refused() -> None:
    data = GOOD.to_bytes()
    assert Sample.from_bytes(data) == GOOD
    assert data.startswith(b'{"count":12,"digests":["ZGRk')
    for wrong, check in [
        (data + b"\n", "ENC-1"),
        (data.replace(b'"count":12', b'"count": 12'), "ENC-1"),
        (data.replace(b'"count":12', b'"count":12.0'), "ENC-5"),
        (data.replace(b'"count":12', b'"count":1_2'), "ENC-5"),
        (data.replace(b'"count":12', '"count":١٢'.encode()), "ENC-5"),
        (data.replace(b'"count":12', b'"count":012'), "ENC-5"),
        (data.replace(b'"count":12', b'"count":"12"'), "ENC-5"),
        (data.replace(b'"count":12', b'"count":NaN'), "ENC-5"),
        (data.replace(b'"count":12', b'"count":null'), "ENC-5"),
        (data.replace(b'"count":12', b'"count":-1'), "ENC-5"),
        (data.replace(b'"count":12', b'"count":9007199254740992'), "ENC-5"),
        (data.replace(b'"count":12', b'"count":true'), "ENC-5"),
        (data.replace(b'"count":12', b'"count":11,"count":12'), "ENC-1"),
        (data.replace(b"true", b"1"), "ENC-5"),
        (data.replace(b'"open"', b'"opem"'), "ENC-5"),
        (data.replace(b"{", b'{"a":0,', 1), "ENC-5"),
        (data.replace(b'"version":1', b'"version":2'), "ENC-5"),
        (data.replace(b'ZGQ"', b'ZGR"'), "ENC-5"),
        (data.replace(b'ZGQ"', b'ZGQ="'), "ENC-5"),
        (data.replace(b'ZGQ"', b'ZG"'), "ENC-5"),
        (data.replace(b"abc-1", b"ABC"), "ENC-5"),
        (data.replace(b"abc-1", b"-abc"), "ENC-5"),
        (data.replace("É".encode(), b"\\u00c9"), "ENC-1"),
        (data.replace("É".encode(), b"\\u202e"), "ENC-5"),
        (data.replace("É".encode(), b"\\ud800"), "ENC-5"),
        (data.replace("É".encode(), b"\\u0007"), "ENC-5"),
        (data.replace("É".encode(), b"\xc3"), "ENC-5"),
        (b"[" * 900, "ENC-5"),
        (b"", "ENC-5"),
        (data + b" " * 1000, "ENC-6"),
    ]:
        refused(wrong, check)


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    with pytest.raises(EncodingError):
        Sample.from_bytes(data)


def test_messages_name_the_place_and_hold_no_value() -> None:
    with pytest.raises(EncodingError) as caught:
        Sample.from_bytes(GOOD.to_bytes().replace(b'["ZGRk', b'["secretZGRk'))
    assert "digests.#1" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_edited_text_may_be_laid_out_freely_and_nothing_more() -> None:
    text = json.dumps(json.loads(GOOD.to_bytes()), indent=2).encode()
    assert Sample.from_edited_text(text) == GOOD
    for wrong in (
        text.replace(b'"count": 12', b'"count": 1, "count": 12'),
        text.replace(b"open", b"opem"),
        b"{",
    ):
        with pytest.raises(EncodingError) as caught:
            Sample.from_edited_text(wrong)
        assert caught.value.check == "ENC-5"


class Hours(Document):
    type: Literal["hours"] = "hours"
    version: Literal[1] = 1
    at: Time


def test_hours_are_edited_as_iso_8601_and_published_as_seconds() -> None:
    text = b'{"type":"hours","version":1,"at":"2024-06-11T09:00:00+02:00"}'
    assert Hours.from_edited_text(text).at == 1718089200
    with pytest.raises(EncodingError) as caught:
        Hours.from_bytes(canonical_json({"type": "hours", "version": 1, "at": "2024-06-11T09:00:00+02:00"}))
    assert caught.value.check == "ENC-1"
    for wrong in (b"2024-06-11T09:00:00", b"tomorrow"):
        with pytest.raises(EncodingError):
            Hours.from_edited_text(text.replace(b"2024-06-11T09:00:00+02:00", wrong))


@given(st.binary(max_size=40))
def test_base64url_has_one_text_for_each_bytes(data: bytes) -> None:
    text = encode_base64url(data)
    assert decode_base64url(text) == data
    for wrong in (text + "=", text + " ", "+" + text, text + "\n"):
        with pytest.raises(EncodingError) as caught:
            decode_base64url(wrong)
        assert caught.value.check == "ENC-3"


def test_a32_unused_bits_are_zero() -> None:
    assert decode_base64url("QQ") == b"A"
    for wrong in ("QR", "QQ==", "Q", "QQQQQ"):
        with pytest.raises(EncodingError):
            decode_base64url(wrong)


def test_a_mistyped_key_is_named_before_what_it_leaves_missing() -> None:
    with pytest.raises(EncodingError) as caught:
        Sample.from_edited_text(GOOD.to_bytes().replace(b'"name"', b'"nam"'))
    assert str(caught.value) == "Sample: nam: unknown key; name: missing."
