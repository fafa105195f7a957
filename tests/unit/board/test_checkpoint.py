# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed heads of logs (A32)."""

from __future__ import annotations

import pytest

from evote.board.checkpoint import Checkpoint
from evote.crypto.merkle import EMPTY_ROOT
from evote.crypto.notes import NoteKey, NoteSigner, sign_note
from evote.crypto.signing import SigningKey
from evote.errors import BoardInconsistency, EncodingError, InvalidSignature, ParameterError

LOG = NoteSigner("vote.example/2024", SigningKey.from_seed(bytes(range(32))))
CHECKPOINT = Checkpoint(LOG.name, 12, bytes(32))
TEXT = CHECKPOINT.to_text()


def test_text() -> None:
    assert TEXT == "vote.example/2024\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    assert Checkpoint.from_text(TEXT) == CHECKPOINT
    assert Checkpoint.from_note(CHECKPOINT.sign(LOG), LOG.note_key) == CHECKPOINT
    assert Checkpoint.from_text(Checkpoint("log", 0, EMPTY_ROOT).to_text()).size == 0


@pytest.mark.parametrize(
    "changed",
    [
        "",
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "extension\n",
        *(
            TEXT.replace("12", size)
            for size in ("012", "+12", "1_2", " 12", "12 ", "\u0661\u0662", "-1", "", "1e1")
        ),
        TEXT.replace("12", str(1 << 53)),
        TEXT.replace("12", "9" * 400),
        TEXT.replace("12", "0"),
        TEXT.replace("AA=", "AB="),
        TEXT.replace("AA=", "AA"),
        TEXT.replace("AAA=", "AA=="),
        TEXT.replace("vote.", "vote "),
        TEXT.replace("vote.example/2024", ""),
    ],
)
def test_changed_texts(changed: str) -> None:
    with pytest.raises(EncodingError) as caught:
        Checkpoint.from_text(changed)
    assert caught.value.check == "BRD-7"


def test_origin_and_key_belong_together() -> None:
    other = Checkpoint("vote.example/2025", 12, bytes(32))
    with pytest.raises(ParameterError) as caught:
        other.sign(LOG)
    assert caught.value.check == "BRD-7"
    with pytest.raises(BoardInconsistency) as inconsistent:
        Checkpoint.from_note(sign_note(other.to_text(), [LOG]), LOG.note_key)
    assert inconsistent.value.check == "BRD-7"
    with pytest.raises(InvalidSignature) as invalid:
        Checkpoint.from_note(CHECKPOINT.sign(LOG), NoteKey(LOG.name, bytes(range(32))))
    assert invalid.value.check == "BRD-6"
