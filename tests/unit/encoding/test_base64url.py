# SPDX-License-Identifier: GPL-3.0-or-later
"""ENC-3: one text for each byte string."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.encoding import decode_base64url, encode_base64url
from evote.errors import EncodingError


@given(st.binary(max_size=100))
def test_every_byte_string_comes_back(data: bytes) -> None:
    text = encode_base64url(data)
    assert decode_base64url(text) == data
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    "text",
    [
        "QQ==",
        "QR",
        "QQ=",
        "Q",
        "Q Q",
        "QQ\n",
        " QQ",
        "+A",
        "/A",
        "Q\u00e9",
        "QQ\0",
        "\u0661\u0662",
        "Q.",
        "QQA=",
        "QUJ",
    ],
)
def test_every_other_text_is_refused(text: str) -> None:
    assert decode_base64url("QQ") == b"A"
    with pytest.raises(EncodingError) as caught:
        decode_base64url(text)
    assert caught.value.check == "ENC-3"


@given(st.text(max_size=12))
def test_what_is_read_is_written_the_same(text: str) -> None:
    try:
        data = decode_base64url(text)
    except EncodingError:
        return
    assert encode_base64url(data) == text
