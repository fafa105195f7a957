# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifying the proof of one ballot, in the thread that casts it or in a process beside it.

Spec: SEL, BAL-4
"""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Executor
from functools import lru_cache

from evote.board.record_folder import RecordFolder
from evote.crypto.fixed_base import service_power
from evote.errors import EvoteError, InvalidProof, StorageError, VerificationError
from evote.proofs.selection import verify_selections
from evote.record.ballot import Ballot
from evote.record.election import PublicElection
from evote.verify.ballots import square_digest


def verify_proof(
    record: RecordFolder, election: PublicElection, data: bytes, processes: Executor | None
) -> bytes:
    """Verify a ballot's proof; return the digest of its c^2 mod n^2.

    Args:
        record: Where another process reads the election.
        election: The election.
        data: The ballot's canonical bytes.
        processes: Who verifies; None for this thread. A thread holds Python's lock for as long as the proof
            takes, about 9 ms at 3072 bits and 11 options.

    Raises:
        VerificationError, EncodingError: The ballot is refused; `check` is the rule (BAL, SEL, PAR-3).
        StorageError: The processes are gone; the same ballot can be cast again.

    Spec: SEL, BAL-4
    """
    if processes is None:
        return _verify(election, data)
    try:
        square, check, reason = processes.submit(
            _verify_elsewhere, str(record.path), election.id, data
        ).result()
    except (BrokenExecutor, RuntimeError):
        raise StorageError("The processes that verify ballots are gone; start the service again.") from None
    if check:
        raise InvalidProof(reason, check=check)
    return square


def _verify(election: PublicElection, data: bytes) -> bytes:
    item = election.selection_item(Ballot.from_bytes(data))
    verify_selections([item], powers=service_power(election.key))
    return square_digest(election, item[0].ciphertext)


@lru_cache(maxsize=2)
def _election(path: str, identifier: bytes) -> PublicElection:
    """Read an election once in a process."""
    found = RecordFolder(path).election()
    if found.id != identifier:
        raise VerificationError("The record is of another election.", check="BAL-2")
    return found


def _verify_elsewhere(path: str, identifier: bytes, data: bytes) -> tuple[bytes, str, str]:
    """Verify in a process of its own; plain data comes back."""
    try:
        return _verify(_election(path, identifier), data), "", ""
    except EvoteError as error:
        return b"", error.check or "SEL-4", str(error)
