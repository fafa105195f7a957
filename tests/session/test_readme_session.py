# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's session, typed by hand: every command a process of its own, real keys of 2048 bits."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def readme_session() -> str:
    """Return the README's session; the manifest is edited where its comment says so."""
    found = re.search(r"<!-- session -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    edit = "\nsed -i.old s/evote-3072/evote-2048/ election/manifest.json"
    script, edits = re.subn(
        r"(?m)(^evote new election .*$)", lambda line: line.group(1) + edit, found.group(1)
    )
    assert edits == 1
    return script


@pytest.mark.skipif(shutil.which("bash") is None, reason="the session is typed into a POSIX shell")
def test_the_readme_session_runs_as_printed(tmp_path) -> None:
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "evote"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evote "$@"\n')
    command.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "EVOTE_STATE_HOME": str(tmp_path / "state"),
    }
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", readme_session()],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    said = run.stdout
    assert said.count("Contributed to the drill.") == 6
    assert said.count("Posted the shares of the drill.") == 6
    assert "The key opens with every required quorum." in said
    assert said.count("Your ballot is in the box.") == 4
    assert "The ballot was accepted and is not due to be published yet." in said
    assert "The ballot was found in the published log." in said
    assert "ballots 4, attendance marks 4" in said
    assert "Still needed: 2 of delegates" in said
    assert "A quorum is reached." in said
    assert "cspm-2: votes cast 2, blank 1" in said
    assert said.rstrip().endswith("VERIFIED")
    assert "NOT VERIFIED" not in said
