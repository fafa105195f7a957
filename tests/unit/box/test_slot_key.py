# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import hmac
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from evote.box.ports import SealedHead
from evote.box.slot_key import SPARE_MARK, SlotKey, SlotKeyFiles, mark_spare
from evote.errors import StateError, StorageError

KEY = SlotKey(bytes(range(32)))
SQUARE = hashlib.sha256(b"square").digest()
BODY = b"a ballot" * 100


def test_what_is_sealed_is_as_specified() -> None:
    sealed = KEY.seal(BODY, SQUARE, 7)
    digest = hashlib.sha256(BODY).digest()
    assert sealed.key == hmac.digest(KEY.key, b"ballot\x00" + digest, "sha256") == KEY.name(digest)
    assert sealed.square == hmac.digest(KEY.key, b"square\x00" + SQUARE, "sha256")
    nonce = sealed.sealed[:12]
    assert sealed.head == SealedHead(sealed.key, 7, nonce)
    assert KEY.ticket(sealed.head) == hmac.digest(KEY.key, b"ticket\x00" + sealed.key + nonce, "sha256")
    assert KEY.ticket(KEY.seal(BODY, SQUARE, 7).head) != KEY.ticket(sealed.head)  # of another cast
    assert KEY.mark == hashlib.sha256(b"evote/v1/slot-key" + KEY.key).digest()[:8]
    assert (sealed.slot, len(sealed.sealed)) == (7, 12 + 32 + len(BODY) + 16)
    assert KEY.open(sealed) == (SQUARE, BODY)
    assert KEY.seal(BODY, SQUARE, 7).sealed != sealed.sealed  # a fresh nonce


@pytest.mark.parametrize("change", ["key", "byte", "short", "name"])
def test_what_was_altered_does_not_open(change: str) -> None:
    sealed, key = KEY.seal(BODY, SQUARE, 7), KEY
    if change == "key":
        key = SlotKey(bytes(32))
    elif change == "byte":
        sealed = replace(sealed, sealed=sealed.sealed[:-1] + bytes([sealed.sealed[-1] ^ 1]))
    elif change == "short":
        sealed = replace(sealed, sealed=sealed.sealed[:20])
    else:
        sealed = replace(sealed, key=KEY.name(b"other"))
    with pytest.raises(StateError) as caught:
        key.open(sealed)
    assert caught.value.check == "BOX-4"


def test_a_slot_key_shows_itself_nowhere() -> None:
    assert KEY.key.hex() not in repr(KEY)
    assert repr(KEY.key) not in repr(KEY)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "private", tmp_path / "spare"]
    for folder in found:
        folder.mkdir()
    mark_spare(found[1])
    return found


def _files(folders: list[Path]) -> dict[str, bytes]:
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for folder in folders
        for path in folder.iterdir()
        if path.name != SPARE_MARK
    }


def test_a_key_is_prepared_settled_and_destroyed(folders: list[Path]) -> None:
    keys = SlotKeyFiles(*folders)
    with pytest.raises(StateError) as caught:
        keys.current()
    assert caught.value.check == "BOX-15"
    first = keys.prepare()
    keys.settle(first.mark)
    assert keys.current() == first
    assert _files(folders) == {"private/slot.key": first.key, "spare/slot.key": first.key}
    assert all(stat.S_IMODE((folder / "slot.key").stat().st_mode) == 0o600 for folder in folders)
    second = keys.prepare()
    assert keys.current() == first  # until the box says otherwise
    keys.settle(second.mark)
    assert _files(folders) == {"private/slot.key": second.key, "spare/slot.key": second.key}
    keys.destroy()
    assert _files(folders) == {}


@pytest.mark.parametrize("decided", ["old", "new"])
@pytest.mark.parametrize(
    "lost", ["", "private/slot.key", "spare/slot.key", "private/slot.key.next", "spare/slot.key.next"]
)
def test_whatever_a_crash_leaves_the_right_key_is_made_the_only_one(
    folders: list[Path], decided: str, lost: str
) -> None:
    keys = SlotKeyFiles(*folders)
    old = keys.prepare()
    keys.settle(old.mark)
    new = keys.prepare()
    if lost:
        (folders[0].parent / lost).unlink()
    right = old if decided == "old" else new
    keys.settle(right.mark)
    assert _files(folders) == {"private/slot.key": right.key, "spare/slot.key": right.key}


def test_what_a_crash_leaves_of_writing_a_key_is_erased(folders: list[Path]) -> None:
    keys = SlotKeyFiles(*folders)
    key = keys.prepare()
    for name in (".slot.key.0011223344556677.tmp", ".slot.key.next.0011223344556677.tmp"):
        (folders[1] / name).write_bytes(key.key)
    keys.settle(key.mark)
    assert _files(folders) == {"private/slot.key": key.key, "spare/slot.key": key.key}
    (folders[0] / ".slot.key.0011223344556677.tmp").write_bytes(key.key)
    keys.destroy()
    assert _files(folders) == {}


@pytest.mark.parametrize("damage", ["gone", "zeroed", "short", "other"])
def test_without_the_right_key_nothing_is_settled(folders: list[Path], damage: str) -> None:
    keys = SlotKeyFiles(folders[0])
    key = keys.prepare()
    keys.settle(key.mark)
    path = folders[0] / "slot.key"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"zeroed": bytes(32), "short": key.key[:31], "other": bytes(range(32))}[damage])
    before = _files(folders)
    with pytest.raises(StateError) as caught:
        keys.settle(key.mark)
    assert caught.value.check == "BOX-15"
    assert _files(folders) == before


def test_a_spare_folder_that_is_away_is_left_out_and_never_made(folders: list[Path]) -> None:
    private, spare = folders
    keys = SlotKeyFiles(private, spare)
    first = keys.prepare()
    keys.settle(first.mark)
    away = spare.rename(spare.with_name("unplugged"))
    assert keys.spare_is_away
    second = keys.prepare()
    keys.settle(second.mark)
    assert not spare.exists()
    spare.mkdir()  # the empty mount point of the disk
    third = keys.prepare()
    keys.settle(third.mark)
    assert list(spare.iterdir()) == []
    spare.rmdir()
    away.rename(spare)
    assert not keys.spare_is_away
    assert (spare / "slot.key").read_bytes() == first.key  # until the next look
    keys.settle(third.mark)
    assert _files(folders) == {"private/slot.key": third.key, "spare/slot.key": third.key}


def test_only_a_folder_that_exists_is_marked(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        mark_spare(tmp_path / "nowhere")
    assert caught.value.check == "BOX-15"
    assert not (tmp_path / "nowhere").exists()
