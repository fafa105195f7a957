# SPDX-License-Identifier: GPL-3.0-or-later
"""The bureau's attendance list as a file: CSV, written and read strictly.

Spec: ATT-7
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from evote.encoding import decode_base64url, encode_base64url
from evote.errors import EncodingError
from evote.record.attendance import MAX_VOTER, AttendanceLine

MAX_LIST_BYTES: Final = 1 << 30
_COLUMNS: Final = ["voter_id", "name", "contest", "section", "weight", "minute", "salt"]
_MINUTE: Final = "%Y-%m-%dT%H:%MZ"
_SALT_BYTES: Final = 32
_MAX_DIGITS: Final = 15


def write_attendance_list(lines: Iterable[AttendanceLine]) -> bytes:
    """Return the file that holds these lines; secret.

    Spec: ATT-7
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for line in lines:
        minute = datetime.fromtimestamp(line.minute, UTC).strftime(_MINUTE) if line.minute else ""
        salt = encode_base64url(line.salt)
        writer.writerow([line.voter, line.name, line.contest, line.section, line.weight, minute, salt])
    return text.getvalue().encode()


def read_attendance_list(data: bytes) -> tuple[AttendanceLine, ...]:
    """Read a list.

    Args:
        data: CSV in UTF-8, at most 1 GiB; untrusted.

    Raises:
        EncodingError: It is no list; the first bad line is named (ATT-7).

    Spec: ATT-7
    """
    if len(data) > MAX_LIST_BYTES:
        raise _refuse(f"the file is longer than the {MAX_LIST_BYTES >> 20} MiB allowed")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refuse(f"line {line}: not UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if next(reader, []) != _COLUMNS:
            raise ValueError(f"the first line must be {','.join(_COLUMNS)}")
        return tuple(_read_row(row) for row in reader)
    except (ValueError, csv.Error) as error:
        raise _refuse(f"line {max(reader.line_num, 1)}: {error}") from None


def _refuse(reason: str) -> EncodingError:
    return EncodingError(f"This is no attendance list: {reason}.", check="ATT-7", subject="list")


def _read_row(row: list[str]) -> AttendanceLine:
    """Read one line; a ValueError says what is wrong with it."""
    if len(row) != len(_COLUMNS):
        raise ValueError(f"{len(row)} columns instead of {len(_COLUMNS)}")
    voter, name, contest, section, weight, minute, salt = row
    if not 0 < len(voter) <= MAX_VOTER:
        raise ValueError(f"the voter id must have 1 to {MAX_VOTER} characters")
    if not (weight.isascii() and weight.isdigit() and len(weight) <= _MAX_DIGITS):
        raise ValueError("the weight is not a number")
    return AttendanceLine(voter, name, contest, section, int(weight), _read_minute(minute), _read_salt(salt))


def _read_minute(text: str) -> int:
    if not text:
        return 0
    try:
        moment = datetime.strptime(text, _MINUTE).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("the minute is not as in 2024-06-11T09:34Z") from None
    if moment.strftime(_MINUTE) != text or moment.timestamp() <= 0:
        raise ValueError("the minute is not as in 2024-06-11T09:34Z")
    return int(moment.timestamp())


def _read_salt(text: str) -> bytes:
    salt = decode_base64url(text) if len(text) <= 2 * _SALT_BYTES else b""
    if len(salt) != _SALT_BYTES:
        raise ValueError("the salt is not 32 bytes of base64url")
    return salt
