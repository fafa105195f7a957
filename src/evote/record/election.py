# SPDX-License-Identifier: GPL-3.0-or-later
"""What everybody needs to know of a sealed election: seal, manifest and keys, and what the bureau amended.

Spec: ACT-1, ACT-7, BAL-2, BAL-3
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from evote.crypto.group import PublicKey
from evote.crypto.integers import mpz
from evote.crypto.notes import NoteKey
from evote.errors import ParameterError, VerificationError
from evote.manifest import Manifest
from evote.proofs.selection import SelectionItem, SelectionStatement
from evote.record.acts import Seal
from evote.record.amendments import (
    Amendment,
    ReferenceKey,
    verify_act_signatures,
    verify_new_reference_key,
)
from evote.record.ballot import Ballot
from evote.record.keys import KeyRecord


@dataclass(frozen=True)
class PublicElection:
    """The public half of a sealed election.

    Attributes:
        seal: `seal.json`.
        manifest: `manifest.json` as sealed.
        keys: `keys.json`.
        amendments: `amendments/<n>.json`, in order; not verified before `reference_keys` or
            `verify_amendment` has looked at them.

    Spec: ACT-1, ACT-7
    """

    seal: Seal
    manifest: Manifest
    keys: KeyRecord
    amendments: tuple[Amendment, ...] = ()

    def __post_init__(self) -> None:
        if self.seal.manifest != self.manifest.digest() or self.seal.keys != self.keys.digest():
            raise VerificationError("The seal names another manifest or other keys.", check="ACT-1")

    @cached_property
    def id(self) -> bytes:
        """The election id, SHA-256 of the seal: 32 bytes."""
        return self.seal.digest()

    @property
    def key(self) -> PublicKey:
        """The public key."""
        return self.keys.public_key

    def verify_amendment(self, number: int, *, signed: bool = True) -> None:
        """Check an amendment; return silently if it is of this election and in order, and the bureau signed it.

        Args:
            number: From 1; those before are right.
            signed: False for one that is still to be signed.

        Raises:
            VerificationError: Another election, number or time; a key that cannot be the new one; no lawful
                quorum (ACT-7).
            InvalidSignature: A signature does not verify (ACT-7).

        Spec: ACT-7
        """
        earlier, act = self.amendments[: number - 1], self.amendments[number - 1]
        if (act.election, act.number) != (self.id, number):
            raise VerificationError("The amendment is of another election or number.", check="ACT-7")
        if earlier and act.time < earlier[-1].time:
            raise VerificationError("The amendment is older than the one before.", check="ACT-7")
        texts = (self.seal.log_key, self.seal.register_key, self.seal.reference_key)
        others = [NoteKey.from_text(text) for text in (*texts, *(one.change.key for one in earlier))]
        verify_new_reference_key(act.change, self.manifest.origin, others)
        if signed and (act.signatures or self.manifest.mode == "REAL"):
            verify_act_signatures(self.keys, act)

    @cached_property
    def reference_keys(self) -> tuple[ReferenceKey, ...]:
        """The keys of ballot references, the one in use last.

        Raises:
            VerificationError: An amendment is not right (ACT-7).
            EncodingError: The seal's key is not the text of a note key (BRD-5).
        """
        for number in range(1, len(self.amendments) + 1):
            self.verify_amendment(number)
        keys, text = [], self.seal.reference_key
        for one in self.amendments:
            keys.append(ReferenceKey(NoteKey.from_text(text), one.change.cause))
            text = one.change.key
        return (*keys, ReferenceKey(NoteKey.from_text(text), ""))

    @cached_property
    def _places(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """(contest, unit) -> number of options, bits of a counter, total weight of the contest's roll."""
        manifest = self.manifest
        contests = {
            one.id: (one.options, manifest.digit_bits(one.id), manifest.weight_of(one.id))
            for one in manifest.contests
        }
        return {(unit.contest, unit.id): contests[unit.contest] for unit in manifest.counting.units}

    def statement(self, contest: str, unit: str, weight: int, ciphertext: mpz) -> SelectionStatement:
        """Return the statement that a ballot's proof must prove.

        Raises:
            ParameterError: The election has no such contest and unit (BAL-3).
        """
        if (contest, unit) not in self._places:
            raise ParameterError(f"{contest} has no counting unit {unit}.", check="BAL-3")
        options, bits, _ = self._places[contest, unit]
        return SelectionStatement(self.key, self.id, contest, unit, weight, options, bits, ciphertext)

    def selection_item(self, ballot: Ballot) -> SelectionItem:
        """Return what has to be verified of a ballot.

        Raises:
            VerificationError: Another election (BAL-2), or a contest, unit or weight that it does not
                have (BAL-3).
            EncodingError: A number has another width than it must (PAR-3).

        Spec: BAL-2, BAL-3
        """
        if ballot.election != self.id:
            raise VerificationError("The ballot belongs to another election.", check="BAL-2")
        _, _, most = self._places.get((ballot.contest, ballot.unit), (0, 0, 0))
        if ballot.weight > most:
            raise VerificationError(
                "The ballot names a contest, unit or weight that the election does not have.", check="BAL-3"
            )
        ciphertext, proof = ballot.numbers(self.key)
        return self.statement(ballot.contest, ballot.unit, ballot.weight, ciphertext), proof
