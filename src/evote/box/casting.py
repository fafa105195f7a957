# SPDX-License-Identifier: GPL-3.0-or-later
"""Casting one ballot: everything is checked, then mark and ballot become durable together, then it is signed.

Spec: BOX-6, BOX-7, BOX-8, BAL
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Final

from evote.board import Entry, Kind
from evote.box.alerts import Alert, AlertKind
from evote.box.ports import Attendance, Entitlement
from evote.box.premises import Phase, Premises
from evote.box.proving import verify_proof
from evote.box.publication import publication_slot
from evote.box.service_keys import REFERENCE_KEY
from evote.crypto.merkle import leaf_hash
from evote.errors import (
    AlreadyVoted,
    EncodingError,
    EvoteError,
    InvalidBallot,
    NotOpen,
    ParameterError,
    StateError,
    StorageError,
    VerificationError,
)
from evote.record.ballot import Ballot
from evote.record.reference import Receipt, short_code, sign_reference
from evote.record.slot import Slot

_ATTEMPTS: Final = 3
_MINUTE: Final = 60


def cast_ballot(premises: Premises, voter: str, data: bytes) -> Receipt:
    """Take a voter's ballot; all or nothing.

    Args:
        premises: The service.
        voter: Authenticated by the caller.
        data: The ballot's bytes; untrusted.

    Returns:
        The receipt; the same one again if this very ballot is in the box.

    Raises:
        InvalidBallot: `check` is the rule; nothing was recorded.
        NotOpen: Not in the hours of voting, or in grace and not connected before (BOX-8).
        NotEligible: Not on the roll of the ballot's contest (BOX-7).
        AlreadyVoted: Another ballot of this voter is in the box (BOX-7).
        StorageError: Nothing is known to be recorded; the same ballot can be cast again.

    Spec: BOX-6, BOX-7, BOX-8
    """
    # 1. Canonical bytes.
    if not isinstance(data, bytes):
        raise ParameterError("Give the bytes of the ballot: ballot.to_bytes().", check="BOX-6")
    try:
        ballot = Ballot.from_bytes(data)
    except EvoteError as error:
        raise _invalid(error) from None
    # 2. Hours. 3. Eligibility. 4. One ballot each.
    phase = verify_voting_hours(premises)
    right = premises.entitlement(voter, ballot.contest)
    if right.state == Attendance.VOTED and not right.in_flight:
        return _receipt_again(premises, data)
    _verify_connected(phase, right)
    # 5. The voter's place and the proof; no lock is held meanwhile.
    square = _verify_ballot(premises, ballot, data, right.slot)
    # 6. Mark and ballot.
    for _ in range(_ATTEMPTS):
        slot = _record(premises, voter, ballot.contest, data, square)
        if slot:
            return sign_receipt(premises, ballot.contest, data, slot)
        with premises.alone():  # settles what another cast left; waits for one that goes on
            right = premises.entitlement(voter, ballot.contest)
        if right.state == Attendance.VOTED:
            return _receipt_again(premises, data)
    raise StorageError("The box is busy; cast the same ballot again.", check="BOX-6")


def _record(premises: Premises, voter: str, contest: str, data: bytes, square: bytes) -> int:
    """Make mark and ballot durable; return the ballot's slot, or 0 if something has to be settled first.

    Spec: BOX-6
    """
    register, urn = premises.register, premises.urn
    with premises.beside_others():
        _verify_connected(verify_voting_hours(premises), premises.entitlement(voter, contest))
        premises.signer(REFERENCE_KEY)  # who cannot sign a receipt takes no ballot
        now, key = premises.clock(), urn.keys.find()
        if key is None:
            return 0
        slot = publication_slot(premises.manifest, now, urn.store.state().closed_until)
        ballot = key.seal(data, square, slot)
        ticket = key.ticket(ballot.head)
        if not register.reserve(voter, contest, ticket, minute(now)):
            return 0
        stored = urn.put(key, ballot, data, square)
        if stored == "stored":
            register.confirm(voter, contest, ticket)
            if premises.high_water.is_due:
                with suppress(OSError):  # the ballot is taken all the same
                    premises.high_water.note(register.confirmed())
            return slot
        register.release(voter, contest, ticket)
    if stored == "stale":
        return 0
    premises.alert(Alert(AlertKind.COPY_REFUSED, contest, "A ballot was cast that the box holds already."))
    raise InvalidBallot(
        "The box holds a copy of this ballot; encrypt the choice afresh and cast that.", check="BAL-4"
    )


def minute(now: float) -> int:
    """Round a time down to the minute, as the register keeps it."""
    return int(now) // _MINUTE * _MINUTE


def _invalid(error: EvoteError) -> InvalidBallot:
    return InvalidBallot(f"The ballot is refused: {error}", check=error.check)


def verify_voting_hours(premises: Premises) -> Phase:
    """Check that ballots are taken now; return whether the vote is open or in grace.

    Raises:
        NotOpen: They are not (BOX-8).

    Spec: BOX-8
    """
    phase = premises.phase
    if phase not in (Phase.OPEN, Phase.GRACE):
        sentence = "not open yet" if phase in (Phase.DRAFT, Phase.SEALED) else "closed"
        raise NotOpen(f"The vote is {sentence}.", check="BOX-8")
    hours, now = premises.manifest.timetable, premises.clock()
    if now > hours.grace_ends:
        raise NotOpen("The vote is over.", check="BOX-8")
    if now < hours.opens and premises.manifest.mode == "REAL":
        raise NotOpen("The vote is not open yet.", check="BOX-8")
    return phase


def _verify_connected(phase: Phase, right: Entitlement) -> None:
    if phase == Phase.GRACE and right.state == Attendance.NONE:
        raise NotOpen(
            "The vote is over; only voters who were connected before the closing hour may finish.",
            check="BOX-8",
        )


def _verify_ballot(premises: Premises, ballot: Ballot, data: bytes, slot: Slot) -> bytes:
    """Check a ballot against its voter's place and verify its proof; return the digest of its square.

    Spec: BAL-2, BAL-3, SEL
    """
    if ballot.election != premises.election.id:
        raise InvalidBallot("The ballot belongs to another election.", check="BAL-2")
    if (ballot.unit, ballot.weight) != (slot.unit, slot.weight):
        raise InvalidBallot("The ballot names another unit or weight than the voter's.", check="BAL-3")
    try:
        return verify_proof(premises.record, premises.election, data, premises.proofs)
    except (EncodingError, ParameterError, VerificationError) as error:
        raise _invalid(error) from None


def _receipt_again(premises: Premises, data: bytes) -> Receipt:
    """Return the receipt of a ballot that is in the box; refuse any other."""
    try:
        return find_receipt(premises, data)
    except StateError as error:
        if error.check != "BOX-6":  # not known whether it is there
            raise
        raise AlreadyVoted(
            "This voter's ballot for this contest is in the box; it is final.", check="BOX-7"
        ) from None


def find_receipt(premises: Premises, data: bytes) -> Receipt:
    """Return the receipt of a ballot in the box to whoever holds its bytes, until the vote is closed.

    Raises:
        StateError: The box does not hold this ballot, or was rebuilt at closing: then look in the record (BOX-6);
            the slot key is missing (BOX-15).

    Spec: BOX-6
    """
    with premises.beside_others():  # no slot turns meanwhile
        stored = premises.urn.get(hashlib.sha256(data).digest())
    if stored is None:
        raise StateError("This ballot is not in the box.", check="BOX-6")
    if stored.slot == 0:
        raise StateError("The vote is closed; look the ballot up in the published record.", check="BOX-6")
    return sign_receipt(premises, Ballot.from_bytes(data).contest, data, stored.slot)


def sign_receipt(premises: Premises, contest: str, data: bytes, slot: int) -> Receipt:
    """Sign the reference of a ballot that is durable; a function of ballot and publication slot alone.

    Spec: REF-1
    """
    election = premises.election
    leaf = leaf_hash(Entry.of(Kind.BALLOT, data).to_bytes())
    publish_by = slot + election.manifest.publication.delay
    reference = sign_reference(election, premises.signer(REFERENCE_KEY), contest, leaf, publish_by)
    return Receipt(reference, short_code(election.id, leaf))
