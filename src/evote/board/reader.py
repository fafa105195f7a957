# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a log that nobody trusts: bundle by bundle, every file accounted for.

Spec: BRD
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evote.board.bundles import FolderSource, read_ballots
from evote.board.checkpoint import Checkpoint
from evote.board.entries import Entry, Phase, phase_after
from evote.board.files import printable, read_bounded, walk_files
from evote.board.tiles import (
    CHECKPOINT,
    LOG_FOLDERS,
    MAX_ENTRY_BUNDLE_BYTES,
    TILE_BYTES,
    TILE_WIDTH,
    Tile,
    TileEdge,
    count_paths,
    entries_path,
    is_log_path,
    log_paths,
    tile_nodes,
    tile_widths,
    unpack_entries,
)
from evote.crypto.merkle import (
    EMPTY_ROOT,
    NodeSource,
    leaf_hash,
    tree_consistency,
    tree_inclusion,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from evote.crypto.notes import MAX_NOTE_BYTES, NoteKey
from evote.errors import BoardInconsistency, ParameterError, StorageError


@dataclass(frozen=True, slots=True)
class LogItem:
    """An entry, its place in the log, and the ballot's bytes where it is a ballot."""

    index: int
    entry: Entry
    ballot: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Entries that stand together in one file.

    Attributes:
        number: Of the file.
        width: How many entries the file holds.
        first: Index in the log of the first one in `entries`.
        entries: Those of the file that were asked for.
        root: Root of the log up to the last of them.
        phase: What the log had come to by then.
    """

    number: int
    width: int
    first: int
    entries: list[Entry]
    root: bytes
    phase: Phase

    @property
    def end(self) -> int:
        """Index after the last entry."""
        return self.first + len(self.entries)


@dataclass(frozen=True, slots=True)
class LogPrefix:
    """The beginning of a log that needs no reading: its size, its root, and what it had come to."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    phase: Phase = Phase.EMPTY


def _refuse(check: str, subject: str, reason: str) -> BoardInconsistency:
    return BoardInconsistency(f"{subject} {reason}.", check=check, subject=subject)


def _read_file(folder: Path, path: str, limit: int, check: str) -> bytes:
    try:
        return read_bounded(folder / path, limit)
    except StorageError:
        raise _refuse(check, path, "is missing, too long or not readable") from None


def read_checkpoint(path: Path, key: NoteKey) -> Checkpoint:
    """Read and verify a checkpoint file, of this moment or of an earlier one.

    Args:
        path: The file; untrusted.
        key: The log's key, pinned by the seal.

    Raises:
        StorageError: The file cannot be read.
        EncodingError: Not a checkpoint (BRD-4, BRD-7).
        InvalidSignature: Not signed by the log (BRD-6).
        BoardInconsistency: Of another log (BRD-7).
    """
    return Checkpoint.from_note(read_bounded(path, MAX_NOTE_BYTES), key)


class LogReader:
    """A log on disk, as of its checkpoint.

    `entries` and `items` verify while they go: what they yield is established only when they have been
    exhausted. Roots and proofs are checked against the checkpoint before they are returned.

    Attributes:
        folder: The record.
        checkpoint: Verified under the log's key.
    """

    def __init__(self, folder: Path, key: NoteKey) -> None:
        """Read and verify the checkpoint.

        Args:
            folder: The record's folder; its content is untrusted.
            key: The log's key, pinned by the seal.

        Raises:
            StorageError: There is no checkpoint that can be read.
            EncodingError: The checkpoint is malformed (BRD-4, BRD-7).
            InvalidSignature: It is not signed by the log (BRD-6).
            BoardInconsistency: It is of another log (BRD-7).
        """
        self.folder = folder
        self.checkpoint = read_checkpoint(folder / CHECKPOINT, key)

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Yield every entry with its index, without reading ballots.

        Raises:
            EncodingError: A bundle or an entry is malformed (BRD-8, BRD-11).
            BoardInconsistency: Order (BRD-9), a tile (BRD-10), the root (BRD-13) or the set of files
                (BRD-14) is wrong.
        """
        for bundle in self.bundles():
            yield from enumerate(bundle.entries, bundle.first)

    def items(self) -> Iterator[LogItem]:
        """Yield every entry with its ballot.

        Raises:
            EncodingError: A bundle or an entry is malformed (BRD-8, BRD-11, BRD-12).
            BoardInconsistency: As `entries`; or a ballot is not what its entry names (BRD-12).
        """
        for bundle in self.bundles():
            digests = [entry.ballot_digest for entry in bundle.entries]
            ballots = read_ballots(FolderSource(self.folder), bundle.number, bundle.width, 0, digests)
            for index, (entry, ballot) in enumerate(zip(bundle.entries, ballots, strict=True), bundle.first):
                yield LogItem(index, entry, ballot)

    def verify_log(self) -> None:
        """Verify everything that can be said of the log without understanding a ballot.

        Raises:
            EncodingError: See `items`.
            BoardInconsistency: See `items`.
        """
        for _ in self.items():
            pass

    def bundles(self, prefix: LogPrefix = LogPrefix()) -> Iterator[Bundle]:
        """Yield the entries bundle by bundle, without reading ballots; afterwards check root and files.

        Args:
            prefix: What is known of the log's beginning; only what comes after it is read.

        Raises:
            EncodingError: A bundle or an entry is malformed (BRD-8, BRD-11).
            BoardInconsistency: The log does not begin with the prefix (BRD-3); or as `entries`.
        """
        size, phase = self.checkpoint.size, prefix.phase
        if prefix.size > size:
            raise _refuse("BRD-15", CHECKPOINT, f"has lost entries: there were {prefix.size} before")
        edge = TileEdge.load(prefix.size, self._read_tile, size)
        if edge.root() != prefix.root:
            raise _refuse("BRD-3", CHECKPOINT, "does not continue the log that was verified before")
        for number, width in tile_widths(size, prefix.size // TILE_WIDTH):
            path = entries_path(number, width)
            lines = unpack_entries(_read_file(self.folder, path, MAX_ENTRY_BUNDLE_BYTES, "BRD-11"), width)
            first = max(prefix.size, number * TILE_WIDTH)
            known, lines = lines[: first - number * TILE_WIDTH], lines[first - number * TILE_WIDTH :]
            if [leaf_hash(line) for line in known] != (edge.levels[0] if known else []):
                raise _refuse("BRD-3", path, "does not continue the log that was verified before")
            entries = [Entry.from_bytes(line) for line in lines]
            for line, entry in zip(lines, entries, strict=True):
                phase = phase_after(phase, entry.kind, failure=BoardInconsistency)
                for tile in edge.add(leaf_hash(line)):
                    self._verify_tile(tile)
            if entries:
                yield Bundle(number, width, first, entries, edge.root(), phase)
        for tile in edge.partial_tiles():
            self._verify_tile(tile)
        if edge.root() != self.checkpoint.root:
            raise _refuse("BRD-13", CHECKPOINT, "has another root than the entries give")
        self.verify_files()

    def _read_tile(self, path: str) -> bytes:
        return _read_file(self.folder, path, TILE_BYTES, "BRD-10")

    def _verify_tile(self, tile: Tile) -> None:
        if self._read_tile(tile.path) != tile.data:
            raise _refuse("BRD-10", tile.path, "holds other hashes than the entries give")

    def paths(self) -> Iterator[str]:
        """Yield the relative path of every file that the log consists of.

        Spec: BRD-14
        """
        return log_paths(self.checkpoint.size)

    def verify_files(self) -> None:
        """Verify that the log's folders hold exactly the files of a log of this size.

        Raises:
            BoardInconsistency: A file is missing, unknown, or left from a smaller size (BRD-14).

        Spec: BRD-14
        """
        count = 0
        for found in self._found_files():
            path = Path(found.path).relative_to(self.folder).as_posix()
            if not is_log_path(path, self.checkpoint.size) or not found.is_file(follow_symlinks=False):
                raise _refuse("BRD-14", printable(path), "does not belong to the log")
            count += 1
        if count != count_paths(self.checkpoint.size):
            missing = next(path for path in self.paths() if not (self.folder / path).is_file())
            raise _refuse("BRD-14", missing, "is missing")

    def _found_files(self) -> Iterator[os.DirEntry[str]]:
        for name in LOG_FOLDERS:
            folder = self.folder / name
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                raise _refuse("BRD-14", name, "is not a folder")
            if folder.is_dir():
                yield from walk_files(folder)

    def _nodes(self) -> NodeSource:
        return tile_nodes(self.checkpoint.size, self._read_tile)

    def root_at(self, size: int) -> bytes:
        """Return the root that this log had at an earlier size, proven against the checkpoint.

        Raises:
            ParameterError: More entries than the log has (BRD-3).
            BoardInconsistency: The tiles do not lead to the checkpoint (BRD-3, BRD-10).

        Spec: BRD-3
        """
        proof = self.consistency_proof(size)
        root = tree_root(size, self._nodes())
        verify_consistency(size, root, self.checkpoint.size, self.checkpoint.root, proof)
        return root

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the proof that the log of `new` entries (by default all) continues that of `old` entries.

        Raises:
            ParameterError: Not 0 <= old <= new <= size of the log (BRD-3).
            BoardInconsistency: A tile is missing or has a wrong size (BRD-10).

        Spec: BRD-3
        """
        newer = self.checkpoint.size if new is None else new
        if not 0 <= old <= newer <= self.checkpoint.size:
            raise ParameterError(f"The log has {self.checkpoint.size} entries only.", check="BRD-3")
        return tree_consistency(old, newer, self._nodes())

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Return the proof that an entry is in the log, checked against the checkpoint.

        Raises:
            ParameterError: No such entry (BRD-2).
            BoardInconsistency: The tiles do not lead to the checkpoint (BRD-2, BRD-10).

        Spec: BRD-2
        """
        size, nodes = self.checkpoint.size, self._nodes()
        proof = tree_inclusion(index, size, nodes)
        verify_inclusion(index, size, nodes(0, index), proof, self.checkpoint.root)
        return proof

    def verify_extends(self, earlier: Checkpoint) -> None:
        """Verify that this log continues the one that an earlier checkpoint describes.

        Args:
            earlier: A checkpoint with a verified signature of the same log.

        Raises:
            BoardInconsistency: Of another log, truncated since, or a second history (BRD-15).

        Spec: BRD-15
        """
        if earlier.origin != self.checkpoint.origin:
            raise _refuse("BRD-15", CHECKPOINT, "is of another log than the earlier checkpoint")
        if earlier.size > self.checkpoint.size:
            raise _refuse("BRD-15", CHECKPOINT, f"has lost entries: there were {earlier.size} before")
        if self.root_at(earlier.size) != earlier.root:
            raise _refuse("BRD-15", CHECKPOINT, "is of another history than the earlier checkpoint")
