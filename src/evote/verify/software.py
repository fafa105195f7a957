# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of the software that runs here: sealed with an election, named in a verification certificate.

Spec: BOX-12
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from evote.board.files import read_bounded, walk_files
from evote.crypto.transcript import framed_digest
from evote.manifest import Software

_MAX_SOURCE_BYTES: Final = 16 << 20


def software() -> Software:
    """Return name, release and digest of the software that runs here.

    Spec: BOX-12
    """
    try:
        release = metadata.version("evote")
    except metadata.PackageNotFoundError:
        release = "unreleased"
    return Software.make(name="evote", release=release, digest=software_digest())


def software_digest() -> bytes:
    """Return the digest over the sorted paths of the installed sources and their SHA-256.

    Spec: BOX-12
    """
    return framed_digest("evote/v1/software", _sources(Path(__file__).parents[1]))


def _sources(root: Path) -> Iterator[bytes]:
    files = {Path(found.path).relative_to(root).as_posix(): Path(found.path) for found in walk_files(root)}
    for name in sorted(files):
        if "__pycache__" not in name and not name.endswith((".pyc", ".pyo")):
            yield name.encode()
            yield hashlib.sha256(read_bounded(files[name], _MAX_SOURCE_BYTES)).digest()
