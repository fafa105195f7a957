# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evote.box import Phase, setup
from evote.box.draft import read_draft, write_draft
from evote.box.ports import PublishedBallot
from evote.box.service_keys import create_service_keys, load_service_keys
from evote.crypto.notes import NoteKey
from evote.errors import EncodingError, EvoteError, ParameterError, StateError, VerificationError
from evote.manifest import Profession
from evote.verify import audit_record
from evote.verify.software import software_digest

from .conftest import OPENS, ROLL, World, make_draft


def _seal_refused(world: World, error: type[EvoteError], check: str, reason: str = "") -> None:
    with pytest.raises(error) as caught:
        setup.seal_election(world.directory, reason=reason)
    assert caught.value.check == check


def test_a_draft_is_written_for_people_and_read_back(tmp_path: Path) -> None:
    write_draft(tmp_path, make_draft())
    fields = json.loads((tmp_path / "manifest.json").read_text())
    assert fields["timetable"]["opens"].startswith("2027-01-15T")
    assert read_draft(tmp_path) == make_draft()


def test_a_draft_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    write_draft(tmp_path, make_draft())
    fields = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**fields, "colour": "blue"}))
    with pytest.raises(EncodingError) as caught:
        read_draft(tmp_path)
    assert caught.value.check == "ENC-5"


def test_an_election_folder_is_made_once(tmp_path: Path) -> None:
    setup.create_election_folder(tmp_path, make_draft())
    keys = load_service_keys(tmp_path / "private", "vote.example/box")
    assert [key.name for key in (keys.log, keys.reference, keys.register)] == [
        "vote.example/box",
        "vote.example/box/reference",
        "vote.example/box/register",
    ]
    assert (tmp_path / "private" / "log.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(StateError) as caught:
        setup.create_election_folder(tmp_path, make_draft())
    assert caught.value.check == "BOX-12"


def test_keys_take_the_name_of_an_origin_that_was_edited(tmp_path: Path) -> None:
    before = create_service_keys(tmp_path, "vote.example/a")
    after = create_service_keys(tmp_path, "vote.example/b")
    assert after.log.note_key == NoteKey("vote.example/b", before.log.key.public)
    with pytest.raises(StateError) as caught:
        load_service_keys(tmp_path, "vote.example/a")
    assert caught.value.check == "BOX-5"


def test_what_is_no_election_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StateError) as caught:
        setup.import_roll(tmp_path, ROLL.encode())
    assert caught.value.check == "BOX-12"


def test_the_software_has_one_digest() -> None:
    assert software_digest() == software_digest()


def test_sealing_makes_a_record_that_verifies_and_can_be_repeated(
    world_of: Callable[[Path], World], drafted: Path
) -> None:
    world = world_of(drafted)
    election = setup.seal_election(world.directory)
    assert [entry.voters for entry in election.manifest.roll] == [3, 2, 2]
    assert audit_record(world.record, until="sealed").verified
    before = world.files()
    assert setup.seal_election(world.directory).id == election.id
    assert world.files() == before
    assert world.enter().phase == Phase.SEALED


@pytest.mark.parametrize("missing", ["keys.json", "drill.json"])
def test_sealing_needs_the_ceremony(world_of: Callable[[Path], World], drafted: Path, missing: str) -> None:
    world = world_of(drafted)
    (setup.ceremony_folder(world.directory) / missing).unlink()
    _seal_refused(world, StateError, "ACT-1")


def test_sealing_needs_a_roll(world_of: Callable[[Path], World], drafted: Path) -> None:
    world = world_of(drafted)
    (world.directory / "private" / "register.db").unlink()
    _seal_refused(world, StateError, "BOX-1")


def test_sealing_needs_the_policys_keys(world_of: Callable[[Path], World], drafted: Path) -> None:
    world = world_of(drafted)
    policy = make_draft().policy
    group = policy.groups[0]
    other = group.replace(members=(group.members[0].replace(name="Zoé Autre"), *group.members[1:]))
    write_draft(
        world.directory, make_draft().replace(policy=policy.replace(groups=(other, *policy.groups[1:])))
    )
    _seal_refused(world, VerificationError, "KEY-8")


def test_sealing_refuses_toy_keys_for_a_real_election(
    world_of: Callable[[Path], World], drafted: Path
) -> None:
    world = world_of(drafted)
    write_draft(world.directory, make_draft().replace(mode="REAL"))
    _seal_refused(world, ParameterError, "MAN-11")


def test_sealing_needs_an_empty_box(world_of: Callable[[Path], World], drafted: Path) -> None:
    world = world_of(drafted)
    world.premises().urn.store.move([], [PublishedBallot(b"d" * 32, b"s" * 32, 1, b"ballot")])
    _seal_refused(world, StateError, "ACT-1")


def test_professions_are_sealed_by_their_digest(world_of: Callable[[Path], World], drafted: Path) -> None:
    world, draft = world_of(drafted), make_draft()
    contest = draft.contests[0]
    text = b"%PDF profession"
    profession = Profession.make(file="a.pdf", digest=hashlib.sha256(text).digest())
    lists = (contest.lists[0].replace(professions=(profession,)), *contest.lists[1:])
    write_draft(world.directory, draft.replace(contests=(contest.replace(lists=lists), *draft.contests[1:])))
    (world.directory / "professions" / "a.pdf").write_bytes(text + b"!")
    _seal_refused(world, StateError, "REC-4")
    (world.directory / "professions" / "a.pdf").write_bytes(text)
    setup.seal_election(world.directory)
    assert (world.record / "professions" / "a.pdf").read_bytes() == text
    assert audit_record(world.record, until="sealed").verified


def test_sealing_again_needs_a_reason_and_begins_a_new_log(
    world_of: Callable[[Path], World], sealed: Path
) -> None:
    world = world_of(sealed)
    old = world.enter().public
    setup.import_roll(world.directory, ROLL.replace("Eve", "Eva").encode())
    _seal_refused(world, StateError, "ACT-1")
    new = setup.seal_election(world.directory, reason="A name was misspelt.")
    assert (new.seal.supersedes, new.seal.reason) == ((old.id,), "A name was misspelt.")
    assert not {new.seal.log_key, new.seal.reference_key} & {old.seal.log_key, old.seal.reference_key}
    assert audit_record(world.record, until="sealed").verified
    assert audit_record(world.directory / f"record-{old.id.hex()[:8]}", until="sealed").verified
    assert setup.seal_election(world.directory).id == new.id
    box = world.enter()
    box.open_vote()
    _seal_refused(world, StateError, "ACT-1", reason="Too late.")
    with pytest.raises(StateError) as caught:
        setup.import_roll(world.directory, ROLL.encode())
    assert caught.value.check == "ACT-1"


@pytest.mark.parametrize("steps", range(5))
def test_sealing_again_goes_on_after_a_crash(
    world_of: Callable[[Path], World], sealed: Path, steps: int
) -> None:
    world = world_of(sealed)
    private = world.directory / "private"
    old = world.enter().public
    setup.import_roll(world.directory, ROLL.encode())
    marker = setup.Resealing.make(election=old.id, reason="Again.")
    (private / "resealing.json").write_bytes(marker.to_bytes())
    if steps == 1:
        world.record.rename(world.directory / f"record-{old.id.hex()[:8]}")
    if steps > 1:
        setup._set_aside(world.directory, old.id)
    if steps == 3:
        create_service_keys(private, "vote.example/box")
        (world.record / "professions").mkdir(parents=True)
        (world.record / "professions" / "old.pdf").write_bytes(b"left behind")
    if steps == 4:
        setup.seal_election(world.directory)
        (private / "resealing.json").write_bytes(marker.to_bytes())
    new = setup.seal_election(world.directory)
    assert new.seal.supersedes == (old.id,)
    assert not (private / "resealing.json").exists()
    assert audit_record(world.record, until="sealed").verified
    assert setup.seal_election(world.directory).id == new.id


def test_an_interrupted_first_seal_is_made_again(world_of: Callable[[Path], World], sealed: Path) -> None:
    world = world_of(sealed)
    (world.directory / "private" / "log.json").unlink()
    shutil.rmtree(world.record / "tile")
    shutil.rmtree(world.record / "ballots")
    (world.record / "checkpoint").unlink()
    setup.seal_election(world.directory)
    assert audit_record(world.record, until="sealed").verified


def test_the_plan_may_change_after_the_roll(world_of: Callable[[Path], World], drafted: Path) -> None:
    world, draft = world_of(drafted), make_draft()
    one = draft.counting.units[0].replace(id="council", sections=("north", "south"))
    write_draft(
        world.directory, draft.replace(counting=draft.counting.replace(units=(one, draft.counting.units[2])))
    )
    election = setup.seal_election(world.directory)
    assert [(entry.unit, entry.voters) for entry in election.manifest.roll] == [("council", 5), ("board", 2)]
    box = world.enter()
    world.clock.now = OPENS
    box.open_vote()
    assert box.slot("cyd", "council").unit == "council"
