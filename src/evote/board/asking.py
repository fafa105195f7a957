# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking witnesses for cosignatures: all at once, none trusted, none waited for longer than a moment.

Spec: WIT-7
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from evote.board.checkpoint import Checkpoint
from evote.board.fetch import WebAnswer, ask_server
from evote.board.record_folder import RecordFolder, log_key
from evote.board.witness_protocol import ADD_CHECKPOINT, SIZE_TYPE, Submission, own_signature
from evote.crypto.cosignatures import select_cosignatures
from evote.crypto.notes import MAX_NOTE_BYTES
from evote.errors import EvoteError
from evote.manifest import Witness
from evote.record.election import PublicElection

_ATTEMPTS: Final = 3  # another one asks the same witness at the same time
_MAX_ANSWER_BYTES: Final = 16 << 10
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,15})\n?")
_REASONS: Final = {
    400: "it does not understand the checkpoint",
    403: "it does not accept the log's key: was the election sealed again since it was set up?",
    404: "it does not know this log: its holder adds the log with evote witness serve --log",
    409: "it has cosigned ANOTHER HISTORY of this log: keep the record, and compare",
    422: "the proof of growth does not lead from what it cosigned: ANOTHER HISTORY of this log, or damaged tiles",
}
_CONFLICTS: Final = (409, 422)
Prover = Callable[[int], list[bytes]]
"""Old size -> proof that the checkpoint continues it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of asking one witness.

    Attributes:
        name: Of the witness.
        line: Its verified cosignature, or "".
        ahead: How many entries it says it has cosigned, where that is more than the checkpoint has; else 0.
        conflict: Whether it says that what it has cosigned is of another history.
        failure: Why there is no line, in one sentence.
    """

    name: str
    line: str = ""
    ahead: int = 0
    conflict: bool = False
    failure: str = ""


def ask_witness(
    witness: Witness, note: bytes, checkpoint: Checkpoint, prove: Prover, seconds: float
) -> Reply:
    """Ask one witness for its cosignature of a checkpoint.

    Args:
        witness: Of the manifest; what it answers is not trusted.
        note: The checkpoint with the log's signature.
        checkpoint: What the note says.
        prove: Gives the proofs of growth.
        seconds: How long to wait for each part of an answer.

    Spec: WIT-7
    """
    key, old = witness.witness_key, 0
    for _ in range(_ATTEMPTS):
        try:
            body = Submission(old, tuple(prove(old)), note).to_bytes()
            url = witness.url.rstrip("/") + ADD_CHECKPOINT
            answer = ask_server(url, _MAX_ANSWER_BYTES, seconds, body)
        except EvoteError as error:
            return Reply(key.name, failure=f"{key.name}: {error}")
        if answer.status == 200:
            lines = answer.body.decode("utf-8", "replace").split("\n")
            if line := select_cosignatures(checkpoint.to_text(), lines, [key]).get(key):
                return Reply(key.name, line)
            return Reply(key.name, failure=f"{key.name}: its answer holds no valid cosignature of its own.")
        named = _named_size(answer)
        if named > checkpoint.size:
            sentence = f"{key.name}: it says it has cosigned {named} entries, here are {checkpoint.size}."
            return Reply(key.name, ahead=named, failure=sentence)
        if named in (-1, old):
            break
        old = named
    else:
        return Reply(key.name, failure=f"{key.name}: others ask it at the same time; ask again.")
    reason = _REASONS.get(answer.status, f"it answers with status {answer.status}")
    return Reply(key.name, conflict=answer.status in _CONFLICTS, failure=f"{key.name}: {reason}.")


def _named_size(answer: WebAnswer) -> int:
    """Return the size that a conflict names, or -1."""
    found = _SIZE.fullmatch(answer.body)
    return int(found.group(1)) if answer.status == 409 and answer.content_type == SIZE_TYPE and found else -1


def ask_witnesses(
    record: RecordFolder,
    election: PublicElection,
    path: str,
    witnesses: Sequence[Witness],
    seconds: float,
) -> list[Reply]:
    """Ask several witnesses at once, each in a thread of its own; one that hangs is left behind.

    Args:
        record: The record.
        election: Its election.
        path: The checkpoint to be cosigned: `checkpoint` or `checkpoints/close`.
        witnesses: Those who have an address.
        seconds: How long to wait for each part of an answer; twice as long for everything.

    Raises:
        VerificationError: The checkpoint is missing or not the log's (REC-2, BRD-6).
        EncodingError: The checkpoint is malformed (BRD-4, BRD-7).

    Spec: WIT-7
    """
    key, log = log_key(election), record.log(election)
    data = record.bytes_of(path, MAX_NOTE_BYTES)
    checkpoint, note = Checkpoint.from_note(data, key), own_signature(data, key)
    replies: SimpleQueue[Reply] = SimpleQueue()

    def prove(old: int) -> list[bytes]:
        return log.consistency_proof(old, checkpoint.size)

    def ask(witness: Witness) -> None:
        try:
            replies.put(ask_witness(witness, note, checkpoint, prove, seconds))
        except Exception as error:  # noqa: BLE001 - whatever a witness brings about, the others are asked
            name = witness.witness_key.name
            replies.put(Reply(name, failure=f"{name}: it cannot be asked ({type(error).__name__})."))

    for witness in witnesses:
        threading.Thread(target=ask, args=(witness,), daemon=True).start()
    deadline = time.monotonic() + 2 * seconds
    found: dict[str, Reply] = {}
    try:
        while len(found) < len(witnesses):
            reply = replies.get(timeout=max(0.0, deadline - time.monotonic()))
            found[reply.name] = reply
    except Empty:
        pass
    names = [witness.witness_key.name for witness in witnesses]
    return [
        found.get(name, Reply(name, failure=f"{name}: it has not answered in {2 * seconds:g} seconds."))
        for name in names
    ]
