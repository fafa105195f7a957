# SPDX-License-Identifier: GPL-3.0-or-later
"""Decryption share proof.

Statement   context, X, position (g, i), verification key v_gi, share X_gi
Witness     key share s
Relation    X_gi^2 = (X^(4 Delta))^s and v_gi = v^s, up to sign

Equality of two discrete logarithms over the integers, the mask long enough to hide the share. Both sides of
each equation are squared, so that elements of order two vanish and many proofs are tested in one batch.

Spec: DEC
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from evote.crypto.group import PublicKey, verification_base
from evote.crypto.integers import RandomBits, is_unit, mpz, power, random_bits, secret_power
from evote.crypto.multi_power import multi_power
from evote.crypto.residues import PlainResidues
from evote.crypto.transcript import challenge, u32, u64
from evote.errors import InvalidProof
from evote.proofs.batch import find_invalid

_DOMAIN = "evote/v1/decryption"
_DRILL_DOMAIN = "evote/v1/drill"


@dataclass(frozen=True, slots=True)
class Position:
    """A trustee's place in the key policy and the public half of the key share.

    Attributes:
        group: Index of the group, from 1.
        member: Index in the group, from 1.
        verification_key: v_gi, derived from the commitments.
    """

    group: int
    member: int
    verification_key: mpz


@dataclass(frozen=True, slots=True)
class DecryptionContext:
    """Where a share is made: one value of one tally or of one drill.

    Attributes:
        domain: Separates tally and drill.
        items: The first items of the challenge.
        value: X, the unit modulo n whose root is wanted.
    """

    domain: str
    items: tuple[bytes, ...]
    value: mpz


@dataclass(frozen=True, slots=True)
class DecryptionStatement:
    """What the proof is about.

    Attributes:
        key: The public key.
        clearing: Delta.
        share_bits: Bound of key shares in bits.
        position: Whose share.
        context: The value X, and where it comes from.
        share: X_gi, the smaller of +-X^(2 Delta s) mod n; untrusted.
    """

    key: PublicKey
    clearing: int
    share_bits: int
    position: Position
    context: DecryptionContext
    share: mpz


@dataclass(frozen=True, slots=True)
class DecryptionProof:
    """The proof's moves.

    Attributes:
        value_commitment: t1 = (X^(4 Delta))^w in (0, n), a unit.
        key_commitment: t2 = v^w in (0, n), a unit.
        response: z = w + e s in [0, 2^(B + 256 + 128 + 1)).
    """

    value_commitment: mpz
    key_commitment: mpz
    response: mpz


def tally_context(
    key: PublicKey, election: bytes, size: int, root: bytes, unit: str, ciphertext: mpz
) -> DecryptionContext:
    """Return the context of the sum of a unit at a closing checkpoint (FS-4)."""
    items = (election, u64(size), root, unit.encode(), key.ciphertext_bytes(ciphertext))
    return DecryptionContext(_DOMAIN, items, ciphertext % key.n)


def drill_context(key: PublicKey, keys_digest: bytes, index: int, value: mpz) -> DecryptionContext:
    """Return the context of the drill's value number `index` (FS-4)."""
    return DecryptionContext(_DRILL_DOMAIN, (keys_digest, u32(index), key.number_bytes(value)), value)


def compute_decryption_share(key: PublicKey, clearing: int, value: mpz, key_share: mpz) -> mpz:
    """Return the smaller of +-X^(2 Delta s) mod n.

    Args:
        key: The public key.
        clearing: Delta.
        value: X in (0, n), a unit.
        key_share: s; secret.

    Spec: DEC-2
    """
    share = secret_power(value, 2 * clearing * key_share, key.n)
    return min(share, key.n - share)


def _challenge(statement: DecryptionStatement, value_commitment: mpz, key_commitment: mpz) -> mpz:
    key, position = statement.key, statement.position
    numbers = (position.verification_key, statement.share, value_commitment, key_commitment)
    items = (*statement.context.items, u32(position.group), u32(position.member))
    return challenge(statement.context.domain, items + tuple(key.number_bytes(number) for number in numbers))


def prove_decryption(
    statement: DecryptionStatement, key_share: mpz, randomness: RandomBits
) -> DecryptionProof:
    """Prove that a decryption share was made with the committed key share.

    Args:
        statement: What is proved.
        key_share: s; secret.
        randomness: The operating system's source.

    Spec: DEC-P1 to DEC-P3
    """
    key = statement.key
    # P1. The mask is longer than e s by the statistical slack: a shorter one would leak the share.
    mask = randomness(key.parameters.mask_bits(statement.share_bits))
    # P2. Commit.
    base = power(statement.context.value, mpz(4 * statement.clearing), key.n)
    value_commitment = secret_power(base, mask, key.n)
    key_commitment = secret_power(verification_base(key, statement.clearing), mask, key.n)
    # P3. Respond.
    response = mask + _challenge(statement, value_commitment, key_commitment) * key_share
    return DecryptionProof(value_commitment, key_commitment, response)


def check_decryption_ranges(statement: DecryptionStatement, proof: DecryptionProof) -> None:
    """Check everything about share and proof but the equations.

    Raises:
        InvalidProof: DEC-1 ranges and units, DEC-2 the larger of the two signs.

    Spec: DEC-1, DEC-2
    """
    key = statement.key
    numbers = (statement.share, proof.value_commitment, proof.key_commitment)
    if not all(is_unit(number, key.n) for number in numbers):
        raise InvalidProof("A share or commitment is not a unit modulo n.", check="DEC-1")
    bound = key.parameters.share_response_bits(statement.share_bits)
    if proof.response < 0 or proof.response.bit_length() > bound:
        raise InvalidProof("The response is out of range.", check="DEC-1")
    if 2 * statement.share > key.n:
        raise InvalidProof("The share is the larger of its two signs.", check="DEC-2")


def verify_decryption(statement: DecryptionStatement, proof: DecryptionProof) -> None:
    """Check one decryption share; return silently if it is the right one.

    Args:
        statement: Context rebuilt by the caller; the share in it untrusted.
        proof: Untrusted.

    Raises:
        InvalidProof: Not proven; `check` is the step, DEC-1 to DEC-4.

    Spec: DEC-1 to DEC-4
    """
    check_decryption_ranges(statement, proof)
    _verify_equations((statement, proof))


DecryptionItem = tuple[DecryptionStatement, DecryptionProof]


def _verify_equations(item: DecryptionItem) -> None:
    statement, proof = item
    key, n = statement.key, statement.key.n
    e = _challenge(statement, proof.value_commitment, proof.key_commitment)
    # DEC-3. ((X^(4 Delta))^z)^2 = (t1 (X_gi^2)^e)^2
    left = power(statement.context.value, 4 * statement.clearing * proof.response, n)
    right = proof.value_commitment * power(statement.share, 2 * e, n) % n
    if left * left % n != right * right % n:
        raise InvalidProof("The share does not belong to this value.", check="DEC-3")
    # DEC-4. (v^z)^2 = (t2 v_gi^e)^2
    left = power(verification_base(key, statement.clearing), proof.response, n)
    right = proof.key_commitment * power(statement.position.verification_key, e, n) % n
    if left * left % n != right * right % n:
        raise InvalidProof("The share was not made with the trustee's key share.", check="DEC-4")


def find_invalid_decryptions(
    items: Sequence[DecryptionItem], randomness: RandomBits = random_bits
) -> dict[int, InvalidProof]:
    """Verify many shares at once and return the index and error of each one that does not hold.

    Args:
        items: Statements of one key and one Delta, with untrusted proofs.
        randomness: For the batch's own exponents; nobody may know them beforehand.

    Spec: DEC-5
    """
    return find_invalid(
        items,
        lambda item: check_decryption_ranges(*item),
        lambda batch: _batch_holds(batch, randomness),
        _verify_equations,
    )


def _batch_holds(items: Sequence[DecryptionItem], randomness: RandomBits) -> bool:
    """Test the product of all equations, each to a random power; equal bases are brought together."""
    first = items[0][0]
    key, n, bits = first.key, first.key.n, first.key.parameters.batch_bits
    left: defaultdict[mpz, mpz] = defaultdict(mpz)
    right: defaultdict[mpz, mpz] = defaultdict(mpz)
    v = verification_base(key, first.clearing)
    for statement, proof in items:
        e = _challenge(statement, proof.value_commitment, proof.key_commitment)
        rho, sigma = randomness(bits) + 1, randomness(bits) + 1
        left[statement.context.value] += 4 * statement.clearing * rho * proof.response
        right[proof.value_commitment] += rho
        right[statement.share] += 2 * rho * e
        left[v] += sigma * proof.response
        right[proof.key_commitment] += sigma
        right[statement.position.verification_key] += sigma * e
    difference = [multi_power(list(side), list(side.values()), PlainResidues(n)) for side in (left, right)]
    return bool(difference[0] ** 2 % n == difference[1] ** 2 % n)
