# SPDX-License-Identifier: GPL-3.0-or-later
"""base64url without padding, strictly: one text for each byte string.

Spec: ENC-3
"""

from __future__ import annotations

import base64
import binascii

from evote.errors import EncodingError


def encode_base64url(data: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """Read base64url without padding; the inverse of `encode_base64url` and of nothing else.

    Raises:
        EncodingError: Foreign characters, padding, white space, or unused bits that are not zero (ENC-3).
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise EncodingError("This is not base64url text.", check="ENC-3") from None
    if encode_base64url(data) != text:  # non-zero unused bits, "+", "/", "="
        raise EncodingError("This is not canonical base64url text.", check="ENC-3")
    return data
