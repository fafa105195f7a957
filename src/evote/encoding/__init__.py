# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical bytes: JSON of published objects and fixed-width integers.

Spec: ENC
"""

from __future__ import annotations

from pydantic import Field

from evote.encoding.base64url import decode_base64url, encode_base64url
from evote.encoding.document import Document, Part, canonical_json
from evote.encoding.fields import (
    Bytes,
    Count,
    Digest,
    Identifier,
    PublicKeyBytes,
    Remark,
    SignatureBytes,
    Text,
    Time,
)

__all__ = [
    "Bytes",
    "Count",
    "Digest",
    "Document",
    "Field",
    "Identifier",
    "Part",
    "PublicKeyBytes",
    "Remark",
    "SignatureBytes",
    "Text",
    "Time",
    "canonical_json",
    "decode_base64url",
    "encode_base64url",
]
