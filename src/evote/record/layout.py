# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the files of a record, and what each of them holds.

Spec: REC-1
"""

from __future__ import annotations

import re
from typing import Final

SEAL: Final = "seal.json"
MANIFEST: Final = "manifest.json"
KEYS: Final = "keys.json"
DRILL: Final = "drill.json"
OPEN: Final = "open.json"
CLOSE: Final = "close.json"
END: Final = "end.json"
README: Final = "README.txt"
CLOSING_CHECKPOINT: Final = "checkpoints/close"
SET_UP_FILES: Final = (MANIFEST, KEYS, DRILL)
EVENTS: Final = "events"
AMENDMENTS: Final = "amendments"
MAX_EVENTS: Final = 100_000
MAX_AMENDMENTS: Final = 100
_MOST: Final = {EVENTS: MAX_EVENTS, AMENDMENTS: MAX_AMENDMENTS}
_NUMBERED: Final = re.compile(r"([a-z]+)/([1-9][0-9]{0,5})\.json", re.ASCII)


def profession_path(file: str) -> str:
    """Return the path of a profession de foi."""
    return f"professions/{file}"


def sum_path(unit: str) -> str:
    """Return the path of a sum."""
    return f"sums/{unit}.json"


def share_path(unit: str, trustee: str) -> str:
    """Return the path of a decryption share."""
    return f"shares/{unit}/{trustee}.json"


def result_path(unit: str) -> str:
    """Return the path of a result."""
    return f"results/{unit}.json"


def seats_path(contest: str) -> str:
    """Return the path of a seats record."""
    return f"seats/{contest}.json"


def minutes_path(contest: str) -> str:
    """Return the path of minutes."""
    return f"minutes/{contest}.json"


def event_path(number: int) -> str:
    """Return the path of an event."""
    return f"{EVENTS}/{number}.json"


def amendment_path(number: int) -> str:
    """Return the path of an amendment."""
    return f"{AMENDMENTS}/{number}.json"


def is_numbered_path(name: str) -> bool:
    """Tell whether this is the path of an event or of an amendment."""
    found = _NUMBERED.fullmatch(name)
    return found is not None and int(found[2]) <= _MOST.get(found[1], 0)


README_TEXT: Final = b"""\
This folder is the complete public record of one election. Anybody can verify it.

With the software evote (Python 3.11 or later):   evote verify THIS_FOLDER

Without: every *.json file is canonical JSON (sorted keys, no white space); large integers are big-endian
bytes in base64url. The SHA-256 of seal.json is the election id. `checkpoint` is the signed head of a C2SP
tlog-tiles log (c2sp.org/tlog-tiles) with RFC 6962 hashing: `tile/` holds its hashes and entries, `ballots/`
the encrypted ballots. Each entry names the SHA-256 of a ballot or of a file here. A sum is the product of
the ciphertexts of its units' ballots modulo n^2; a result (m, R) is right if (1 + m n) R^n equals that
product modulo n^2. The specification of evote/1 gives every format, equation and check.
"""
