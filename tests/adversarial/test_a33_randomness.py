# SPDX-License-Identifier: GPL-3.0-or-later
"""A33: where secrets come from, and that none is used twice."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import evote
from evote.ballot import Choice, encrypt_ballot
from evote.ballot import encrypt as encrypt_module
from evote.crypto import integers
from evote.crypto.integers import mpz, power, random_below, random_bits
from evote.proofs.selection import verify_selection
from evote.record.slot import Slot
from forgery import opened
from simulator import World, contest, draft, sealed_manifest

SLOT = Slot("one", "all", "one-all", 1)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    plan = draft((contest("one"),))
    return World(tmp_path_factory.mktemp("a33") / "w", sealed_manifest(plan, {"one-all": (9, 9)}))


def test_the_two_sources_are_the_operating_systems() -> None:
    for source in (random_bits, random_below):
        assert "secrets." in inspect.getsource(source)
    values = {random_bits(256) for _ in range(100)}
    assert len(values) == 100
    assert {random_below(mpz(3)) for _ in range(200)} == {0, 1, 2}
    assert random_below(mpz(1)) == 0


def test_no_other_generator_is_imported_or_seeded() -> None:
    forbidden = {"random", "numpy", "uuid", "time.time_ns"}
    for path in Path(evote.__file__).parent.rglob("*.py"):
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
            elif isinstance(node, ast.Attribute) and node.attr in {
                "random_state",
                "mpz_urandomb",
                "mpz_random",
            }:
                names.add("random")
        assert path.name == "demo.py" or not names & forbidden, path


def test_no_two_ballots_share_a_number(world) -> None:
    seen: list[mpz] = []
    for _ in range(20):
        _, ciphertext, proof = opened(
            world.election, encrypt_ballot(world.election, SLOT, Choice.list("a")).to_bytes()
        )
        seen += [ciphertext, *proof.commitments, *proof.challenges, *proof.responses]
    assert len(seen) == len(set(seen)) == 20 * (1 + 3 * 4)


def test_a_retry_draws_everything_anew(world, monkeypatch) -> None:
    """The mask of the true branch is as large as can be: its response is too long, and nothing of this try is kept."""
    sizes = world.election.key.parameters
    limit = (mpz(1) << sizes.response_bits) - 1
    drawn: list[mpz] = []

    def source(bits: int) -> mpz:
        # 1 nonce; then a try draws 3 partial challenges and 4 masks
        value = limit if len(drawn) <= 7 and bits == sizes.response_bits else integers.random_bits(bits)
        drawn.append(value)
        return value

    monkeypatch.setattr(encrypt_module, "random_bits", source)
    ballot = encrypt_ballot(world.election, SLOT, Choice.list("a")).ballot
    item = world.election.selection_item(ballot)
    verify_selection(*item)
    assert len(drawn) == 1 + 7 + 7
    kept = {*item[1].challenges, *item[1].responses}
    assert not kept & set(drawn[1:8])
    assert len(kept & set(drawn[8:])) == 3 + 3


def test_a_kept_mask_would_give_the_nonce_away(world) -> None:
    """Why: two responses of one mask and two challenges solve for the nonce, and with it for the vote."""
    key = world.election.key
    nonce, mask = random_bits(key.parameters.nonce_bits), random_bits(key.parameters.response_bits)
    (e, f) = random_bits(256), random_bits(256)
    z, y = mask + e * nonce, mask + f * nonce
    assert (z - y) // (e - f) == nonce
    assert power(key.base, nonce, key.square) == power(key.base, (z - y) // (e - f), key.square)


def test_neither_choice_nor_nonce_is_shown_or_kept(world) -> None:
    made = encrypt_ballot(world.election, SLOT, Choice.list("a"))
    assert "a" not in repr(Choice.list("a")).removeprefix("Choice")
    assert set(vars(made)) <= {"election", "ballot", "_bytes", "leaf_hash"}
