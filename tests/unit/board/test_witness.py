# SPDX-License-Identifier: GPL-3.0-or-later
"""A witness: what it answers, what it remembers, and that it never cosigns two histories."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.board import files
from evote.board.checkpoint import Checkpoint
from evote.board.witness import CONFLICTS, KEY_FILE, STATE_FILE, Witness, WitnessState
from evote.board.witness_app import WitnessApp
from evote.board.witness_protocol import MAX_REQUEST_BYTES, SIZE_TYPE, Submission
from evote.crypto.cosignatures import read_cosignatures
from evote.crypto.merkle import EMPTY_ROOT
from evote.crypto.notes import NoteSigner, sign_note
from evote.crypto.signing import SigningKey, encode_base64
from evote.errors import EncodingError, EvoteError, ParameterError, StateError, StorageError
from witnesses import Forest

LOG = NoteSigner("vote.example/2024", SigningKey.from_seed(bytes(range(32))))
OTHER = NoteSigner("vote.example/2025", SigningKey.from_seed(b"o" * 32))
FOREST = Forest(LOG)
NOW = 1_700_000_000


@pytest.fixture
def folder(tmp_path) -> Path:
    Witness.create(tmp_path / "w", "witness.example/w")
    return tmp_path / "w"


def enter(folder: Path, *logs: NoteSigner) -> Witness:
    return Witness(folder, [log.note_key for log in logs or (LOG,)], clock=lambda: NOW)


def ask(witness: Witness, submission: Submission | bytes) -> tuple[int, str, str]:
    data = submission if isinstance(submission, bytes) else submission.to_bytes()
    answer = witness.add_checkpoint(data)
    return answer.status, answer.content_type, answer.body


def head(folder: Path) -> Checkpoint | None:
    last = Witness(folder).cosigned(LOG.name)
    return last.checkpoint if last else None


def cosigns(witness: Witness, submission: Submission) -> None:
    status, _, body = ask(witness, submission)
    assert status == 200, body
    assert read_cosignatures(submission.note + body.encode(), [witness.key]) == {witness.key: NOW}


def test_it_follows_a_log_that_grows(folder) -> None:
    witness = enter(folder)
    old = 0
    for size in (1, 2, 2, 3, 7, 64, 65, 200, 200):
        cosigns(witness, FOREST.submission(old, size))
        assert head(folder) == FOREST.checkpoint(size)
        old = size
    witness = enter(folder)  # started again
    cosigns(witness, FOREST.submission(200, 200))


def test_an_empty_log(folder) -> None:
    witness = enter(folder)
    cosigns(witness, FOREST.submission(0, 0))
    assert head(folder) == Checkpoint(LOG.name, 0, EMPTY_ROOT)
    cosigns(witness, FOREST.submission(0, 3))


def test_a39_a_second_history_is_refused_and_kept(folder) -> None:
    witness = enter(folder)
    cosigns(witness, FOREST.submission(0, 10))
    before = (folder / STATE_FILE).read_bytes()
    status, kind, _ = ask(witness, FOREST.submission(10, 10, branch=1))
    assert (status, kind.startswith("text/plain")) == (409, True)
    assert ask(witness, FOREST.submission(10, 20, branch=1))[0] == 422
    assert ask(witness, FOREST.submission(5, 20, branch=1)) == (409, SIZE_TYPE, "10\n")
    assert ask(witness, FOREST.submission(0, 20, branch=1)) == (409, SIZE_TYPE, "10\n")
    assert (folder / STATE_FILE).read_bytes() == before
    kept = {Checkpoint.from_note(path.read_bytes(), LOG.note_key) for path in (folder / CONFLICTS).iterdir()}
    assert kept == {FOREST.checkpoint(10), FOREST.checkpoint(10, 1)}
    cosigns(witness, FOREST.submission(10, 20))


def test_it_never_goes_back(folder) -> None:
    witness = enter(folder)
    cosigns(witness, FOREST.submission(0, 10))
    for old, size in ((0, 5), (5, 8), (9, 10), (0, 10), (11, 12)):
        assert ask(witness, FOREST.submission(old, size)) == (409, SIZE_TYPE, "10\n")
    assert ask(witness, FOREST.submission(10, 5))[0] == 400


@pytest.mark.parametrize("change", ["drop", "add", "swap", "flip"])
def test_a_wrong_proof(folder, change) -> None:
    witness = enter(folder)
    cosigns(witness, FOREST.submission(0, 7))
    good = FOREST.submission(7, 100)
    proof = list(good.proof)
    changed = {
        "drop": proof[:-1],
        "add": [*proof, bytes(32)],
        "swap": [proof[1], proof[0], *proof[2:]],
        "flip": [bytes([proof[0][0] ^ 1]) + proof[0][1:], *proof[1:]],
    }[change]
    assert ask(witness, Submission(7, tuple(changed), good.note))[0] == 422
    cosigns(witness, good)


def test_the_first_submission_has_no_proof(folder) -> None:
    assert ask(enter(folder), FOREST.submission(0, 7, proof=(bytes(32),)))[0] == 422
    cosigns(enter(folder), FOREST.submission(0, 7))


def test_logs_and_signatures(folder) -> None:
    witness = enter(folder)
    text = FOREST.checkpoint(7).to_text()
    forged = sign_note(text, [NoteSigner(LOG.name, OTHER.key)])
    line = FOREST.submission(0, 7).note.rpartition(b"\n\n")[2]
    bad = f"\u2014 {LOG.name} {encode_base64(LOG.note_key.id + bytes(64))}\n".encode()
    assert ask(witness, Forest(OTHER).submission(0, 7))[0] == 404
    for note in (
        forged,  # another key id
        forged + bad,
        FOREST.submission(0, 7).note + line,
        text.encode() + b"\n" + bad,
    ):
        assert ask(witness, Submission(0, (), note))[0] == 403
    cosigns(witness, Submission(0, (), forged + line))


@pytest.mark.parametrize(
    "changed",
    [
        lambda data: b"",
        lambda data: b"\n\n",
        lambda data: data[:-1],
        lambda data: data.replace(b"old 0", b"old 00"),
        lambda data: data.replace(b"old 0", b"old -1"),
        lambda data: data.replace(b"old 0", b"old \xd9\xa0"),
        lambda data: data.replace(b"old 0", b"Old 0"),
        lambda data: data.replace(b"old 0\n", b"old 0 \n"),
        lambda data: data.replace(b"old 0\n", b"old 0\r\n"),
        lambda data: data.replace(b"old 0\n", b"old 0\nAAAA\n"),
        lambda data: data.replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"\n"),
        lambda data: data.replace(b"old 0\n", b"old 0\n" + (b"A" * 43 + b"=\n") * 64),
        lambda data: data.replace(b"\n7\n", b"\n07\n"),
        lambda data: data + b"\0",
        lambda data: b"\n" + data,
    ],
)
def test_malformed_submissions(folder, changed) -> None:
    witness = enter(folder)
    good = FOREST.submission(0, 7)
    assert changed(good.to_bytes()) != good.to_bytes()
    assert ask(witness, changed(good.to_bytes()))[0] in (400, 403)
    assert head(folder) is None
    cosigns(witness, good)


def test_checkpoints_of_another_form_that_the_log_signed(folder) -> None:
    witness = enter(folder)
    text = FOREST.checkpoint(7).to_text()
    empty = f"{LOG.name}\n0\n{encode_base64(bytes(32))}\n"
    for other in (text + "extension\n", text.replace("\n7\n", "\n+7\n"), f"{LOG.name}\n7\n", empty):
        assert ask(witness, Submission(0, (), sign_note(other, [LOG])))[0] == 400


def test_a_proof_of_63_lines_is_read() -> None:
    good = Submission(5, (bytes(32),) * 63, b"note\n")
    assert Submission.from_bytes(good.to_bytes()) == good
    for data in (
        Submission(5, (bytes(32),) * 64, b"note\n").to_bytes(),
        b"old 5\n\n" + bytes(MAX_REQUEST_BYTES),
    ):
        with pytest.raises(EncodingError) as caught:
            Submission.from_bytes(data)
        assert caught.value.check == "WIT-4"


@given(st.binary(max_size=400))
def test_garbage_is_never_cosigned(tmp_path_factory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("garbage") / "w"
    Witness.create(folder, "w")
    assert ask(enter(folder), data)[0] == 400


@given(data=st.data())
def test_a_submission_with_one_changed_byte_changes_nothing(tmp_path_factory, data) -> None:
    folder = tmp_path_factory.mktemp("changed") / "w"
    Witness.create(folder, "w")
    witness = enter(folder)
    cosigns(witness, FOREST.submission(0, 7))
    good = bytearray(FOREST.submission(7, 20).to_bytes())
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] ^= data.draw(st.integers(1, 255))
    assert ask(witness, bytes(good))[0] in (400, 403, 404, 409, 422)
    assert head(folder) == FOREST.checkpoint(7)


def test_many_at_once_cosign_one_history(folder) -> None:
    """Two clients push two histories through several threads and two objects: the cosigned ones are of one history."""
    witnesses = [enter(folder), enter(folder)]
    cosigns(witnesses[0], FOREST.submission(0, 5))
    cosigned: list[tuple[int, int]] = []

    def push(branch: int) -> None:
        for size in range(6, 60):
            known = head(folder)
            if known is None or known.size > size:
                continue
            submission = FOREST.submission(known.size, size, branch)
            if witnesses[size % 2].add_checkpoint(submission.to_bytes()).status == 200:
                cosigned.append((size, branch))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, [0, 1] * 4))
    assert len({branch for size, branch in cosigned if size > 5}) == 1
    assert cosigned


def test_two_logs(folder) -> None:
    witness = enter(folder, LOG, OTHER)
    cosigns(witness, FOREST.submission(0, 7))
    cosigns(witness, Forest(OTHER).submission(0, 9))
    cosigns(witness, FOREST.submission(7, 8))
    cosigns(enter(folder, OTHER), Forest(OTHER).submission(9, 10))
    assert ask(enter(folder, OTHER), FOREST.submission(8, 9))[0] == 404
    assert head(folder) == FOREST.checkpoint(8)


def test_one_log_of_a_name_ever(folder) -> None:
    """A cosignature names the origin and not the key: under another key it would count for the first log, too."""
    again = NoteSigner(LOG.name, OTHER.key)
    for logs in ((LOG, again), (again, LOG)):
        with pytest.raises(StateError) as caught:
            enter(folder, *logs)
        assert caught.value.check == "WIT-6"
    cosigns(enter(folder, again), Forest(again).submission(0, 3))
    with pytest.raises(StateError) as caught:
        enter(folder, LOG)
    assert caught.value.check == "WIT-6"
    cosigns(enter(folder, again, again), Forest(again).submission(3, 3))


def test_without_its_memory_it_does_not_work(folder) -> None:
    witness = enter(folder)
    cosigns(witness, FOREST.submission(0, 7))
    (folder / STATE_FILE).unlink()
    with pytest.raises(StateError) as caught:
        witness.add_checkpoint(FOREST.submission(0, 7, branch=1).to_bytes())
    assert caught.value.check == "WIT-6"
    with pytest.raises(StateError):
        enter(folder)
    with pytest.raises(StorageError):  # the key is there: no second state for it
        Witness.create(folder, "witness.example/w")
    assert not (folder / STATE_FILE).exists()


def test_a_damaged_memory_is_refused(folder) -> None:
    cosigns(enter(folder), FOREST.submission(0, 7))
    data = (folder / STATE_FILE).read_bytes()
    (folder / STATE_FILE).write_bytes(data[:-2])
    with pytest.raises(EncodingError):
        enter(folder)
    state = WitnessState.from_bytes(data)
    unsigned = state.logs[0].replace(note=sign_note(FOREST.checkpoint(3).to_text(), [OTHER]))
    (folder / STATE_FILE).write_bytes(state.replace(logs=(unsigned,)).to_bytes())
    with pytest.raises(EvoteError):
        enter(folder).add_checkpoint(FOREST.submission(3, 5).to_bytes())


def test_new_folders(tmp_path) -> None:
    key = Witness.create(tmp_path / "a" / "b", "w")
    assert Witness(tmp_path / "a" / "b").key == key
    assert (tmp_path / "a" / "b" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a" / "b" / STATE_FILE).stat().st_mode & 0o777 == 0o600
    with pytest.raises(ParameterError):
        Witness.create(tmp_path / "c", "two words")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        Witness.create(tmp_path / "file", "w")
    with pytest.raises(StorageError):
        Witness(tmp_path / "nowhere")


DYING = """
import os, sys
from pathlib import Path
from evote.board import files
from evote.board.witness import Witness
from evote.crypto.notes import NoteKey

folder, key, request, half = sys.argv[1:]
witness, create = Witness(Path(folder), [NoteKey.from_text(key)]), files.create_file

def dying(path, data, *, mode):
    if half == "half":
        create(path, data, mode=mode)
    os._exit(77)

files.create_file = dying
witness.add_checkpoint(Path(request).read_bytes())
"""


@pytest.mark.parametrize("half", [False, True])
def test_a_crash_at_the_one_write(folder, half) -> None:
    """The process dies before, or just after, the state's bytes are written beside the old ones: nothing was cosigned."""
    cosigns(enter(folder), FOREST.submission(0, 5))
    request = folder.parent / "request"
    request.write_bytes(FOREST.submission(5, 9, branch=1).to_bytes())
    arguments = [folder, LOG.note_key.to_text(), request, "half" if half else "none"]
    died = subprocess.run([sys.executable, "-c", DYING, *map(str, arguments)], check=False)
    assert died.returncode == 77
    assert bool(list(folder.glob(".*.tmp"))) == half
    cosigns(enter(folder), FOREST.submission(5, 9))
    assert not list(folder.glob(".*.tmp"))


def drive(app: WitnessApp, messages: list[dict], **scope: object) -> list[dict]:
    """Send messages to the application as a server does; return what it sends."""
    sent: list[dict] = []
    waiting = iter(messages)

    async def receive() -> dict:
        return next(waiting)

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(app({"type": "http", "method": "POST", "path": "/add-checkpoint", **scope}, receive, send))
    return sent


def post(app: WitnessApp, *chunks: bytes, **scope: object) -> tuple[int, bytes]:
    parts = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    sent = drive(app, [*parts, {"type": "http.request", "body": b"", "more_body": False}], **scope)
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(sent[1]["body"])).encode()
    return sent[0]["status"], sent[1]["body"]


def test_the_application(folder) -> None:
    app = WitnessApp(enter(folder))
    data = FOREST.submission(0, 7).to_bytes()
    assert post(app, data[:9], data[9:])[0] == 200
    assert post(app, data, path="/some/prefix/add-checkpoint") == (409, b"7\n")
    assert post(app, data, path="/")[0] == 404
    assert post(app, data, path="/add-checkpoint/x")[0] == 404
    assert post(app, data, method="GET")[0] == 405
    assert post(app, bytes(MAX_REQUEST_BYTES), b"x")[0] == 413
    assert post(app, *[b"x" * 1000] * 80)[0] == 413
    sent = drive(app, [{"type": "http.disconnect"}])
    assert sent[0]["status"] == 400
    sent = drive(app, [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}], type="lifespan")
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    (folder / STATE_FILE).unlink()
    assert post(app, data)[0] == 500


def test_threads_do_not_wait_for_the_loop(folder) -> None:
    """The judgement runs beside the event loop, which goes on while a lock is held."""
    app = WitnessApp(enter(folder))
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with files.hold_lock(folder / "witness.lock"):
            held.set()
            go.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)

    async def both() -> None:
        async def receive() -> dict:
            return {"type": "http.request", "body": FOREST.submission(0, 7).to_bytes()}

        async def send(message: dict) -> None:
            sent.append(message)

        sent: list[dict] = []
        task = asyncio.create_task(
            app({"type": "http", "method": "POST", "path": "/add-checkpoint"}, receive, send)
        )
        await asyncio.sleep(0.05)
        assert not sent
        go.set()
        await task
        assert sent[0]["status"] == 200

    asyncio.run(both())
    thread.join()
