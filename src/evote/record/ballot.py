# SPDX-License-Identifier: GPL-3.0-or-later
"""The encrypted ballot as it is published.

Spec: BAL
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from evote.crypto.group import PublicKey
from evote.crypto.integers import decode_number, encode_number, mpz
from evote.encoding import Bytes, Digest, Document, Field, Identifier, Part
from evote.params import MAX_OPTIONS
from evote.proofs.selection import SelectionProof

Moves = Annotated[tuple[Bytes, ...], Field(min_length=2, max_length=MAX_OPTIONS)]


class BallotProof(Part):
    """The moves of the selection proof: commitments, partial challenges, responses."""

    a: Moves
    e: Moves
    z: Moves


class Ballot(Document):
    """One encrypted choice, bound to election, contest, unit and weight.

    The fields stand in the order of canonical JSON.
    """

    max_bytes: ClassVar[int] = 1 << 20

    ciphertext: Bytes
    contest: Identifier
    election: Digest
    proof: BallotProof
    type: Literal["evote/ballot"] = "evote/ballot"
    unit: Identifier
    version: Literal[1] = 1
    weight: Annotated[int, Field(ge=1, lt=1 << 53)]

    def to_bytes(self) -> bytes:
        """Return the canonical bytes; a verifier does nothing else so often, and this writer needs no sorting.

        Spec: ENC-1
        """
        return self.model_dump_json().encode()

    def numbers(self, key: PublicKey) -> tuple[mpz, SelectionProof]:
        """Return ciphertext and proof as numbers.

        Raises:
            EncodingError: A number has another width than it must (PAR-3).
        """
        sizes = key.parameters
        proof = SelectionProof(
            tuple(key.read_ciphertext(a) for a in self.proof.a),
            tuple(decode_number(e, sizes.challenge_bytes) for e in self.proof.e),
            tuple(decode_number(z, sizes.response_bytes) for z in self.proof.z),
        )
        return key.read_ciphertext(self.ciphertext), proof


def proof_bytes(key: PublicKey, proof: SelectionProof) -> BallotProof:
    """Write a selection proof as bytes."""
    sizes = key.parameters
    return BallotProof.make(
        a=tuple(key.ciphertext_bytes(a) for a in proof.commitments),
        e=tuple(encode_number(e, sizes.challenge_bytes) for e in proof.challenges),
        z=tuple(encode_number(z, sizes.response_bytes) for z in proof.responses),
    )
