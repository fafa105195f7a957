# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a server that nobody trusts: http and https only, no redirects, bounded in size and time.

Spec: WIT-7, WIT-9
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from typing import IO, Any, Final

from evote.board.files import printable
from evote.errors import StorageError

_CHUNK: Final = 1 << 16


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: the answer is the redirection itself."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What a server answered, whatever its status."""

    status: int
    content_type: str
    body: bytes


def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _NoRedirect(),
    ):
        opener.add_handler(handler)
    return opener


def ask_server(url: str, limit: int, seconds: float, body: bytes | None = None) -> WebAnswer:
    """Send one request and read the answer.

    Args:
        url: http or https.
        limit: Greatest size of an answer in bytes.
        seconds: After each part of an answer, how long to wait for the next; the body as a whole has as long.
        body: Sent by POST; None for GET.

    Raises:
        StorageError: No answer, a longer one, or not http(s).

    Spec: WIT-7
    """
    if not url.startswith(("http://", "https://")):
        raise StorageError(f"{printable(url)} is not an http or https address.", subject=printable(url))
    headers = {"User-Agent": "evote", "Content-Type": "text/plain; charset=utf-8"}
    try:
        request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - checked above
        try:
            with _opener().open(request, timeout=seconds) as answer:
                return WebAnswer(answer.status, _kind(answer.headers), _read(answer, limit, seconds))
        except urllib.error.HTTPError as error:
            with error:
                return WebAnswer(error.code, _kind(error.headers), _read(error, limit, seconds))
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise StorageError(
            f"{printable(url)} does not answer ({printable(str(reason) or type(error).__name__)}).",
            subject=printable(url),
        ) from None


def _kind(headers: Message) -> str:
    return str(headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _read(answer: IO[bytes], limit: int, seconds: float) -> bytes:
    deadline = time.monotonic() + seconds
    data = b""
    while chunk := answer.read1(min(_CHUNK, limit + 1 - len(data))):  # type: ignore[attr-defined]
        data += chunk
        if len(data) > limit:
            raise ValueError(f"its answer is longer than the {limit} bytes allowed")
        if time.monotonic() > deadline:
            raise ValueError("its answer is too slow")
    if getattr(answer, "length", None):  # bytes that were announced and did not come
        raise ValueError("its answer ends early")
    return data
