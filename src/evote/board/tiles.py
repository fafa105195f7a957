# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiles and bundles of a C2SP tlog-tiles log: their names, their bytes, and the hashes at the right edge.

Spec: BRD-10, BRD-11, BRD-12
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from evote.crypto.merkle import EMPTY_ROOT, HASH_BYTES, NodeSource, node_hash, root_of
from evote.errors import BoardInconsistency, EncodingError
from evote.record.ballot import Ballot

TILE_WIDTH: Final = 256
TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
_TILE_HEIGHT: Final = 8
MAX_ENTRY_BYTES: Final = (1 << 16) - 1
MAX_ENTRY_BUNDLE_BYTES: Final = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
MAX_BALLOT_BYTES: Final = Ballot.max_bytes
BALLOT_LENGTH_BYTES: Final = 4
MAX_BALLOT_BUNDLE_BYTES: Final = TILE_WIDTH * (BALLOT_LENGTH_BYTES + MAX_BALLOT_BYTES)
CHECKPOINT: Final = "checkpoint"
LOG_FOLDERS: Final = ("tile", "ballots")
_PATH: Final = re.compile(
    r"(tile/entries|tile/([0-9])|ballots)/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/[0-9]{1,3})?", re.ASCII
)


def _numbered(folder: str, number: int, width: int) -> str:
    """Return `folder/x001/x234/067` or, for a partial tile, `folder/x001/x234/067.p/<width>`."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"{folder}/{'/'.join(groups)}{partial}"


def tile_path(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a hash tile.

    Spec: BRD-10
    """
    return _numbered(f"tile/{level}", number, width)


def entries_path(number: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle.

    Spec: BRD-11
    """
    return _numbered("tile/entries", number, width)


def ballots_path(number: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a ballot bundle.

    Spec: BRD-12
    """
    return _numbered("ballots", number, width)


def tile_widths(count: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Yield (number, width), from number `start` on, of the tiles that hold `count` hashes.

    Only the last one may be partial.
    """
    full, rest = divmod(count, TILE_WIDTH)
    yield from ((number, TILE_WIDTH) for number in range(start, full))
    if rest:
        yield full, rest


def width_at(level: int, number: int, size: int) -> int:
    """Return how many hashes a tile holds in a log of `size` entries, at most 256."""
    return min(TILE_WIDTH, (size >> _TILE_HEIGHT * level) - number * TILE_WIDTH)


def log_paths(size: int) -> Iterator[str]:
    """Yield the path of every file that a log of `size` entries consists of, and no other.

    Spec: BRD-14
    """
    yield CHECKPOINT
    for number, width in tile_widths(size):
        yield entries_path(number, width)
        yield ballots_path(number, width)
    level = 0
    while count := size >> _TILE_HEIGHT * level:
        yield from (tile_path(level, number, width) for number, width in tile_widths(count))
        level += 1


def is_log_name(path: str) -> bool:
    """Tell whether a path has the form of those of tiles and bundles, whatever the size of the log."""
    return _PATH.fullmatch(path) is not None


def is_log_path(path: str, size: int) -> bool:
    """Tell whether a path under `LOG_FOLDERS` is one of those of a log of `size` entries.

    Spec: BRD-14
    """
    match = _PATH.fullmatch(path)
    if not match:
        return False
    folder, level, groups = match.groups()
    number = int(groups.replace("x", "").replace("/", ""))
    width = width_at(int(level or 0), number, size)
    return width > 0 and path == _numbered(folder, number, width)


def count_paths(size: int) -> int:
    """Return how many paths under `LOG_FOLDERS` a log of `size` entries has."""
    count = 2 * -(-size // TILE_WIDTH)
    while size:
        count, size = count - -size // TILE_WIDTH, size >> _TILE_HEIGHT
    return count


@dataclass(frozen=True, slots=True)
class Tile:
    """A hash tile: its place and its bytes, 32 for each hash."""

    level: int
    number: int
    data: bytes

    @property
    def path(self) -> str:
        """Where the tile lies."""
        return tile_path(self.level, self.number, len(self.data) // HASH_BYTES)


def split_hashes(data: bytes) -> list[bytes]:
    """Return the hashes of a tile."""
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


@dataclass(slots=True)
class TileEdge:
    """The hashes at the right edge of a growing log: less than one tile for each level.

    Reader and writer share it: the writer writes the tiles that it yields, the reader compares them.

    Spec: BRD-10
    """

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=list)

    @classmethod
    def load(cls, size: int, read: Callable[[str], bytes], within: int = 0) -> Self:
        """Read the edge of a log of `size` entries; in a longer log its root says whether it is the right one.

        Args:
            size: From a state that is trusted, or from a checkpoint.
            read: Gives the bytes of a path.
            within: The size of the log whose tiles are read, if it has grown since.

        Raises:
            BoardInconsistency: A tile has another size than it must (BRD-10).
        """
        edge = cls(size)
        while count := size >> _TILE_HEIGHT * len(edge.levels):
            level = len(edge.levels)
            number, width = divmod(count, TILE_WIDTH)
            whole = width_at(level, number, max(size, within))
            path = tile_path(level, number, whole)
            data = read(path) if width else b""
            if width and len(data) != whole * HASH_BYTES:
                raise BoardInconsistency(f"{path} has a wrong size.", check="BRD-10", subject=path)
            edge.levels.append(split_hashes(data[: width * HASH_BYTES]))
        return edge

    def fork(self) -> TileEdge:
        """Return an independent copy."""
        return TileEdge(self.size, [list(hashes) for hashes in self.levels])

    def add(self, leaf: bytes) -> Iterator[Tile]:
        """Append a leaf hash and yield the tiles that it completes; must be exhausted."""
        self.size += 1
        carried, count = leaf, self.size
        for level in range(len(self.levels) + 1):
            if level == len(self.levels):
                self.levels.append([])
            hashes = self.levels[level]
            hashes.append(carried)
            if len(hashes) < TILE_WIDTH:
                return
            yield Tile(level, count // TILE_WIDTH - 1, b"".join(hashes))
            carried, count = root_of(hashes), count // TILE_WIDTH
            hashes.clear()

    def partial_tiles(self) -> Iterator[Tile]:
        """Yield the partial tiles of the log as it is now."""
        for level, hashes in enumerate(self.levels):
            if hashes:
                yield Tile(level, self.size >> _TILE_HEIGHT * (level + 1), b"".join(hashes))

    def root(self) -> bytes:
        """Return the root of the log as it is now.

        Spec: BRD-1
        """
        right: bytes | None = None
        for hashes in self.levels:
            end = len(hashes)
            while end:  # complete subtrees from the right: the lowest set bit first
                start = end - (end & -end)
                peak = root_of(hashes[start:end])
                right = peak if right is None else node_hash(peak, right)
                end = start
        return EMPTY_ROOT if right is None else right


def tile_nodes(size: int, read: Callable[[str], bytes]) -> NodeSource:
    """Serve the complete subtrees of a log of `size` entries from its tiles.

    Args:
        size: From a checkpoint.
        read: Gives the bytes of a path, or raises.

    Raises:
        BoardInconsistency: (by the result) A tile has another size than it must (BRD-10).
    """

    def node(height: int, index: int) -> bytes:
        level, rise = divmod(height, _TILE_HEIGHT)
        number, offset = divmod(index << rise, TILE_WIDTH)
        width = width_at(level, number, size)
        path = tile_path(level, number, width)
        data = read(path)
        if len(data) != width * HASH_BYTES:
            raise BoardInconsistency(f"{path} has a wrong size.", check="BRD-10", subject=path)
        return root_of(split_hashes(data)[offset : offset + (1 << rise)])

    return node


def pack_entries(lines: Sequence[bytes]) -> bytes:
    """Return an entry bundle: each entry after its length as 2 big-endian bytes.

    Spec: BRD-11
    """
    return b"".join(len(line).to_bytes(2, "big") + line for line in lines)


def unpack_entries(data: bytes, width: int) -> list[bytes]:
    """Read an entry bundle of exactly `width` entries; untrusted.

    Raises:
        EncodingError: Another number of entries, or bytes left over (BRD-11).

    Spec: BRD-11
    """
    lines: list[bytes] = []
    position = 0
    while position < len(data) and len(lines) < width:
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        lines.append(data[start:position])
    if position != len(data) or len(lines) != width:
        raise EncodingError(f"An entry bundle does not hold exactly {width} entries.", check="BRD-11")
    return lines


def pack_ballot(ballot: bytes) -> bytes:
    """Return a ballot after its length as 4 big-endian bytes; empty for an entry that is no ballot.

    Spec: BRD-12
    """
    return len(ballot).to_bytes(BALLOT_LENGTH_BYTES, "big") + ballot
