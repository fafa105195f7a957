# SPDX-License-Identifier: GPL-3.0-or-later
"""Amending a sealed election: a new reference key, proposed here, signed by the bureau, put in place here.

Every step can be interrupted anywhere and done again.

Spec: BOX-14, ACT-7
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from evote.board import Entry, Kind, LogWriter, read_bounded, write_durably
from evote.board import Phase as LogPhase
from evote.board.files import printable, sync_folder
from evote.board.journal import Journal, publish_events
from evote.board.record_folder import RecordFolder
from evote.box import locks
from evote.box.premises import log_phase
from evote.box.service_keys import LOG_KEY, REFERENCE_KEY
from evote.crypto.notes import NoteSigner
from evote.errors import ParameterError, StateError, StorageError
from evote.record import layout
from evote.record.amendments import Amendment, Cause, ReferenceKeyChange
from evote.record.election import PublicElection
from evote.record.reference import current_reference_key

NEW_KEY_FILE: Final = "reference.key.new"
_AMENDABLE: Final = (LogPhase.SEALED, LogPhase.VOTING, LogPhase.CLOSED)


def amendment_file(directory: Path, number: int) -> Path:
    """Return where an amendment waits for its signatures."""
    return directory / "acts" / f"amend-{number}.json"


def propose_reference_key(directory: Path, *, cause: Cause, reason: str, now: float) -> Amendment:
    """Make a new reference key and write the act that puts it into use, for the bureau to sign.

    Done again, it takes the key that was made before; an act that is the same keeps its signatures.

    Args:
        directory: The election folder.
        cause: Why the key in use is withdrawn.
        reason: What happened, in words; published.
        now: POSIX seconds.

    Returns:
        The act; it is in `amendment_file`.

    Raises:
        StateError: Not sealed, or ended (ACT-7); another act with signatures is waiting (ACT-7).
        VerificationError: The election's amendments are not right (ACT-7).
        StorageError: Something cannot be written.

    Spec: BOX-14
    """
    private, record = directory / "private", RecordFolder(directory / "record")
    with locks.sequencing(private), locks.alone(private):
        _verify_amendable(private)
        election = record.election()
        _ = election.reference_keys
        amended = sum(entry.kind == Kind.AMEND for _, entry in record.log(election).entries())
        if amended != len(election.amendments):
            raise StateError(f"Amendment {amended + 1} was not finished; apply it again.", check="ACT-7")
        number, earliest = amended + 1, max((one.time for one in election.amendments), default=0)
        change = ReferenceKeyChange.make(key=_new_key(private, election), cause=cause)
        path = amendment_file(directory, number)
        act = Amendment.make(
            election=election.id,
            number=number,
            time=max(int(now), earliest),
            reason=reason,
            change=change,
            signatures=(),
        )
        if path.exists():
            waiting = Amendment.from_bytes(read_bounded(path, Amendment.max_bytes))
            if waiting.replace(time=act.time, signatures=()) == act:
                return waiting
            if waiting.signatures and waiting.election == election.id:
                raise StateError(
                    f"{printable(path)} waits with signatures of the bureau; apply it, or remove it.",
                    check="ACT-7",
                )
        replace(election, amendments=(*election.amendments, act)).verify_amendment(number, signed=False)
        write_durably(path, act.to_bytes())
        return act


def _verify_amendable(private: Path) -> None:
    phase = log_phase(private)
    if phase not in _AMENDABLE:
        state = "not sealed yet" if phase == LogPhase.EMPTY else "ended"
        raise StateError(f"The election is {state}; there is nothing to amend.", check="ACT-7")


def _new_key(private: Path, election: PublicElection) -> str:
    """Return the text of the key that waits for its act; made if there is none."""
    path = private / NEW_KEY_FILE
    if not path.exists():
        NoteSigner.generate(f"{election.manifest.origin}/reference").save(path)
    return NoteSigner.load(path).note_key.to_text()


def merge_signatures(copies: Sequence[Amendment]) -> Amendment:
    """Return one act with the signatures of all its copies.

    Args:
        copies: At least one; untrusted.

    Raises:
        ParameterError: They are not copies of one act (ACT-7).

    Spec: BOX-14
    """
    if len({one.signed_bytes() for one in copies}) != 1:
        raise ParameterError("These files are not copies of one act.", check="ACT-7")
    signatures = {one.trustee: one for copy in copies for one in copy.signatures}
    return copies[0].replace(signatures=tuple(signatures[name] for name in sorted(signatures)))


def apply_amendment(directory: Path, act: Amendment, *, actor: str, now: float) -> Amendment:
    """Put an amendment into force: record, log, and then the key.

    Args:
        directory: The election folder.
        act: Signed by a lawful quorum; untrusted.
        actor: Who does it, for the log of operations; published.
        now: POSIX seconds.

    Returns:
        The act as it stands in the record.

    Raises:
        StateError: The election cannot be amended now, or not by this act (ACT-7); the new key is not here (ACT-7).
        VerificationError: The act is not right, or not signed by a lawful quorum (ACT-7).
        StorageError: Something cannot be written.

    Spec: BOX-14, ACT-7
    """
    private, record = directory / "private", RecordFolder(directory / "record")
    with locks.sequencing(private), locks.alone(private):
        _verify_amendable(private)
        election = record.election()
        with LogWriter(record.path, private, NoteSigner.load(private / LOG_KEY)) as log:
            publish_events(record, Journal(private), log)  # a damaged journal refuses here
            logged = [entry.digest for entry in log.entries(0, log.size) if entry.kind == Kind.AMEND]
            if act.number <= len(logged):
                act = _verify_applied(election, act, logged)
            else:
                amended = replace(election, amendments=(*election.amendments[: len(logged)], act))
                _verify_key_is_here(private, amended)
                data = record.write(layout.amendment_path(act.number), act)
                _note(Journal(private), act, actor, now)
                publish_events(record, Journal(private), log)
                log.append([(Entry.of(Kind.AMEND, data), b"")])
        place_reference_key(private, record.election())
        return act


def _note(journal: Journal, act: Amendment, actor: str, now: float) -> None:
    digest = act.signed_bytes().hex()[:16]
    detail = f"Amendment {act.number}: reference key {act.change.cause}. Act {digest}."
    journal.record("amended", actor=actor, now=now, reason=act.reason, detail=detail, once=True)


def _verify_applied(election: PublicElection, act: Amendment, logged: Sequence[bytes]) -> Amendment:
    """Return the act of this number that is in force, if it is this one."""
    for applied in election.amendments[act.number - 1 : act.number]:
        if applied.digest() == logged[act.number - 1] and applied.signed_bytes() == act.signed_bytes():
            return applied
    raise StateError(f"Amendment {act.number} is in force already, and is another act.", check="ACT-7")


def _verify_key_is_here(private: Path, amended: PublicElection) -> None:
    """Check that the amendments are right, and that the service can sign with the key that they lead to."""
    wanted = current_reference_key(amended)
    for name in (NEW_KEY_FILE, REFERENCE_KEY):
        if (private / name).exists() and NoteSigner.load(private / name).note_key == wanted:
            return
    raise StateError(
        f"The new key is not in private/{NEW_KEY_FILE}; propose the amendment again.", check="ACT-7"
    )


def place_reference_key(private: Path, election: PublicElection) -> None:
    """Put the key that waits into the place of the one that was withdrawn, if the election's amendments say so.

    Args:
        private: The private folder.
        election: As in the record, with its amendments.

    Raises:
        VerificationError: An amendment is not right (ACT-7).
        StorageError: The key cannot be read or moved.

    Spec: BOX-14
    """
    waiting = private / NEW_KEY_FILE
    if not waiting.exists() or NoteSigner.load(waiting).note_key != current_reference_key(election):
        return
    try:
        waiting.replace(private / REFERENCE_KEY)
        sync_folder(private)
    except OSError as error:
        raise StorageError(f"{printable(waiting)}: {error.strerror}.", subject=printable(waiting)) from None
