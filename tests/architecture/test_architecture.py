# SPDX-License-Identifier: GPL-3.0-or-later
"""The house keeps its rules: rooms, doors, names, identifiers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import evote

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "evote").rglob("*.py"))


def test_rooms_import_downwards_only() -> None:
    script = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
    assert "0 broken" in run.stdout


def test_the_verifier_loads_nothing_that_encrypts_decrypts_or_votes() -> None:
    script = "import sys, evote.verify; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "evote.verify" in loaded
    assert not loaded & {
        "evote.keys",
        "evote.ballot",
        "evote.tally",
        "evote.box",
        "evote.cli",
        "phe",
        "click",
        "sqlite3",
    }


def test_the_public_names_are_there_and_few() -> None:
    assert len(evote.__all__) <= 45
    assert dir(evote) == sorted(evote.__all__)
    for name in evote.__all__:
        assert getattr(evote, name).__doc__


def test_sources_hold_no_assert_and_name_their_licence() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# SPDX-License-Identifier: GPL-3.0-or-later\n"), path
        assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assert)], path
        assert text.count("\n") <= 400, path


def test_public_functions_have_docstrings() -> None:
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_every_check_of_the_code_is_in_the_specification() -> None:
    raised: set[str] = set()
    for path in SOURCES:
        raised |= set(re.findall(r'"([A-Z]{3}-\d+)"', path.read_text(encoding="utf-8")))
    specified: set[str] = set()
    for page in (ROOT / "docs" / "spec").glob("*.md"):
        specified |= set(re.findall(r"[A-Z]{3}-\d+", page.read_text(encoding="utf-8")))
    assert len(raised) > 60
    assert raised <= specified


def test_no_document_carries_keys_or_bases_of_its_own() -> None:
    """A45: verification keys and bases are derived; a proof that brought its own would verify anything."""
    from evote.record.ballot import Ballot, BallotProof
    from evote.record.keys import ProvenShare
    from evote.record.tally import DecryptionShare, Result

    assert set(BallotProof.model_fields) == {"a", "e", "z"}
    assert set(ProvenShare.model_fields) == {"share", "value_commitment", "key_commitment", "response"}
    fields = {name for kind in (Ballot, DecryptionShare, Result) for name in kind.model_fields}
    assert fields == {
        "type", "version", "election", "contest", "unit", "weight", "ciphertext", "proof",
        "closing_size", "closing_root", "trustee", "proven", "signature", "value", "nonce", "counts",
    }  # fmt: skip
