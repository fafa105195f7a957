# SPDX-License-Identifier: GPL-3.0-or-later
"""The border of the web API: what comes in is bounded in size and time, what goes out has its headers.

Pure ASGI: nothing of a request reaches the application before its body is there as a whole.

Spec: WEB-2, WEB-3, WEB-6, WEB-7
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evote.web.refusals import BodyTooLarge, BodyTooSlow, RequestRefused, ServiceFailed, answer

log = logging.getLogger("evote.web")
_LINGER_SECONDS: Final = 2.0
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Adds the headers of WEB-7, and answers what nobody foresaw.

    The sentence of an unforeseen exception may hold anything, a voter's id too: only its class is logged.

    Spec: WEB-6, WEB-7
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception as error:  # noqa: BLE001 - whatever it is, its text must not get into a log
            log.error("A request failed: %s.", type(error).__name__)  # noqa: TRY400 - no traceback
            if not started:
                await answer(ServiceFailed())(scope, receive, send_on)


class BodyLimits:
    """Takes in the whole body, within a size and a time, before the application is called.

    Args:
        app: What is called with the body.
        default: Greatest size of a body, in bytes.
        longer: Greatest sizes of the paths that end in these texts.
        seconds: Time for the whole body.

    Spec: WEB-2, WEB-3
    """

    def __init__(self, app: ASGIApp, default: int, longer: Mapping[str, int], seconds: float) -> None:
        self._app = app
        self._default = default
        self._longer = longer
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next(
            (size for end, size in self._longer.items() if scope["path"].endswith(end)), self._default
        )
        try:
            body = await self._read(scope, receive, limit)
        except RequestRefused as error:
            await _refuse(error, scope, receive, send)
            return
        if body is None:
            return
        waiting = [body]

        async def replay() -> Message:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(), "more_body": False}
            return await receive()

        await self._app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive, limit: int) -> bytes | None:
        """Return the body, or None if the client went away.

        Raises:
            BodyTooLarge: By what it declares, or by what has come (WEB-2).
            BodyTooSlow: WEB-3.
        """
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
            raise BodyTooLarge
        body = bytearray()
        try:
            with anyio.fail_after(self._seconds):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise BodyTooLarge
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise BodyTooSlow from None


async def _refuse(error: RequestRefused, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once, and let a client that is still sending finish: cut off, it would not see the answer."""
    found = answer(error)
    await send({"type": "http.response.start", "status": found.status_code, "headers": found.raw_headers})
    await send({"type": "http.response.body", "body": bytes(found.body), "more_body": True})
    if "expect" not in Headers(scope=scope):  # who asked before sending does not send
        with anyio.move_on_after(_LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})
