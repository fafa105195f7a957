# SPDX-License-Identifier: GPL-3.0-or-later
"""A25 and A26: numbers that would destroy a sum, and numbers written in a second way, in every published object."""

from __future__ import annotations

import dataclasses

import pytest

from evote.crypto.integers import encode_number, mpz
from evote.encoding import encode_base64url
from evote.errors import EncodingError, InvalidProof, ParameterError
from evote.proofs.decryption import DecryptionStatement, verify_decryption
from evote.proofs.opening import OpeningStatement, open_with_root, verify_opening
from evote.record.ballot import Ballot, BallotProof
from evote.record.key_share import prove_share
from evote.record.keys import ProvenShare
from evote.verify.drill import drill_contexts, drill_seed
from forgery import changed, opened, refused, written
from simulator import World, audit_ballots, contest, dealt, draft, sealed_manifest
from toys import factored_key

KEYS = dealt()[0].record
N, SQUARE = KEYS.public_key.n, KEYS.public_key.square
NO_UNITS = [("0", mpz(0)), ("n", N), ("2n", 2 * N), ("n(n-1)", N * (N - 1))]
OUTSIDE = [("n^2", SQUARE), ("n^2+1", SQUARE + 1)]
names = lambda value: value if isinstance(value, str) else ""  # noqa: E731


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    plan = draft((contest("one"),))
    return World(tmp_path_factory.mktemp("a25") / "w", sealed_manifest(plan, {"one-all": (9, 9)}))


@pytest.fixture(scope="module")
def ballot(world) -> bytes:
    made = world.encrypt("one-all", "a")
    assert audit(world, made) == []
    return made


def audit(world: World, *ballots: bytes) -> list[str]:
    return [check for check, _ in audit_ballots(world.election, ballots)[1]]


@pytest.mark.parametrize(("name", "value"), NO_UNITS + OUTSIDE, ids=names)
def test_a_ballot_whose_ciphertext_is_no_unit_is_refused(world, ballot, name: str, value: mpz) -> None:
    parts, _, proof = opened(world.election, ballot)
    spoilt = written(world.election, parts, value, proof)
    assert audit(world, spoilt) == ["SEL-2"]
    honest = world.encrypt("one-all", "b")
    auditor, found = audit_ballots(world.election, [spoilt, honest])
    assert found == [("SEL-2", 0)]
    tally = auditor.tallies["one-all"]
    assert (tally.ballots, tally.product) == (
        1,
        opened(world.election, honest)[1],
    )  # the sum does not hold it


@pytest.mark.parametrize(("name", "value"), NO_UNITS + OUTSIDE, ids=names)
@pytest.mark.parametrize("index", [0, 3])
def test_a_commitment_that_is_no_unit_is_refused(world, ballot, index: int, name: str, value: mpz) -> None:
    parts, ciphertext, proof = opened(world.election, ballot)
    spoilt = changed(proof, "commitments", index, value)
    assert audit(world, written(world.election, parts, ciphertext, spoilt)) == ["SEL-2"]


def test_a_multiple_of_one_factor_is_refused() -> None:
    """Only the dealer could know one; the check does not need to."""
    key, p, q = factored_key()
    for factor in (p, q):
        statement = OpeningStatement(key, mpz(1), 2, 8, 0)
        assert verify_opening(statement, mpz(0), mpz(1)) == (0, 0)
        for root in (factor, factor * 5 % key.n):
            with refused(InvalidProof, "OPN-1"):
                verify_opening(statement, mpz(0), root)
            with refused(InvalidProof, "OPN-1"):
                open_with_root(statement, root)


@pytest.mark.parametrize("root", [mpz(0), N, N + 1, mpz(-1)], ids=["0", "n", "n+1", "-1"])
def test_a_nonce_outside_its_range_is_refused(root: mpz) -> None:
    statement = OpeningStatement(KEYS.public_key, mpz(1), 2, 8, 0)
    verify_opening(statement, mpz(0), mpz(1))
    with refused(InvalidProof, "OPN-1"):
        verify_opening(statement, mpz(0), root)


def share_item() -> tuple[DecryptionStatement, ProvenShare]:
    deal, shares, drill = dealt()
    context = drill_contexts(deal.record, drill_seed(deal.record, drill.contributions))[0]
    proven = prove_share(deal.record, shares["moreau"], context)
    value, _ = proven.numbers(KEYS)
    return (
        DecryptionStatement(KEYS.public_key, KEYS.clearing, 512, shares["moreau"].position, context, value),
        proven,
    )


@pytest.mark.parametrize("value", [mpz(0), N, N + 1], ids=["0", "n", "n+1"])
def test_a_share_or_commitment_that_is_no_unit_is_refused(value: mpz) -> None:
    statement, proven = share_item()
    proof = proven.numbers(KEYS)[1]
    verify_decryption(statement, proof)
    with refused(InvalidProof, "DEC-1"):
        verify_decryption(dataclasses.replace(statement, share=value), proof)
    for field in ("value_commitment", "key_commitment"):
        with refused(InvalidProof, "DEC-1"):
            verify_decryption(statement, dataclasses.replace(proof, **{field: value}))


def ballot_with(world, data: bytes, field: str, value: bytes) -> bytes:
    """Return the canonical bytes of a ballot in which one number has other bytes."""
    parts = Ballot.from_bytes(data)
    if field == "ciphertext":
        return parts.replace(ciphertext=value).to_bytes()
    moves = {name: getattr(parts.proof, name) for name in ("a", "e", "z")}
    moves[field] = (value, *moves[field][1:])
    return parts.replace(proof=BallotProof.make(**moves)).to_bytes()


@pytest.mark.parametrize("field", ["ciphertext", "a", "e", "z"])
def test_a26_a_number_of_another_width_is_refused(world, ballot, field: str) -> None:
    parts = Ballot.from_bytes(ballot)
    number = parts.ciphertext if field == "ciphertext" else getattr(parts.proof, field)[0]
    assert audit(world, ballot_with(world, ballot, field, number)) == []
    for other in (b"\0" + number, number + b"\0", number[1:], b""):
        assert audit(world, ballot_with(world, ballot, field, other)) == ["PAR-3"]


def test_a26_the_same_residue_written_larger_is_refused(world) -> None:
    """c + n^2 fits the width for some moduli; it is the same residue and would be a second form of the ballot."""
    for _ in range(200):
        data = world.encrypt("one-all", "a")
        parts, ciphertext, proof = opened(world.election, data)
        if ciphertext + SQUARE < mpz(1) << 1024:
            assert audit(world, written(world.election, parts, ciphertext + SQUARE, proof)) == ["SEL-2"]
            return
    assert mpz(1) << 1024 < 2 * SQUARE


def test_a26_a_challenge_or_response_written_larger_does_not_fit(world, ballot) -> None:
    _, _, proof = opened(world.election, ballot)
    sizes = KEYS.public_key.parameters
    for value, width in (
        (proof.challenges[0] + (mpz(1) << 256), sizes.challenge_bytes),
        (proof.responses[0] + (mpz(1) << sizes.response_bits), sizes.response_bytes),
        (mpz(-1), sizes.response_bytes),
    ):
        with refused(ParameterError, "PAR-3"):
            encode_number(value, width)


@pytest.mark.parametrize("field", ["share", "value_commitment", "key_commitment", "response"])
def test_a26_numbers_of_a_share_have_one_width(field: str) -> None:
    _, proven = share_item()
    number = getattr(proven, field)
    for other in (b"\0" + number, number[1:], b""):
        with refused(EncodingError, "PAR-3"):
            proven.replace(**{field: other}).numbers(KEYS)


def test_a26_the_spare_bits_of_a_response_are_zero() -> None:
    """B + 385 bits take whole bytes: what is beyond the bound is refused though it fits."""
    statement, proven = share_item()
    _, proof = proven.numbers(KEYS)
    bound = KEYS.public_key.parameters.share_response_bits(512)
    width = KEYS.public_key.parameters.share_response_bytes(512)
    assert bound == 897 < 8 * width
    larger = dataclasses.replace(proof, response=proof.response + (mpz(1) << bound))
    assert len(encode_number(larger.response, width)) == width
    with refused(InvalidProof, "DEC-1"):
        verify_decryption(statement, larger)


def test_a26_base64_has_one_form_inside_a_ballot(world, ballot) -> None:
    text = encode_base64url(Ballot.from_bytes(ballot).ciphertext)
    assert ballot.count(text.encode()) == 1
    for other in (text + "=", text + "==", " " + text, text[:-1] + "+", text + "\\n"):
        assert audit(world, ballot.replace(text.encode(), other.encode())) == ["ENC-5"]
