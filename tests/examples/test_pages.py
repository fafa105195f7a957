# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages tell to install and to make: inside a clone, and not into it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest

from website import EXAMPLES

ROOT = EXAMPLES.parent
PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))


def blocks(text: str) -> Iterator[str]:
    yield from re.findall(r"```console\n(.+?)```", text, re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_installed_is_the_clone_one_stands_in(page) -> None:
    known = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    for words in re.findall(r"pip install (.+?)(?:  |`|$)", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert "evote" not in words
        if extras := re.search(r"'\.\[(.+?)\]'", words):
            assert set(extras[1].split(",")) <= known


@pytest.mark.parametrize("name", ["fastapi", "flask", "django"])
def test_an_example_is_installed_with_all_that_it_imports(name) -> None:
    install, run = list(blocks((ROOT / "docs" / "how-to" / f"{name}.md").read_text(encoding="utf-8")))[:2]
    assert "'.[web" in install
    assert run.startswith("cd examples\n")
    example = EXAMPLES / f"{name}_app.py"
    files = [example] if example.exists() else sorted((EXAMPLES / "django_site").rglob("*.py"))
    text = "".join(file.read_text() for file in files)
    for module in ("a2wsgi", "django", "flask"):
        assert (module in install.split()) == bool(re.search(rf"^from {module}\b", text, re.MULTILINE)), (
            module
        )
    assert ("gunicorn" in install.split()) == bool(re.search(r"\bgunicorn ", run))
    assert ("itsdangerous" in install.split()) == ("starlette.middleware.sessions" in text)


def test_what_the_pages_make_in_the_examples_is_no_part_of_the_project() -> None:
    made = {
        found
        for page in PAGES
        for block in blocks(page.read_text(encoding="utf-8"))
        if "cd examples" in block
        for found in re.findall(r"(?:> |SITE_DATABASE=)([a-z.]+)", block)
    }
    assert made == {"users.json", "site.db"}
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {"examples/users.json", "examples/site.db*"} <= set(ignored)
