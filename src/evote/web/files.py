# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: what a device needs, and the record, byte for byte, for those who may read it.

Spec: WEB-5, WEB-7
"""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO, Final

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from evote.board.files import open_plain
from evote.board.tiles import CHECKPOINT
from evote.encoding import Document, encode_base64url
from evote.errors import StorageError
from evote.record import layout
from evote.verify.files import is_known_file
from evote.web.answers import refusals, text_answer
from evote.web.refusals import NotFound
from evote.web.service import Here

router = APIRouter(tags=["files"])
RecordName = Annotated[str, Path(max_length=200, examples=["checkpoint", "tile/0/000"])]
_CHUNK: Final = 1 << 16
_OF_THE_SEALING: Final = frozenset({layout.SEAL, *layout.SET_UP_FILES, layout.README})
_KEEP: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "public, no-cache"
_DEVICE_FILE: Final[dict[int | str, dict[str, Any]]] = {
    **refusals(),
    200: {
        "description": "The canonical bytes, as in the record; the ETag is their SHA-256.",
        "content": {
            "application/json": {
                "schema": {"type": "object", "required": ["type", "version"]},
                "example": {"type": "evote/seal", "version": 1},
            }
        },
    },
    304: {"description": "Unchanged: the request named the ETag."},
}


@router.get("/seal.json", responses=_DEVICE_FILE, response_class=Response)
async def seal(service: Here, request: Request) -> Response:
    """Return the seal; its SHA-256 is the election id."""
    return _document(request, (await service.election()).seal)


@router.get("/manifest.json", responses=_DEVICE_FILE, response_class=Response)
async def manifest(service: Here, request: Request) -> Response:
    """Return the sealed manifest; the seal names its SHA-256."""
    return _document(request, (await service.election()).manifest)


@router.get("/keys.json", responses=_DEVICE_FILE, response_class=Response)
async def keys(service: Here, request: Request) -> Response:
    """Return the key record; the seal names its SHA-256."""
    return _document(request, (await service.election()).keys)


def _document(request: Request, document: Document) -> Response:
    """Return the canonical bytes, which are those of the record, under their digest."""
    data = document.to_bytes()
    tag = f'"{encode_base64url(hashlib.sha256(data).digest())}"'
    headers = {"ETag": tag, "Cache-Control": _ASK_AGAIN}
    if tag in [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="application/json", headers=headers)


@router.get(
    "/record/{name:path}",
    responses={
        **refusals(400, 401, 403, 404),
        **text_answer(
            "application/octet-stream", "The file, byte for byte.", "vote.example.org/2024\n412\n…"
        ),
    },
    response_class=Response,
)
async def record_file(service: Here, request: Request, name: RecordName) -> Response:
    """Return a file of the record.

    What was fixed by the sealing or an amendment is for everybody; all else is for the sealed audience, and for
    everybody once the vote is closed.
    """
    election = await service.election()
    if not is_known_file(election, name):
        raise NotFound
    everybody = name in _OF_THE_SEALING or name.startswith(("professions/", f"{layout.AMENDMENTS}/"))
    public = everybody or await service.is_public(record=True)
    if not public:
        await service.verify_bureau(request)
    file, size = await service.look_up(_open, service.folder().path / name)
    headers = {"Content-Length": str(size), "Cache-Control": _caching(name) if public else "no-store"}
    kind = "application/json" if name.endswith(".json") else "application/octet-stream"
    return StreamingResponse(_chunks(file), media_type=kind, headers=headers)


def _open(path: pathlib.Path) -> tuple[BinaryIO, int]:
    """Open a file that may have been taken away since its name was looked at."""
    try:
        file = open_plain(path)
    except StorageError:
        raise NotFound from None
    return file, os.fstat(file.fileno()).st_size


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _caching(name: str) -> str:
    """Say how long a public file may be kept: a full tile or bundle never changes."""
    if name.startswith(("tile/", "ballots/")) and ".p/" not in name:
        return _KEEP
    return "no-store" if name == CHECKPOINT else _ASK_AGAIN
