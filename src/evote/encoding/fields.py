# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of values that published objects are made of.

Spec: ENC-2, ENC-3, ENC-4
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from evote.encoding.base64url import decode_base64url, encode_base64url

_MAX_COUNT = (1 << 53) - 1
_END_OF_9999 = 253_402_300_799
_FORBIDDEN_CATEGORIES = {
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Zl",
    "Zp",
}  # controls, bidi overrides, surrogates, separators


def _bytes_from_text(value: object) -> object:
    return decode_base64url(value) if isinstance(value, str) else value


def _visible(text: str) -> str:
    """Refuse characters that could make two different texts look alike or move a terminal's cursor."""
    if any(unicodedata.category(character) in _FORBIDDEN_CATEGORIES for character in text):
        raise ValueError("holds a control character")
    return text


def _time_from_text(value: object) -> object:
    """Let people write hours as ISO 8601 with an offset; canonical bytes hold POSIX seconds."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("write a time as 2024-06-11T09:00:00+02:00") from None
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone, as in 2024-06-11T09:00:00+02:00")
    return int(moment.timestamp())


Bytes = Annotated[
    bytes, BeforeValidator(_bytes_from_text), PlainSerializer(encode_base64url, when_used="json")
]
Digest = Annotated[Bytes, Field(min_length=32, max_length=32)]
PublicKeyBytes = Annotated[Bytes, Field(min_length=32, max_length=32)]
SignatureBytes = Annotated[Bytes, Field(min_length=64, max_length=64)]
Count = Annotated[int, Field(ge=0, le=_MAX_COUNT)]
Time = Annotated[int, BeforeValidator(_time_from_text), Field(ge=0, le=_END_OF_9999)]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
Remark = Annotated[str, Field(max_length=1000), AfterValidator(_visible)]
Text = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_visible)]
