# SPDX-License-Identifier: GPL-3.0-or-later
"""Random elections, from ballots to verified record: the counts are those of a plaintext count.

The sums are decrypted by `phe` too, given the factors of the key, which this test catches from the dealer.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import simulator
from evote.crypto.integers import mpz
from evote.crypto.paillier import decrypt_integer
from evote.crypto.primes import safe_prime_pair
from evote.manifest import merge_small_units
from evote.record.tally import Sum
from evote.verify import audit, audit_record
from evote.verify.drill import verify_drill
from evote.verify.keys import verify_key_record
from simulator import World, contest, draft, sealed_manifest


@pytest.fixture(scope="module")
def factors():
    """Deal the key of these tests anew and catch its factors."""
    caught: list[tuple[mpz, mpz]] = []

    def catch(bits, progress=None):
        caught.append(safe_prime_pair(bits, progress))
        return caught[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evote.keys.dealer.safe_prime_pair", catch)
        made = simulator._dealt.__wrapped__("toy-512", simulator.bureau_policy())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulator, "_dealt", lambda *_: made)
        patch.setattr(
            audit, "verify_key_record", lru_cache(verify_key_record)
        )  # the same key in every election:
        patch.setattr(audit, "verify_drill", lru_cache(verify_drill))  # verified once
        yield caught[-1]


@st.composite
def elections(strategy):
    """Return contests (id -> lists, sections, seats), a minimum, and votes (unit, choice, weight)."""
    contests, votes = {}, []
    for number in range(strategy(st.integers(1, 3))):
        name = f"c{number}"
        lists = strategy(st.integers(1, 6))
        sections = [f"s{place}" for place in range(strategy(st.integers(1, 3)))]
        contests[name] = (lists, sections, strategy(st.integers(1, 7)))
        choices = st.sampled_from(["blank", *(chr(ord("a") + place) for place in range(lists))])
        vote = st.tuples(
            st.sampled_from([f"{name}-{one}" for one in sections]), choices, st.sampled_from([1, 1, 1, 2, 7])
        )
        votes += strategy(st.lists(vote, max_size=4))
    return contests, strategy(st.integers(1, 3)), votes


def build(folder, contests, minimum, votes) -> World:
    plan = draft(
        tuple(
            contest(name, lists, seats=seats, sections=tuple(sections))
            for name, (lists, sections, seats) in contests.items()
        ),
        minimum=minimum,
    )
    rolls = {
        unit.id: (
            1 + sum(where == unit.id for where, _, _ in votes),
            1 + sum(weight for where, _, weight in votes if where == unit.id),
        )
        for unit in plan.counting.units
    }
    world = World(folder, sealed_manifest(plan, rolls))
    world.open()
    world.publish([world.encrypt(*vote) for vote in votes])
    world.close()
    return world


def plaintext_counts(world: World, votes) -> dict[str, tuple[int, ...]]:
    """Count in the clear: group of units -> counts by option."""
    manifest = world.election.manifest
    cast = Counter(unit for unit, _, _ in votes)
    counts = {}
    for one in manifest.contests:
        options = ["blank", *(entry.id for entry in one.lists)]
        for group in merge_small_units(manifest, one.id, cast):
            inside = {unit.id for unit in group}
            weights = Counter()
            for unit, choice, weight in votes:
                weights[choice] += weight if unit in inside else 0
            counts[group[0].id] = tuple(weights[option] for option in options)
    return counts


def phe_counts(world: World, unit: str, factors) -> tuple[int, ...]:
    """Decrypt a published sum with the factors and take its counters apart."""
    total = world.record.read(f"sums/{unit}.json", Sum)
    key = world.election.key
    message = int(decrypt_integer(key, *factors, key.read_ciphertext(total.ciphertext)))
    bits = world.election.manifest.digit_bits(total.contest)
    options = world.election.manifest.contest(total.contest).options
    assert message >> (bits * options) == 0
    return tuple(message >> (bits * place) & ((1 << bits) - 1) for place in range(options))


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(drawn=elections())
def test_the_counts_are_those_of_a_plaintext_count(tmp_path_factory, factors, drawn) -> None:
    contests, minimum, votes = drawn
    world = build(tmp_path_factory.mktemp("e") / "w", contests, minimum, votes)
    outcome = world.tally()
    expected = plaintext_counts(world, votes)
    assert {unit: result.counts for unit, result in outcome.results.items()} == expected
    assert {unit: phe_counts(world, unit, factors) for unit in expected} == expected
    for name, seats in outcome.seats.items():
        columns = [counts for unit, counts in expected.items() if unit.startswith(f"{name}-")]
        blank, *lists = (sum(column) for column in zip(*columns, strict=True))
        assert (seats.blank, [one.votes for one in seats.lists]) == (blank, lists)
    report = audit_record(world.record.path)
    assert report.failures == []
    assert report.verified
