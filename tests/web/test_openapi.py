# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenAPI document: complete, and true when a fuzzer takes it at its word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


def fuzz(site, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Let schemathesis loose on a site, signed in as a voter and as a member of the bureau."""
    command = [
        Path(sys.executable).with_name("schemathesis"), "run", f"{site.url}/v1/openapi.json",
        "--header", "Authorization: Bearer ada",
        "--header", "Bureau: garnier",
        "--checks", ",".join(CHECKS),
        "--max-examples", "15",
        "--seed", "4",
        "--continue-on-failure",
        "--no-color",
    ]  # fmt: skip
    return subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


def test_schemathesis_finds_no_server_error(site, tmp_path) -> None:
    run = fuzz(site, tmp_path, "--phases", "examples,coverage,fuzzing")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Selected: 13/13" in run.stdout


def test_schemathesis_would_find_one(site_of, tmp_path) -> None:
    def fail(_: object) -> str:
        raise RuntimeError

    run = fuzz(site_of(authenticate=fail), tmp_path, "--phases", "fuzzing", "--include-path", "/v1/voter")
    assert run.returncode == 1
    assert "Server error" in run.stdout


def test_every_path_and_every_answer_is_documented_with_schema_and_example(site) -> None:
    document = site.device().get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    operations = [(path, method) for path, methods in document["paths"].items() for method in methods]
    assert len(operations) == 13
    for path, method in operations:
        operation = document["paths"][path][method]
        assert operation["description"]
        if method == "post":
            assert operation["requestBody"]["content"]["application/json"]["schema"]["examples"]
        for status, answer in operation["responses"].items():
            assert answer["description"], (path, status)
            for content in answer.get("content", {}).values():
                schema = schemas.get(content["schema"].get("$ref", "").rpartition("/")[2], content["schema"])
                assert "example" in content or schema.get("examples") or status == "default", (path, status)


def test_no_page_that_loads_programs_from_elsewhere_is_served(site) -> None:
    for path in ("/docs", "/redoc", "/../docs"):
        assert site.device().get(path).status_code == 404
