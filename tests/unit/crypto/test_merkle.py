# SPDX-License-Identifier: GPL-3.0-or-later
"""The Merkle tree: vectors of RFC 6962 implementations, properties, and proofs with one change."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evote.crypto import merkle
from evote.errors import BoardInconsistency, ParameterError

# The eight leaves and the roots that Certificate Transparency implementations share as test vectors.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(b"%d" % i) for i in range(count)]


def test_known_hashes() -> None:
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.leaf_hash(b"L123456").hex() == (
        "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )
    assert merkle.node_hash(b"N123", b"N456").hex() == (
        "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )


@pytest.mark.parametrize("size", range(1, 9))
def test_known_roots(size: int) -> None:
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]
    assert merkle.root_of(leaves).hex() == ROOTS[size - 1]


def test_known_proofs() -> None:
    """The inclusion and consistency examples of the figure in RFC 6962, 2.1.3: leaves a..g."""
    leaves = hashes(7)
    a, b, c, d, e, f, j = leaves
    g, h, i = merkle.node_hash(a, b), merkle.node_hash(c, d), merkle.node_hash(e, f)
    k, l = merkle.node_hash(g, h), merkle.node_hash(i, j)  # noqa: E741
    assert merkle.inclusion_proof(leaves, 0) == [b, h, l]
    assert merkle.inclusion_proof(leaves, 3) == [c, g, l]
    assert merkle.inclusion_proof(leaves, 4) == [f, j, k]
    assert merkle.inclusion_proof(leaves, 6) == [i, k]
    assert merkle.consistency_proof(leaves, 3) == [c, d, g, l]
    assert merkle.consistency_proof(leaves, 4) == [l]
    assert merkle.consistency_proof(leaves, 6) == [i, j, k]


@pytest.mark.parametrize("size", range(1, 34))
def test_every_proof_of_small_trees_verifies(size: int) -> None:
    leaves = hashes(size)
    root = merkle.root_of(leaves)
    for index in range(size):
        merkle.verify_inclusion(index, size, leaves[index], merkle.inclusion_proof(leaves, index), root)
    for old in range(size + 1):
        proof = merkle.consistency_proof(leaves, old)
        merkle.verify_consistency(old, merkle.root_of(leaves[:old]), size, root, proof)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_change_breaks_inclusion(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 40))
    index = data.draw(st.integers(0, size - 1))
    leaves = hashes(size)
    root, proof = merkle.root_of(leaves), merkle.inclusion_proof(leaves, index)
    place = data.draw(st.integers(0, len(proof) - 1))
    changes = [
        (index, leaves[index], [*proof, root], root),
        (index, leaves[index], proof[:-1], root),
        (index, leaves[index], [*proof[:place], bytes(32), *proof[place + 1 :]], root),
        (index, leaves[index], [*proof[:place], proof[place][:-1], *proof[place + 1 :]], root),
        (index, bytes(32), proof, root),
        (index, leaves[index], proof, bytes(32)),
        ((index + 1) % size, leaves[index], proof, root),
        (size, leaves[index], proof, root),
        (-1, leaves[index], proof, root),
    ]
    for changed_index, leaf, path, changed_root in changes:
        with pytest.raises(BoardInconsistency) as caught:
            merkle.verify_inclusion(changed_index, size, leaf, path, changed_root)
        assert caught.value.check == "BRD-2"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_change_breaks_consistency(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 40))
    old = data.draw(st.integers(1, new - 1))
    leaves = hashes(new)
    old_root, root = merkle.root_of(leaves[:old]), merkle.root_of(leaves)
    proof = merkle.consistency_proof(leaves, old)
    place = data.draw(st.integers(0, len(proof) - 1))
    changes = [
        (old, old_root, new, root, [*proof, root]),
        (old, old_root, new, root, proof[:-1]),
        (old, old_root, new, root, []),
        (old, old_root, new, root, [*proof[:place], bytes(32), *proof[place + 1 :]]),
        (old, bytes(32), new, root, proof),
        (old, old_root, new, bytes(32), proof),
        (new, root, old, old_root, proof),
        (old, old_root, old, root, []),
        (0, old_root, new, root, []),
        (0, merkle.EMPTY_ROOT, 0, root, []),
        (-1, old_root, new, root, proof),
    ]
    for change in changes:
        with pytest.raises(BoardInconsistency) as caught:
            merkle.verify_consistency(*change)
        assert caught.value.check == "BRD-3"


def test_impossible_proofs_are_the_callers_fault() -> None:
    with pytest.raises(ParameterError) as caught:
        merkle.inclusion_proof(hashes(3), 3)
    assert caught.value.check == "BRD-2"
    with pytest.raises(ParameterError) as caught:
        merkle.consistency_proof(hashes(3), 4)
    assert caught.value.check == "BRD-3"
