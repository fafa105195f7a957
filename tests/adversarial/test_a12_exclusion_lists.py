# SPDX-License-Identifier: GPL-3.0-or-later
"""A12: the verifier is told to ignore something; it knows no such file, field or name."""

from __future__ import annotations

import base64
import hashlib

import pytest

from evote.board import Kind
from evote.record import layout
from evote.record.acts import End
from evote.verify import audit_record
from evote.verify.published import committed_files
from simulator import World, load_json, save_json, small_world


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> World:
    made = small_world(tmp_path_factory.mktemp("a12") / "w", votes={"one-all": ["a", "b"], "two-x": ["c"]})
    made.close()
    made.tally()
    assert audit_record(made.record.path).verified
    return made


@pytest.fixture
def world(base, tmp_path) -> World:
    return base.copy(tmp_path / "w")


def checks(world: World) -> set[str]:
    return {one.check for one in audit_record(world.record.path).failures}


UNKNOWN = [
    "exclude.json",
    "ignore",
    ".hidden",
    "ballots.json",
    "sums/one-other.json",
    "shares/one-all/nobody.json",
    "shares/one-all.json",
    "results/one-all.json.bak",
    "results/two-z.json",
    "seats/three.json",
    "minutes/one.md",
    "professions/b.txt",
    "checkpoints/open",
    "checkpoints/close.1",
    "private/log.key",
]


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_file_is_refused(world, name) -> None:
    world.write(name, b"{}")
    assert "REC-1" in checks(world)


@pytest.mark.parametrize("name", ["exclude.json", "sums/one-other.json"])
def test_an_unknown_file_that_the_end_commits_to_is_refused(world, name) -> None:
    """Signed anew by the log's own key: its end names the file, and the verifier still does not know it."""
    kinds = [
        (Kind.SUM, "sums"),
        (Kind.SHARE, "shares"),
        (Kind.RESULT, "results"),
    ]
    items = [(one.entry.kind, one.ballot) for one in world.reader().items() if one.entry.kind == Kind.BALLOT]
    record = world.record
    before = [(Kind.SEAL, record.bytes_of(layout.SEAL)), (Kind.OPEN, record.bytes_of(layout.OPEN)), *items]
    before.append((Kind.CLOSE, record.bytes_of(layout.CLOSE)))
    after = [(kind, record.bytes_of(path)) for kind, folder in kinds for path in record.names_in(folder)]
    world.write(name, b"{}")
    world.carry_upwards([*before, *after])
    end = record.read(layout.END, End).replace(files=committed_files(record))
    world.append(Kind.END, record.write(layout.END, end))
    assert "REC-1" in checks(world)


@pytest.mark.parametrize(
    ("path", "check"),
    [
        ("tile/exclude", "BRD-14"),
        ("tile/0/001", "BRD-14"),
        ("ballots/001.p/1", "BRD-14"),
        ("ballots/skip", "BRD-14"),
    ],
)
def test_an_unknown_file_among_the_logs_is_refused(world, path, check) -> None:
    world.write(path, b"")
    assert check in checks(world)


def test_a_link_in_the_place_of_a_file_is_refused(world, tmp_path) -> None:
    path = world.record.path / layout.README
    (tmp_path / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert "REC-1" in checks(world)


@pytest.mark.parametrize(
    "name",
    [layout.SEAL, layout.MANIFEST, layout.KEYS, layout.DRILL, layout.OPEN, layout.CLOSE, layout.END]
    + ["sums/one-all.json", "results/one-all.json", "seats/one.json", "minutes/one.json"]
    + [f"shares/one-all/{trustee}.json" for trustee in ("garnier", "moreau", "roux")],
)
@pytest.mark.parametrize("field", ["exclude", "skip", "ballots_to_ignore"])
def test_an_unknown_field_is_refused(world, name, field) -> None:
    save_json(world.record.path / name, {**load_json(world.record.path / name), field: []})
    assert "ENC-5" in checks(world)


def test_a_manifest_that_is_sealed_with_an_unknown_field_is_refused(world) -> None:
    path, seal = world.record.path / layout.MANIFEST, world.record.path / layout.SEAL
    data = save_json(path, {**load_json(path), "exclude": ["ballot 3"]})
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    save_json(seal, {**load_json(seal), "manifest": digest})
    report = audit_record(world.record.path)
    assert [one.check for one in report.failures] == ["ENC-5"]
    assert not report.verified
