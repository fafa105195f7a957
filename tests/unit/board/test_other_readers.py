# SPDX-License-Identifier: GPL-3.0-or-later
"""Our log, read and checked by readers of C2SP logs that other people wrote: tlog-scales, and aics-tlog where it runs."""

from __future__ import annotations

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from evote.board import LogReader
from evote.board.cosigning import cosign_record
from evote.board.witness import Witness
from evote.crypto.merkle import leaf_hash
from evote.crypto.notes import split_note
from simulator import World, contest, draft, sealed_manifest
from witnesses import name_witnesses

tlog = pytest.importorskip("tlog_scales.tlog")

SIZES = (1, 2, 3, 255, 256, 257, 512, 600)


@pytest.fixture
def log(place) -> LogReader:
    place.fill(list(place.opening), place.ballots(0, 598))
    return LogReader(place.record, place.key)


def reader_of(place: str):
    from tlog_scales.backend import make_backend
    from tlog_scales.reader import TilesReader

    return TilesReader(make_backend(place))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_tlog_scales_reads_the_checkpoint_and_every_entry(log, place) -> None:
    from tlog_scales.signing import Vkey

    reader = reader_of(str(place.record))
    checkpoint = reader.get_checkpoint()
    checkpoint.verify(Vkey.from_string(place.key.to_text()))
    assert (checkpoint.origin, checkpoint.size) == (log.checkpoint.origin, 600)
    assert checkpoint.root_hash == log.checkpoint.root == reader.calculate_root_hash()
    assert [reader.get_entry(index) for index in range(600)] == [
        entry.to_bytes() for _, entry in log.entries()
    ]


def test_tlog_scales_agrees_on_proofs(log, place) -> None:
    reader = reader_of(str(place.record))
    reader.get_checkpoint()
    for index in (0, 1, 254, 255, 256, 511, 512, 599):
        ours = log.inclusion_proof(index)
        theirs = reader.get_inclusion_proof(index, 600)
        assert theirs.node_hashes == ours
        tlog.InclusionProof(index, 600, ours).check(leaf_hash(reader.get_entry(index)), log.checkpoint.root)
        with pytest.raises(tlog.InclusionProofInvalid):
            tlog.InclusionProof(index, 600, ours).check(leaf_hash(b"another"), log.checkpoint.root)
    for old in SIZES:
        ours = log.consistency_proof(old)
        assert reader.get_consistency_proof(old, 600).node_hashes == ours
        tlog.ConsistencyProof(old, 600, ours).check(log.root_at(old), log.checkpoint.root)
        for new in SIZES:
            if new >= old:
                proof = tlog.ConsistencyProof(old, new, log.consistency_proof(old, new))
                proof.check(log.root_at(old), log.root_at(new))


def test_tlog_scales_reads_a_record_from_a_plain_web_server(log, place) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(place.record)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        reader = reader_of(f"http://127.0.0.1:{server.server_address[1]}")
        assert reader.get_checkpoint().root_hash == log.checkpoint.root
        assert reader.get_inclusion_proof(300, 600).node_hashes == log.inclusion_proof(300)
        reader.backend.session.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_aics_tlog_audits_the_log(log, place) -> None:
    aics = pytest.importorskip("aics_tlog")
    reader = aics.FileSystemTileReader(place.record)
    aics.audit_tiles(reader, 600, log.checkpoint.root)
    for index in (0, 255, 256, 599):
        assert aics.inclusion_proof_from_tiles(reader, index, 600) == log.inclusion_proof(index)
    for old in SIZES:
        assert aics.consistency_proof_from_tiles(reader, old, 600) == log.consistency_proof(old)


def test_aics_tlog_counts_our_cosignatures(tmp_path) -> None:
    aics = pytest.importorskip("aics_tlog")
    plan = draft((contest("one"),), witnesses=name_witnesses(tmp_path, ["", ""]), witness_quorum=2)
    world = World(tmp_path / "election", sealed_manifest(plan, {"one-all": (1, 1)}))
    key = world.log_signer.note_key
    notes = [
        cosign_record(Witness(tmp_path / f"w{n}", [key]), world.record, world.election) for n in range(2)
    ]
    note = (world.record.path / "checkpoint").read_bytes()
    for more in notes:
        note += f"{split_note(more)[1][0]}\n".encode()
    keys = [aics.parse_vkey(witness.to_text()) for witness in world.election.manifest.witness_keys]
    parsed, log_key = aics.parse_note(note), aics.parse_vkey(key.to_text())
    assert aics.verify_checkpoint(parsed, log_key, keys, quorum=2).ok
    assert not aics.verify_checkpoint(parsed, log_key, keys[:1], quorum=2).ok
