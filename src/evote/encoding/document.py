# SPDX-License-Identifier: GPL-3.0-or-later
"""The one base of all published objects: typed, frozen, with exactly one byte string each.

Reading is: size limit, strict parse, typed frozen object, encode again, compare the bytes.

Spec: ENC-1, ENC-5
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from evote.errors import EncodingError, EvoteError

_MEGABYTE = 1 << 20


def canonical_json(value: object) -> bytes:
    """Encode plain JSON values (no floats, no null) canonically: sorted keys, no white space, UTF-8.

    Spec: ENC-1
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def _sentence(kind: str, error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(step) for step in first["loc"]) or "the whole"
    return f"{kind}: {place}: {first['msg']}."


class Part(BaseModel):
    """A frozen, strict piece of a published object; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    @classmethod
    def make(cls, **fields: Any) -> Self:
        """Build the object from its fields.

        Raises:
            EncodingError: A field is missing, unknown or out of its range (ENC-5).
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            raise EncodingError(_sentence(cls.__name__, error), check="ENC-5") from None

    @classmethod
    def from_json_text(cls, data: bytes) -> Self:
        """Read an object that a person edited: any layout, still no unknown key and no wrong type.

        Raises:
            EncodingError: Not JSON of this object (ENC-5).
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise EncodingError(_sentence(cls.__name__, error), check="ENC-5") from None
        except RecursionError:
            raise EncodingError(f"{cls.__name__}: nested too deeply.", check="ENC-5") from None

    def to_bytes(self) -> bytes:
        """Return the canonical bytes.

        Spec: ENC-1
        """
        return canonical_json(self.model_dump(mode="json"))

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).make(**{**fields, **changes})


class Document(Part):
    """A published object: has `type` and `version`, and is read from untrusted bytes."""

    max_bytes: ClassVar[int] = _MEGABYTE

    def digest(self) -> bytes:
        """Return SHA-256 of the canonical bytes."""
        return hashlib.sha256(self.to_bytes()).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read canonical bytes from anywhere.

        Args:
            data: Untrusted.

        Raises:
            EncodingError: Too long (ENC-6), not this object (ENC-5), or not its canonical bytes (ENC-1).
        """
        if len(data) > cls.max_bytes:
            raise EncodingError(
                f"{cls.__name__}: {len(data)} bytes are more than the {cls.max_bytes} allowed.", check="ENC-6"
            )
        try:
            document = cls.from_json_text(data)
            again = document.to_bytes()
        except EvoteError:
            raise
        except (ValueError, RecursionError):
            raise EncodingError(f"{cls.__name__}: not a valid object.", check="ENC-5") from None
        if again != data:
            raise EncodingError(f"{cls.__name__}: not in canonical form.", check="ENC-1")
        return document
