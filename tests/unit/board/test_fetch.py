# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of servers that nobody trusts: bounded, whole, in time."""

from __future__ import annotations

import time

import pytest

from evote.board.fetch import ask_server
from evote.errors import StorageError
from witnesses import answering


def _answer(body: bytes, announced: int, status: int = 200):
    def answer(handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "Text/Plain; charset=utf-8")
        handler.send_header("Content-Length", str(announced))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.mark.parametrize("status", [200, 409])
def test_an_answer_comes_back_whole(status: int) -> None:
    with answering(_answer(b"twelve bytes", 12, status)) as url:
        answer = ask_server(url, 12, 5, b"question")
    assert (answer.status, answer.content_type, answer.body) == (status, "text/plain", b"twelve bytes")


@pytest.mark.parametrize("status", [200, 409])
def test_an_answer_that_ends_early_is_none(status: int) -> None:
    """The server was killed while it answered."""
    with answering(_answer(b"twelve bytes", 13, status)) as url, pytest.raises(StorageError):
        ask_server(url, 100, 5)


def test_an_answer_that_is_too_long_is_none() -> None:
    with answering(_answer(b"twelve bytes", 12)) as url, pytest.raises(StorageError):
        ask_server(url, 11, 5)


def test_an_answer_that_is_too_slow_is_none() -> None:
    def drip(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(20):
            handler.wfile.write(b".")
            handler.wfile.flush()
            time.sleep(0.1)

    with answering(drip) as url, pytest.raises(StorageError):
        ask_server(url, 100, 0.4)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x/y", "x", "http://127.0.0.1:1/", "http://[", "https://\ud800/"]
)
def test_what_cannot_be_asked_is_one_error(url: str) -> None:
    with pytest.raises(StorageError):
        ask_server(url, 100, 1)
