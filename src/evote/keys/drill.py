# SPDX-License-Identifier: GPL-3.0-or-later
"""The trustees' and the bureau's part in the drill.

Spec: DRL
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from evote.crypto.integers import mpz
from evote.crypto.threshold import combine_shares, root_from_combination
from evote.errors import FaultyTrustee, InvalidProof, ProtocolError
from evote.record.key_share import KeyShare, prove_share
from evote.record.keys import Drill, DrillContribution, DrillShares, KeyRecord
from evote.verify.drill import (
    drill_contexts,
    drill_seed,
    drill_share_table,
    required_quorums,
    verify_drill_roots,
    verify_drill_shares,
)


def contribute_to_drill(keys: KeyRecord, share: KeyShare) -> DrillContribution:
    """Return this position's 32 random bytes.

    Spec: DRL-1
    """
    return DrillContribution.make(
        keys=keys.digest(),
        group=share.position.group,
        member=share.position.member,
        value=secrets.token_bytes(32),
    )


def make_drill_shares(
    keys: KeyRecord, share: KeyShare, contributions: Sequence[DrillContribution]
) -> DrillShares:
    """Return this position's shares of all drill values.

    Args:
        keys: The key record, verified.
        share: Opened and checked; secret.
        contributions: One from every position, in order, this trustee's own among them.

    Spec: DRL-3
    """
    seed = drill_seed(keys, contributions)
    return DrillShares.make(
        keys=keys.digest(),
        seed=seed,
        group=share.position.group,
        member=share.position.member,
        values=tuple(prove_share(keys, share, context) for context in drill_contexts(keys, seed)),
    )


def finish_drill(
    keys: KeyRecord, contributions: Sequence[DrillContribution], posted: Sequence[DrillShares]
) -> Drill:
    """Open the drill's values with every required quorum.

    Args:
        keys: The key record, verified.
        contributions: One from every position, in order.
        posted: The shares of every position, in order; untrusted.

    Returns:
        The transcript, which `verify_drill` accepts.

    Raises:
        FaultyTrustee: A share does not prove; `subject` is its position "group.member" (DEC-1 to DEC-4).
        ProtocolError: Every share proves and the key opens nothing: the dealer cheated, deal anew
            (DRL-4, DRL-5).

    Spec: DRL-1 to DRL-5
    """
    seed = drill_seed(keys, contributions)
    contexts = drill_contexts(keys, seed)
    try:
        verify_drill_shares(keys, seed, contexts, posted)
    except InvalidProof as error:
        raise FaultyTrustee(
            f"The drill share of position {error.subject} is wrong.", check=error.check, subject=error.subject
        ) from error
    table = drill_share_table(keys, posted)
    base = next(required_quorums(keys))
    n = keys.public_key.n
    roots: list[mpz] = []
    for k, context in enumerate(contexts):
        quorum = {g: {i: table[g, i][k] for i in members} for g, members in base.items()}
        roots.append(
            root_from_combination(context.value, combine_shares(quorum, keys.clearing, n), keys.clearing, n)
        )
    try:
        verify_drill_roots(keys, contexts, table, roots)
    except InvalidProof as error:
        raise ProtocolError(
            "Every share is proved and the key does not open: destroy the shares and deal anew.",
            check=error.check,
            subject=error.subject,
        ) from error
    return Drill.make(
        keys=keys.digest(),
        contributions=tuple(contributions),
        shares=tuple(posted),
        roots=tuple(keys.public_key.number_bytes(root) for root in roots),
    )
