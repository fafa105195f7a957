# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and bytes of tiles."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evote.board import tiles
from evote.board.tiles import TileEdge
from evote.crypto.merkle import leaf_hash, root_of, tree_root
from evote.errors import BoardInconsistency, EncodingError


def test_paths() -> None:
    assert tiles.tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.tile_path(2, 0, 5) == "tile/2/000.p/5"
    assert tiles.entries_path(273) == "tile/entries/273"
    assert tiles.ballots_path(1000, 255) == "ballots/x001/000.p/255"


def test_files_of_a_log() -> None:
    assert list(tiles.log_paths(0)) == ["checkpoint"]
    assert set(tiles.log_paths(256)) == {
        "checkpoint", "tile/entries/000", "ballots/000", "tile/0/000", "tile/1/000.p/1",
    }  # fmt: skip
    assert "tile/1/000.p/1" in set(tiles.log_paths(257))
    assert "tile/2/000.p/1" in set(tiles.log_paths(70000))
    assert "tile/1/001.p/17" in set(tiles.log_paths(70000))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 80000))
def test_every_path_is_known_and_counted(size: int) -> None:
    paths = set(tiles.log_paths(size)) - {"checkpoint"}
    assert len(paths) == tiles.count_paths(size)
    assert all(tiles.is_log_path(path, size) for path in paths)
    for other in {size - 1, size + 1, size * 2, size + 256} - {-1, size}:
        others = set(tiles.log_paths(other)) - {"checkpoint"} - paths
        assert not any(tiles.is_log_path(path, size) for path in others)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/00", "tile/0/0000", "tile/0/x000/000", "tile/00/000", "tile/x/000", "tile/0/001", "tile/9/000",
        "tile/0/000.p/256", "tile/0/000.p/0", "tile/0/000.p/044", "tile/0/000.p/1", "tile/0/000/", "tile",
        "tile/0/\u0660\u0660\u0660", "entries/000", "ballots/0/000", "tile/entries/000.p", "tile/../tile/0/000",
        "checkpoint", "tile/0/x999/x999/x999/x999/x999/999",
    ],
)  # fmt: skip
def test_foreign_paths(path: str) -> None:
    assert tiles.is_log_path("tile/0/000", 300)
    assert not tiles.is_log_path(path, 300)


def build(size: int) -> tuple[TileEdge, dict[str, bytes], list[bytes]]:
    edge, store = TileEdge(), {}
    leaves = [leaf_hash(b"%d" % i) for i in range(size)]
    for leaf in leaves:
        store.update({tile.path: tile.data for tile in edge.add(leaf)})
    store.update({tile.path: tile.data for tile in edge.partial_tiles()})
    return edge, store, leaves


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 65536, 65536 + 256 + 3])
def test_edge_gives_the_root_and_the_tiles(size: int) -> None:
    edge, store, leaves = build(size)
    assert edge.root() == root_of(leaves)
    assert set(store) == {
        path for path in tiles.log_paths(size) if path.startswith(("tile/0", "tile/1", "tile/2"))
    }
    again = TileEdge.load(size, store.__getitem__)
    assert (again.root(), again.levels) == (edge.root(), edge.levels)
    for earlier in {0, 1, size // 3, size // 2, size - 1, size} & set(range(size + 1)):
        assert tree_root(earlier, tiles.tile_nodes(size, store.__getitem__)) == root_of(leaves[:earlier])


def test_tiles_of_a_wrong_size() -> None:
    _, store, _ = build(300)
    for broken in (b"", bytes(32), bytes(44 * 32 + 1)):
        changed = {**store, "tile/0/001.p/44": broken}
        with pytest.raises(BoardInconsistency) as caught:
            TileEdge.load(300, changed.__getitem__)
        assert caught.value.check == "BRD-10"
        with pytest.raises(BoardInconsistency) as caught:
            tree_root(300, tiles.tile_nodes(300, changed.__getitem__))
        assert caught.value.check == "BRD-10"


def test_entry_bundles() -> None:
    lines = [b"a\n", b"", b"bc\n"]
    data = tiles.pack_entries(lines)
    assert data == b"\0\2a\n\0\0\0\3bc\n"
    assert tiles.unpack_entries(data, 3) == lines
    for changed, width in (
        (data, 2),
        (data, 4),
        (data[:-1], 3),
        (data + b"\0", 3),
        (data + b"\0\0", 3),
        (b"", 1),
    ):
        with pytest.raises(EncodingError) as caught:
            tiles.unpack_entries(changed, width)
        assert caught.value.check == "BRD-11"


def test_ballot_framing() -> None:
    assert tiles.pack_ballot(b"") == bytes(4)
    assert tiles.pack_ballot(b"ab") == b"\0\0\0\2ab"
