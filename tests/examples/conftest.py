# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples run as an integrator runs them: servers in processes of their own, over an election that is open now."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import office
from device import free_port
from website import CODES, EXAMPLES, current_plan


@pytest.fixture(scope="session")
def open_election(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return office.open_office(tmp_path_factory.mktemp("open") / "election", current_plan())


@pytest.fixture
def election(open_election: Path, tmp_path: Path) -> Path:
    return office.copy(open_election, tmp_path / "election")


@pytest.fixture
def environment(election: Path, tmp_path: Path) -> dict[str, str]:
    """Return what the examples read from the environment."""
    users = tmp_path / "users.json"
    users.write_text(json.dumps(CODES))
    return {
        **os.environ,
        "ELECTION": str(election),
        "USERS": str(users),
        "SECRET": "for this test alone",
        "HOST": "vote.example.org",
        "WITHOUT_TLS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture
def run_server(environment: dict[str, str], tmp_path: Path) -> Callable[..., object]:
    """Return a context manager that runs a server's command; what it says is in the file it yields with the address."""

    @contextmanager
    def run(*command: str, stop: int = signal.SIGTERM) -> Iterator[tuple[str, Path]]:
        port = free_port()
        said = tmp_path / f"server-{port}.log"
        words = [word.format(port=port) for word in command]
        with said.open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=EXAMPLES,
                env={**environment, "PORT": str(port)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until_ready(f"{url}/vote/v1/election", server, said)
            yield url, said
        finally:
            server.send_signal(stop)
            assert server.wait(60) in (0, -stop), said.read_text()
            wait_until_all_gone(server.pid)

    return run


def wait_until_ready(url: str, server: subprocess.Popen[bytes], said: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, said.read_text()
        try:
            if httpx.get(url, timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(said.read_text())


def wait_until_all_gone(group: int) -> None:
    """Check that a server left no process behind."""
    for _ in range(300):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError("the server left processes behind")
