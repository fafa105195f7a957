# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill: before sealing, the bureau opens units that nobody chose, with every required quorum.

Spec: DRL
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from evote.crypto.integers import is_unit, mpz, power
from evote.crypto.threshold import combine_shares
from evote.crypto.transcript import framed_digest, hash_to_unit
from evote.errors import InvalidProof, VerificationError
from evote.params import DRILL_VALUES
from evote.proofs.decryption import (
    DecryptionContext,
    DecryptionItem,
    DecryptionStatement,
    drill_context,
    find_invalid_decryptions,
)
from evote.record.keys import Drill, DrillContribution, DrillShares, KeyRecord

SelectedMembers = Mapping[int, Sequence[int]]
"""group index -> member indices."""


def drill_seed(keys: KeyRecord, contributions: Sequence[DrillContribution]) -> bytes:
    """Return the label that the drill's values are derived from.

    Args:
        keys: The key record.
        contributions: One from every position, in order of (group, member).

    Raises:
        VerificationError: A position is missing, stands twice or out of order, or drilled another key (DRL-1).

    Spec: DRL-1, DRL-2
    """
    digest = keys.digest()
    positions = [(contribution.group, contribution.member) for contribution in contributions]
    if positions != sorted(keys.positions) or any(one.keys != digest for one in contributions):
        raise VerificationError(
            "The drill needs one contribution of every position, in order.", check="DRL-1"
        )
    return framed_digest("evote/v1/drill-values", (digest, *(one.value for one in contributions)))


def drill_contexts(keys: KeyRecord, seed: bytes) -> list[DecryptionContext]:
    """Return the drill's values X_1 ... X_48, each with its context.

    Spec: DRL-2
    """
    key, digest = keys.public_key, keys.digest()
    return [
        drill_context(key, digest, k, hash_to_unit(key.n, key.parameters.number_bytes, seed, k))
        for k in range(1, DRILL_VALUES + 1)
    ]


def required_quorums(keys: KeyRecord) -> Iterator[SelectedMembers]:
    """Yield the base quorum (lowest indices of each group) and all that differ from it in one member.

    Spec: DRL-5
    """
    base = {g: tuple(range(1, group.threshold + 1)) for g, group in enumerate(keys.groups, 1)}
    yield base
    for g, group in enumerate(keys.groups, 1):
        others = range(group.threshold + 1, group.size + 1)
        for leaves, joins in product(base[g], others):
            yield base | {g: tuple(sorted({*base[g], joins} - {leaves}))}


def drill_items(
    keys: KeyRecord, shares: DrillShares, contexts: Sequence[DecryptionContext]
) -> list[DecryptionItem]:
    """Return what has to be verified of one position's shares."""
    position = keys.positions[shares.group, shares.member]
    numbers = [proven.numbers(keys) for proven in shares.values]
    return [
        (
            DecryptionStatement(keys.public_key, keys.clearing, keys.share_bits, position, context, share),
            proof,
        )
        for context, (share, proof) in zip(contexts, numbers, strict=True)
    ]


def verify_drill_shares(
    keys: KeyRecord, seed: bytes, contexts: Sequence[DecryptionContext], posted: Iterable[DrillShares]
) -> None:
    """Check the shares of several positions in one batch.

    Raises:
        VerificationError: Shares of another drill (DRL-3).
        InvalidProof: A share does not prove; `subject` is its position "group.member" (DEC-1 to DEC-4).

    Spec: DRL-3
    """
    items: list[DecryptionItem] = []
    for shares in posted:
        if (
            shares.keys != keys.digest()
            or shares.seed != seed
            or (shares.group, shares.member) not in keys.positions
        ):
            raise VerificationError(
                "Shares were made in another drill.", check="DRL-3", subject=f"{shares.group}.{shares.member}"
            )
        items += drill_items(keys, shares, contexts)
    for index, error in find_invalid_decryptions(items).items():
        position = items[index][0].position
        raise InvalidProof(str(error), check=error.check, subject=f"{position.group}.{position.member}")


def verify_drill(keys: KeyRecord, drill: Drill) -> None:
    """Check the transcript of the drill: the key opens with every required quorum.

    Args:
        keys: Checked before (KEY).
        drill: Untrusted.

    Raises:
        VerificationError: DRL-1 contributions, DRL-3 shares.
        InvalidProof: DEC-1 to DEC-4 a share, DRL-4 a root, DRL-5 a quorum.

    Spec: DRL-1 to DRL-5
    """
    if drill.keys != keys.digest():
        raise VerificationError("The drill was made with another key.", check="DRL-1")
    seed = drill_seed(keys, drill.contributions)
    contexts = drill_contexts(keys, seed)
    if [(shares.group, shares.member) for shares in drill.shares] != sorted(keys.positions):
        raise VerificationError("The drill needs the shares of every position, in order.", check="DRL-3")
    verify_drill_shares(keys, seed, contexts, drill.shares)
    roots = [keys.public_key.read_number(root) for root in drill.roots]
    verify_drill_roots(keys, contexts, drill_share_table(keys, drill.shares), roots)


ShareTable = Mapping[tuple[int, int], Sequence[mpz]]
"""(group, member) -> X_gi of all drill values."""


def drill_share_table(keys: KeyRecord, posted: Iterable[DrillShares]) -> ShareTable:
    """Return all posted shares as numbers."""
    return {
        (shares.group, shares.member): [proven.numbers(keys)[0] for proven in shares.values]
        for shares in posted
    }


def verify_drill_roots(
    keys: KeyRecord, contexts: Sequence[DecryptionContext], table: ShareTable, roots: Sequence[mpz]
) -> None:
    """Check that every value has its root and that every required quorum gives it.

    Raises:
        InvalidProof: DRL-4 a root is none, DRL-5 a quorum gives another; `subject` is the quorum.

    Spec: DRL-4, DRL-5
    """
    n = keys.public_key.n
    # DRL-4. R_k^n = X_k.
    for context, root in zip(contexts, roots, strict=True):
        if not is_unit(root, n) or power(root, n, n) != context.value:
            raise InvalidProof("The bureau's root of a drill value is wrong.", check="DRL-4")
    # DRL-5. The shares of a quorum combine to R_k^(4 Delta^2): it opens X_k to R_k.
    exponent = mpz(4 * keys.clearing**2)
    expected = [power(root, exponent, n) for root in roots]
    for quorum in required_quorums(keys):
        for k, power_of_root in enumerate(expected):
            shares = {g: {i: table[g, i][k] for i in members} for g, members in quorum.items()}
            if combine_shares(shares, keys.clearing, n) != power_of_root:
                names = " ".join(f"{g}.{i}" for g, members in quorum.items() for i in members)
                raise InvalidProof("A quorum does not open a drill value.", check="DRL-5", subject=names)
