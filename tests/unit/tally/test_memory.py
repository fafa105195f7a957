# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from evote.errors import EncodingError, StateError, StorageError
from evote.tally.memory import Served, ServedElections, state_folder

KEYS, ELECTION, ROOT = b"k" * 32, b"e" * 32, b"r" * 32


def test_the_same_box_is_served_as_often_as_needed(tmp_path) -> None:
    for _ in range(3):
        ServedElections((tmp_path / "a", tmp_path / "b")).bind(KEYS, ELECTION, ROOT)
    assert Served.from_bytes((tmp_path / "a").read_bytes()) == Served.from_bytes(
        (tmp_path / "b").read_bytes()
    )


@pytest.mark.parametrize(
    "other", [(b"x" * 32, ELECTION, ROOT), (KEYS, b"x" * 32, ROOT), (KEYS, ELECTION, b"x" * 32)]
)
@pytest.mark.parametrize("kept", ["a", "b"])
def test_any_difference_in_any_place_is_refused_and_changes_nothing(tmp_path, other, kept) -> None:
    ServedElections((tmp_path / kept,)).bind(KEYS, ELECTION, ROOT)
    before = (tmp_path / kept).read_bytes()
    with pytest.raises(StateError) as caught:
        ServedElections((tmp_path / "a", tmp_path / "b")).bind(*other)
    assert caught.value.check == "SHR-5"
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == [kept]
    assert (tmp_path / kept).read_bytes() == before


def test_one_place_that_can_be_written_is_enough(tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"")
    ServedElections((tmp_path / "file" / "a", tmp_path / "deep" / "b")).bind(KEYS, ELECTION, ROOT)
    assert (tmp_path / "deep" / "b").exists()


def test_no_place_at_all_is_refused(tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        ServedElections((tmp_path / "file" / "a",)).bind(KEYS, ELECTION, ROOT)
    assert caught.value.check == "SHR-5"
    with pytest.raises(StorageError):
        ServedElections(()).bind(KEYS, ELECTION, ROOT)


def test_a_damaged_memory_is_not_forgotten(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"{}")
    with pytest.raises(EncodingError) as caught:
        ServedElections((tmp_path / "a",)).bind(KEYS, ELECTION, ROOT)
    assert caught.value.check == "ENC-5"
    assert (tmp_path / "a").read_bytes() == b"{}"


def test_the_state_folder_follows_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("EVOTE_STATE_HOME", "/own")
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    assert state_folder() == Path("/own")
    monkeypatch.delenv("EVOTE_STATE_HOME")
    assert state_folder() == Path("/xdg/evote")
    monkeypatch.delenv("XDG_STATE_HOME")
    assert state_folder() == Path.home() / ".local" / "state" / "evote"


def test_keys_and_trustees_have_memories_of_their_own(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EVOTE_STATE_HOME", str(tmp_path / "state"))
    for number, (trustee, keys) in enumerate([("moreau", KEYS), ("roux", KEYS), ("moreau", b"x" * 32)]):
        memory = ServedElections.of_share_file(tmp_path / "usb" / f"{number}.share", trustee, keys)
        memory.bind(keys, bytes([number]) * 32, ROOT)
    assert len(list((tmp_path / "state" / "served").glob("*.json"))) == 3
    assert len(list((tmp_path / "usb").glob("*.served"))) == 3


def test_two_runs_at_once_do_not_serve_two_boxes(tmp_path) -> None:
    """Comparing and writing happen under one lock: of many simultaneous closing roots exactly one is served."""
    from concurrent.futures import ThreadPoolExecutor

    for attempt in range(5):
        memory = ServedElections((tmp_path / f"{attempt}.a", tmp_path / f"{attempt}.b"))

        def bind(number: int, memory=memory) -> bool:
            try:
                memory.bind(b"k" * 32, b"e" * 32, bytes([number]) * 32)
            except StateError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(bind, range(8))) == 1
