# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets at rest under a code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evote.crypto.sealing import STANDARD_COST, TOY_COST, SealingCost, seal, unseal
from evote.errors import ParameterError, StateError

CODE = "grand-chêne-42"
BOX = seal(b"share", CODE, b"header", cost=TOY_COST)


def test_round_trip_and_fresh_randomness() -> None:
    again = seal(b"share", CODE, b"header", cost=TOY_COST)
    assert unseal(BOX, CODE, b"header") == b"share"
    assert (again.salt, again.nonce, again.ciphertext) != (BOX.salt, BOX.nonce, BOX.ciphertext)
    assert SealingCost(262144, 3, 1) == STANDARD_COST


def test_codes_are_normalised() -> None:
    assert unseal(BOX, "  grand-che\u0302ne-42\n", b"header") == b"share"
    assert unseal(BOX, "grand-chêne-\uff14\uff12", b"header") == b"share"


@pytest.mark.parametrize(
    ("box", "code", "associated"),
    [
        (BOX, "grand-chêne-43", b"header"),
        (BOX, "Grand-chêne-42", b"header"),
        (BOX, "", b"header"),
        (BOX, "\ud800" * 9, b"header"),
        (BOX, CODE, b"heading"),
        (replace(BOX, ciphertext=BOX.ciphertext[:-1] + bytes([BOX.ciphertext[-1] ^ 1])), CODE, b"header"),
        (replace(BOX, ciphertext=b""), CODE, b"header"),
        (replace(BOX, ciphertext=bytes(1 << 20)), CODE, b"header"),
        (replace(BOX, nonce=bytes(12)), CODE, b"header"),
        (replace(BOX, nonce=b""), CODE, b"header"),
        (replace(BOX, salt=bytes(16)), CODE, b"header"),
        (replace(BOX, salt=b""), CODE, b"header"),
        (replace(BOX, passes=2), CODE, b"header"),
        (replace(BOX, passes=0), CODE, b"header"),
        (replace(BOX, passes=17), CODE, b"header"),
        (replace(BOX, lanes=2), CODE, b"header"),
        (replace(BOX, lanes=0), CODE, b"header"),
        (replace(BOX, lanes=17), CODE, b"header"),
        (replace(BOX, memory_kib=8191), CODE, b"header"),
        (replace(BOX, memory_kib=(1 << 20) + 1), CODE, b"header"),
        (replace(BOX, memory_kib=1 << 60), CODE, b"header"),
    ],
)
def test_one_change_and_it_stays_shut(box, code, associated) -> None:
    with pytest.raises(StateError) as caught:
        unseal(box, code, associated)
    assert caught.value.check == "KEY-9"


@pytest.mark.parametrize(
    ("secret", "code", "cost"),
    [
        (b"", "1234567", TOY_COST),
        (b"", "  1234567  ", TOY_COST),
        (b"", "a" * 2000, TOY_COST),
        (b"", "\ud800" * 9, TOY_COST),
        (bytes(65537), "12345678", TOY_COST),
        (b"", "12345678", SealingCost(1024, 1, 1)),
    ],
)
def test_refused_on_sealing(secret, code, cost) -> None:
    assert unseal(seal(b"", "12345678", b"", cost=TOY_COST), "12345678", b"") == b""
    with pytest.raises(ParameterError) as caught:
        seal(secret, code, b"", cost=cost)
    assert caught.value.check == "KEY-9"
