# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bureau may change of a sealed election, by an act that a lawful quorum signs.

Spec: ACT-7
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from evote.crypto.notes import NoteKey
from evote.crypto.signing import verify_signature
from evote.crypto.transcript import framed_digest
from evote.encoding import Count, Digest, Document, Field, Part, Text, Time
from evote.errors import EncodingError, ParameterError, VerificationError
from evote.record.acts import Signatures
from evote.record.keys import KeyRecord
from evote.record.layout import MAX_AMENDMENTS

Cause = Literal["lost", "stolen"]
"""Why a reference key is withdrawn; with a stolen one, somebody else may have signed."""


class ReferenceKeyChange(Part):
    """A new reference key in the place of the one that was lost or stolen."""

    what: Literal["reference-key"] = "reference-key"
    key: Text
    cause: Cause


class Amendment(Document):
    """`amendments/<n>.json`: a change of a sealed election, signed by the bureau.

    Spec: ACT-7
    """

    type: Literal["evote/amend"] = "evote/amend"
    version: Literal[1] = 1
    election: Digest
    number: Annotated[Count, Field(ge=1, le=MAX_AMENDMENTS)]
    time: Time
    reason: Text
    change: ReferenceKeyChange
    signatures: Signatures

    def signed_bytes(self) -> bytes:
        """Return what trustees sign: a digest of this act without its signatures."""
        return framed_digest("evote/v1/act", (self.replace(signatures=()).to_bytes(),))


@dataclass(frozen=True, slots=True)
class ReferenceKey:
    """A key that signs ballot references, or did.

    Attributes:
        key: The public key.
        withdrawn: Why it was withdrawn; "" for the one in use.
    """

    key: NoteKey
    withdrawn: Cause | Literal[""]


def _refuse(reason: str) -> VerificationError:
    return VerificationError(f"The amendment is refused: {reason}.", check="ACT-7")


def verify_new_reference_key(change: ReferenceKeyChange, origin: str, others: Sequence[NoteKey]) -> None:
    """Check that a new reference key is named after the origin and is no other key of the service.

    Args:
        change: Untrusted.
        origin: The manifest's.
        others: The keys of log and register, and all reference keys before.

    Raises:
        VerificationError: It is not (ACT-7).

    Spec: ACT-7
    """
    try:
        key = NoteKey.from_text(change.key)
    except EncodingError:
        raise _refuse("the new key is not the text of a note key") from None
    if key.name != f"{origin}/reference":
        raise _refuse("the new key is not named after the origin")
    if key.public in {other.public for other in others} or key.id in {other.id for other in others}:
        raise _refuse("the new key, or its id, is that of another key of this election")


def verify_act_signatures(keys: KeyRecord, act: Amendment) -> None:
    """Check that different trustees who are a lawful quorum have signed an act, and that no signature is wrong.

    Args:
        keys: The key record.
        act: Untrusted.

    Raises:
        VerificationError: Somebody who is no trustee, or twice the same; no lawful quorum (ACT-7).
        InvalidSignature: A signature does not verify (ACT-7).

    Spec: ACT-7
    """
    signers = [one.trustee for one in act.signatures]
    if len(set(signers)) != len(signers):
        raise _refuse("a trustee has signed it twice")
    message = act.signed_bytes()
    for one in act.signatures:
        try:
            _, trustee = keys.trustee(one.trustee)
        except ParameterError:
            raise _refuse(f"{one.trustee} is nobody in the bureau") from None
        verify_signature(trustee.key, message, one.signature, check="ACT-7", subject=one.trustee)
    if missing := keys.still_needed(signers):
        need = ", ".join(f"{count} of {group}" for group, count in missing.items())
        raise _refuse(f"no lawful quorum has signed it (missing: {need})")
