# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
from pathlib import Path

import pytest

from evote.box import BallotBox
from evote.box.database import database_path
from evote.box.register import Register
from evote.box.urn import BallotStore
from evote.errors import InvalidBallot, ParameterError, StorageError


@pytest.mark.parametrize(
    ("url", "path"), [("", "here.db"), ("sqlite:///a/b.db", "a/b.db"), ("sqlite:////a/b.db", "/a/b.db")]
)
def test_urls_are_read_as_elsewhere(url: str, path: str) -> None:
    assert database_path(url, Path("here.db")) == Path(path)


@pytest.mark.parametrize("url", ["postgresql+psycopg://x/y", "sqlite://", "sqlite:///", "x.db"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ParameterError) as caught:
        database_path(url, Path("here.db"))
    assert caught.value.check == "BOX-2"


def test_register_and_box_are_two_files(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    with pytest.raises(ParameterError) as caught:
        BallotBox.open(tmp_path, box=f"sqlite:///{tmp_path}/private/register.db")
    assert caught.value.check == "BOX-2"


def test_a_store_is_private_and_of_one_kind(tmp_path: Path) -> None:
    Register(tmp_path / "x.db").close()
    assert stat.S_IMODE((tmp_path / "x.db").stat().st_mode) == 0o600
    with pytest.raises(StorageError) as caught:
        BallotStore(tmp_path / "x.db")
    assert caught.value.check == "BOX-2"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError) as caught:
        Register(tmp_path / "x.db")
    assert caught.value.check == "BOX-2"


def test_the_store_refuses_copies_and_reads_in_key_order(tmp_path: Path) -> None:
    store = BallotStore(tmp_path / "box.db")
    bodies = [b"ballot %d" % i for i in range(600)]
    for i, body in enumerate(bodies):
        store.put(body, b"square %d" % i, 7)
    for body, square in ((bodies[0], b"another"), (b"another", b"square 0")):
        with pytest.raises(InvalidBallot) as caught:
            store.put(body, square, 7)
        assert caught.value.check == "BAL-4"
    assert store.count() == 600
    assert list(store.digests()) == sorted(store.digests())
    assert sorted(store.bodies()) == sorted(bodies)
    assert (len(store.due(6, 7)), store.due(7, 9)) == (600, [])
    store.close()
