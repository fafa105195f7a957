# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said between a log and a witness (C2SP tlog-witness), and the judgement, without any memory.

Spec: WIT-4, WIT-5
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from evote.board.checkpoint import Checkpoint
from evote.crypto.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from evote.crypto.notes import MAX_NOTE_BYTES, NoteKey, parse_signature, split_note
from evote.crypto.signing import decode_base64, encode_base64
from evote.errors import BoardInconsistency, EncodingError

ADD_CHECKPOINT: Final = "/add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"
MAX_PROOF: Final = 63
MAX_REQUEST_BYTES: Final = MAX_NOTE_BYTES + 4096
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers: an HTTP status and a body."""

    status: int
    body: str
    content_type: str = TEXT_TYPE


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint with the proof that it continues the tree of `old` entries.

    Spec: WIT-4
    """

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    def to_bytes(self) -> bytes:
        """Return the body of the request."""
        lines = [f"old {self.old}", *map(encode_base64, self.proof), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.note

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the body of a request; untrusted.

        Raises:
            EncodingError: Another form (WIT-4).
        """
        head, blank, note = data.partition(b"\n\n")
        lines = head.decode("ascii", "replace").split("\n")
        old = _OLD.fullmatch(lines[0])
        if len(data) > MAX_REQUEST_BYTES or not blank or old is None or len(lines) > MAX_PROOF + 1:
            raise EncodingError("This is not a checkpoint with a proof of growth.", check="WIT-4")
        proof = tuple(decode_base64(line) for line in lines[1:])
        if any(len(value) != HASH_BYTES for value in proof):
            raise EncodingError("A proof of growth is of hashes of 32 bytes.", check="WIT-4")
        return cls(int(old.group(1)), proof, note)


def judge_growth(submission: Submission, checkpoint: Checkpoint, known: Checkpoint | None) -> Answer | None:
    """Return the refusal of a checkpoint whose log signed it, or None if it may be cosigned.

    Args:
        submission: Gives old size and proof; untrusted.
        checkpoint: What the note says, signed by the log.
        known: The last one that was cosigned, or None.

    Spec: WIT-5
    """
    size, root = (known.size, known.root) if known else (0, EMPTY_ROOT)
    if submission.old > checkpoint.size:
        return Answer(400, "The old size is greater than the checkpoint's.\n")
    if submission.old != size:
        return Answer(409, f"{size}\n", SIZE_TYPE)
    if checkpoint.size == size and checkpoint.root != root:
        return Answer(409, "Another history of this log was cosigned at this size.\n")
    try:
        verify_consistency(size, root, checkpoint.size, checkpoint.root, submission.proof)
    except BoardInconsistency:
        return Answer(422, "The proof of growth does not verify.\n")
    return None


def own_signature(note: bytes, key: NoteKey) -> bytes:
    """Return a verified note with the one signature line of its key."""
    text, lines = split_note(note)
    mine = next(line for line in lines if parse_signature(line)[:2] == (key.name, key.id))
    return f"{text}\n{mine}\n".encode()
