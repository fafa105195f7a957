# SPDX-License-Identifier: GPL-3.0-or-later
"""The Merkle tree of RFC 6962: roots, proofs of inclusion and of growth.

Proofs are made by the recursive definitions and verified by the iterative algorithms of RFC 9162, so that
one mistake cannot be on both sides.

Spec: BRD-1, BRD-2, BRD-3
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from evote.errors import BoardInconsistency, ParameterError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256().digest()
NodeSource = Callable[[int, int], bytes]
"""(height, index) -> hash of the complete subtree over leaves [index * 2^height, (index + 1) * 2^height)."""


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 || entry).

    Spec: BRD-1
    """
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right).

    Spec: BRD-1
    """
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold_level(hashes: Sequence[bytes]) -> list[bytes]:
    """Hash neighbours in pairs; the last one of an odd number has no parent here."""
    return [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]


def list_nodes(hashes: Sequence[bytes]) -> NodeSource:
    """Serve the nodes of a tree whose leaf hashes are in memory."""
    levels = [list(hashes)]
    while len(levels[-1]) > 1:
        levels.append(fold_level(levels[-1]))
    return lambda height, index: levels[height][index]


def _subtree(start: int, end: int, nodes: NodeSource) -> bytes:
    """Return the hash over leaves [start, end), not empty, start a multiple of the next power of two."""
    count = end - start
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return nodes(height, start >> height)
    split = start + _split(count)
    return node_hash(_subtree(start, split, nodes), _subtree(split, end, nodes))


def _split(count: int) -> int:
    """Return the largest power of two below `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


def tree_root(size: int, nodes: NodeSource) -> bytes:
    """Return the root of the first `size` leaves.

    Spec: BRD-1
    """
    return _subtree(0, size, nodes) if size else EMPTY_ROOT


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes.

    Spec: BRD-1
    """
    return tree_root(len(hashes), list_nodes(hashes))


def tree_inclusion(index: int, size: int, nodes: NodeSource) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of the first `size` leaves, bottom first.

    Raises:
        ParameterError: Not 0 <= index < size (BRD-2).

    Spec: BRD-2
    """
    if not 0 <= index < size:
        raise ParameterError(f"There is no leaf {index} in a tree of {size}.", check="BRD-2")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            proof.append(_subtree(split, end, nodes))
            end = split
        else:
            proof.append(_subtree(start, split, nodes))
            start = split
    return proof[::-1]


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree over leaf hashes.

    Raises:
        ParameterError: No such leaf (BRD-2).

    Spec: BRD-2
    """
    return tree_inclusion(index, len(hashes), list_nodes(hashes))


def tree_consistency(old: int, new: int, nodes: NodeSource) -> list[bytes]:
    """Return the proof that the tree of `new` leaves continues that of its first `old` leaves.

    Raises:
        ParameterError: Not 0 <= old <= new (BRD-3).

    Spec: BRD-3
    """
    if not 0 <= old <= new:
        raise ParameterError(f"A tree of {new} leaves does not continue one of {old}.", check="BRD-3")
    if old in (0, new):
        return []
    proof: list[bytes] = []
    start, end = 0, new
    whole = True  # the old tree is a complete subtree whose hash the verifier knows: its root
    while end != old:
        split = start + _split(end - start)
        if old <= split:
            proof.append(_subtree(split, end, nodes))
            end = split
        else:
            proof.append(_subtree(start, split, nodes))
            start, whole = split, False
    if not whole:
        proof.append(_subtree(start, end, nodes))
    return proof[::-1]


def consistency_proof(hashes: Sequence[bytes], old: int) -> list[bytes]:
    """Return the proof that the tree over leaf hashes continues that of its first `old` leaves.

    Raises:
        ParameterError: More than there are (BRD-3).

    Spec: BRD-3
    """
    return tree_consistency(old, len(hashes), list_nodes(hashes))


def _refuse(check: str, what: str) -> BoardInconsistency:
    return BoardInconsistency(f"The proof of {what} does not check.", check=check)


def _check_hashes(check: str, what: str, hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise _refuse(check, what)


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Verify that a leaf is at `index` of the tree with `size` leaves and this root (RFC 9162, 2.1.3.2).

    Args:
        index: Place of the leaf, from 0.
        size: Number of leaves of the tree.
        leaf: Leaf hash, 32 bytes.
        proof: Untrusted hashes, bottom first.
        root: From a checkpoint.

    Raises:
        BoardInconsistency: The proof does not lead from the leaf to the root (BRD-2).

    Spec: BRD-2
    """
    _check_hashes("BRD-2", "inclusion", (leaf, root, *proof))
    if not 0 <= index < size:
        raise _refuse("BRD-2", "inclusion")
    node, last, result = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise _refuse("BRD-2", "inclusion")
        if node & 1 or node == last:
            result = node_hash(step, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, step)
        node, last = node >> 1, last >> 1
    if last != 0 or result != root:
        raise _refuse("BRD-2", "inclusion")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Verify that a log only grew between two roots (RFC 9162, 2.1.4.2).

    Args:
        old_size: Number of leaves under `old_root`.
        old_root: 32 bytes.
        new_size: Number of leaves under `new_root`.
        new_root: 32 bytes.
        proof: Untrusted hashes; none if the old tree is empty or the sizes are equal.

    Raises:
        BoardInconsistency: The second tree does not continue the first one (BRD-3).

    Spec: BRD-3
    """
    _check_hashes("BRD-3", "growth", (old_root, new_root, *proof))
    if not 0 <= old_size <= new_size:
        raise _refuse("BRD-3", "growth")
    if old_size in (0, new_size):
        expected = EMPTY_ROOT if old_size == 0 else new_root
        if proof or old_root != expected or (new_size == 0 and new_root != EMPTY_ROOT):
            raise _refuse("BRD-3", "growth")
        return
    steps = list(proof)
    if old_size & (old_size - 1) == 0:
        steps.insert(0, old_root)
    if not steps or _walk_growth(old_size - 1, new_size - 1, steps) != (old_root, new_root):
        raise _refuse("BRD-3", "growth")


def _walk_growth(old: int, new: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return the two roots to which a consistency proof leads; `old` and `new` are the last leaves."""
    while old & 1:
        old, new = old >> 1, new >> 1
    old_result = new_result = steps[0]
    for step in steps[1:]:
        if new == 0:
            return None
        if old & 1 or old == new:
            old_result = node_hash(step, old_result)
            new_result = node_hash(step, new_result)
            while not old & 1 and old:
                old, new = old >> 1, new >> 1
        else:
            new_result = node_hash(new_result, step)
        old, new = old >> 1, new >> 1
    return (old_result, new_result) if new == 0 else None
