# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup, a lost file or a changed draft could do to a running election is refused."""

from __future__ import annotations

import json
import secrets
import shutil

import pytest

from evote.box import setup
from evote.errors import NotEligible, StateError, StorageError

from .conftest import CLOSES, OPENS, encrypt


def test_register_and_box_from_a_backup_are_refused(world_of, opened) -> None:
    """A voter whose ballot is in the log would vote a second time."""
    world = world_of(opened)
    backup = world.directory.with_name("backup")
    shutil.copytree(world.directory / "private", backup)
    with world.enter() as box:
        box.cast("bea", encrypt(box, "bea", "council").to_bytes())
        assert box.publish(forced=True) == 1
    with world.enter() as box:
        assert box.status("bea")["council"] == "voted"
    for name in ("register.db", "box.db"):
        shutil.copy(backup / name, world.directory / "private" / name)
    with pytest.raises(StateError) as caught:
        world.enter()
    assert caught.value.check == "BOX-15"  # another slot key: a publication was done since


@pytest.mark.parametrize("name", ["register.db", "box.db"])
def test_a_missing_store_is_not_made_anew(world_of, opened, name: str) -> None:
    world = world_of(opened)
    path = world.directory / "private" / name
    path.unlink()
    with pytest.raises(StorageError) as caught:
        world.enter()
    assert caught.value.check == "BOX-2"
    assert not path.exists()


def test_tickets_of_another_slot_key_are_not_judged(world_of, opened) -> None:
    """With a foreign key the ballot's own ticket would look like a cast that never reached the box."""
    world = world_of(opened)
    box = world.enter()
    ballot = encrypt(box, "bea", "council").to_bytes()
    premises = world.premises()
    with premises.alone():
        premises.register.reserve("bea", "council", secrets.token_bytes(32), OPENS)
    key = world.directory / "private" / "slot.key"
    own = key.read_bytes()
    key.write_bytes(secrets.token_bytes(len(own)))
    with pytest.raises(StateError) as caught:
        world.enter()
    assert caught.value.check == "BOX-15"
    key.write_bytes(own)
    box = world.enter()
    assert box.status("bea")["council"] == "in progress"
    box.cast("bea", ballot)


def test_nothing_is_opened_that_was_changed_after_sealing(world_of, sealed) -> None:
    for change in ("draft", "hours", "keys"):
        world = world_of(sealed)
        draft = world.directory / "manifest.json"
        if change == "draft":
            draft.write_text(draft.read_text().replace('"TEST"', '"REAL"', 1))
        elif change == "hours":
            plan = json.loads(draft.read_text())
            plan["timetable"]["closes"] = CLOSES + 60
            plan["timetable"]["grace_ends"] = CLOSES + 120
            draft.write_text(json.dumps(plan))
        else:
            keys = world.directory / "ceremony" / "keys.json"
            keys.write_bytes(keys.read_bytes().replace(b'"Anne', b'"Enna'))
        box = world.enter()
        with pytest.raises((StateError, ValueError)) as caught:
            box.open_vote()
        assert caught.value.check in ("ACT-2", "MAN-11")
        assert not (world.record / "open.json").exists()


def test_another_software_than_the_sealed_one_does_not_open(world_of, sealed, monkeypatch) -> None:
    world = world_of(sealed)
    box = world.enter()
    monkeypatch.setattr(setup, "software", lambda: box.public.manifest.software.replace(release="other"))
    with pytest.raises(StateError) as caught:
        box.open_vote()
    assert (caught.value.check, caught.value.subject) == ("ACT-2", "software")
    monkeypatch.undo()
    box.open_vote()


def test_a_vote_is_not_opened_after_its_sealed_end(world_of, sealed) -> None:
    world = world_of(sealed)
    world.clock.now = CLOSES + 86_400
    box = world.enter()
    with pytest.raises(StateError) as caught:
        box.open_vote()
    assert caught.value.check == "ACT-2"


def test_an_id_that_is_no_text_is_on_no_roll(world_of, opened) -> None:
    box = world_of(opened).enter()
    with pytest.raises(NotEligible) as caught:
        box.slot(voter="\ud800", contest="council")
    assert caught.value.check == "BOX-7"


def test_what_was_cast_before_a_restore_within_one_slot_is_missed(world_of, opened) -> None:
    """No publication was done between, the slot key is the right one, and marks and ballots agree."""
    world = world_of(opened)
    box = world.enter()
    backup = world.directory.with_name("noon")
    shutil.copytree(world.directory / "private", backup)
    box.cast("bea", encrypt(box, "bea", "council").to_bytes())
    for name in ("register.db", "box.db"):
        shutil.copy(backup / name, world.directory / "private" / name)
    with pytest.raises(StateError) as caught:
        world.enter()
    assert caught.value.check == "BOX-4"


def test_stores_from_before_the_opening_are_refused(world_of, sealed) -> None:
    world = world_of(sealed)
    for name in ("register.db", "box.db"):
        shutil.copy(world.directory / "private" / name, world.directory / name)
    world.enter().open_vote()
    for name in ("register.db", "box.db"):
        shutil.copy(world.directory / name, world.directory / "private" / name)
    with pytest.raises(StateError) as caught:
        world.enter()
    assert caught.value.check == "BOX-4"


@pytest.mark.parametrize("left", ["slot.key", "slot.key.next", ".slot.key.0123456789abcdef.tmp"])
def test_a_slot_key_that_survived_the_closing_is_erased_when_the_box_is_opened(
    world_of, opened, left
) -> None:
    world = world_of(opened)
    world.enter().close_vote()
    path = world.directory / "private" / left
    path.write_bytes(secrets.token_bytes(32))
    world.enter()
    assert not path.exists()


def test_a_cast_that_is_undone_is_not_taken_for_a_lost_ballot(world_of, opened) -> None:
    """It was under way while another cast noted how many ballots there are."""
    world = world_of(opened)
    box = world.enter()
    assert world.premises().register.reserve("bea", "council", secrets.token_bytes(32), OPENS)
    box.cast("cyd", encrypt(box, "cyd", "council").to_bytes())
    assert world.premises().high_water.read() == 1
    world.enter()  # undoes the other one
    assert box.status("bea")["council"] == "in progress"
    world.enter()
