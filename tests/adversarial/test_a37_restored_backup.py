# SPDX-License-Identifier: GPL-3.0-or-later
"""A37: yesterday's copy of a database or of the folder is put back; the service refuses to sign, and says why."""

from __future__ import annotations

import shutil

import pytest

from evote.errors import StateError
from evote.verify import audit_record
from office import copy, encrypt, enter, open_office
from simulator import OPENS

YESTERDAY, TODAY = OPENS + 60, OPENS + 7200


@pytest.fixture
def week(tmp_path):
    """The folder of yesterday, and today's, in which more was cast and a publication was done in between."""
    folder = open_office(tmp_path / "e")
    with enter(folder, YESTERDAY) as box:
        box.cast("ada", encrypt(box, "ada", "one", "a").to_bytes())
    yesterday = copy(folder, tmp_path / "yesterday")
    with enter(folder, TODAY) as box:
        assert box.publish() == 1
        box.cast("bea", encrypt(box, "bea", "one", "b").to_bytes())
    with enter(folder, TODAY) as box:
        assert box.turnout()["one"] == 2
    return folder, yesterday


@pytest.mark.parametrize(
    ("restored", "check"),
    [
        (("box.db",), "BOX-15"),  # its state names another slot key
        (("register.db",), "BOX-4"),  # fewer marks than ballots
        (("register.db", "box.db"), "BOX-15"),
        (("log.json",), "BRD-18"),  # the published log is ahead of its state
        (("slot.key",), "BOX-15"),
    ],
)
def test_what_is_restored_is_noticed_before_anything_is_signed(week, restored, check) -> None:
    folder, yesterday = week
    checkpoint = (folder / "record" / "checkpoint").read_bytes()
    for name in restored:
        shutil.copy(yesterday / "private" / name, folder / "private" / name)
    with pytest.raises(StateError) as caught, enter(folder, TODAY):
        pass
    assert caught.value.check == check
    assert (folder / "record" / "checkpoint").read_bytes() == checkpoint


def test_the_whole_folder_restored_beside_databases_that_went_on(week) -> None:
    """The box remembers a longer log: its key would sign a second history."""
    folder, yesterday = week
    for name in ("register.db", "box.db"):
        shutil.copy(folder / "private" / name, yesterday / "private" / name)
    shutil.copy(folder / "private" / "slot.key", yesterday / "private" / "slot.key")
    with pytest.raises(StateError) as caught, enter(yesterday, TODAY):
        pass
    assert caught.value.check == "BOX-4"


def test_what_was_not_restored_goes_on(week) -> None:
    folder, _ = week
    with enter(folder, TODAY) as box:
        box.cast("cyd", encrypt(box, "cyd", "one", "b").to_bytes())
        box.close_vote()
    assert audit_record(folder / "record", until="closed").verified
