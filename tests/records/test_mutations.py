# SPDX-License-Identifier: GPL-3.0-or-later
"""A8: every field of every file of a record is changed, one at a time; a named check refuses each.

Once as it is, so that digests catch it; once carried upwards, with digests, entries, tiles and checkpoints made and
signed anew with the log's own key, so that the check of meaning must catch it.
"""

from __future__ import annotations

import base64
import binascii
import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evote.board import Entry, Kind
from evote.encoding import canonical_json
from evote.record import layout
from evote.record.acts import End
from evote.verify import audit_record
from evote.verify.published import committed_files
from simulator import World, load_json, save_json, small_world

KEPT_OF_LONG_LISTS = 3
LAST_EVENT = "events/4.json"
FREE = ("actor", "reason", "detail")  # the service's own words; of an event, what follows it holds them fast

# Which check of meaning must catch a change that was carried upwards: file, field, checks. First match counts.
EXPECTED = [
    (r".*\.json|ballot", r"type|version", r"ENC-5"),
    (r".*\.json|ballot", r".*\+key", r"ENC-5"),
    (r"seal\.json", r"manifest|keys|drill", r"ACT-1"),
    (r"seal\.json", r"(log|reference|register)_key", r"BRD-5"),
    (r"seal\.json", r"signatures", r"ENC-5"),
    (r"seal\.json", r"reason|supersedes.*", r"ACT-1|ENC-5"),
    (r"seal\.json", r".*", r"BAL-2|ENC-5"),
    (r"manifest\.json", r"parameters", r"PAR-1|KEY-8"),
    (r"manifest\.json", r"origin", r"ACT-1"),
    (
        r"manifest\.json",
        r"mode|eligibility|witness_.*|.*ballot|.*incomplete|.*tie_rule.*|.*shape_rules.*|languages.*|.*audience",
        r"ENC-5|MAN-1|MAN-10|MAN-13|BAL-2",
    ),
    (r"manifest\.json", r"policy\.groups\[\d\]\.name", r"BAL-2"),
    (r"manifest\.json", r"policy\.accept_disjoint_quorums", r"MAN-9"),
    (r"manifest\.json", r"policy\.groups.*", r"KEY-8|MAN-[178]|ENC-5"),
    (r"manifest\.json", r"timetable.*|publication.*", r"BAL-2|ENC-5|MAN-[23]"),
    (r"manifest\.json", r"roll.*", r"MAN-12|BAL-2|ENC-5"),
    (r"manifest\.json", r"counting.*", r"MAN-[145]|MAN-12|BAL-2|ENC-5"),
    (
        r"manifest\.json",
        r"contests.*(id|candidates|age_rank|sections|lists)(\[\d\])?",
        r"MAN-[14]|BAL-2|ENC-5",
    ),
    (r"manifest\.json", r".*", r"BAL-2|ENC-5|MAN-1|MAN-4"),
    (r"keys\.json", r"parameters|ceremony", r"KEY-8|ENC-5|PAR-1"),
    (r"keys\.json", r"modulus", r"MOD-\d|KEY-7"),
    (r"keys\.json", r"certificate.*", r"MOD-\d"),
    (r"keys\.json", r"share_bits", r"KEY-7"),
    (r"keys\.json", r"groups\[\d\]\.(id|threshold|size|trustees.*(index|id|name|role))", r"KEY-8|ENC-5"),
    (r"keys\.json", r"groups\[\d\]\.commitments\[0\]", r"KEY-6"),
    (r"keys\.json", r"groups\[\d\]\.commitments", r"KEY-7|ENC-5"),
    (r"keys\.json", r".*\.key|groups\[\d\]\.commitments\[[1-9]\]", r"DRL-1"),
    (r"keys\.json", r".*", r"KEY-8|ENC-5"),
    (r"drill\.json", r"keys", r"DRL-1"),
    (r"drill\.json", r"contributions.*", r"DRL-1|DRL-3|ENC-5"),
    (r"drill\.json", r"shares(\[\d\]\.(keys|seed|group|member))?", r"DRL-3|ENC-5"),
    (r"drill\.json", r"shares\[\d\]\.values\[\d+\].*", r"DEC-\d"),
    (r"drill\.json", r"roots\[\d+\]", r"DRL-4"),
    (r"drill\.json", r".*", r"ENC-5"),
    (r"open\.json", r".*", r"ACT-2|ENC-5"),
    (r"close\.json", r".*", r"ACT-3|ENC-5"),
    (r"end\.json", r".*", r"END-2|ENC-5"),
    (r"events/.*", r".*", r"EVT-1|ENC-5"),
    (r"amendments/.*", r".*", r"ACT-7|ENC-5"),
    (r"sums/.*", r".*", r"SUM-3|ENC-5"),
    (r"shares/.*", r".*", r"SHR-[123]"),
    (r"results/.*", r"election|contest|unit", r"RES-1"),
    (r"results/.*", r"value|nonce", r"OPN-\d"),
    (r"results/.*", r"counts.*", r"RES-2|ENC-5"),
    (r"seats/.*", r".*", r"SEA-\d|ENC-5"),
    (r"minutes/.*", r".*", r"MIN-1|ENC-5"),
    (r"ballot", r"election", r"BAL-2"),
    (r"ballot", r"contest|unit", r"BAL-3"),
    (r"ballot", r"weight", r"BAL-3|SEL-3"),
    (r"ballot", r"ciphertext|proof\.[aez](\[\d+\])?", r"SEL-\d|ENC-5"),
]


def is_bytes(text: str) -> bool:
    """Tell whether a text is the base64url of 8 bytes or more."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return False
    return len(data) >= 8 and base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text


def changed(value: object) -> object:
    """Change a leaf by as little as possible, within its type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    assert isinstance(value, str)
    if is_bytes(value):
        data = bytearray(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        data[-1] ^= 2
        return base64.urlsafe_b64encode(bytes(data)).rstrip(b"=").decode()
    return value + "x"


def kept(items: list) -> list[int]:
    """Return which elements of a list are changed: all of a short one, first, middle and last of a long one."""
    if len(items) <= 6:
        return list(range(len(items)))
    return sorted({0, len(items) // 2, len(items) - 1})


def mutations(value: object, path: str = "") -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield (field, function that returns the changed whole) for every field of a JSON value."""
    if isinstance(value, dict):
        yield f"{path}.+key".lstrip("."), lambda: {**value, "extra": 0}
        for key, inner in value.items():
            name = f"{path}.{key}".lstrip(".")
            for field, make in mutations(inner, name):
                yield field, lambda key=key, make=make: {**value, key: make()}
    elif isinstance(value, list):
        if value:
            yield path, lambda: value[:-1]
        yield path, lambda: [*value, value[-1] if value else "extra"]
        for place in kept(value):
            for field, make in mutations(value[place], f"{path}[{place}]"):
                yield field, lambda place=place, make=make: [*value[:place], make(), *value[place + 1 :]]
    else:
        yield path, lambda: changed(value)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    """An ended election of three units, with four operations and a new reference key."""
    made = small_world(
        tmp_path_factory.mktemp("base") / "world",
        votes={"one-all": ["a", "b", "a", "blank"], "two-x": ["c", "c"], "two-y": ["a"]},
    )
    made.note("roll-imported", detail="9 voters.")
    made.amend(made.amendment("stolen"))
    made.note("amended")
    made.close()
    made.tally()
    assert audit_record(made.record.path).failures == []
    return made


def entries_of(world: World) -> list[tuple[Kind, str]]:
    """Return kind and file name of every entry that is no ballot; ballots by their place."""
    by_digest = {}
    for name in world.record.files():
        if name.endswith(".json"):
            for kind in Kind:
                by_digest[Entry.of(kind, world.record.bytes_of(name))] = name
    return [(item.entry.kind, by_digest.get(item.entry, str(item.index))) for item in world.reader().items()]


def carry(
    world: World, entries: list[tuple[Kind, str]], ballots: dict[str, bytes], changed_file: str
) -> None:
    """Make all digests above a changed file right again, and sign."""
    record = world.record
    if changed_file in layout.SET_UP_FILES:
        seal = load_json(record.path / layout.SEAL)
        digest = Entry.of(Kind.SEAL, record.bytes_of(changed_file)).digest
        seal[changed_file.removesuffix(".json")] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        save_json(record.path / layout.SEAL, seal)

    def items(kinds: set[Kind]) -> list[tuple[Kind, bytes]]:
        return [
            (kind, ballots[name] if kind == Kind.BALLOT else record.bytes_of(name))
            for kind, name in entries
            if kind in kinds
        ]

    world.carry_upwards(items(set(Kind) - {Kind.END}))
    if changed_file != layout.END:
        end = load_json(record.path / layout.END)
        end["files"] = json.loads(
            canonical_json([one.model_dump(mode="json") for one in committed_files(record)])
        )
        save_json(record.path / layout.END, end)
    world.append(Kind.END, record.bytes_of(layout.END))


def expected(file: str, field: str) -> str:
    return next(
        checks
        for files, fields, checks in EXPECTED
        if re.fullmatch(files, file) and re.fullmatch(fields, field)
    )


def json_files(world: World) -> list[str]:
    return sorted(name for name in world.record.files() if name.endswith(".json"))


def all_mutations(world: World) -> Iterator[tuple[str, str, Callable[[], object]]]:
    for name in json_files(world):
        for field, make in mutations(load_json(world.record.path / name)):
            yield name, field, make
    for item in world.reader().items():
        if item.entry.kind == Kind.BALLOT and item.index in (2, 7):
            for field, make in mutations(json.loads(item.ballot)):
                yield f"ballot {item.index}", field, make


def apply(world: World, name: str, value: object, ballots: dict[str, bytes]) -> None:
    if name.startswith("ballot "):
        ballots[name.removeprefix("ballot ")] = canonical_json(value)
    else:
        save_json(world.record.path / name, value)


def run(world: World, tmp_path: Path, part: int, parts: int) -> None:
    entries = entries_of(world)
    original = {str(item.index): item.ballot for item in world.reader().items()}
    survivors, count = [], 0
    for number, (name, field, make) in enumerate(all_mutations(world)):
        if number % parts != part:
            continue
        count += 1
        value = make()
        for carried in (False,) if name == LAST_EVENT and field in FREE else (False, True):
            copy = world.copy(tmp_path / f"{number}-{carried}")
            ballots = dict(original)
            apply(copy, name, value, ballots)
            if carried:
                carry(copy, entries, ballots, name)
            elif name.startswith("ballot "):
                bundle = next((copy.record.path / "ballots").rglob("*.p/*"))
                old = original[name.removeprefix("ballot ")]
                bundle.write_bytes(bundle.read_bytes().replace(old, ballots[name.removeprefix("ballot ")]))
            report = audit_record(copy.record.path)
            checks = {finding.check for finding in report.failures}
            wanted = expected(name.split()[0], field) if carried else r"[A-Z]+-\d+"
            if report.verified or not any(re.fullmatch(wanted, check) for check in checks):
                survivors.append((name, field, carried, sorted(checks), wanted))
            shutil.rmtree(copy.folder)
    assert survivors == []
    assert count >= 500 // parts


@pytest.mark.parametrize("part", range(8))
def test_every_field_changed_is_refused_by_a_named_check(world, tmp_path, part) -> None:
    run(world, tmp_path, part, 8)


def other_files(world: World) -> list[str]:
    return sorted(name for name in world.record.files() if not name.endswith(".json"))


def test_every_other_file_changed_is_refused(world, tmp_path) -> None:
    source = random.Random(8)
    for number, name in enumerate(other_files(world)):
        for kind in ("flip", "cut", "more", "gone"):
            copy = world.copy(tmp_path / f"{number}-{kind}")
            path = copy.record.path / name
            data = bytearray(path.read_bytes())
            if kind == "flip":
                data[source.randrange(len(data))] ^= 1 << source.randrange(8)
            elif kind == "cut":
                data = data[:-1]
            else:
                data += b"\n"
            path.unlink()
            if kind != "gone":
                path.write_bytes(bytes(data))
            report = audit_record(copy.record.path)
            assert not report.verified, (name, kind)
            assert report.failures, (name, kind)
            assert all(finding.check for finding in report.failures)


@pytest.mark.parametrize(
    ("name", "check"), [(layout.README, "REC-5"), (layout.profession_path("a.txt"), "REC-4")]
)
def test_a_text_changed_and_committed_anew_is_refused(world, tmp_path, name, check) -> None:
    copy = world.copy(tmp_path / "copy")
    original = {str(item.index): item.ballot for item in world.reader().items()}
    entries = entries_of(world)
    (copy.record.path / name).write_bytes(b"Another text.\n")
    carry(copy, entries, original, name)
    assert {finding.check for finding in audit_record(copy.record.path).failures} == {check}


def test_a_closing_checkpoint_of_another_size_is_refused(world, tmp_path) -> None:
    copy = world.copy(tmp_path / "copy")
    reader = world.reader()
    from evote.board import Checkpoint

    earlier = Checkpoint(reader.checkpoint.origin, 3, reader.root_at(3)).sign(world.log_signer)
    (copy.record.path / layout.CLOSING_CHECKPOINT).write_bytes(earlier)
    assert "ACT-5" in {finding.check for finding in audit_record(copy.record.path).failures}


def test_fifty_mutations_through_the_command(world, tmp_path) -> None:
    every = list(all_mutations(world))
    chosen = random.Random(50).sample([one for one in every if not one[0].startswith("ballot")], 50)
    for number, (name, _, make) in enumerate(chosen):
        copy = world.copy(tmp_path / str(number))
        save_json(copy.record.path / name, make())
        run_ = subprocess.run(
            [sys.executable, "-m", "evote", "verify", str(copy.record.path), "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run_.returncode == 1, (name, run_.stderr)
        assert "Traceback" not in run_.stderr
        answer = json.loads(run_.stdout)
        assert not answer["verified"]
        assert answer["failures"][0]["check"]


def test_the_end_is_what_the_files_give(world) -> None:
    assert world.record.read(layout.END, End).files == committed_files(world.record)
