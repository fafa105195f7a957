# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the log: crashes, restored backups, two sequencers (A35, A37)."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evote.board import Entry, Kind, LogReader, LogWriter, Phase, writer
from evote.crypto.notes import NoteSigner
from evote.errors import EncodingError, EvoteError, InvalidSignature, ParameterError, StateError, StorageError


def verified(place) -> LogReader:
    log = LogReader(place.record, place.key)
    log.verify_log()
    return log


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 300), min_size=1, max_size=4))
def test_any_batches_give_the_same_log(tmp_path_factory, place, sizes: list[int]) -> None:
    """However the same entries arrive, the files are byte for byte the same."""
    place = type(place)(tmp_path_factory.mktemp("log"))
    once = type(place)(tmp_path_factory.mktemp("log"))
    total = sum(sizes)
    once.fill([*place.opening, *place.ballots(0, total)])
    with place.create() as log:
        log.append(place.opening)
        start = 0
        for size in sizes:
            log.append(place.ballots(start, start + size))
            start += size
            assert verified(place).checkpoint == log.checkpoint
    assert place.files() == once.files()


def test_reopening(place) -> None:
    place.fill(list(place.opening))
    with place.open() as log:
        assert (log.size, log.phase) == (2, Phase.VOTING)
        log.append(place.ballots(0, 700))
    with place.open() as log:
        log.append(place.closing)
        assert list(log.entries(250, 260)) == [entry for entry, _ in place.ballots(248, 258)]
        assert list(log.entries(0, 2)) == [entry for entry, _ in place.opening]
    with place.open() as log:
        assert log.phase == Phase.ENDED
        assert log.signed_checkpoint() == (place.record / "checkpoint").read_bytes()
    assert verified(place).checkpoint.size == 707


def test_order_is_kept(place) -> None:
    with place.create() as log:
        before = place.files()
        with pytest.raises(StateError) as caught:
            log.append(place.ballots(0, 1))
        assert caught.value.check == "BRD-9"
        assert place.files() == before
        log.append([*place.opening, *place.ballots(0, 3), *place.closing[:-1]])
        with pytest.raises(StateError) as caught:
            log.append(place.ballots(3, 4))
        assert caught.value.check == "BRD-9"
        log.append(place.closing[-1:])
        with pytest.raises(StateError) as caught:
            log.append([(Entry.of(Kind.EVENT, b""), b"")])
        assert caught.value.check == "BRD-9"


def test_ballots_belong_to_their_entries(place) -> None:
    with place.create() as log:
        log.append(place.opening)
        (entry, body), *_ = place.ballots(0, 1)
        big = bytes((1 << 20) + 1)
        for line in ((entry, body + b"x"), (entry, b""), (place.closing[0][0], b"x"), (Entry.of(Kind.BALLOT, b""), b""),
                     (Entry.of(Kind.BALLOT, big), big)):  # fmt: skip
            with pytest.raises(ParameterError) as caught:
                log.append([line])
            assert caught.value.check == "BRD-12"
        log.append([(entry, body)])
    verified(place)


def test_repeating_a_call(place) -> None:
    with place.create() as log:
        log.append(place.opening, at=0)
        first = log.append(place.ballots(0, 300), at=2)
        assert log.append(place.ballots(0, 300), at=2) == first
        assert log.append(place.ballots(10, 20), at=12) == first
        assert log.append(place.ballots(290, 310), at=292).size == 312
        for lines, at in ((place.ballots(1, 5), 2), (place.ballots(0, 1), 313), (place.ballots(0, 1), -1)):
            with pytest.raises(StateError) as caught:
                log.append(lines, at=at)
            assert caught.value.check == "BRD-16"
    verified(place)


class Crash(BaseException):
    """A power cut."""


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("retry", [True, False])
def test_a35_crash_at_every_step(place, monkeypatch: pytest.MonkeyPatch, *, done: bool, retry: bool) -> None:
    """Stop before or after each write or removal; then go on, with the same entries or with fewer."""
    place.fill(list(place.opening), place.ballots(0, 200))
    backup = place.record.parent / "backup"
    shutil.copytree(place.record, backup / "record")
    shutil.copytree(place.private, backup / "private")
    steps = 0
    while True:
        for name in ("record", "private"):
            shutil.rmtree(place.record.parent / name)
            shutil.copytree(backup / name, place.record.parent / name)
        left = [steps]

        def interrupted(action, left=left):
            def run(*arguments, **options):
                if left[0] == 0 and not done:
                    raise Crash
                action(*arguments, **options)
                if left[0] == 0:
                    raise Crash
                left[0] -= 1

            return run

        with monkeypatch.context() as patch:
            patch.setattr(writer, "write_durably", interrupted(writer.write_durably))
            patch.setattr(writer, "remove_file", interrupted(writer.remove_file))
            try:
                with place.open() as log:
                    log.append(place.ballots(200, 600), at=202)
            except Crash:
                steps += 1
            else:
                break
        published = LogReader(place.record, place.key).checkpoint
        with place.open() as log:
            assert log.size in {202, 602}
            assert verified(place).checkpoint == log.checkpoint
            if retry or log.size == 602:
                log.append(place.ballots(200, 600), at=202)
            else:
                log.append(place.ballots(5000, 5007), at=202)
        verified(place).verify_extends(published)
    assert steps >= 15


def test_killed_process(place) -> None:
    """A real process that ends without any clean-up gives its lock back and leaves a usable log."""
    place.fill(list(place.opening))
    place.signer.save(place.private / "log.key")
    program = (
        "import os, sys, pathlib\n"
        "from evote.board import writer, Entry, Kind\n"
        "from evote.crypto.notes import NoteSigner\n"
        "private = pathlib.Path(sys.argv[2])\n"
        "log = writer.LogWriter(pathlib.Path(sys.argv[1]), private, NoteSigner.load(private / 'log.key'))\n"
        "writer.LogWriter._publish = lambda self: os._exit(9)\n"
        "log.append([(Entry.of(Kind.BALLOT, b'x'), b'x')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(place.record), str(place.private)], check=False, timeout=60
    )
    assert done.returncode == 9
    assert LogReader(place.record, place.key).checkpoint.size == 2
    with place.open() as log:
        assert log.size == 3
    assert verified(place).checkpoint.size == 3


def test_failed_write_is_an_error_and_not_a_second_history(place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments, **_options):
        raise StorageError("full")

    with place.create() as log:
        log.append(place.opening)
        with monkeypatch.context() as patch:
            patch.setattr(writer, "write_durably", full)
            with pytest.raises(StorageError):
                log.append(place.ballots(0, 300))
        log.append(place.ballots(7, 9))
    assert verified(place).checkpoint.size == 4


def refused(place, **options: int) -> str:
    with pytest.raises(EvoteError) as caught:
        place.open(**options)
    assert isinstance(caught.value, StateError)
    return caught.value.check


def test_a37_restored_backup(place) -> None:
    place.fill(list(place.opening), place.ballots(0, 10))
    old_state = (place.private / "log.json").read_bytes()
    shutil.copytree(place.record, place.record.parent / "old")
    with place.open() as log:
        log.append(place.ballots(10, 20))
    new_state = (place.private / "log.json").read_bytes()

    (place.private / "log.json").write_bytes(old_state)  # the state alone is old
    published = place.files()
    assert refused(place) == "BRD-18"
    assert place.files() == published

    (place.private / "log.json").write_bytes(new_state)  # the record alone is old
    shutil.rmtree(place.record)
    shutil.copytree(place.record.parent / "old", place.record)
    assert refused(place) == "BRD-18"

    (place.private / "log.json").write_bytes(old_state)  # both are: only a witness knows
    assert refused(place, witnessed_size=22) == "BRD-18"
    with place.open(witnessed_size=12) as log:
        assert log.size == 12


def test_another_history_is_never_signed(place, tmp_path) -> None:
    other = type(place)(tmp_path / "other")
    place.fill(list(place.opening), place.ballots(0, 10))
    other.fill(list(place.opening), place.ballots(50, 60))
    good = (place.record / "checkpoint").read_bytes()
    (place.record / "checkpoint").write_bytes((other.record / "checkpoint").read_bytes())
    assert refused(place) == "BRD-18"
    (place.record / "checkpoint").write_bytes(good)
    (place.record / "tile/0/000.p/12").write_bytes((other.record / "tile/0/000.p/12").read_bytes())
    assert refused(place) == "BRD-18"
    (place.record / "tile/0/000.p/12").write_bytes(b"")
    assert refused(place) == "BRD-18"


def test_missing_checkpoint_is_signed_again(place) -> None:
    place.fill(list(place.opening))
    good = place.files()
    (place.record / "checkpoint").unlink()
    (place.record / ".checkpoint.0123456789abcdef.tmp").write_bytes(b"half")
    (place.record / "tile/0/000.p/9").write_bytes(b"left over")
    with place.open():
        assert place.files() == good


def test_damaged_state_and_foreign_key(place) -> None:
    place.fill(list(place.opening))
    state = place.private / "log.json"
    good = state.read_bytes()
    state.write_bytes(good + b" ")
    with pytest.raises(EncodingError):
        place.open()
    state.write_bytes(good.replace(b"example", b"exbmple"))
    assert refused(place) == "BRD-18"
    state.unlink()
    assert refused(place) == "BRD-18"
    with pytest.raises(StateError) as caught:
        place.create()
    assert caught.value.check == "BRD-18"
    state.write_bytes(good)
    place.signer = NoteSigner.generate(place.key.name)
    with pytest.raises(InvalidSignature):
        place.open()


def test_beginning_twice(place) -> None:
    place.create().close()
    with place.create() as log:
        log.append(place.opening)
    with pytest.raises(StateError) as caught:
        place.create()
    assert caught.value.check == "BRD-18"


def test_one_sequencer(place) -> None:
    with place.create() as log:
        for attempt in (place.open, place.create):
            with pytest.raises(StateError) as caught:
                attempt()
            assert caught.value.check == "BRD-17"
        log.append(place.opening)
    place.open().close()
    with pytest.raises(StateError) as caught:
        log.append(place.ballots(0, 1))
    assert caught.value.check == "BRD-17"


def test_state_is_replaced_by_compare_and_set(place) -> None:
    with place.create() as log:
        old = (place.private / "log.json").read_bytes()
        log.append(place.opening)
        (place.private / "log.json").write_bytes(old)
        with pytest.raises(StateError) as caught:
            log.append(place.ballots(0, 1))
        assert caught.value.check == "BRD-17"


def test_private_files_are_private(place) -> None:
    place.fill()
    assert (place.private.stat().st_mode & 0o777, (place.private / "log.json").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )


def test_unwritable_place(place) -> None:
    place.private.parent.mkdir(exist_ok=True)
    place.private.write_bytes(b"")
    with pytest.raises(StorageError):
        LogWriter(place.record, place.private, place.signer)
