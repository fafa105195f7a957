# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest while people edit it.

Spec: BOX-12
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from evote.board.files import printable, read_bounded, write_durably
from evote.errors import EncodingError, StateError
from evote.manifest import Draft, verify_election

DRAFT_FILE: Final = "manifest.json"
_HOURS: Final = ("opens", "closes", "grace_ends")


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, tz=UTC).astimezone().isoformat()


def write_draft(directory: Path, draft: Draft) -> None:
    """Write `manifest.json` as people edit it: indented, hours in ISO 8601 with their offset.

    Raises:
        StorageError: It cannot be written.
    """
    fields: dict[str, Any] = draft.model_dump(mode="json")
    fields["timetable"] = {name: _iso(fields["timetable"][name]) for name in _HOURS}
    fields["publication"]["times"] = [_iso(moment) for moment in fields["publication"]["times"]]
    text = json.dumps(fields, indent=2, ensure_ascii=False) + "\n"
    write_durably(directory / DRAFT_FILE, text.encode())


def read_draft(directory: Path) -> Draft:
    """Read and check `manifest.json`.

    Raises:
        StateError: There is none: this is no election folder (BOX-12).
        EncodingError: A key is unknown or missing, or a value has a wrong type or range (ENC-5).
        ParameterError: It breaks a rule of manifests (MAN).

    Spec: BOX-12, MAN
    """
    path = directory / DRAFT_FILE
    if not path.is_file():
        raise StateError(
            f"{printable(directory)} is not an election folder; make one first.",
            check="BOX-12",
            subject=DRAFT_FILE,
        )
    try:
        draft = Draft.from_edited_text(read_bounded(path, Draft.max_bytes))
    except EncodingError as error:
        raise EncodingError(f"{printable(path)}: {error}", check=error.check, subject=DRAFT_FILE) from None
    verify_election(draft)
    return draft
