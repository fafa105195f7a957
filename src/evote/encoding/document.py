# SPDX-License-Identifier: GPL-3.0-or-later
"""The one base of all published objects: typed, frozen, with exactly one byte string each.

Reading is: size limit, strict parse, typed frozen object, encode again, compare the bytes.

Spec: ENC-1, ENC-5
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from evote.errors import EncodingError, EvoteError

_MEGABYTE: Final = 1 << 20


def canonical_json(value: object) -> bytes:
    """Encode plain JSON values (no floats, no null) canonically: sorted keys, no white space, UTF-8.

    Spec: ENC-1
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


_WORDS: Final = {
    "extra_forbidden": "unknown key",
    "missing": "missing",
    "string_pattern_mismatch": "small letters, digits and hyphens only (file names and origins: dots too)",
    "too_long": "more than {max_length} items",
    "too_short": "fewer than {min_length} items",
    "string_too_long": "more than {max_length} characters",
    "string_too_short": "empty",
    "int_type": "must be a whole number",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "value_error": "{error}",
    "literal_error": "must be {expected}",
    "json_invalid": "not JSON ({error})",
}
_MOST_PROBLEMS: Final = 5


def _sentence(kind: str, error: ValidationError) -> str:
    """Say in words what is wrong where; items of lists are counted from 1."""
    problems = error.errors(include_url=False, include_input=False)
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")  # a typo explains what is missing
    parts = []
    for problem in problems[:_MOST_PROBLEMS]:
        steps = [f"#{step + 1}" if isinstance(step, int) else step for step in problem["loc"]]
        words = _WORDS.get(problem["type"], problem["msg"]).format(**problem.get("ctx", {}))
        parts.append(f"{'.'.join(steps)}: {words}" if steps else words)
    more = f"; and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
    return f"{kind}: {'; '.join(parts)}{more}."


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise EncodingError(f"The key «{key}» stands twice.", check="ENC-5")
    return dict(pairs)


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
    def from_edited_text(cls, data: bytes) -> Self:
        """Read an object that a person edited: any layout, still no unknown or repeated key, no wrong type.

        Raises:
            EncodingError: Not JSON of this object (ENC-5).
        """
        found = cls._from_json(data)
        json.loads(data, object_pairs_hook=_unique_keys)
        return found

    @classmethod
    def _from_json(cls, data: bytes) -> Self:
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
            document = cls._from_json(data)
            again = document.to_bytes()
        except EvoteError:
            raise
        except (ValueError, RecursionError):
            raise EncodingError(f"{cls.__name__}: not a valid object.", check="ENC-5") from None
        if again != data:
            raise EncodingError(f"{cls.__name__}: not in canonical form.", check="ENC-1")
        return document
