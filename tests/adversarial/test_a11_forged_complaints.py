# SPDX-License-Identifier: GPL-3.0-or-later
"""A10, A11: a dropped ballot's reference is evidence; a made-up one is invalid, never missing."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import replace

import pytest
from click.testing import CliRunner

from evote.board.lookup import check_reference_in
from evote.cli import main
from evote.crypto.merkle import leaf_hash
from evote.crypto.notes import NoteSigner
from evote.record.reference import Reference, sign_reference
from office import encrypt, enter, open_office
from simulator import CLOSES, OPENS, small_world

PUBLISH_BY = OPENS + 4200


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return small_world(tmp_path_factory.mktemp("a11") / "w", votes={"one-all": ["a", "b"], "two-x": ["c"]})


def published(world) -> bytes:
    return next(
        leaf for item in world.reader().items() if (leaf := leaf_hash(item.entry.to_bytes())) and item.ballot
    )


def verdict(world, reference: Reference | str, now: float = PUBLISH_BY + 1):
    found = check_reference_in(world.record, world.election, str(reference), now)
    return found.signature, found.presence


def test_a_published_ballot_is_found_and_a_dropped_one_is_missing(world) -> None:
    good = sign_reference(world.election, world.reference_signer, "one", published(world), PUBLISH_BY)
    assert verdict(world, good) == (True, "found")
    dropped = sign_reference(world.election, world.reference_signer, "one", b"d" * 32, PUBLISH_BY)
    assert verdict(world, dropped, PUBLISH_BY) == (True, "pending")
    assert verdict(world, dropped) == (True, "missing")


def test_a_made_up_reference_is_invalid_and_never_missing(world) -> None:
    good = sign_reference(world.election, world.reference_signer, "one", b"d" * 32, PUBLISH_BY)
    assert verdict(world, good) == (True, "missing")
    stranger = NoteSigner.generate(world.election.manifest.origin + "/reference")
    forged = sign_reference(world.election, stranger, "one", b"d" * 32, PUBLISH_BY)
    for made_up in (
        forged,
        replace(forged, key_id=good.key_id),
        replace(good, leaf_hash=b"e" * 32),
        replace(good, publish_by=PUBLISH_BY - 1),
        replace(good, contest_number=1),
        replace(good, contest_number=99),
        replace(good, election_prefix=b"x" * 8),
        replace(good, signature=secrets.token_bytes(64)),
        str(good)[:-1],
        "4Z38-PvjZ",
        "",
    ):
        assert verdict(world, made_up) == (False, "unknown")
        assert verdict(world, made_up, now=CLOSES * 2) == (False, "unknown")


def test_the_signature_of_the_log_or_register_is_none_of_a_reference(world) -> None:
    for signer in (world.log_signer, world.register_signer):
        other = sign_reference(world.election, signer, "one", b"d" * 32, PUBLISH_BY)
        good_id = sign_reference(world.election, world.reference_signer, "one", b"d" * 32, PUBLISH_BY).key_id
        assert verdict(world, other) == (False, "unknown")
        assert verdict(world, replace(other, key_id=good_id)) == (False, "unknown")


def test_nothing_is_pending_once_the_vote_is_closed(world, tmp_path) -> None:
    closed = world.copy(tmp_path / "w")
    dropped = sign_reference(world.election, world.reference_signer, "one", b"d" * 32, CLOSES + 1200)
    assert verdict(closed, dropped, OPENS + 1) == (True, "pending")
    closed.close()
    assert verdict(closed, dropped, OPENS + 1) == (True, "missing")


def test_a_ballot_taken_out_of_the_box_is_missed_by_its_voter(tmp_path) -> None:
    folder = open_office(tmp_path / "e")
    with enter(folder) as box:
        hers, his = encrypt(box, "ada", "one", "a"), encrypt(box, "bea", "one", "b")
        receipts = [box.cast("ada", hers.to_bytes()), box.cast("bea", his.to_bytes())]
        urn = box._premises.urn
        name = urn.keys.current().name(hashlib.sha256(hers.to_bytes()).digest())
        with sqlite3.connect(folder / "private" / "box.db") as stolen:
            stolen.execute("DELETE FROM sealed WHERE key = ?", (name,))
        stolen.close()
        assert box.publish(forced=True) == 1
        box._premises.clock.now = OPENS + 7200
        verdicts = [box.check_reference(str(one.reference)) for one in receipts]
    assert [(one.signature, one.presence) for one in verdicts] == [(True, "missing"), (True, "found")]
    run = CliRunner().invoke(main, ["check", str(receipts[0].reference), "--record", str(folder / "record")])
    assert run.exit_code == 1
    assert "The signature is valid" in run.stdout
    assert "NOT in the published log" in run.stdout
