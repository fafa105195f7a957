# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from evote.box import locks


def test_casts_work_side_by_side(tmp_path: Path) -> None:
    inside = threading.Barrier(4, timeout=30)

    def cast() -> None:
        with locks.beside_others(tmp_path):
            inside.wait()  # passes only if all four are inside at once

    threads = [threading.Thread(target=cast) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not inside.broken
    assert not any(thread.is_alive() for thread in threads)


def test_who_is_alone_keeps_everybody_out(tmp_path: Path) -> None:
    events: list[str] = []

    def cast() -> None:
        with locks.beside_others(tmp_path):
            events.append("cast")

    with locks.alone(tmp_path):
        thread = threading.Thread(target=cast)
        thread.start()
        time.sleep(0.2)
        events.append("alone")
    thread.join(30)
    assert events == ["alone", "cast"]


def test_a_stream_of_casts_does_not_keep_the_publication_out(tmp_path: Path) -> None:
    over = threading.Event()
    casts = [0, 0, 0]

    def stream(number: int) -> None:
        while not over.is_set():
            with locks.beside_others(tmp_path):
                casts[number] += 1
                time.sleep(0.01)  # two others are nearly always inside

    threads = [threading.Thread(target=stream, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    entered = 0
    for _ in range(5):
        with locks.alone(tmp_path):
            entered += 1
    over.set()
    for thread in threads:
        thread.join(30)
    assert entered == 5
    assert all(casts)


_HOLDER = """
import sys
from pathlib import Path
from evote.box import locks
with locks.alone(Path(sys.argv[1])):
    print("alone", flush=True)
    sys.stdin.readline()
"""


def test_a_dead_process_gives_its_lock_back(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "alone\n"
        holder.kill()
    with locks.alone(tmp_path):
        pass
