# SPDX-License-Identifier: GPL-3.0-or-later
"""Naming the culprits of a failing batch by halving.

Spec: SEL-5, DEC-5
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from evote.errors import InvalidProof

Item = TypeVar("Item")


def find_invalid(
    items: Sequence[Item],
    check: Callable[[Item], None],
    accepts: Callable[[Sequence[Item]], bool],
    verify: Callable[[Item], None],
) -> dict[int, InvalidProof]:
    """Return the index and error of every item that does not hold; empty if all do.

    Args:
        items: Statements with untrusted proofs, all fixed before this call.
        check: Everything about one item but its equations; raises InvalidProof.
        accepts: The batch test of the equations of several items.
        verify: The equations of one item; raises InvalidProof. The rule; the batch is its test.
    """
    invalid: dict[int, InvalidProof] = {}
    sound: list[int] = []
    for index, item in enumerate(items):
        try:
            check(item)
            sound.append(index)
        except InvalidProof as error:
            invalid[index] = error
    culprits = _halve([items[index] for index in sound], accepts, verify)
    return invalid | {sound[index]: error for index, error in culprits.items()}


def _halve(
    items: Sequence[Item], accepts: Callable[[Sequence[Item]], bool], verify: Callable[[Item], None]
) -> dict[int, InvalidProof]:
    if not items or (len(items) > 1 and accepts(items)):
        return {}
    if len(items) == 1:
        try:
            verify(items[0])
        except InvalidProof as error:
            return {0: error}
        return {}
    middle = len(items) // 2
    left, right = (_halve(half, accepts, verify) for half in (items[:middle], items[middle:]))
    return left | {middle + index: error for index, error in right.items()}
