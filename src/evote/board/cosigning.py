# SPDX-License-Identifier: GPL-3.0-or-later
"""Cosignatures for what is published: asked for, added to the record, and never in the way.

Spec: WIT-7, WIT-8, BRD-18
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evote.board.asking import ask_witnesses
from evote.board.checkpoint import Checkpoint
from evote.board.cosigned import Cosigned, checkpoint_files, count_cosignatures, merge_cosignatures
from evote.board.files import printable, read_bounded
from evote.board.record_folder import RecordFolder, log_key
from evote.board.tiles import CHECKPOINT
from evote.board.witness import Witness
from evote.board.witness_protocol import Submission, own_signature
from evote.crypto.notes import MAX_NOTE_BYTES
from evote.errors import BoardInconsistency, EvoteError, ParameterError, StateError
from evote.record.election import PublicElection

DISTRUSTED_FILE: Final = "distrusted-witnesses"
SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class CosignResult:
    """What came of asking the manifest's witnesses.

    Attributes:
        cosigned: Who has cosigned the checkpoint that counts: `checkpoints/close` once there is one.
        failures: One sentence for each witness that was asked and did not cosign.
        others: Names of witnesses that say they have cosigned more, or another history.
    """

    cosigned: Cosigned
    failures: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def cosign_published(
    record: RecordFolder, election: PublicElection, private: Path, *, seconds: float = SECONDS
) -> CosignResult:
    """Ask the witnesses who have not cosigned what is published, and add what they give to the record.

    `checkpoints/close` first, once there is one, then `checkpoint`. Whatever goes wrong is told in the result and
    stops nothing; the call can be repeated at any time. Without witnesses in the manifest it does nothing.

    Args:
        record: The record of one's own server.
        election: Its election.
        private: The private folder beside the record.
        seconds: How long a witness is waited for, twice at most.

    Spec: WIT-7, WIT-8
    """
    manifest, failures = election.manifest, dict[str, str]()
    others: tuple[str, ...] = ()
    paths = checkpoint_files(record)
    if not manifest.witnesses:
        return CosignResult(Cosigned(paths[0], (), (), 0))
    cosigned = Cosigned(
        paths[0], (), tuple(key.name for key in manifest.witness_keys), manifest.witness_quorum
    )
    try:
        for path in paths:
            have = count_cosignatures(record, manifest, path)
            waiting = [
                witness
                for witness in manifest.witnesses
                if witness.url and witness.witness_key.name in set(have.missing) - set(failures)
            ]
            replies = ask_witnesses(record, election, path, waiting, seconds) if waiting else []
            merge_cosignatures(record, manifest, private, [reply.line for reply in replies if reply.line])
            failures |= {reply.name: reply.failure for reply in replies if reply.failure}
            if path == CHECKPOINT:
                others = tuple(reply.name for reply in replies if reply.ahead or reply.conflict)
        cosigned = count_cosignatures(record, manifest, paths[0])
    except EvoteError as error:
        failures[""] = f"{error}"
    return CosignResult(cosigned, tuple(failures.values()), others)


def cosign_record(witness: Witness, record: RecordFolder, election: PublicElection) -> bytes:
    """Let a witness cosign a record at hand, without a network: what it continues is cosigned, nothing else.

    Args:
        witness: Knows this log's key.
        record: Untrusted.
        election: Of the record.

    Returns:
        A note, or two, of checkpoint text and cosignature: to be given to the bureau.

    Raises:
        BoardInconsistency: The record does not continue what the witness has cosigned (BRD-15).
        VerificationError: A checkpoint is missing or not the log's (REC-2, BRD-6, BRD-7).
        EncodingError: A checkpoint is malformed (BRD-4, BRD-7).

    Spec: WIT-8
    """
    key, log = log_key(election), record.log(election)
    cosigned: dict[str, str] = {}
    for path in checkpoint_files(record):
        note = record.bytes_of(path, MAX_NOTE_BYTES)
        checkpoint, last = Checkpoint.from_note(note, key), witness.cosigned(key.name)
        old = last.checkpoint.size if last else 0
        if checkpoint.size < old or checkpoint.to_text() in cosigned:
            continue
        proof = tuple(log.consistency_proof(old, checkpoint.size))
        answer = witness.add_checkpoint(Submission(old, proof, own_signature(note, key)).to_bytes())
        if answer.status != 200:
            raise BoardInconsistency(
                f"{path} is refused: {answer.body.strip()}", check="BRD-15", subject=path
            )
        cosigned[checkpoint.to_text()] = answer.body
    if not cosigned:
        raise BoardInconsistency(
            "This witness has cosigned more entries than this record holds.", check="BRD-15"
        )
    return "".join(f"{text}\n{line}" for text, line in cosigned.items()).encode()


def verify_newest(
    record: RecordFolder, election: PublicElection, private: Path, *, seconds: float = SECONDS
) -> None:
    """Refuse to go on if a witness has cosigned more than is published here, or another history.

    To be called when a sequencer starts, not at every cast. Witnesses that do not answer stop nothing. A witness that
    is known to be wrong is named, a line each, in `distrusted-witnesses` of the private folder.

    Args:
        record: The record of one's own server; the vote is open or closed.
        election: Its election.
        private: The private folder beside the record.
        seconds: How long a witness is waited for, twice at most.

    Raises:
        StateError: A witness says it has (BRD-18).
        VerificationError: The checkpoint is missing or not the log's (REC-2, BRD-6).

    Spec: BRD-18
    """
    ignored = _distrusted(private)
    asked = [
        witness
        for witness in election.manifest.witnesses
        if witness.url and witness.witness_key.name not in ignored
    ]
    if not asked:
        return
    replies = ask_witnesses(record, election, CHECKPOINT, asked, seconds)
    others = "; ".join(reply.failure for reply in replies if reply.ahead or reply.conflict)
    if others:
        raise StateError(
            f"The log refuses to sign: {others} Was a backup restored? Bring back the newest state. A witness that is "
            f"wrong can be named in private/{DISTRUSTED_FILE}.",
            check="BRD-18",
        )


def _distrusted(private: Path) -> set[str]:
    path = private / DISTRUSTED_FILE
    if not path.exists():
        return set()
    try:
        return set(read_bounded(path, 1 << 16).decode().split("\n"))
    except UnicodeDecodeError:
        raise ParameterError(f"{printable(path)} is not UTF-8 text.", check="BRD-18") from None
