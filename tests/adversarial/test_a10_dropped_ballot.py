# SPDX-License-Identifier: GPL-3.0-or-later
"""A10: a ballot whose reference was issued is dropped; reference and closed record convince a third party."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace

import pytest

from evote.board.lookup import check_reference_in
from evote.board.record_folder import RecordFolder
from evote.verify import audit_record
from office import close_office, encrypt, enter, open_office, tree
from simulator import CLOSES, OPENS


def judge(record, reference) -> tuple[bool, str]:
    """What a third party finds, who has nothing but the published record and the reference."""
    folder = RecordFolder(record)
    verdict = check_reference_in(folder, folder.election(), str(reference), CLOSES + 10**6)
    return verdict.signature, verdict.presence


@pytest.fixture(scope="module")
def dropped(tmp_path_factory):
    """A server that takes two ballots and makes one disappear, with its mark; the published record, the receipts."""
    base = tmp_path_factory.mktemp("a10")
    folder = open_office(base / "e")
    with enter(folder) as box:
        receipts = {}
        for voter in ("ada", "bea"):
            ballot = encrypt(box, voter, "one", "a")
            receipts[voter] = box.cast(voter, ballot.to_bytes())
            ballot.check_receipt(receipts[voter])
            last = ballot
        premises = box._premises
        key = premises.urn.keys.current()
        name = key.name(hashlib.sha256(last.to_bytes()).digest())
        with premises.register._database.transaction() as connection:
            connection.exec_driver_sql(
                "UPDATE entitlements SET state = 0, voted_at = 0 WHERE voter = 'bea' AND contest = 'one'"
            )
        premises.urn.store.move([name], [])
    close_office(folder)
    shutil.copytree(folder / "record", base / "published")
    return base / "published", receipts


def test_nothing_else_shows_the_fraud(dropped) -> None:
    """The server has taken care: marks and ballots agree, and the record verifies."""
    record, _ = dropped
    assert audit_record(record, until="closed").verified


def test_the_reference_does(dropped) -> None:
    record, receipts = dropped
    assert judge(record, receipts["ada"].reference) == (True, "found")
    assert judge(record, receipts["bea"].reference) == (True, "missing")


def test_no_complaint_can_be_made_up(dropped) -> None:
    """So that «missing» accuses the server and nobody else."""
    record, receipts = dropped
    true = receipts["bea"].reference
    for made_up in (
        replace(true, leaf_hash=bytes(32)),
        replace(true, contest_number=1),
        replace(true, publish_by=true.publish_by + 60),
        replace(true, election_prefix=bytes(8)),
        replace(receipts["ada"].reference, leaf_hash=true.leaf_hash),
    ):
        assert judge(record, made_up) == (False, "unknown")


def test_judging_changes_nothing_and_needs_nothing_of_the_server(dropped) -> None:
    record, receipts = dropped
    before = tree(record)
    assert not (record.parent / "private").exists()
    judge(record, receipts["bea"].reference)
    assert tree(record) == before


def test_before_its_time_a_ballot_is_pending_and_nobody_is_accused(tmp_path) -> None:
    folder = open_office(tmp_path / "e")
    with enter(folder) as box:
        ballot = encrypt(box, "ada", "one", "a")
        receipt = box.cast("ada", ballot.to_bytes())
    with enter(folder, OPENS + 120) as box:
        verdict = box.check_reference(str(receipt.reference))
    assert (verdict.signature, verdict.presence) == (True, "pending")
