# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the log: one sequencer at a time, and every step can be interrupted and done again.

The order is what makes it safe: tiles and bundles, then the state (compare and set), then the signature,
then the checkpoint, then the removal of partial tiles that the checkpoint no longer needs. A root is
signed only after the state that holds it is durable, so that no size is ever signed with two roots.

Spec: BRD-16, BRD-17, BRD-18
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from evote.board.checkpoint import Checkpoint
from evote.board.entries import Entry, Kind, Phase, phase_after
from evote.board.files import (
    checkpoint_lock,
    make_folder,
    printable,
    read_bounded,
    remove_file,
    remove_temporary_files,
    walk_files,
    write_durably,
)
from evote.board.reader import read_checkpoint
from evote.board.tiles import (
    CHECKPOINT,
    LOG_FOLDERS,
    MAX_BALLOT_BUNDLE_BYTES,
    MAX_BALLOT_BYTES,
    MAX_ENTRY_BUNDLE_BYTES,
    TILE_BYTES,
    TILE_WIDTH,
    Tile,
    TileEdge,
    ballots_path,
    entries_path,
    is_log_path,
    pack_ballot,
    pack_entries,
    tile_nodes,
    unpack_entries,
)
from evote.crypto.merkle import EMPTY_ROOT, leaf_hash, tree_root
from evote.crypto.notes import NoteSigner
from evote.encoding import Count, Digest, Document, Text
from evote.errors import BoardInconsistency, ParameterError, StateError, StorageError

STATE_FILE: Final = "log.json"
LOCK_FILE: Final = "log.lock"
LogLine = tuple[Entry, bytes]
"""An entry and, for a ballot, its bytes; b"" for every other entry."""


class LogState(Document):
    """`log.json`, outside the record: the last (size, root) that may be signed."""

    type: Literal["evote/log-state"] = "evote/log-state"
    version: Literal[1] = 1
    origin: Text
    size: Count
    root: Digest
    phase: Literal["empty", "sealed", "voting", "closed", "ended"]


def _restored(reason: str) -> StateError:
    return StateError(
        f"The log refuses to sign: {reason}. Was a backup restored? Bring back the newest state.",
        check="BRD-18",
    )


class LogWriter:
    """The one sequencer of a log; use as a context manager, which holds the lock.

    Attributes:
        folder: The record.
        signer: The log's key; secret.
    """

    def __init__(self, folder: Path, private: Path, signer: NoteSigner, *, witnessed_size: int = 0) -> None:
        """Take the lock, compare state, tiles and checkpoint, and finish what a crash interrupted.

        Args:
            folder: The record's folder.
            private: The folder of state and lock; on the server only.
            signer: The log's key; its name is the origin; secret.
            witnessed_size: The greatest size that any witness knows.

        Raises:
            StateError: Another process has the lock (BRD-17); there is no log yet, the state is older than
                what was published, or the tiles are not those of the state (BRD-18).
            StorageError: A file cannot be read or written.
            EncodingError: State or checkpoint are damaged.
            InvalidSignature: The published checkpoint is not signed by this key (BRD-6).
        """
        self.folder = folder
        self.signer = signer
        self._state_path = private / STATE_FILE
        self._lock = _take_lock(private)
        try:
            self._state = self._read_state()
            self._published = self._verify_published(witnessed_size)
            self._edge = self._load_edge()
            remove_temporary_files(folder)
            self._publish()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, folder: Path, private: Path, signer: NoteSigner) -> Self:
        """Begin a log; one that was begun and is still empty is taken up.

        Raises:
            StateError: There is a log already (BRD-18), or another process has the lock (BRD-17).
            StorageError: A file cannot be written.
        """
        lock = _take_lock(private)
        try:
            state = LogState.make(origin=signer.name, size=0, root=EMPTY_ROOT, phase=Phase.EMPTY.value)
            path = private / STATE_FILE
            if path.exists():
                if LogState.from_bytes(read_bounded(path, LogState.max_bytes)) != state:
                    raise StateError("There is a log here already.", check="BRD-18")
            elif (folder / CHECKPOINT).exists():
                raise StateError("There is a published log here, but not its state.", check="BRD-18")
            else:
                write_durably(path, state.to_bytes(), mode=0o600)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)
        return cls(folder, private, signer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the lock back."""
        if self._lock >= 0:
            fcntl.flock(self._lock, fcntl.LOCK_UN)  # also for a child that was forked meanwhile
            os.close(self._lock)
            self._lock = -1

    @property
    def size(self) -> int:
        """Number of entries."""
        return self._state.size

    @property
    def phase(self) -> Phase:
        """What the log has come to."""
        return Phase(self._state.phase)

    @property
    def checkpoint(self) -> Checkpoint:
        """The head of the log, without its signature."""
        return Checkpoint(self.signer.name, self._state.size, self._state.root)

    def signed_checkpoint(self) -> bytes:
        """Return the head of the log as a signed note; its state is durable."""
        return self.checkpoint.sign(self.signer)

    def append(self, lines: Sequence[LogLine], *, at: int | None = None) -> Checkpoint:
        """Append entries and publish the new checkpoint.

        With `at`, the call can be repeated after a crash: entries that are in the log already, at this
        place, are not appended again.

        Args:
            lines: Entries in order, each with its ballot's bytes or b"".
            at: The size of the log before the first of these entries, or None for wherever it ends.

        Returns:
            The checkpoint that is published now.

        Raises:
            ParameterError: A ballot is not what its entry names, or too long (BRD-12).
            StateError: An entry cannot follow (BRD-9), other entries are at this place (BRD-16), or the
                state was changed by somebody else (BRD-17).
            StorageError: A file cannot be written; open the log again.

        Spec: BRD-16
        """
        if self._lock < 0:
            raise StateError("This log was closed; open it again.", check="BRD-17")
        for line in lines:
            _verify_line(line)
        new = self._missing(lines, self.size if at is None else at)
        phase = self.phase
        for entry, _ in new:
            phase = phase_after(phase, entry.kind, failure=StateError)
        if new:
            edge = self._write_bundles(new)
            self._set_state(edge, phase)
        self._publish()
        return self.checkpoint

    def entries(self, start: int, end: int) -> Iterator[Entry]:
        """Yield the entries [start, end) of this log from its bundles.

        Raises:
            EncodingError: A bundle is damaged (BRD-8, BRD-11).
            StorageError: A bundle cannot be read.
        """
        for number in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            first = number * TILE_WIDTH
            width = min(TILE_WIDTH, self.size - first)
            data = self._read(entries_path(number, width), MAX_ENTRY_BUNDLE_BYTES)
            lines = unpack_entries(data, width)[max(start - first, 0) : end - first]
            yield from map(Entry.from_bytes, lines)

    def _missing(self, lines: Sequence[LogLine], at: int) -> Sequence[LogLine]:
        """Return the lines that the log does not hold yet."""
        if not 0 <= at <= self.size:
            raise StateError(f"The log has {self.size} entries, not {at}.", check="BRD-16")
        there = list(self.entries(at, min(self.size, at + len(lines))))
        if there != [entry for entry, _ in lines[: len(there)]]:
            raise StateError(f"The log holds other entries at {at}.", check="BRD-16")
        return lines[len(there) :]

    def _write_bundles(self, lines: Sequence[LogLine]) -> TileEdge:
        """Write all tiles and bundles of the log with the lines appended; return its edge."""
        edge = self._edge.fork()
        number, width = divmod(edge.size, TILE_WIDTH)
        entries = self._read(entries_path(number, width), MAX_ENTRY_BUNDLE_BYTES) if width else b""
        ballots = self._read(ballots_path(number, width), MAX_BALLOT_BUNDLE_BYTES) if width else b""
        while lines:
            chunk, lines = lines[: TILE_WIDTH - width], lines[TILE_WIDTH - width :]
            written = [entry.to_bytes() for entry, _ in chunk]
            entries += pack_entries(written)
            ballots += b"".join(pack_ballot(ballot) for _, ballot in chunk)
            width += len(chunk)
            self._write(entries_path(number, width), entries)
            self._write(ballots_path(number, width), ballots)
            for line in written:
                self._write_tiles(edge.add(leaf_hash(line)))
            number, width, entries, ballots = number + 1, 0, b"", b""
        self._write_tiles(edge.partial_tiles())
        return edge

    def _write_tiles(self, tiles: Iterator[Tile]) -> None:
        for tile in tiles:
            self._write(tile.path, tile.data)

    def _set_state(self, edge: TileEdge, phase: Phase) -> None:
        """Replace the state by compare-and-set: only this writer's own last state may be replaced."""
        if self._read_state() != self._state:
            raise StateError("The state of the log was changed by somebody else.", check="BRD-17")
        state = self._state.replace(size=edge.size, root=edge.root(), phase=phase.value)
        write_durably(self._state_path, state.to_bytes(), mode=0o600)
        self._state, self._edge = state, edge

    def _publish(self) -> None:
        """Sign the state, publish the checkpoint, remove what it does not need."""
        if self._published != self.checkpoint:
            with checkpoint_lock(self._state_path.parent):  # somebody may be adding cosignatures
                self._write(CHECKPOINT, self.signed_checkpoint())
            self._published = self.checkpoint
        for name in LOG_FOLDERS:
            for found in walk_files(self.folder / name) if (self.folder / name).is_dir() else ():
                path = Path(found.path)
                if not is_log_path(path.relative_to(self.folder).as_posix(), self.size):
                    remove_file(path)
                    with suppress(OSError):  # the folder of partial tiles, when this was the last one
                        path.parent.rmdir()

    def _verify_published(self, witnessed_size: int) -> Checkpoint | None:
        """Refuse a state that is older than what was published, or of another history."""
        if witnessed_size > self.size:
            raise _restored(f"witnesses know {witnessed_size} entries, the state {self.size}")
        if not (self.folder / CHECKPOINT).exists():
            return None
        published = read_checkpoint(self.folder / CHECKPOINT, self.signer.note_key)
        if published.size > self.size:
            raise _restored(f"{published.size} entries are published, the state knows {self.size}")
        try:
            root = tree_root(published.size, tile_nodes(self.size, self._read_tile))
        except (BoardInconsistency, StorageError):
            raise _restored("tiles of the published log are missing") from None
        if published.root != root:
            raise _restored("the published checkpoint is of another history")
        return published

    def _load_edge(self) -> TileEdge:
        try:
            edge = TileEdge.load(self.size, self._read_tile)
        except (BoardInconsistency, StorageError):
            raise _restored("tiles at the end of the log are missing") from None
        if edge.root() != self._state.root:
            raise _restored("the tiles do not belong to the state")
        return edge

    def _read_state(self) -> LogState:
        try:
            state = LogState.from_bytes(read_bounded(self._state_path, LogState.max_bytes))
        except StorageError:
            raise StateError(
                "There is no state of a log here; begin the log first.", check="BRD-18"
            ) from None
        if state.origin != self.signer.name:
            raise StateError("The state is of another log.", check="BRD-18", subject=state.origin)
        return state

    def _read_tile(self, path: str) -> bytes:
        return self._read(path, TILE_BYTES)

    def _read(self, path: str, limit: int) -> bytes:
        return read_bounded(self.folder / path, limit)

    def _write(self, path: str, data: bytes) -> None:
        write_durably(self.folder / path, data)


def _verify_line(line: LogLine) -> None:
    entry, ballot = line
    if entry.kind != Kind.BALLOT:
        if ballot:
            raise ParameterError(f"An entry {entry.kind} has no ballot.", check="BRD-12")
    elif not 0 < len(ballot) <= MAX_BALLOT_BYTES or hashlib.sha256(ballot).digest() != entry.digest:
        raise ParameterError("A ballot is not the one that its entry names.", check="BRD-12")


def _take_lock(private: Path) -> int:
    """Return the descriptor that holds the lock until it is closed; the system closes it after a crash."""
    path = private / LOCK_FILE
    try:
        make_folder(private, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(f"{printable(path)}: {error.strerror}.", subject=printable(path)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StateError("Another process is writing this log; try again.", check="BRD-17") from None
    return descriptor
