# SPDX-License-Identifier: GPL-3.0-or-later
"""Witnesses in processes of their own, on real sockets, and an election that names them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from evote.board.checkpoint import Checkpoint
from evote.board.witness import Witness
from evote.board.witness_protocol import Submission
from evote.crypto.merkle import leaf_hash, list_nodes, root_of, tree_consistency
from evote.crypto.notes import NoteSigner
from evote.manifest import Witness as WitnessEntry


class WitnessProcess:
    """`evote witness serve` in a process of its own."""

    def __init__(self, folder: Path, *logs: object, port: int = 0) -> None:
        command = [
            sys.executable,
            "-m",
            "evote",
            "witness",
            "serve",
            str(folder),
            "--listen",
            f"127.0.0.1:{port}",
        ]
        for log in logs:
            command += ["--log", str(log)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = ""
        while "listens on" not in line:
            line = self.process.stdout.readline()
            assert line, "the witness did not start"
        self.url = line.split()[-1]
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@contextmanager
def serving(folder: Path, *logs: object, port: int = 0) -> Iterator[str]:
    """Run a witness; yield its address."""
    witness = WitnessProcess(folder, *logs, port=port)
    try:
        yield witness.url
    finally:
        witness.kill()


class Forest:
    """Two histories of one log that part after some entries, each signed by the same key."""

    def __init__(self, signer: NoteSigner, common: int = 5, size: int = 200) -> None:
        self.signer = signer
        first = [leaf_hash(b"%d" % i) for i in range(size)]
        second = first[:common] + [leaf_hash(b"other %d" % i) for i in range(common, size)]
        self.leaves = (first, second)

    def checkpoint(self, size: int, branch: int = 0) -> Checkpoint:
        """Return the head of a branch."""
        return Checkpoint(self.signer.name, size, root_of(self.leaves[branch][:size]))

    def submission(self, old: int, size: int, branch: int = 0, **changes: object) -> Submission:
        """Return an honest submission from one branch."""
        proof = tuple(tree_consistency(old, size, list_nodes(self.leaves[branch]))) if old <= size else ()
        fields = {"old": old, "proof": proof, "note": self.checkpoint(size, branch).sign(self.signer)}
        return Submission(**{**fields, **changes})


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Run a web server that does with every request what it is told; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer(self)

        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(
    handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", kind: str = "text/plain", **headers: str
) -> None:
    """Send an answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def name_witnesses(folder: Path, urls: Sequence[str]) -> tuple[WitnessEntry, ...]:
    """Make a witness's folder for each address; return what stands in the manifest."""
    return tuple(
        WitnessEntry.make(key=Witness.create(folder / f"w{n}", f"witness.example/w{n}").to_text(), url=url)
        for n, url in enumerate(urls)
    )


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    import socket

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
