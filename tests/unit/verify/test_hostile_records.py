# SPDX-License-Identifier: GPL-3.0-or-later
"""Records made to stop, crash or deceive the verifier rather than to change a count (A38)."""

from __future__ import annotations

import pytest

from evote.board import Checkpoint, Kind
from evote.errors import VerificationError
from evote.record import layout
from evote.record.acts import Closing
from evote.verify import audit_record, verify_closing, verify_record
from simulator import CLOSES, OPENS, World, contest, draft, load_json, save_json, sealed_manifest, small_world


@pytest.fixture
def world(tmp_path) -> World:
    return small_world(tmp_path / "world", votes={"one-all": ["a", "b"], "two-x": ["c"]})


def checks(world: World, **options) -> set[str]:
    return {finding.check for finding in audit_record(world.record.path, **options).failures}


def test_a_checkpoint_of_a_huge_size_costs_nothing(world) -> None:
    assert checks(world, until="open") == set()
    huge = Checkpoint(world.log_signer.name, 1 << 52, b"r" * 32).sign(world.log_signer)
    world.write("checkpoint", huge)
    assert "BRD-11" in checks(world, until="open")


def test_keys_outside_their_group_are_refused_and_stop_the_audit(world) -> None:
    world.close()
    world.tally()
    keys = load_json(world.record.path / layout.KEYS)
    keys["groups"][1]["trustees"][0]["index"] = 20
    save_json(world.record.path / layout.KEYS, keys)
    assert checks(world) == {"ACT-1"}


def test_weights_that_no_integer_of_the_formats_holds_are_refused(tmp_path) -> None:
    plan = draft((contest("one", lists=1),))
    world = World(tmp_path / "world", sealed_manifest(plan, {"one-all": (2, 2**53 - 1)}))
    world.open()
    world.publish([world.encrypt("one-all", "a", 2**53 - 1) for _ in range(2)])
    world.close({"one-all": (2, 2**53 - 1)})
    assert checks(world, until="closed") == {"ACT-4"}
    assert checks(world) == {"ACT-4"}
    with pytest.raises(VerificationError) as caught:
        verify_closing(world.record.path)
    assert caught.value.check == "ACT-4"


def test_an_opening_after_the_sealed_end_is_refused(tmp_path) -> None:
    plan = draft((contest("one"),))
    world = World(tmp_path / "world", sealed_manifest(plan, {"one-all": (2, 2)}))
    world.open(CLOSES + 1201)
    assert checks(world, until="open") == {"ACT-2"}


def test_a_late_closing_is_noted(world) -> None:
    world.close(time=CLOSES + 1201)
    report = audit_record(world.record.path, until="closed")
    assert report.verified
    assert any("closed after its sealed end" in note for note in report.notes)


def test_hostile_keys_cannot_write_to_the_terminal(world) -> None:
    act = load_json(world.record.path / layout.OPEN)
    act["\x1b[2K\x1b[32mVERIFIED"] = 1
    save_json(world.record.path / layout.OPEN, act)
    report = audit_record(world.record.path, until="open")
    assert not report.verified
    assert all(finding.detail.isprintable() and finding.subject.isprintable() for finding in report.failures)
    assert any("\\x1b" in finding.detail for finding in report.failures)


def test_folders_that_no_disk_should_have_are_findings(world) -> None:
    (world.record.path / "professions" / "link").symlink_to("/etc/passwd")
    (world.record.path / "x" / ("y" * 200)).mkdir(parents=True)
    (world.record.path / "x" / ("y" * 200) / "\x07bell").write_text("")
    assert "REC-1" in checks(world, until="open")


def test_a_pinned_election_id_is_compared(world) -> None:
    verify_record(world.record.path, until="open", election=world.election.id)
    assert checks(world, until="open", election=b"x" * 32) == {"ACT-1"}
    with pytest.raises(VerificationError) as caught:
        verify_record(world.record.path, until="open", election=b"x" * 32)
    assert caught.value.check == "ACT-1"


def test_a_sum_opened_without_a_lawful_quorum_is_refused(world) -> None:
    """Whoever knows the key could open; the record shows whether the bureau did."""
    world.close()
    world.tally()
    items = []
    for item in world.reader().items():
        name = next(
            (n for n in world.record.files() if n.endswith(".json") and _is(world, n, item.entry)), None
        )
        if item.entry.kind == Kind.SHARE and "/moreau" in str(name):
            (world.record.path / str(name)).unlink()
        elif item.entry.kind != Kind.END:
            items.append((item.entry.kind, item.ballot or world.record.bytes_of(str(name))))
    world.carry_upwards(items)
    world.append(Kind.END, world.record.bytes_of(layout.END))
    assert "RES-3" in checks(world)


def _is(world: World, name: str, entry) -> bool:
    return type(entry).of(entry.kind, world.record.bytes_of(name)) == entry


def test_times_lie_before_the_year_10000(world) -> None:
    world.close()
    path = world.record.path / layout.CLOSE
    act = load_json(path)
    act["time"] = 2**53 - 1
    save_json(path, act)
    assert "ENC-5" in checks(world, until="closed")
    assert Closing.from_bytes(path.read_bytes().replace(b"9007199254740991", str(OPENS).encode()))
