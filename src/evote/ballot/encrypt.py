# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption of a choice on the voter's device.

Spec: BAL, SEL
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from evote.board.entries import Entry, Kind
from evote.crypto.fixed_base import PowerOfBase, chain_power
from evote.crypto.integers import mpz, random_bits
from evote.crypto.merkle import leaf_hash
from evote.errors import FaultyBoard, ParameterError, VerificationError
from evote.proofs.selection import SelectionWitness, encrypt_option, prove_selection
from evote.record.ballot import Ballot, proof_bytes
from evote.record.election import PublicElection
from evote.record.reference import Receipt, short_code, verify_reference
from evote.record.slot import Slot


@dataclass(frozen=True, slots=True)
class Choice:
    """What a voter chose: a list or blank; secret.

    Attributes:
        id: List id, or "blank".
    """

    id: str = field(repr=False)

    @classmethod
    def list(cls, list_id: str) -> Self:
        """Choose a list."""
        return cls(list_id)

    @classmethod
    def blank(cls) -> Self:
        """Choose none of the lists."""
        return cls("blank")


@dataclass(frozen=True)
class EncryptedBallot:
    """A ballot on its way to the box; holds neither choice nor nonce.

    Attributes:
        election: The election it is made for.
        ballot: What is sent.
    """

    election: PublicElection = field(repr=False)
    ballot: Ballot = field(repr=False)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes to send."""
        return self._bytes

    @cached_property
    def _bytes(self) -> bytes:
        return self.ballot.to_bytes()

    @cached_property
    def leaf_hash(self) -> bytes:
        """Hash of this ballot's entry in the log, known before anything is sent."""
        return leaf_hash(Entry.of(Kind.BALLOT, self._bytes).to_bytes())

    @property
    def code(self) -> str:
        """The short code of this ballot, known before anything is sent."""
        return short_code(self.election.id, self.leaf_hash)

    def check_receipt(self, receipt: Receipt) -> None:
        """Check that what came back is for what was sent; show nothing to the voter before.

        Args:
            receipt: Untrusted.

        Raises:
            FaultyBoard: The receipt is of another ballot, or not signed by this election's reference key in
                use: the voter must not rely on it and should report it (REF-2, REF-3, REF-6, ACT-7).

        Spec: REF-6
        """
        try:
            signed = verify_reference(self.election, receipt.reference)
        except VerificationError as error:
            raise FaultyBoard(
                "The receipt is not signed by this election; do not rely on it and report it.",
                check=error.check,
            ) from error
        if signed.key.withdrawn:
            raise FaultyBoard("The receipt is signed by a key that was withdrawn; report it.", check="REF-6")
        publication = self.election.manifest.publication
        slots = (*publication.times, self.election.manifest.timetable.grace_ends)
        if receipt.reference.publish_by - publication.delay not in slots:
            raise FaultyBoard("The receipt promises publication at no sealed time; report it.", check="REF-6")
        received = (signed.contest, receipt.reference.leaf_hash, receipt.code)
        if received != (self.ballot.contest, self.leaf_hash, self.code):
            raise FaultyBoard(
                "The receipt is that of another ballot; do not rely on it and report it.", check="REF-6"
            )


def encrypt_ballot(
    election: PublicElection, slot: Slot, choice: Choice, *, powers: PowerOfBase | None = None
) -> EncryptedBallot:
    """Encrypt and prove a choice.

    Args:
        election: Manifest and keys, checked against the election id that the voter knows.
        slot: Contest, unit and weight of the voter.
        choice: Secret.
        powers: Powers of H; by default a chain of squares, right for one ballot. A process that encrypts many
            gives `base_table(election.key)`, which is built once and kept: 60 MB at 3072 bits.

    Returns:
        The ballot; about 16 kB at 3072 bits and 11 options. Choice and nonce are forgotten.

    Raises:
        ParameterError: The choice is not on the list, or no `Choice` (MAN-1).

    Spec: BAL, SEL-P1 to SEL-P4
    """
    if not isinstance(choice, Choice):
        raise ParameterError("A choice is made by Choice.blank() or Choice.list(id).", check="MAN-1")
    option = election.manifest.contest(slot.contest).option(choice.id)
    key = election.key
    table = powers or chain_power(key)
    nonce = random_bits(key.parameters.nonce_bits)
    bits = election.manifest.digit_bits(slot.contest)
    ciphertext = encrypt_option(key, mpz(1) << (bits * option), nonce, table)
    statement = election.statement(slot.contest, slot.unit, slot.weight, ciphertext)
    proof = prove_selection(statement, SelectionWitness(option, nonce), table, random_bits)
    ballot = Ballot.make(
        election=election.id,
        contest=slot.contest,
        unit=slot.unit,
        weight=slot.weight,
        ciphertext=key.ciphertext_bytes(ciphertext),
        proof=proof_bytes(key, proof),
    )
    return EncryptedBallot(election, ballot)
