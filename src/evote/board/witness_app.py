# SPDX-License-Identifier: GPL-3.0-or-later
"""A witness on the web: an ASGI application with one address, `POST add-checkpoint`.

Spec: WIT-5
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from evote.board.witness import Witness
from evote.board.witness_protocol import ADD_CHECKPOINT, MAX_REQUEST_BYTES, Answer
from evote.errors import EvoteError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_SECONDS_TO_SEND: Final = 10.0
_TOO_LONG: Final = Answer(413, "The request is too long.\n")
_TOO_SLOW: Final = Answer(408, "The request is too slow.\n")


class WitnessApp:
    """Serves a witness by ASGI; any path that ends in `/add-checkpoint`."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the server's start and end."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await _send(send, await self._answer(scope, receive))

    async def _answer(self, scope: Message, receive: Receive) -> Answer:
        if not scope["path"].endswith(ADD_CHECKPOINT):
            return Answer(404, "There is only add-checkpoint here.\n")
        if scope["method"] != "POST":
            return Answer(405, "add-checkpoint is asked by POST.\n")
        try:
            body = await asyncio.wait_for(_body(receive), _SECONDS_TO_SEND)
        except TimeoutError:
            return _TOO_SLOW
        if body is None:
            return _TOO_LONG
        try:
            return await asyncio.to_thread(self._witness.add_checkpoint, body)
        except EvoteError:  # the disk, or the state: its holder sees it at the next start
            return Answer(500, "The witness cannot work now; nothing was cosigned.\n")


async def _body(receive: Receive) -> bytes | None:
    """Return the body of a request, or None if it is too long."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client has gone
            return body
        body += bytes(message.get("body", b""))
        if len(body) > MAX_REQUEST_BYTES:
            return None
        if not message.get("more_body", False):
            return body


async def _send(send: Send, answer: Answer) -> None:
    body = answer.body.encode()
    headers = [(b"content-type", answer.content_type.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
