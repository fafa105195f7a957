# SPDX-License-Identifier: GPL-3.0-or-later
"""A witness of logs: cosigns a checkpoint only if it continues the last one that it cosigned.

What it has cosigned is durable before it answers, and one file, which it never works without: so no crash can make
it cosign two histories.

Spec: WIT-5, WIT-6
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from evote.board.checkpoint import Checkpoint
from evote.board.files import (
    hold_lock,
    make_folder,
    printable,
    read_bounded,
    remove_temporary_files,
    write_durably,
)
from evote.board.witness_protocol import Answer, Submission, judge_growth, own_signature
from evote.crypto.cosignatures import WitnessKey, WitnessSigner
from evote.crypto.notes import NoteKey, open_note, split_note
from evote.encoding import Bytes, Document, Field, Part, Text
from evote.errors import EncodingError, InvalidSignature, StateError, StorageError

KEY_FILE: Final = "witness.key"
STATE_FILE: Final = "witness.json"
CONFLICTS: Final = "conflicts"
_LOCK_FILE: Final = "witness.lock"
_MAX_CONFLICTS: Final = 100


class WitnessedLog(Part):
    """A log that a witness has cosigned: its key, and the last checkpoint with the log's signature alone."""

    key: Text
    note: Annotated[Bytes, Field(max_length=4096)]

    @property
    def checkpoint(self) -> Checkpoint:
        """The last checkpoint that was cosigned."""
        return Checkpoint.from_note(self.note, NoteKey.from_text(self.key))


class WitnessState(Document):
    """`witness.json`: everything that a witness has to remember.

    Spec: WIT-6
    """

    max_bytes: ClassVar[int] = 16 << 20

    type: Literal["evote/witness-state"] = "evote/witness-state"
    version: Literal[1] = 1
    logs: Annotated[tuple[WitnessedLog, ...], Field(max_length=1000)]

    def of_origin(self, origin: str) -> WitnessedLog | None:
        """Return what was cosigned of a log."""
        return next((log for log in self.logs if NoteKey.from_text(log.key).name == origin), None)

    def with_log(self, log: WitnessedLog) -> Self:
        """Return the state with a log's last checkpoint replaced."""
        origin = NoteKey.from_text(log.key).name
        others = (one for one in self.logs if NoteKey.from_text(one.key).name != origin)
        return self.replace(logs=(*others, log))


class Witness:
    """A witness and its folder. Safe for several threads and processes on one machine.

    Attributes:
        key: The witness's public key.
    """

    def __init__(
        self, folder: Path, logs: Sequence[NoteKey] = (), clock: Callable[[], float] = time.time
    ) -> None:
        """Open a witness's folder.

        Args:
            folder: Made by `create`.
            logs: Keys of the logs that are witnessed, one an origin.
            clock: POSIX seconds.

        Raises:
            StorageError: The folder holds no key, or cannot be read.
            EncodingError: Key or state are damaged.
            StateError: The state is gone, or two logs have one origin (WIT-6).
        """
        self._folder = folder
        self._signer = WitnessSigner.load(folder / KEY_FILE)
        self._clock = clock
        with self._alone():
            remove_temporary_files(folder)
            state = self._read_state()
        self._logs: dict[str, NoteKey] = {}
        for key in logs:
            cosigned = state.of_origin(key.name)
            if self._logs.setdefault(key.name, key) != key or (cosigned and cosigned.key != key.to_text()):
                raise StateError(
                    f"Two logs are called {key.name}: a witness cosigns one log of a name, ever. Make another "
                    "witness for the other log.",
                    check="WIT-6",
                    subject=key.name,
                )

    @classmethod
    def create(cls, folder: Path, name: str) -> WitnessKey:
        """Make a witness: a folder with a new key and an empty state.

        Raises:
            ParameterError: Not a name for a key (BRD-5).
            StorageError: The folder has a key already, or cannot be written.
        """
        signer = WitnessSigner.generate(name)
        try:
            make_folder(folder, mode=0o700)
        except OSError as error:
            raise StorageError(f"{printable(folder)}: {error.strerror}.", subject=printable(folder)) from None
        with hold_lock(folder / _LOCK_FILE):
            if not (folder / KEY_FILE).exists():  # a new key has cosigned nothing
                write_durably(folder / STATE_FILE, WitnessState.make(logs=()).to_bytes(), mode=0o600)
            signer.save(folder / KEY_FILE)
        return signer.witness_key

    @property
    def key(self) -> WitnessKey:
        """The witness's public key."""
        return self._signer.witness_key

    def cosigned(self, origin: str) -> WitnessedLog | None:
        """Return the last that was cosigned of a log."""
        with self._alone():
            return self._read_state().of_origin(origin)

    def add_checkpoint(self, request: bytes) -> Answer:
        """Judge a submission and cosign it if it continues what was cosigned before.

        Args:
            request: Untrusted; at most `MAX_REQUEST_BYTES`.

        Returns:
            200 with the cosignature, or the refusal.

        Raises:
            StorageError: The state cannot be written; nothing was cosigned.
            StateError: The state is gone (WIT-6).

        Spec: WIT-5, WIT-6
        """
        try:
            submission = Submission.from_bytes(request)
            origin = split_note(submission.note)[0].partition("\n")[0]
            key = self._logs.get(origin)
            if key is None:
                return Answer(404, "This log is not known here.\n")
            checkpoint = Checkpoint.from_text(open_note(submission.note, [key]))
        except InvalidSignature:
            return Answer(403, "The log's key did not sign this checkpoint.\n")
        except EncodingError as error:
            return Answer(400, f"{error}\n")
        with self._alone():
            state = self._read_state()
            last = state.of_origin(origin)
            known = last.checkpoint if last else None
            if refusal := judge_growth(submission, checkpoint, known):
                if last and known and checkpoint.size == known.size and checkpoint != known:
                    self._keep_conflict(last.note, own_signature(submission.note, key))
                return refusal
            if checkpoint != known:
                log = WitnessedLog.make(key=key.to_text(), note=own_signature(submission.note, key))
                write_durably(self._folder / STATE_FILE, state.with_log(log).to_bytes(), mode=0o600)
            return Answer(200, self._signer.cosign(checkpoint.to_text(), int(self._clock())) + "\n")

    def _alone(self) -> AbstractContextManager[None]:
        return hold_lock(self._folder / _LOCK_FILE)

    def _read_state(self) -> WitnessState:
        try:
            return WitnessState.from_bytes(read_bounded(self._folder / STATE_FILE, WitnessState.max_bytes))
        except StorageError:
            raise StateError(
                "The state of this witness is gone; without it the witness could cosign two histories. Retire its "
                "key and make a new witness.",
                check="WIT-6",
                subject=STATE_FILE,
            ) from None

    def _keep_conflict(self, *notes: bytes) -> None:
        """Keep two histories of one log, each signed by it: the evidence against the holder of its key."""
        folder = self._folder / CONFLICTS
        if folder.is_dir() and sum(1 for _ in folder.iterdir()) >= _MAX_CONFLICTS:
            return
        for note in notes:
            write_durably(folder / hashlib.sha256(note).hexdigest()[:16], note)
