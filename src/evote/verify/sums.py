# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums, decryption shares and results, recomputed from the ballots.

Spec: SUM, SHR, RES
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evote.crypto.integers import mpz
from evote.crypto.signing import verify_signature
from evote.errors import InvalidProof, ParameterError, TallyMismatch, VerificationError
from evote.manifest import merge_small_units
from evote.proofs.decryption import (
    DecryptionContext,
    DecryptionItem,
    DecryptionStatement,
    find_invalid_decryptions,
    tally_context,
)
from evote.proofs.opening import OpeningStatement, verify_opening
from evote.record.election import PublicElection
from evote.record.keys import KeyRecord
from evote.record.tally import DecryptionShare, Result, Sum
from evote.verify.ballots import UnitTally


@dataclass(frozen=True, slots=True)
class ClosingPoint:
    """The closing checkpoint: the log's size and root right after `close`."""

    size: int
    root: bytes


def expected_sums(
    election: PublicElection, closing: ClosingPoint, tallies: Mapping[str, UnitTally]
) -> dict[str, Sum]:
    """Return every sum that the sealed plan opens: name of the group of units -> sum.

    Args:
        election: The election.
        closing: Its closing checkpoint.
        tallies: What the verified ballots of each unit add up to.

    Spec: SUM-1, SUM-2
    """
    key = election.key
    sums = {}
    for contest in election.manifest.contests:
        ballots = {unit.id: tallies[unit.id].ballots for unit in election.manifest.units_of(contest.id)}
        for group in merge_small_units(election.manifest, contest.id, ballots):
            product = mpz(1)
            for unit in group:
                product = product * tallies[unit.id].product % key.square
            sums[group[0].id] = Sum.make(
                election=election.id,
                closing_size=closing.size,
                closing_root=closing.root,
                contest=contest.id,
                unit=group[0].id,
                units=tuple(unit.id for unit in group),
                ballots=sum(tallies[unit.id].ballots for unit in group),
                weight=sum(tallies[unit.id].weight for unit in group),
                ciphertext=key.ciphertext_bytes(product),
            )
    return sums


def sum_context(election: PublicElection, total: Sum) -> DecryptionContext:
    """Return where shares of a sum are made (FS-4)."""
    key = election.key
    ciphertext = key.read_ciphertext(total.ciphertext)
    return tally_context(key, election.id, total.closing_size, total.closing_root, total.unit, ciphertext)


def needs_opening(total: Sum) -> bool:
    """Tell whether a sum holds any ballot; an empty one opens to 0 with nonce 1 by itself."""
    return total.ballots > 0


def share_item(election: PublicElection, total: Sum, posted: DecryptionShare) -> DecryptionItem:
    """Check all of a posted share but its proof, and return what remains to be proved.

    Args:
        election: The election.
        total: The recomputed sum.
        posted: Untrusted.

    Raises:
        VerificationError: SHR-1 another election, closing or sum; SHR-2 nobody of the bureau.
        InvalidSignature: The trustee's signature does not verify (SHR-3).
        EncodingError: A number has another width than it must (PAR-3).

    Spec: SHR-1 to SHR-3
    """
    made_for = (posted.election, posted.closing_size, posted.closing_root, posted.unit)
    if made_for != (election.id, total.closing_size, total.closing_root, total.unit):
        raise VerificationError("The share was made for another sum.", check="SHR-1", subject=posted.trustee)
    try:
        position, trustee = election.keys.trustee(posted.trustee)
    except ParameterError:
        raise VerificationError(
            "The share is of nobody in the bureau.", check="SHR-2", subject=posted.trustee
        ) from None
    verify_signature(
        trustee.key, posted.signed_bytes(), posted.signature, check="SHR-3", subject=posted.trustee
    )
    value, proof = posted.proven.numbers(election.keys)
    statement = DecryptionStatement(
        election.key,
        election.keys.clearing,
        election.keys.share_bits,
        position,
        sum_context(election, total),
        value,
    )
    return statement, proof


def find_invalid_shares(
    election: PublicElection, sums: Mapping[str, Sum], posted: Iterable[DecryptionShare]
) -> dict[tuple[str, str], VerificationError]:
    """Return (unit, trustee) -> error of every posted share that is not right.

    Args:
        election: The election.
        sums: The recomputed sums.
        posted: Untrusted.

    Spec: SHR-1 to SHR-4, DEC-5
    """
    invalid: dict[tuple[str, str], VerificationError] = {}
    names: list[tuple[str, str]] = []
    items: list[DecryptionItem] = []
    for share in posted:
        name = (share.unit, share.trustee)
        try:
            if share.unit not in sums or not needs_opening(sums[share.unit]):
                raise VerificationError("The share is of a sum that is not opened.", check="SHR-1")
            items.append(share_item(election, sums[share.unit], share))
            names.append(name)
        except VerificationError as error:
            invalid[name] = error
        except ValueError as error:
            invalid[name] = VerificationError(str(error), check=getattr(error, "check", "SHR-1"))
    unproved = find_invalid_decryptions(items)
    invalid |= {names[index]: error for index, error in unproved.items()}
    # Among the right ones alone: a wrong share shuts nobody out.
    taken: dict[tuple[str, int, int], str] = {}
    for index, ((unit, trustee), (statement, _)) in enumerate(zip(names, items, strict=True)):
        if index in unproved:
            continue
        place = (unit, statement.position.group, statement.position.member)
        if place in taken:
            invalid[unit, trustee] = VerificationError(
                f"{trustee} and {taken[place]} hold the same share: it counts once.", check="SHR-4"
            )
        taken.setdefault(place, trustee)
    for (unit, trustee), failure in invalid.items():
        failure.subject = f"{unit}/{trustee}"
    return invalid


def still_needed(keys: KeyRecord, trustee_ids: Iterable[str]) -> dict[str, int]:
    """Return how many more holders each group needs: group id -> number; empty for a lawful quorum.

    Spec: RES-3
    """
    return keys.still_needed(trustee_ids)


def opening_statement(election: PublicElection, total: Sum) -> OpeningStatement:
    """Return what an opening of a sum must prove."""
    return OpeningStatement(
        election.key,
        election.key.read_ciphertext(total.ciphertext),
        election.manifest.contest(total.contest).options,
        election.manifest.digit_bits(total.contest),
        total.weight,
    )


def verify_result(election: PublicElection, total: Sum, result: Result) -> None:
    """Check a published opening and its counts; return silently if they are those of the sum.

    Args:
        election: The election.
        total: The recomputed sum.
        result: Untrusted.

    Raises:
        TallyMismatch: Another sum (RES-1), or counts other than the opening's (RES-2).
        InvalidProof: OPN-1 to OPN-4.

    Spec: RES-1, RES-2, OPN
    """
    if (result.election, result.contest, result.unit) != (election.id, total.contest, total.unit):
        raise TallyMismatch("The result is of another sum.", check="RES-1", subject=total.unit)
    key = election.key
    try:
        counts = verify_opening(
            opening_statement(election, total), key.read_number(result.value), key.read_number(result.nonce)
        )
    except InvalidProof as error:
        error.subject = total.unit
        raise
    if counts != result.counts:
        raise TallyMismatch("The counts are not those of the opening.", check="RES-2", subject=total.unit)
