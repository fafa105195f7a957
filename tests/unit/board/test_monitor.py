# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching a log over the web and from a folder: it grows, or both notes are kept."""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from evote.board import Checkpoint, write_durably
from evote.board.monitor import open_place, sealed_log_key, watch_log
from evote.crypto.cosignatures import WitnessSigner
from evote.crypto.notes import NoteKey, NoteSigner
from evote.errors import BoardInconsistency, EncodingError, EvoteError, InvalidSignature, StorageError
from simulator import small_world
from witnesses import answering, reply


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=["folder", "web"])
def place_of(request) -> Iterator[Callable[[Path], str]]:
    """Serve a folder as it is, or by `http.server`."""
    servers = []

    def serve(folder: Path) -> str:
        if request.param == "folder":
            return str(folder)
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield serve
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def grow(place, count: int) -> bytes:
    with place.open() as log:
        log.append(place.ballots(log.size, log.size + count))
    return (place.record / "checkpoint").read_bytes()


def refused(
    place: str, key: NoteKey, saved: Path, check: str, error: type[EvoteError] = BoardInconsistency
) -> None:
    before = saved.read_bytes()
    with pytest.raises(error) as caught:
        watch_log(open_place(place), key, saved)
    assert caught.value.check == check
    assert saved.read_bytes() == before


def test_a_log_that_grows(place, place_of, tmp_path) -> None:
    place.fill(list(place.opening), place.ballots(0, 10))
    where, saved, old = place_of(place.record), tmp_path / "saved", None
    for count in (0, 1, 0, 250, 300, 500):
        note = grow(place, count) if count else (place.record / "checkpoint").read_bytes()
        found = watch_log(open_place(where), place.key, saved)
        assert found.saved == old
        assert saved.read_bytes() == note
        old = found.current
        assert old == Checkpoint.from_note(note, place.key)
    assert not (tmp_path / "saved.conflict").exists()


def test_a39_another_history(place, place_of, tmp_path) -> None:
    place.fill(list(place.opening), place.ballots(0, 300))
    other = type(place)(tmp_path / "other")
    other.fill(list(place.opening), place.ballots(1, 301))
    saved = tmp_path / "saved"
    watch_log(open_place(place_of(place.record)), place.key, saved)
    fork = place_of(other.record)
    shown = (other.record / "checkpoint").read_bytes()
    refused(fork, place.key, saved, "BRD-15")
    assert (tmp_path / "saved.conflict").read_bytes() == shown
    grow(other, 400)
    refused(fork, place.key, saved, "BRD-15")  # also when it has grown since
    assert (tmp_path / "saved.conflict").read_bytes() == shown  # the first evidence stays
    for path in (saved, tmp_path / "saved.conflict"):
        assert Checkpoint.from_note(path.read_bytes(), place.key).size == 302


def test_a_log_that_lost_entries(place, place_of, tmp_path) -> None:
    place.fill(list(place.opening), place.ballots(0, 10))
    shutil.copytree(place.record, tmp_path / "old")
    grow(place, 5)
    saved = tmp_path / "saved"
    watch_log(open_place(place_of(place.record)), place.key, saved)
    refused(place_of(tmp_path / "old"), place.key, saved, "BRD-15")
    assert (tmp_path / "saved.conflict").read_bytes() == (tmp_path / "old" / "checkpoint").read_bytes()


def test_tiles_that_do_not_lead_to_the_checkpoint_say_nothing(place, place_of, tmp_path) -> None:
    place.fill(list(place.opening), place.ballots(0, 10))
    where, saved = place_of(place.record), tmp_path / "saved"
    watch_log(open_place(where), place.key, saved)
    grow(place, 8)
    tile = place.record / "tile/0/000.p/20"
    good = tile.read_bytes()
    tile.write_bytes(bytes(32) + good[32:])
    refused(where, place.key, saved, "BRD-3")
    tile.write_bytes(good[:-1])
    refused(where, place.key, saved, "BRD-10")
    tile.unlink()
    refused(where, place.key, saved, "", StorageError)
    assert not (tmp_path / "saved.conflict").exists()
    write_durably(tile, good)
    watch_log(open_place(where), place.key, saved)


def test_keys(place, place_of, tmp_path) -> None:
    place.fill(list(place.opening))
    where, saved = place_of(place.record), tmp_path / "saved"
    stranger = NoteSigner.generate(place.key.name)
    with pytest.raises(InvalidSignature) as caught:
        watch_log(open_place(where), stranger.note_key, saved)
    assert caught.value.check == "BRD-6"
    assert not saved.exists()
    watch_log(open_place(where), place.key, saved)
    saved.write_bytes(Checkpoint(stranger.name, 1, bytes(32)).sign(stranger))
    refused(where, place.key, saved, "BRD-6", InvalidSignature)
    saved.write_bytes(b"nonsense")
    refused(where, place.key, saved, "BRD-7", EncodingError)


def test_cosigned_checkpoints_are_read_and_kept(place, place_of, tmp_path) -> None:
    place.fill(list(place.opening))
    path = place.record / "checkpoint"
    witness = WitnessSigner.generate("w")
    text = Checkpoint.from_note(path.read_bytes(), place.key).to_text()
    path.write_bytes(path.read_bytes() + f"{witness.cosign(text, 5)}\n".encode())
    watch_log(open_place(place_of(place.record)), place.key, tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == path.read_bytes()


def test_the_key_of_the_seal(tmp_path, place_of) -> None:
    world = small_world(tmp_path / "world", votes={})
    where = place_of(world.record.path)
    assert sealed_log_key(open_place(where)) == world.log_signer.note_key
    (world.record.path / "seal.json").unlink()
    with pytest.raises(StorageError):
        sealed_log_key(open_place(where))


@pytest.mark.parametrize("hostile", ["long", "redirect", "cut", "garbage", "file"])
def test_hostile_servers(place, tmp_path, hostile) -> None:
    place.fill(list(place.opening))
    note = (place.record / "checkpoint").read_bytes()
    (tmp_path / "checkpoint").write_bytes(note)

    def answer(handler) -> None:
        if hostile == "long":
            reply(handler, 200, note + bytes(1 << 17))
        elif hostile == "redirect":
            reply(handler, 302, Location=f"http://127.0.0.1:{handler.server.server_address[1]}/other")
        elif hostile == "file":
            reply(handler, 302, Location=(tmp_path / "checkpoint").as_uri())
        elif hostile == "cut":
            handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 900\r\n\r\n" + note[:20])
        else:
            handler.wfile.write(b"\xff\0\r\n\r\n")

    with answering(answer) as url, pytest.raises(EvoteError):
        watch_log(open_place(url), place.key, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
    with answering(lambda handler: reply(handler, 200, note)) as url:
        watch_log(open_place(url), place.key, tmp_path / "saved")
    with pytest.raises(StorageError):
        watch_log(open_place(url), place.key, tmp_path / "saved")  # the server is gone
