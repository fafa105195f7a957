# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading logs that lie (A8, A9, A38)."""

from __future__ import annotations

import os
import shutil

import pytest

from evote.board import Checkpoint, Kind, LogReader, Phase, tiles
from evote.board.reader import LogPrefix
from evote.crypto.merkle import EMPTY_ROOT, leaf_hash, root_of, verify_consistency, verify_inclusion
from evote.crypto.notes import NoteKey, NoteSigner
from evote.errors import (
    BoardInconsistency,
    EncodingError,
    EvoteError,
    InvalidSignature,
    ParameterError,
    StorageError,
)


@pytest.fixture
def filled(place):
    """A finished log of 307 entries: one full tile and a partial one."""
    place.lines = [*place.opening, *place.ballots(0, 300), *place.closing]
    place.fill(place.lines)
    return place


def reader(place) -> LogReader:
    return LogReader(place.record, place.key)


def refused(place) -> tuple[type[EvoteError], str]:
    """Return what a full verification raises."""
    with pytest.raises(EvoteError) as caught:
        reader(place).verify_log()
    return type(caught.value), caught.value.check


def sign(place, size: int, root: bytes, name: str = "checkpoint") -> None:
    (place.record / name).write_bytes(Checkpoint(place.key.name, size, root).sign(place.signer))


def leaves(place) -> list[bytes]:
    return [leaf_hash(entry.to_bytes()) for entry, _ in place.lines]


def test_honest_log(filled) -> None:
    log = reader(filled)
    log.verify_log()
    items = list(log.items())
    assert [(item.entry, item.ballot) for item in items] == filled.lines
    assert [item.index for item in items] == list(range(307))
    assert list(log.entries()) == list(enumerate(entry for entry, _ in filled.lines))
    assert set(log.paths()) == set(filled.files())
    assert log.checkpoint.root == root_of(leaves(filled))


def test_empty_log(place) -> None:
    place.fill()
    log = reader(place)
    log.verify_log()
    assert (list(log.items()), log.root_at(0), log.consistency_proof(0)) == ([], EMPTY_ROOT, [])
    (place.record / "tile").mkdir()
    reader(place).verify_log()
    (place.record / "tile" / "x").touch()
    assert refused(place) == (BoardInconsistency, "BRD-14")


def test_roots_and_proofs(filled) -> None:
    log, hashes = reader(filled), leaves(filled)
    for size in (0, 1, 2, 200, 255, 256, 257, 306, 307):
        assert log.root_at(size) == root_of(hashes[:size])
        verify_consistency(
            size, root_of(hashes[:size]), 307, log.checkpoint.root, log.consistency_proof(size)
        )
    verify_consistency(99, root_of(hashes[:99]), 260, root_of(hashes[:260]), log.consistency_proof(99, 260))
    for index in (0, 1, 255, 256, 306):
        verify_inclusion(index, 307, hashes[index], log.inclusion_proof(index), log.checkpoint.root)
    for call in (
        lambda: log.root_at(308),
        lambda: log.consistency_proof(5, 4),
        lambda: log.inclusion_proof(307),
    ):
        with pytest.raises(ParameterError):
            call()


def test_roots_come_proven(filled) -> None:
    """A caller may ask for a root without having read the entries; the tiles may lie then."""
    path = filled.record / "tile/0/000"
    data = path.read_bytes()
    path.write_bytes(bytes(32) + data[32:])
    for call in (lambda: reader(filled).root_at(1), lambda: reader(filled).inclusion_proof(1)):
        with pytest.raises(BoardInconsistency) as caught:
            call()
        assert caught.value.check in {"BRD-2", "BRD-3"}


@pytest.mark.parametrize(
    ("path", "check"),
    [
        ("tile/0/000", "BRD-10"),
        ("tile/0/001.p/51", "BRD-10"),
        ("tile/1/000.p/1", "BRD-10"),
        ("ballots/000", "BRD-12"),
        ("ballots/001.p/51", "BRD-12"),
        ("tile/entries/000", None),
        ("tile/entries/001.p/51", None),
        ("checkpoint", None),
    ],
)
def test_every_file_is_checked(filled, path: str, check: str | None) -> None:
    target = filled.record / path
    good = target.read_bytes()
    for changed in (b"", good[:-1], good + b"\0", good[:-20] + bytes([good[-20] ^ 1]) + good[-19:], bytes(9)):
        target.write_bytes(changed)
        kind, found = refused(filled)
        assert issubclass(kind, (BoardInconsistency, EncodingError, InvalidSignature))
        assert found == check if check else found.startswith("BRD-")
    target.unlink()
    assert refused(filled)[0] in {BoardInconsistency, StorageError}
    target.mkdir()
    assert refused(filled)[0] in {BoardInconsistency, StorageError}
    target.rmdir()
    target.write_bytes(good)
    reader(filled).verify_log()


def test_every_byte_of_a_small_log(place) -> None:
    place.fill([*place.opening, *place.ballots(0, 1)])
    for path, good in place.files().items():
        for i in range(len(good)):
            (place.record / path).write_bytes(good[:i] + bytes([good[i] ^ 0x80]) + good[i + 1 :])
            assert refused(place)[1].startswith("BRD-")
        (place.record / path).write_bytes(good)
    reader(place).verify_log()


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001.p/50", "tile/0/001.p/52", "tile/0/000.p/256", "tile/0/001", "tile/2/000.p/1", "tile/x", "ballots/002",
        "ballots/001.p/50", "ballots/.hidden", "tile/entries/000.p/7", "tile/0/000.p/x/y", "tile/0/x000/000", "tile/\udcff",
    ],
)  # fmt: skip
def test_unknown_files(filled, path: str) -> None:
    target = filled.record / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"")
    assert refused(filled) == (BoardInconsistency, "BRD-14")


def test_links_and_pipes(filled) -> None:
    tile = filled.record / "tile/0/000"
    tile.rename(filled.record.parent / "elsewhere")
    tile.symlink_to(filled.record.parent / "elsewhere")
    assert refused(filled) == (BoardInconsistency, "BRD-14")
    tile.unlink()
    os.mkfifo(tile)
    assert refused(filled) == (BoardInconsistency, "BRD-10")
    tile.unlink()
    (filled.record.parent / "elsewhere").rename(tile)
    (filled.record / "ballots").rename(filled.record.parent / "elsewhere")
    (filled.record / "ballots").symlink_to(filled.record.parent / "elsewhere")
    assert refused(filled) == (BoardInconsistency, "BRD-14")


def test_a_ballot_that_is_withheld_is_missed_even_without_reading_it(filled) -> None:
    (filled.record / "ballots/000").unlink()
    with pytest.raises(BoardInconsistency) as caught:
        list(reader(filled).entries())
    assert (caught.value.check, caught.value.subject) == ("BRD-14", "ballots/000")


def rebuild(place, lines) -> None:
    """Write a log that is right in itself, whatever its entries are: the server has the key."""
    shutil.rmtree(place.record)
    edge = tiles.TileEdge()
    store = {}
    for number, width in tiles.tile_widths(len(lines)):
        bundle = lines[number * 256 : number * 256 + width]
        store[tiles.entries_path(number, width)] = tiles.pack_entries([line for line, _ in bundle])
        store[tiles.ballots_path(number, width)] = b"".join(tiles.pack_ballot(ballot) for _, ballot in bundle)
    for line, _ in lines:
        store.update({tile.path: tile.data for tile in edge.add(leaf_hash(line))})
    store.update({tile.path: tile.data for tile in edge.partial_tiles()})
    for path, data in store.items():
        (place.record / path).parent.mkdir(parents=True, exist_ok=True)
        (place.record / path).write_bytes(data)
    sign(place, len(lines), edge.root())


def test_a_server_that_signs_what_it_must_not(filled) -> None:
    good = [(entry.to_bytes(), ballot) for entry, ballot in filled.lines]
    rebuild(filled, good)
    reader(filled).verify_log()
    late = good[5]
    cases = [
        ([*good[:303], late, *good[303:]], BoardInconsistency, "BRD-9"),
        ([*good, late], BoardInconsistency, "BRD-9"),
        (good[1:], BoardInconsistency, "BRD-9"),
        ([*good[:5], (late[0], b"another"), *good[6:]], BoardInconsistency, "BRD-12"),
        ([*good[:5], (late[0], b""), *good[6:]], BoardInconsistency, "BRD-12"),
        ([(good[0][0], b"bytes"), *good[1:]], BoardInconsistency, "BRD-12"),
        ([*good[:5], (late[0][:-1], late[1]), *good[6:]], EncodingError, "BRD-8"),
        ([*good[:5], (late[0] * 2, late[1]), *good[6:]], EncodingError, "BRD-8"),
        ([*good[:5], (b"", b""), *good[6:]], EncodingError, "BRD-8"),
        ([*good[:5], (b"x" * 65535, b""), *good[6:]], EncodingError, "BRD-8"),
    ]
    for lines, kind, check in cases:
        rebuild(filled, lines)
        assert refused(filled) == (kind, check)


def test_empty_ballot(place) -> None:
    place.fill(list(place.opening))
    empty = b"evote/ballot/v1 47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\n"
    rebuild(place, [*((entry.to_bytes(), b"") for entry, _ in place.opening), (empty, b"")])
    assert refused(place) == (BoardInconsistency, "BRD-12")


def test_oversized_ballot_is_not_read(filled) -> None:
    path = filled.record / "ballots/000"
    path.write_bytes(bytes(8) + b"\xff\xff\xff\xff" + bytes(100))
    assert refused(filled) == (EncodingError, "BRD-12")


def test_checkpoint_of_another_key_size_or_root(filled) -> None:
    with pytest.raises(InvalidSignature) as caught:
        LogReader(filled.record, NoteKey(filled.key.name, NoteSigner.generate("x").key.public))
    assert caught.value.check == "BRD-6"
    sign(filled, 307, bytes(32))
    assert refused(filled) == (BoardInconsistency, "BRD-13")
    for size in (306, 308, 256, (1 << 53) - 1):
        sign(filled, size, bytes(32))
        assert refused(filled)[0] is BoardInconsistency
    sign(filled, (1 << 53) - 1, bytes(32))
    with pytest.raises(BoardInconsistency):
        reader(filled).verify_files()
    with pytest.raises(StorageError):
        LogReader(filled.record.parent, filled.key)


def test_a9_truncation_fork_and_rewrite(filled) -> None:
    older = reader(filled).checkpoint
    at_100 = Checkpoint(older.origin, 100, reader(filled).root_at(100))
    reader(filled).verify_extends(older)
    reader(filled).verify_extends(at_100)
    good = [(entry.to_bytes(), ballot) for entry, ballot in filled.lines]
    swapped = [*good[:5], good[6], good[5], *good[7:]]
    for lines in (good[:-1], swapped, [*good[:50], *good[51:]]):
        rebuild(filled, lines)
        forked = reader(filled)
        forked.verify_log()
        with pytest.raises(BoardInconsistency) as caught:
            forked.verify_extends(older)
        assert caught.value.check == "BRD-15"
    rebuild(filled, swapped)
    with pytest.raises(BoardInconsistency) as caught:
        reader(filled).verify_extends(at_100)
    assert caught.value.check == "BRD-15"
    with pytest.raises(BoardInconsistency) as caught:
        reader(filled).verify_extends(Checkpoint("other", 0, EMPTY_ROOT))
    assert caught.value.check == "BRD-15"


def test_kinds_are_what_was_written(filled) -> None:
    kinds = [entry.kind for _, entry in reader(filled).entries()]
    assert kinds.count(Kind.BALLOT) == 300
    assert kinds[-1] == Kind.END


# From what was read before

PREFIXES = {
    2: Phase.VOTING,
    200: Phase.VOTING,
    256: Phase.VOTING,
    300: Phase.VOTING,
    303: Phase.CLOSED,
    307: Phase.ENDED,
}


def prefix_of(place, size: int, **changes) -> LogPrefix:
    right = {"size": size, "root": root_of(leaves(place)[:size]), "phase": PREFIXES[size]}
    return LogPrefix(**{**right, **changes})


@pytest.mark.parametrize("size", PREFIXES)
def test_only_what_follows_a_prefix_is_read(filled, size) -> None:
    bundles = list(reader(filled).bundles(prefix_of(filled, size)))
    entries = [entry for bundle in bundles for entry in bundle.entries]
    assert entries == [entry for entry, _ in filled.lines[size:]]
    for bundle in bundles:
        assert bundle.root == root_of(leaves(filled)[: bundle.end])
    assert [bundle.first for bundle in bundles] == ([size] if size > 255 else [size, 256])[: len(bundles)]


def prefix_refused(place, prefix: LogPrefix) -> str:
    with pytest.raises(BoardInconsistency) as caught:
        list(reader(place).bundles(prefix))
    return caught.value.check


@pytest.mark.parametrize("size", PREFIXES)
def test_a_log_that_began_otherwise_is_refused(filled, size) -> None:
    assert prefix_refused(filled, prefix_of(filled, size, root=b"r" * 32)) == "BRD-3"
    other = prefix_of(filled, size).root
    assert prefix_refused(filled, prefix_of(filled, 300 if size != 300 else 303, root=other)) == "BRD-3"


def test_a_phase_goes_on_from_the_prefix(filled) -> None:
    """Ballots that follow a close are refused, though the close itself is not read again."""
    assert prefix_refused(filled, prefix_of(filled, 200, phase=Phase.CLOSED)) == "BRD-9"


def test_entries_of_a_bundle_that_are_known_are_still_those_of_the_tile(filled) -> None:
    path = filled.record / "tile" / "entries" / "001.p" / "51"
    data = path.read_bytes()
    first = int.from_bytes(data[:2], "big")
    size = 2 + first
    swapped = data[size : 2 * size] + data[:size] + data[2 * size :]
    path.write_bytes(swapped)
    assert prefix_refused(filled, prefix_of(filled, 300)) == "BRD-3"


def test_a_tile_that_lies_about_the_prefix_is_refused(filled) -> None:
    path = filled.record / "tile" / "0" / "001.p" / "51"
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(bytes(data))
    assert prefix_refused(filled, prefix_of(filled, 300)) == "BRD-3"
