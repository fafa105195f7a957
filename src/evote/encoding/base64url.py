# SPDX-License-Identifier: GPL-3.0-or-later
"""base64url without padding, strictly: one text for each byte string.

Spec: ENC-3
"""

from __future__ import annotations

import binascii
from typing import Final

from evote.errors import EncodingError

_TO_BASE64: Final = bytes.maketrans(b"-_+/=", b"+/!!!")  # what is foreign to base64url stays foreign
_FROM_BASE64: Final = bytes.maketrans(b"+/", b"-_")


def encode_base64url(data: bytes) -> str:
    """Write bytes as base64url without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_FROM_BASE64).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """Read base64url without padding; the inverse of `encode_base64url` and of nothing else.

    Raises:
        EncodingError: Foreign characters, padding, white space, or unused bits that are not zero (ENC-3).
    """
    try:
        base64 = text.encode("ascii").translate(_TO_BASE64)
        data = binascii.a2b_base64(base64 + b"=" * (-len(base64) % 4), strict_mode=True)
    except (binascii.Error, ValueError):
        raise EncodingError("This is not base64url text.", check="ENC-3") from None
    rest = len(data) % 3
    if rest and encode_base64url(data[-rest:])[-1:] != text[-1:]:
        raise EncodingError(
            "This is not canonical base64url text.", check="ENC-3"
        )  # unused bits that are not zero
    return data
