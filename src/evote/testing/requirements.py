# SPDX-License-Identifier: GPL-3.0-or-later
"""What the suites ask for: a sentence for whoever writes an adapter; `python -O` does not silence it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from evote.errors import EvoteError

T = TypeVar("T")


def require(what: bool, sentence: str) -> None:
    """Fail with a sentence unless something holds."""
    if not what:
        raise AssertionError(sentence)


def require_equal(found: object, expected: object, sentence: str) -> None:
    """Fail with a sentence and both values unless they are equal."""
    if found != expected:
        raise AssertionError(f"{sentence}\nexpected: {expected!r}\nfound:    {found!r}")


def require_refusal(action: Callable[[], object], error: type[EvoteError], check: str) -> None:
    """Fail unless an action is refused with this class and check."""
    try:
        action()
    except error as refusal:
        require_equal(refusal.check, check, "The refusal must name its check.")
        return
    raise AssertionError(f"{error.__name__} ({check}) must be raised.")


def at_once(actions: Sequence[Callable[[], T]]) -> list[T]:
    """Run actions in threads of their own, all at once; return what each returned."""
    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result() for future in [pool.submit(action) for action in actions]]
