# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed notes: a public vector, and notes with one change (A31, A32)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.crypto.notes import NoteKey, NoteSigner, open_note, sign_note
from evote.crypto.signing import SigningKey, encode_base64
from evote.errors import EncodingError, InvalidSignature, ParameterError

# The example of Go's package golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()

LOG = NoteSigner("vote.example/2024", SigningKey.from_seed(bytes(range(32))))
OTHER = NoteSigner("witness.example", SigningKey.from_seed(bytes(32)))
TEXT = "vote.example/2024\n3\nroot\n"
NOTE = sign_note(TEXT, [LOG])


def test_public_vector() -> None:
    key = NoteKey.from_text(PETER)
    assert key.to_text() == PETER
    assert open_note(PETER_NOTE, [key]) == PETER_NOTE.decode().rpartition("\n\n")[0] + "\n"


def test_round_trip_and_who_signed() -> None:
    both = sign_note(TEXT, [OTHER, LOG])
    assert open_note(NOTE, [LOG.note_key]) == TEXT
    assert open_note(both, [LOG.note_key]) == TEXT
    assert open_note(both, [LOG.note_key, OTHER.note_key]) == TEXT
    assert open_note(sign_note("a\n\nb\n", [LOG]), [LOG.note_key]) == "a\n\nb\n"


def refused(data: bytes, *keys: NoteKey) -> str:
    with pytest.raises(InvalidSignature) as caught:
        open_note(data, keys)
    return caught.value.check


def test_unknown_keys_do_not_count() -> None:
    assert refused(NOTE, OTHER.note_key) == "BRD-6"
    assert refused(NOTE) == "BRD-6"
    renamed = NoteKey("vote.example/2025", LOG.key.public)
    assert refused(NOTE, renamed) == "BRD-6"


def test_bad_signature_of_a_known_key_rejects_although_another_verifies() -> None:
    forged = f"\u2014 {LOG.name} {encode_base64(LOG.note_key.id + OTHER.key.sign(TEXT.encode()))}\n".encode()
    signed_by_other = sign_note(TEXT, [OTHER])
    assert open_note(signed_by_other + forged, [OTHER.note_key]) == TEXT
    assert refused(signed_by_other + forged, OTHER.note_key, LOG.note_key) == "BRD-6"


def test_changed_signatures() -> None:
    line = NOTE.rpartition(b"\n\n")[2]
    short = f"\u2014 {LOG.name} {encode_base64(LOG.note_key.id + bytes(63))}\n".encode()
    head = TEXT.encode() + b"\n"
    for changed in (NOTE.replace(b"\n3\n", b"\n4\n"), head + line + line, head + short):
        assert refused(changed, LOG.note_key) == "BRD-6"


@pytest.mark.parametrize(
    "changed",
    [
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + b"x\n",
        b"\n" + NOTE,
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace(b"\n3\n", b"\n3\0\n"),
        NOTE.replace("\u2014".encode(), b"-"),
        NOTE.replace("\u2014 ".encode(), "\u2014".encode()),
        NOTE.replace("\u2014 ".encode(), "\u2014  ".encode()),
        NOTE.replace(b"=\n", b"\n"),
        NOTE.replace(b"=\n", b"= \n"),
        NOTE.replace(b"root", b"\xff"),
        NOTE + "\u2014 x+y AAAAAAA=\n".encode(),
        NOTE + "\u2014 x AAAAAA==\n".encode(),
        NOTE + "\u2014 x AAAAAAB=\n".encode(),
        NOTE + "\u2014 x AAAAAAA=\n".encode() * 100,
        TEXT.encode() * 4000 + NOTE,
        b"",
        b"\n\n",
    ],
)
def test_malformed_notes(changed: bytes) -> None:
    assert open_note(NOTE + "\u2014 x AAAAAAA=\n".encode() * 99, [LOG.note_key]) == TEXT
    with pytest.raises(EncodingError) as caught:
        open_note(changed, [LOG.note_key])
    assert caught.value.check == "BRD-4"


def test_unused_bits_of_a_signature() -> None:
    """68 bytes end in `=`: the last character has unused bits, and base64 readers often ignore them."""
    line = NOTE.decode()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = line[-3]
    changed = line[:-3] + alphabet[alphabet.index(last) + 1] + "=\n"
    with pytest.raises(EncodingError):
        open_note(changed.encode(), [LOG.note_key])


@given(st.binary(max_size=200))
def test_garbage_never_opens(data: bytes) -> None:
    with pytest.raises((EncodingError, InvalidSignature)):
        open_note(data, [LOG.note_key])


KEY = LOG.note_key.to_text()


@pytest.mark.parametrize(
    "changed",
    [
        "",
        "+" * 3,
        KEY + "\n",
        KEY[:-1],
        KEY + "=",
        KEY.replace("2024", "2025"),
        KEY.replace(LOG.note_key.id.hex(), LOG.note_key.id.hex().upper()),
        KEY.replace(LOG.note_key.id.hex(), "0" + LOG.note_key.id.hex()),
        KEY.replace("+AQ", "+Ag"),
        KEY.replace("vote.", "vote "),
        "a" * 600 + KEY,
    ],
)
def test_malformed_keys(changed: str) -> None:
    assert NoteKey.from_text(KEY) == LOG.note_key
    with pytest.raises(EncodingError) as caught:
        NoteKey.from_text(changed)
    assert caught.value.check == "BRD-5"


def test_base64_of_a_key_may_hold_a_plus() -> None:
    for seed in range(200):
        key = NoteSigner("log", SigningKey.from_seed(seed.to_bytes(32, "big"))).note_key
        if key.to_text().count("+") > 2:
            assert NoteKey.from_text(key.to_text()) == key
            return
    pytest.fail("no such key")


def test_callers_faults(tmp_path: Path) -> None:
    for text in ("", "a", "\na\n", "a\tb\n"):
        with pytest.raises(EncodingError):
            sign_note(text, [LOG])
    with pytest.raises(ParameterError):
        sign_note(TEXT, [])
    for name in ("", "a b", "a+b", "a\u00a0b", "a\u200bb", "a\n", "a" * 256):
        with pytest.raises(ParameterError) as caught:
            NoteSigner(name, LOG.key)
        assert caught.value.check == "BRD-5"
    LOG.save(tmp_path / "key")
    assert NoteSigner.load(tmp_path / "key").note_key == LOG.note_key
    assert "SigningKey" not in repr(LOG)
