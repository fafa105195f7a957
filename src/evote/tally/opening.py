# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening sums from the shares of a quorum.

Spec: RES
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from evote.crypto.integers import encode_number, mpz
from evote.crypto.threshold import Quorum, combine_shares, root_from_combination
from evote.errors import InvalidProof, ProtocolError, StateError
from evote.proofs.opening import decode_counts, open_with_root
from evote.record.election import PublicElection
from evote.record.keys import KeyRecord
from evote.record.tally import DecryptionShare, Result, Sum
from evote.verify.sums import needs_opening, opening_statement, still_needed


def describe_need(keys: KeyRecord, given: Collection[str]) -> str:
    """Say who is still needed, for people: «2 of delegates (Martin, Petit, …)»; "" for a lawful quorum.

    Args:
        keys: The key record.
        given: Ids of the trustees who have given a share.
    """
    missing = still_needed(keys, given)
    names = {
        group.id: sorted({one.name for one in group.trustees if one.id not in given}) for group in keys.groups
    }
    return "; ".join(f"{count} of {group} ({', '.join(names[group])})" for group, count in missing.items())


def _quorum(keys: KeyRecord, shares: Iterable[DecryptionShare]) -> Quorum:
    """Return the shares of a lawful quorum: the lowest indices of each group."""
    found: dict[int, dict[int, mpz]] = {g: {} for g in range(1, len(keys.groups) + 1)}
    for share in shares:
        position, _ = keys.trustee(share.trustee)
        found[position.group][position.member] = share.proven.numbers(keys)[0]
    return {
        g: {member: found[g][member] for member in sorted(found[g])[: group.threshold]}
        for g, group in enumerate(keys.groups, 1)
    }


def open_sum(election: PublicElection, total: Sum, shares: Sequence[DecryptionShare]) -> Result:
    """Open one sum.

    Args:
        election: The election.
        total: The recomputed sum.
        shares: Shares of this sum that verified, of a lawful quorum or more.

    Returns:
        The opening (m, R), proof of its own counts.

    Raises:
        StateError: No lawful quorum yet (RES-3).
        ProtocolError: The shares are right and the sum does not open: the key was dealt falsely (OPN-2).

    Spec: RES-3, OPN
    """
    keys = election.keys
    if not needs_opening(total):
        return _result(election, total, mpz(0), mpz(1))
    if need := describe_need(keys, [share.trustee for share in shares]):
        raise StateError(f"Still needed: {need}.", check="RES-3", subject=total.unit)
    n = election.key.n
    statement = opening_statement(election, total)
    value = statement.ciphertext % n
    combined = combine_shares(_quorum(keys, shares), keys.clearing, n)
    root = root_from_combination(value, combined, keys.clearing, n)
    try:
        return _result(election, total, open_with_root(statement, root), root)
    except InvalidProof as error:
        raise ProtocolError(
            f"Every share of {total.unit} is right and the sum does not open: keep the record and the shares.",
            check=error.check,
            subject=total.unit,
        ) from error


def _result(election: PublicElection, total: Sum, value: mpz, root: mpz) -> Result:
    statement = opening_statement(election, total)
    width = election.key.parameters.number_bytes
    return Result.make(
        election=election.id,
        contest=total.contest,
        unit=total.unit,
        value=encode_number(value, width),
        nonce=encode_number(root, width),
        counts=decode_counts(statement, value),
    )
