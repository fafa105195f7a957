# SPDX-License-Identifier: GPL-3.0-or-later
"""Selection proof.

Statement   election, contest, unit, weight, L + 1 options, digit length b, n, ciphertext c
Witness     option j, nonce exponent alpha
Relation    c = g^(m_j) H^alpha mod n^2 with m_j = 2^(b j), 0 <= j <= L

A disjunction of L + 1 statements "c g^(-m_i) is an n-th residue": the prover simulates all but the true one,
the challenge fixes the sum of the partial challenges. Sound if the larger prime factor of n exceeds 2^256 and
every partial challenge was checked to be below 2^256.

Spec: SEL
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from evote.crypto.fixed_base import PowerOfBase, plain_power
from evote.crypto.group import PublicKey
from evote.crypto.integers import RandomBits, fma, gcd, mpz, power, product, random_bits
from evote.crypto.multi_power import multi_power
from evote.crypto.residues import SquareResidues
from evote.crypto.transcript import challenge, u32, u64
from evote.errors import InvalidProof, ParameterError
from evote.proofs.batch import find_invalid

_DOMAIN = "evote/v1/selection"


@dataclass(frozen=True, slots=True)
class SelectionStatement:
    """What the proof is about; rebuilt by the verifier from manifest and keys, never read from the ballot.

    Attributes:
        key: The public key.
        election: Election id, 32 bytes.
        contest: Contest id.
        unit: Counting unit id.
        weight: Weight of the vote, in [1, 2^64).
        options: Number of options L + 1, at least 2.
        digit_bits: Length b of one counter, at least 1.
        ciphertext: c.
    """

    key: PublicKey
    election: bytes
    contest: str
    unit: str
    weight: int
    options: int
    digit_bits: int
    ciphertext: mpz

    def message(self, option: int) -> mpz:
        """Return the plaintext m_j of an option."""
        return mpz(1) << (self.digit_bits * option)


@dataclass(frozen=True, slots=True)
class SelectionProof:
    """The proof's moves, L + 1 of each.

    Attributes:
        commitments: a_i in (0, n^2), units.
        challenges: e_i in [0, 2^256).
        responses: z_i in [0, 2^Z).
    """

    commitments: tuple[mpz, ...]
    challenges: tuple[mpz, ...]
    responses: tuple[mpz, ...]


@dataclass(frozen=True, slots=True)
class SelectionWitness:
    """What only the voter's device knows.

    Attributes:
        option: j in [0, L].
        nonce: alpha in [0, 2^A).
    """

    option: int = field(repr=False)
    nonce: mpz = field(repr=False)


def encrypt_option(key: PublicKey, message: mpz, nonce: mpz, powers: PowerOfBase) -> mpz:
    """Return the ciphertext g^m H^alpha mod n^2.

    Spec: KEY-1
    """
    return key.message_power(message) * powers(nonce) % key.square


def _challenge(statement: SelectionStatement, commitments: Sequence[mpz]) -> mpz:
    key = statement.key
    items = [
        statement.election,
        statement.contest.encode(),
        statement.unit.encode(),
        u64(statement.weight),
        u32(statement.options),
        u32(statement.digit_bits),
        key.n_bytes,
        key.ciphertext_bytes(statement.ciphertext),
    ]
    return challenge(_DOMAIN, items + [key.ciphertext_bytes(a) for a in commitments])


def prove_selection(
    statement: SelectionStatement, witness: SelectionWitness, powers: PowerOfBase, randomness: RandomBits
) -> SelectionProof:
    """Prove that the ciphertext encrypts one of the options, without saying which.

    Args:
        statement: What is proved.
        witness: Secret.
        powers: Powers of H.
        randomness: The operating system's source; each call must be fresh.

    Raises:
        ParameterError: The statement is false for this witness.

    Spec: SEL-P1 to SEL-P4
    """
    key, sizes = statement.key, statement.key.parameters
    j, alpha = witness.option, witness.nonce
    # P1. Refuse a false statement.
    if not 0 <= j < statement.options:
        raise ParameterError("This option is not in the contest.", check="SEL-1")
    if encrypt_option(key, statement.message(j), alpha, powers) != statement.ciphertext:
        raise ParameterError("The ciphertext is not the encryption of this choice.", check="SEL-4")
    while True:
        # P2. Simulate every branch but the true one, whose partial challenge is still open (0 for now).
        challenges = [
            randomness(sizes.challenge_bits) if i != j else mpz(0) for i in range(statement.options)
        ]
        masks = [_mask(alpha * e, sizes.response_bits, randomness) for e in challenges]
        commitments = tuple(
            powers(z - alpha * e)
            * key.message_power((statement.message(i) - statement.message(j)) * e)
            % key.square
            for i, (e, z) in enumerate(zip(challenges, masks, strict=True))
        )
        # P3. The challenge fixes the true branch's share.
        total = _challenge(statement, commitments)
        challenges[j] = (total - sum(challenges)) % (mpz(1) << sizes.challenge_bits)
        # P4. Respond; a response that is too long would tell the branch, so all starts again with fresh values.
        masks[j] += challenges[j] * alpha
        if masks[j].bit_length() <= sizes.response_bits:
            return SelectionProof(commitments, tuple(challenges), tuple(masks))


def _mask(least: mpz, bits: int, randomness: RandomBits) -> mpz:
    """Return a uniform value of `bits` bits that is at least `least`."""
    while (value := randomness(bits)) < least:
        pass
    return value


def check_selection_ranges(statement: SelectionStatement, proof: SelectionProof) -> None:
    """Check everything about a proof but its equations.

    Units are checked with the equations: a batch inverts the product of all its numbers.

    Raises:
        InvalidProof: SEL-1 counts, SEL-2 ranges, SEL-3 sum of the partial challenges.

    Spec: SEL-1, SEL-2, SEL-3
    """
    key, sizes = statement.key, statement.key.parameters
    # SEL-1. One of each move for every option.
    if {len(proof.commitments), len(proof.challenges), len(proof.responses)} != {statement.options}:
        raise InvalidProof("The proof has another number of options than the contest.", check="SEL-1")
    # SEL-2. Ranges. An unchecked partial challenge makes the proof forgeable (e = n k).
    if not all(0 < value < key.square for value in (statement.ciphertext, *proof.commitments)):
        raise InvalidProof("A ciphertext or commitment is out of range.", check="SEL-2")
    if not all(e >= 0 and e.bit_length() <= sizes.challenge_bits for e in proof.challenges):
        raise InvalidProof("A partial challenge is out of range.", check="SEL-2")
    if not all(z >= 0 and z.bit_length() <= sizes.response_bits for z in proof.responses):
        raise InvalidProof("A response is out of range.", check="SEL-2")
    # SEL-3. The partial challenges add up to the hash of statement and commitments.
    total = sum(proof.challenges) % (mpz(1) << sizes.challenge_bits)
    if total != _challenge(statement, proof.commitments):
        _check_units(statement, proof)
        raise InvalidProof("The partial challenges do not add up to the challenge.", check="SEL-3")


def verify_selection(statement: SelectionStatement, proof: SelectionProof) -> None:
    """Check one proof by its own equations; return silently if it proves the statement.

    The reference that the batch is measured against. Not constant time; handles no secret.

    Args:
        statement: Rebuilt by the caller.
        proof: Untrusted.

    Raises:
        InvalidProof: Not proven; `check` is the step, SEL-1 to SEL-4.

    Spec: SEL-1 to SEL-4
    """
    check_selection_ranges(statement, proof)
    _verify_equations((statement, proof))


SelectionItem = tuple[SelectionStatement, SelectionProof]


def _check_units(statement: SelectionStatement, proof: SelectionProof) -> None:
    n = statement.key.n
    if gcd(product((statement.ciphertext, *proof.commitments), n), n) != 1:
        raise InvalidProof("A ciphertext or commitment is not a unit modulo n squared.", check="SEL-2")


def _verify_equations(item: SelectionItem) -> None:
    """SEL-2. Units. SEL-4. (H^z)^2 = (a (c g^-m)^e)^2 for every option; squares, as -1 is the n-th power of -1."""
    statement, proof = item
    key, modulus = statement.key, statement.key.square
    _check_units(statement, proof)
    powers = plain_power(key)
    for i, (a, e, z) in enumerate(zip(proof.commitments, proof.challenges, proof.responses, strict=True)):
        branch = statement.ciphertext * key.message_power(-statement.message(i)) % modulus
        difference = powers(z), a * power(branch, e, modulus) % modulus
        if difference[0] ** 2 % modulus != difference[1] ** 2 % modulus:
            raise InvalidProof("The equation of an option does not hold.", check="SEL-4")


def find_invalid_selections(
    items: Sequence[SelectionItem], randomness: RandomBits = random_bits, powers: PowerOfBase | None = None
) -> dict[int, InvalidProof]:
    """Verify many proofs at once and return the index and error of each one that does not hold.

    Args:
        items: Statements of one key, with untrusted proofs; all fixed before this call.
        randomness: For the batch's own exponents; nobody may know them beforehand.
        powers: Powers of H, of which a batch needs one; by default plain exponentiation.

    Returns:
        Empty if all hold. Verdicts agree with `verify_selection` but with probability 2^-127.

    Spec: SEL-5
    """
    return find_invalid(
        items,
        lambda item: check_selection_ranges(*item),
        lambda batch: _batch_holds(batch, randomness, powers),
        _verify_equations,
    )


def verify_selections(
    items: Sequence[SelectionItem], randomness: RandomBits = random_bits, powers: PowerOfBase | None = None
) -> None:
    """Check many proofs at once; one alone has its own equations batched.

    Args:
        items: As in `find_invalid_selections`.
        randomness: As there.
        powers: As there; a service that verifies ballot after ballot gives `base_table(key)`.

    Raises:
        InvalidProof: The first one that does not hold.

    Spec: SEL-5
    """
    ready = list(items)
    for statement, proof in ready:
        check_selection_ranges(statement, proof)
    if ready and not _batch_holds(ready, randomness, powers):
        for item in ready:
            _verify_equations(item)


def _batch_holds(
    items: Sequence[SelectionItem], randomness: RandomBits, powers: PowerOfBase | None = None
) -> bool:
    """Test (H^(sum rho z))^2 = (prod a^rho prod c^(sum rho e) g^(-sum rho e m))^2, and that all are units."""
    key = items[0][0].key
    bits = key.parameters.batch_bits
    bases: list[mpz] = []
    exponents: list[mpz] = []
    response, message = mpz(0), mpz(0)
    for statement, proof in items:
        combined = mpz(0)
        for i, (e, z) in enumerate(zip(proof.challenges, proof.responses, strict=True)):
            rho = randomness(bits) or mpz(1)
            exponents.append(rho)
            response = fma(rho, z, response)
            weighted = rho * e
            combined += weighted
            message += weighted << (statement.digit_bits * i)
        bases += proof.commitments
        bases.append(statement.ciphertext)
        exponents.append(combined)
    try:
        product_of_powers = multi_power(bases, exponents, SquareResidues(key.n))
    except ParameterError:  # not all of them are units
        return False
    left = (powers or plain_power(key))(response)
    right = product_of_powers * key.message_power(-message) % key.square
    return bool(left * left % key.square == right * right % key.square)
