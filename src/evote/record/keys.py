# SPDX-License-Identifier: GPL-3.0-or-later
"""`keys.json`, the drill, and the file that holds a trustee's key share.

Spec: KEY, DRL
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from evote.crypto.group import PublicKey, delta
from evote.crypto.integers import decode_number, encode_number, mpz, power
from evote.encoding import Bytes, Count, Digest, Document, Field, Identifier, Part, PublicKeyBytes, Text
from evote.errors import ParameterError
from evote.params import DRILL_VALUES, MAX_GROUP_SIZE, MOD_ROOTS, MOD_SQUARES, parameter_set
from evote.proofs.decryption import DecryptionProof, Position
from evote.proofs.modulus import ModulusCertificate

Index = Annotated[int, Field(ge=1, le=MAX_GROUP_SIZE)]


class Trustee(Part):
    """A holder of a key share, with the Ed25519 key that signs their acts."""

    index: Index
    id: Identifier
    name: Text
    role: Text
    key: PublicKeyBytes


class KeyGroup(Part):
    """One group's commitments to its sharing polynomial, constant term first."""

    id: Identifier
    threshold: Index
    size: Index
    commitments: Annotated[tuple[Bytes, ...], Field(min_length=1, max_length=MAX_GROUP_SIZE)]
    trustees: Annotated[tuple[Trustee, ...], Field(min_length=1, max_length=3 * MAX_GROUP_SIZE)]


class CertificateRecord(Part):
    """The modulus certificate as bytes."""

    roots: Annotated[tuple[Bytes, ...], Field(max_length=2 * MOD_ROOTS)]
    square_roots: Annotated[tuple[Bytes, ...], Field(max_length=2 * MOD_SQUARES)]


class KeyRecord(Document):
    """`keys.json`: everything public about the election key."""

    type: Literal["evote/keys"] = "evote/keys"
    version: Literal[1] = 1
    parameters: str
    ceremony: Literal["dealer", "distributed"]
    modulus: Bytes
    share_bits: Annotated[int, Field(ge=1, le=1 << 16)]
    groups: Annotated[tuple[KeyGroup, ...], Field(min_length=1, max_length=10)]
    certificate: CertificateRecord

    @cached_property
    def public_key(self) -> PublicKey:
        """The public key; not trusted before its certificate was verified.

        Raises:
            EncodingError: Wrong width (PAR-3).
            ParameterError: Unknown parameter set (PAR-1), or a modulus that is even or too short (MOD-1).
        """
        sizes = parameter_set(self.parameters)
        n = mpz(int.from_bytes(self.modulus, "big"))
        if len(self.modulus) != sizes.number_bytes or n.bit_length() != sizes.modulus_bits or n % 2 == 0:
            raise ParameterError("The modulus is even or has another length than its set.", check="MOD-1")
        return PublicKey(sizes, n)

    @cached_property
    def clearing(self) -> int:
        """Delta, the factorial of the largest group's size."""
        return delta(max(group.size for group in self.groups))

    @cached_property
    def modulus_certificate(self) -> ModulusCertificate:
        """The modulus certificate as numbers."""
        key = self.public_key
        return ModulusCertificate(
            tuple(key.read_number(root) for root in self.certificate.roots),
            tuple(key.read_number(root) for root in self.certificate.square_roots),
        )

    def commitments(self, group: int) -> tuple[mpz, ...]:
        """Return a group's commitments as numbers; `group` from 1."""
        return tuple(self.public_key.read_number(data) for data in self.groups[group - 1].commitments)

    @cached_property
    def positions(self) -> dict[tuple[int, int], Position]:
        """All positions (group, member) with their verification keys v_gi, the product of A_gk^(i^k)."""
        n = self.public_key.n
        found = {}
        for g, group in enumerate(self.groups, 1):
            commitments = self.commitments(g)
            for i in range(1, group.size + 1):
                value = mpz(1)
                for commitment in reversed(commitments):
                    value = power(value, mpz(i), n) * commitment % n
                found[g, i] = Position(g, i, value)
        return found

    def trustee(self, trustee_id: str) -> tuple[Position, Trustee]:
        """Return a trustee and their position.

        Raises:
            ParameterError: Nobody has this id (KEY-8).
        """
        for g, group in enumerate(self.groups, 1):
            for trustee in group.trustees:
                if trustee.id == trustee_id and (g, trustee.index) in self.positions:
                    return self.positions[g, trustee.index], trustee
        raise ParameterError(f"No trustee is called {trustee_id!r}.", check="KEY-8")

    @property
    def trustees(self) -> tuple[Trustee, ...]:
        """All trustees, in order."""
        return tuple(trustee for group in self.groups for trustee in group.trustees)

    def still_needed(self, trustee_ids: Iterable[str]) -> dict[str, int]:
        """Return how many more holders each group needs: group id -> number; empty for a lawful quorum.

        A delegate and their substitute hold one share and count once.

        Args:
            trustee_ids: Who has given a share, or signed.

        Raises:
            ParameterError: One of them is no trustee (KEY-8).

        Spec: RES-3, ACT-7
        """
        places = {(position.group, position.member) for position, _ in map(self.trustee, trustee_ids)}
        missing = {}
        for g, group in enumerate(self.groups, 1):
            present = sum(place[0] == g for place in places)
            if present < group.threshold:
                missing[group.id] = group.threshold - present
        return missing


class ProvenShare(Part):
    """A decryption share X_gi with its proof (t1, t2, z)."""

    share: Bytes
    value_commitment: Bytes
    key_commitment: Bytes
    response: Bytes

    def numbers(self, keys: KeyRecord) -> tuple[mpz, DecryptionProof]:
        """Return share and proof as numbers.

        Raises:
            EncodingError: A number has another width than it must (PAR-3).
        """
        key = keys.public_key
        width = key.parameters.share_response_bytes(keys.share_bits)
        proof = DecryptionProof(
            key.read_number(self.value_commitment),
            key.read_number(self.key_commitment),
            decode_number(self.response, width),
        )
        return key.read_number(self.share), proof

    @classmethod
    def of(cls, keys: KeyRecord, share: mpz, proof: DecryptionProof) -> ProvenShare:
        """Write share and proof as bytes."""
        key = keys.public_key
        return cls.make(
            share=key.number_bytes(share),
            value_commitment=key.number_bytes(proof.value_commitment),
            key_commitment=key.number_bytes(proof.key_commitment),
            response=encode_number(proof.response, key.parameters.share_response_bytes(keys.share_bits)),
        )


class DrillContribution(Document):
    """A position's 32 random bytes for the drill, as posted by its trustee."""

    type: Literal["evote/drill-contribution"] = "evote/drill-contribution"
    version: Literal[1] = 1
    keys: Digest
    group: Index
    member: Index
    value: Digest


class DrillShares(Document):
    """A position's shares of all drill values, as posted by its trustee."""

    max_bytes: ClassVar[int] = 4 << 20

    type: Literal["evote/drill-shares"] = "evote/drill-shares"
    version: Literal[1] = 1
    keys: Digest
    seed: Digest
    group: Index
    member: Index
    values: Annotated[tuple[ProvenShare, ...], Field(min_length=DRILL_VALUES, max_length=DRILL_VALUES)]


class Drill(Document):
    """`drill.json`: the transcript that shows that the key opens with every required quorum."""

    max_bytes: ClassVar[int] = 64 << 20

    type: Literal["evote/drill"] = "evote/drill"
    version: Literal[1] = 1
    keys: Digest
    contributions: Annotated[tuple[DrillContribution, ...], Field(max_length=200)]
    shares: Annotated[tuple[DrillShares, ...], Field(max_length=200)]
    roots: Annotated[tuple[Bytes, ...], Field(min_length=DRILL_VALUES, max_length=DRILL_VALUES)]


class SealedSecret(Part):
    """A secret under an activation code: Argon2id, then ChaCha20-Poly1305."""

    salt: Bytes
    memory_kib: Count
    passes: Count
    lanes: Count
    nonce: Bytes
    ciphertext: Bytes


class KeyShareHeader(Part):
    """The public part of a share file; authenticated with the secret."""

    keys: Digest
    trustee: Identifier
    name: Text
    role: Text
    group: Index
    member: Index


class KeyShareFile(Document):
    """One trustee's share file."""

    max_bytes: ClassVar[int] = 64 << 10

    type: Literal["evote/key-share"] = "evote/key-share"
    version: Literal[1] = 1
    header: KeyShareHeader
    sealed: SealedSecret


class KeyShareSecret(Document):
    """What is sealed in a share file."""

    type: Literal["evote/key-share-secret"] = "evote/key-share-secret"
    version: Literal[1] = 1
    key_share: Annotated[Bytes, Field(repr=False)]
    signing_seed: Annotated[Bytes, Field(repr=False, min_length=32, max_length=32)]
