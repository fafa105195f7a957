# SPDX-License-Identifier: GPL-3.0-or-later
"""Durable writes and bounded reads."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from evote.board import files
from evote.errors import StorageError


def test_write_and_replace(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    files.write_durably(path, b"one")
    files.write_durably(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in files.walk_files(tmp_path)] == ["file"]


def test_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write_durably(path, b"one")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError):
        files.write_durably(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".file.0123456789abcdef.tmp").write_bytes(b"half")
    (tmp_path / ".keep").write_bytes(b"")
    files.remove_temporary_files(tmp_path)
    files.remove_temporary_files(tmp_path / "absent")
    assert [entry.name for entry in files.walk_files(tmp_path)] == [".keep"]


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert files.read_bounded(path, 5) == b"12345"
    os.mkfifo(tmp_path / "pipe")
    cases = [(path, 4), (tmp_path / "absent", 5), (tmp_path, 5), (tmp_path / "pipe", 5), (Path("a\0b"), 5)]
    for bad, limit in cases:
        with pytest.raises(StorageError):
            files.read_bounded(bad, limit)


def test_writing_where_it_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "x", tmp_path / "folder", tmp_path / ("n" * 300), tmp_path / "a\0b"):
        with pytest.raises(StorageError):
            files.write_durably(path, b"")


def test_names_are_shown_without_surprises() -> None:
    assert files.printable(os.fsdecode(b"a\xff\x1b[31mb")) == "a\\xff\\x1b[31mb"
