# SPDX-License-Identifier: GPL-3.0-or-later
"""Cosignatures: bytes computed here from the C2SP text alone, and notes with one change."""

from __future__ import annotations

import base64
import hashlib
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from evote.crypto.cosignatures import (
    WitnessKey,
    WitnessSigner,
    add_cosignatures,
    read_cosignatures,
    select_cosignatures,
)
from evote.crypto.notes import NoteKey, NoteSigner, open_note, sign_note
from evote.crypto.signing import SigningKey, encode_base64
from evote.errors import EncodingError, InvalidSignature, ParameterError, StorageError

SEED = bytes(range(32))
NAME = "witness.example/w1"
TIME = 1_679_315_147
TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
WITNESS = WitnessSigner(NAME, SigningKey.from_seed(SEED))
OTHER = WitnessSigner("witness.example/w2", SigningKey.from_seed(bytes(32)))
LOG = NoteSigner("example.com/behind-the-sofa", SigningKey.from_seed(b"l" * 32))
NOTE = sign_note(TEXT, [LOG])
LINE = WITNESS.cosign(TEXT, TIME)
KEYS = (WITNESS.witness_key, OTHER.witness_key)


def with_lines(*lines: str) -> bytes:
    return NOTE + "".join(f"{line}\n" for line in lines).encode()


def made_here(text: str, time: int, *, key_type: bytes = b"\x04", tail: bytes = b"") -> str:
    """Make a cosignature from the C2SP text, with nothing of evote."""
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    public = key.public_key().public_bytes_raw()
    identifier = hashlib.sha256(NAME.encode() + b"\n" + key_type + public).digest()[:4]
    signature = key.sign(b"cosignature/v1\ntime " + str(time).encode() + b"\n" + text.encode())
    blob = identifier + time.to_bytes(8, "big") + signature + tail
    return "\u2014 " + NAME + " " + base64.b64encode(blob).decode()


def test_known_answers() -> None:
    public = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
    identifier = hashlib.sha256(NAME.encode() + b"\n\x04" + public).hexdigest()[:8]
    encoded = base64.b64encode(b"\x04" + public).decode()
    assert WITNESS.witness_key.to_text() == f"{NAME}+{identifier}+{encoded}"
    assert made_here(TEXT, TIME) == LINE
    assert len(base64.b64decode(LINE.rpartition(" ")[2])) == 76


def test_the_example_of_the_specification_is_read() -> None:
    """The line of tlog-cosignature's own example: key id and time stand where they must."""
    line = (
        "\u2014 witness.example.com/w1 "
        "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
    )
    blob = base64.b64decode(line.rpartition(" ")[2])
    assert (len(blob), int.from_bytes(blob[4:12], "big")) == (76, TIME)
    assert read_cosignatures(with_lines(line), KEYS) == {}


def test_cosignatures_count_for_known_witnesses() -> None:
    both = with_lines(OTHER.cosign(TEXT, TIME + 1), LINE)
    assert read_cosignatures(both, KEYS) == {KEYS[0]: TIME, KEYS[1]: TIME + 1}
    assert read_cosignatures(both, KEYS[:1]) == {KEYS[0]: TIME}
    assert read_cosignatures(NOTE, KEYS) == {}
    assert open_note(both, [LOG.note_key]) == TEXT


@pytest.mark.parametrize(
    "lines",
    [
        (LINE, LINE),
        (LINE, WITNESS.cosign(TEXT, TIME + 1)),
        (WITNESS.cosign(TEXT.replace("20852163", "20852164"), TIME),),
        (made_here(TEXT, TIME, tail=b"\0"),),
        (made_here(TEXT, 0),),
        (made_here(TEXT, 1 << 63),),
        (f"\u2014 {NAME} {encode_base64(WITNESS.witness_key.id + WITNESS.key.sign(TEXT.encode()))}",),
        (f"\u2014 {NAME} {encode_base64(WITNESS.witness_key.id + b'short')}",),
        (OTHER.cosign(TEXT, TIME), LINE, LINE),
    ],
)
def test_a_wrong_line_of_a_known_witness_rejects_the_note(lines) -> None:
    assert read_cosignatures(with_lines(LINE), KEYS)
    with pytest.raises(InvalidSignature) as caught:
        read_cosignatures(with_lines(*lines), KEYS)
    assert caught.value.check == "WIT-3"


def test_the_time_is_signed() -> None:
    blob = bytearray(base64.b64decode(LINE.rpartition(" ")[2]))
    blob[11] ^= 1
    with pytest.raises(InvalidSignature):
        read_cosignatures(with_lines(f"\u2014 {NAME} {encode_base64(bytes(blob))}"), KEYS)


def test_a_note_signature_is_no_cosignature_and_the_other_way_round() -> None:
    same = NoteSigner(NAME, WITNESS.key)
    both = sign_note(TEXT, [LOG, same])
    assert read_cosignatures(both, KEYS) == {}  # other key id
    with pytest.raises(InvalidSignature):
        open_note(NOTE.rpartition("\u2014".encode())[0] + f"{LINE}\n".encode(), [same.note_key])
    for kind, text in ((NoteKey, WITNESS.witness_key.to_text()), (WitnessKey, same.note_key.to_text())):
        with pytest.raises(EncodingError) as caught:
            kind.from_text(text)
        assert caught.value.check == "BRD-5"
    assert WitnessKey.from_text(WITNESS.witness_key.to_text()) == WITNESS.witness_key
    assert WITNESS.witness_key != same.note_key


def test_adding_keeps_what_is_there() -> None:
    unknown = WitnessSigner("stranger.example", SigningKey.generate())
    foreign = unknown.cosign(TEXT, TIME)
    note = with_lines(foreign)
    wrong_text = OTHER.cosign(TEXT + "x\n", TIME)
    added = add_cosignatures(
        note, [LINE, wrong_text, unknown.cosign(TEXT, 5), "nonsense", "\u2014 x y z"], KEYS
    )
    assert added == note + f"{LINE}\n".encode()
    assert add_cosignatures(added, [WITNESS.cosign(TEXT, TIME + 9)], KEYS) == added
    assert add_cosignatures(added, [], KEYS) == added
    assert set(read_cosignatures(added, KEYS)) == {KEYS[0]}
    with pytest.raises(InvalidSignature):
        add_cosignatures(with_lines(LINE, LINE), [], KEYS)
    with pytest.raises(EncodingError) as caught:
        add_cosignatures(with_lines(*(f"\u2014 x{n} AAAAAAA=" for n in range(99))), [LINE], KEYS)
    assert caught.value.check == "BRD-4"


def test_selecting_takes_one_line_of_each() -> None:
    found = select_cosignatures(TEXT, [LINE, WITNESS.cosign(TEXT, TIME + 1), OTHER.cosign(TEXT, 7)], KEYS)
    assert found == {KEYS[0]: LINE, KEYS[1]: OTHER.cosign(TEXT, 7)}


@given(st.lists(st.text(max_size=80), max_size=6))
def test_garbage_is_never_added(lines: list[str]) -> None:
    assert add_cosignatures(NOTE, lines, KEYS) == NOTE


def test_times_and_names() -> None:
    for time in (0, -1, 1 << 63):
        with pytest.raises(ParameterError) as caught:
            WITNESS.cosign(TEXT, time)
        assert caught.value.check == "WIT-2"
    assert read_cosignatures(with_lines(WITNESS.cosign(TEXT, (1 << 63) - 1)), KEYS)
    with pytest.raises(ParameterError):
        WitnessSigner("two words", WITNESS.key)


def test_key_file(tmp_path) -> None:
    path = tmp_path / "witness.key"
    WITNESS.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = encode_base64(b"\x04" + SEED)
    assert path.read_text() == f"PRIVATE+KEY+{NAME}+{WITNESS.witness_key.id.hex()}+{secret}\n"
    assert WitnessSigner.load(path).witness_key == WITNESS.witness_key
    assert encode_base64(SEED) not in repr(WITNESS)
    with pytest.raises(EncodingError) as caught:
        NoteSigner.load(path)
    assert caught.value.check == "BRD-5"
    NoteSigner(NAME, WITNESS.key).save(tmp_path / "note.key")
    with pytest.raises(EncodingError):
        WitnessSigner.load(tmp_path / "note.key")
    with pytest.raises(StorageError):
        WITNESS.save(path)
