# SPDX-License-Identifier: GPL-3.0-or-later
"""Ed25519 and key files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from evote.crypto import signing
from evote.crypto.signing import SigningKey
from evote.errors import EncodingError, InvalidSignature, ParameterError, StorageError

SEED = bytes(range(32))


def test_rfc_8032_vector() -> None:
    key = SigningKey.from_seed(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    assert key.public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


def test_signature_is_bound_to_key_and_message() -> None:
    key = SigningKey.generate()
    signature = key.sign(b"message")
    signing.verify_signature(key.public, b"message", signature, check="ACT-1")
    changes = [
        (key.public, b"massage", signature),
        (SigningKey.generate().public, b"message", signature),
        (key.public, b"message", bytes(64)),
        (key.public, b"message", signature + b"\0"),
        (key.public, b"message", b""),
        (b"", b"message", signature),
        # S + L in place of S
        (key.public, b"message", signature[:32] + (int.from_bytes(signature[32:], "little")
            + 2**252 + 27742317777372353535851937790883648493).to_bytes(32, "little")),
    ]  # fmt: skip
    for public, message, changed in changes:
        with pytest.raises(InvalidSignature) as caught:
            signing.verify_signature(public, message, changed, check="ACT-1", subject="moreau")
        assert (caught.value.check, caught.value.subject) == ("ACT-1", "moreau")


def test_repr_shows_no_secret() -> None:
    key = SigningKey.from_seed(SEED)
    assert key.seed_bytes() == SEED
    assert SEED.hex() not in repr(key)


def test_wrong_seed() -> None:
    with pytest.raises(ParameterError) as caught:
        SigningKey.from_seed(SEED[:-1])
    assert caught.value.check == "BRD-5"


def test_key_file(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    signing.save_signing_key(path, "vote.example/2024", SigningKey.from_seed(SEED))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    name, key = signing.load_signing_key(path)
    assert (name, key.seed_bytes()) == ("vote.example/2024", SEED)
    with pytest.raises(StorageError) as caught:
        signing.save_signing_key(path, "vote.example/2024", SigningKey.generate())
    assert caught.value.check == "BRD-5"
    assert signing.load_signing_key(path)[1].seed_bytes() == SEED


def test_bad_key_files(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    signing.save_signing_key(path, "vote.example/2024", SigningKey.from_seed(SEED))
    good = path.read_bytes()
    changes = [
        good[:-1],
        good + b"\n",
        b" " + good,
        good.replace(b"2024", b"2025"),
        good.replace(b"PRIVATE+KEY+", b"PRIVATE+"),
        good.replace(b"vote.", b"vote "),
        good.replace(b"AQAB", b"AgAB"),
        b"\xff" + good,
        b"",
        good * 20,
    ]
    for changed in changes:
        path.write_bytes(changed)
        with pytest.raises(EncodingError) as caught:
            signing.load_signing_key(path)
        assert caught.value.check == "BRD-5"
    with pytest.raises(StorageError):
        signing.load_signing_key(tmp_path / "absent")
    with pytest.raises(StorageError):
        signing.save_signing_key(tmp_path / "no" / "folder", "a", SigningKey.generate())
    with pytest.raises(ParameterError):
        signing.save_signing_key(tmp_path / "b", "a b", SigningKey.generate())


@pytest.mark.parametrize(
    "text", ["QR==", "QQ", "QQ= =", "QQ==\n", "Q-Q=", "QQ==QQ==", "\u0661Q==", "Q", "==="]
)
def test_base64_has_one_text_for_each_byte_string(text: str) -> None:
    assert signing.decode_base64("QQ==") == b"A"
    with pytest.raises(EncodingError) as caught:
        signing.decode_base64(text)
    assert caught.value.check == "BRD-4"
