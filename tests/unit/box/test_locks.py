# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
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


_FORKER = """
import os, sys, time
from pathlib import Path
from evote.box import locks
private = Path(sys.argv[1])
for lock in (locks.sequencing, locks.alone, locks.beside_others):
    with lock(private):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        print(child, flush=True)
print("given back", flush=True)
sys.stdin.readline()
"""


def test_a_child_that_was_forked_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FORKER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forker:
        assert forker.stdout
        children = [int(forker.stdout.readline()) for _ in range(3)]
        assert forker.stdout.readline() == "given back\n"
        with locks.sequencing(tmp_path), locks.alone(tmp_path):
            alive = [child for child in children if Path(f"/proc/{child}").exists()]
        for child in children:
            os.kill(child, signal.SIGKILL)
        forker.kill()
    assert alive == children or not Path("/proc").exists()


def test_a_dead_process_gives_its_lock_back(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "alone\n"
        holder.kill()
    with locks.alone(tmp_path):
        pass
