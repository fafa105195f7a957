# SPDX-License-Identifier: GPL-3.0-or-later
"""A40: a key that passes every equation and opens nothing, or opens for some quorums only.

The dealer takes p = 2 l p1 + 1 and searches until v has no part of order l. Shares of d + p1 q1 instead of d fit
every commitment, because v cannot see the difference; uniform units can.
"""

from __future__ import annotations

from functools import lru_cache

import pytest

from evote.crypto.group import PublicKey, delta, verification_base
from evote.crypto.integers import inverse, mpz, power
from evote.crypto.primes import safe_prime
from evote.errors import InvalidProof, ProtocolError
from evote.keys.drill import contribute_to_drill, finish_drill, make_drill_shares
from evote.keys.share_file import verify_key_share
from evote.manifest.template import bureau_policy
from evote.record.keys import Drill
from evote.verify import drill as drill_module
from evote.verify.drill import verify_drill, verify_drill_shares
from evote.verify.keys import verify_key_record
from forgery import deal_by_hand, prime_of_order, refused
from toys import TOY

L = 5


@lru_cache
def blind_primes(*, seen: bool = True) -> tuple[mpz, mpz]:
    """Return p, q such that v has no part of order L modulo p.

    Args:
        seen: The combined shares enter a root as W^y with y 4 Delta^2 = 1 modulo n; whether L divides y or not
            decides if the root can be wrong at all.
    """
    q = safe_prime(256)
    while True:
        p = prime_of_order(256, L)
        n = p * q
        if n.bit_length() != 512 or (inverse(mpz(4 * delta(4) ** 2), n) % L != 0) != seen:
            continue
        if power(verification_base(PublicKey(TOY, n), delta(4)), (p - 1) // L, p) == 1:
            return p, q


def hidden() -> mpz:
    """Return p1 q1, the order of the units that v generates: what v cannot see."""
    p, q = blind_primes()
    return (p >> 1) // L * (q >> 1)


def bureau(secret: mpz | None = None, **shifts: mpz):
    """Deal, and let everybody check what they can check."""
    p, q = blind_primes()
    keys, shares = deal_by_hand(p, q, secret=secret, shifts=shifts)
    verify_key_record(keys, "toy-512", bureau_policy())
    for share in shares.values():
        verify_key_share(keys, share)
    return keys, shares


def drill(keys, shares) -> Drill:
    contributions = [contribute_to_drill(keys, share) for share in shares.values()]
    posted = [make_drill_shares(keys, share, contributions) for share in shares.values()]
    contexts = drill_module.drill_contexts(keys, drill_module.drill_seed(keys, contributions))
    verify_drill_shares(keys, posted[0].seed, contexts, posted)  # every share is proved
    return finish_drill(keys, contributions, posted)


def test_such_a_modulus_with_the_right_exponent_is_a_working_key() -> None:
    keys, shares = bureau()
    verify_drill(keys, drill(keys, shares))


def wrong_exponent() -> mpz:
    p, q = blind_primes()
    order = (p >> 1) * (q >> 1)
    return (inverse(p * q, order) + hidden()) % order


def test_a_key_that_opens_nothing_fails_the_drill() -> None:
    keys, shares = bureau(wrong_exponent())
    with refused(ProtocolError, "DRL-4"):
        drill(keys, shares)


def test_a_wrong_exponent_that_no_root_would_show_fails_the_drill_by_its_quorums() -> None:
    """L divides y: every root is right, the combined shares are not; DRL-4 alone would let it pass."""
    p, q = blind_primes(seen=False)
    order = (p >> 1) * (q >> 1)
    secret = (inverse(p * q, order) + order // L) % order
    keys, shares = deal_by_hand(p, q, secret=secret)
    verify_key_record(keys, "toy-512", bureau_policy())
    with pytest.raises(ProtocolError) as caught:
        drill(keys, shares)
    assert (caught.value.check, caught.value.subject) == ("DRL-5", "1.1 2.1 2.2")


@pytest.mark.parametrize("trustee", ["garnier", "roux", "fontaine"])
def test_a_key_that_one_trustee_cannot_open_fails_the_drill(trustee: str) -> None:
    """The lowest indices open; whoever counts on this trustee would not."""
    keys, shares = bureau(**{trustee: hidden()})
    with pytest.raises(ProtocolError) as caught:
        drill(keys, shares)
    assert caught.value.check == "DRL-5"
    position = shares[trustee].position
    assert f"{position.group}.{position.member}" in caught.value.subject.split()


@pytest.mark.parametrize("trustee", ["lefevre", "moreau", "petit"])
def test_a_key_that_the_first_quorum_cannot_open_fails_the_drill(trustee: str) -> None:
    keys, shares = bureau(**{trustee: hidden()})
    with refused(ProtocolError, "DRL-4"):
        drill(keys, shares)


def test_the_verifier_refuses_the_drill_of_a_bureau_that_lets_it_pass(monkeypatch) -> None:
    """The whole bureau and the dealer together cannot publish a drill of a dead key."""
    for secret, shifts in ((wrong_exponent(), {}), (None, {"fontaine": hidden()})):
        keys, shares = bureau(secret, **shifts)
        with monkeypatch.context() as patch:
            patch.setattr("evote.keys.drill.verify_drill_roots", lambda *_: None)
            published = drill(keys, shares)
        with pytest.raises(InvalidProof) as caught:
            verify_drill(keys, published)
        assert caught.value.check == ("DRL-4" if secret else "DRL-5")


def test_a_single_value_would_let_it_pass_now_and_then() -> None:
    """Why 48 values: a uniform unit has no part of order l in one of l cases."""
    p, _ = blind_primes()
    keys, _ = bureau()
    contexts = drill_module.drill_contexts(keys, keys.digest())
    blind = sum(power(context.value, (p - 1) // L, p) == 1 for context in contexts)
    assert len(contexts) - blind > 0
    assert len(contexts) == 48
