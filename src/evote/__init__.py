# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifiable elections by list ballot.

The public names are loaded on first use, so that a verifier loads nothing that encrypts, decrypts or votes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from evote.ballot import Choice, EncryptedBallot, encrypt_ballot
    from evote.board import Checkpoint, LogReader
    from evote.board.record_folder import RecordFolder
    from evote.box import BallotBox, Phase
    from evote.errors import (
        AlreadyVoted,
        BoardInconsistency,
        EncodingError,
        EvoteError,
        FaultyBoard,
        FaultyTrustee,
        InvalidBallot,
        InvalidProof,
        InvalidSignature,
        NotEligible,
        NotOpen,
        ParameterError,
        ProtocolError,
        StateError,
        StorageError,
        TallyMismatch,
        VerificationError,
    )
    from evote.keys.dealer import Deal, deal_keys
    from evote.manifest import Draft, KeyPolicy, Manifest
    from evote.record.ballot import Ballot
    from evote.record.election import PublicElection
    from evote.record.keys import KeyRecord
    from evote.record.reference import Receipt, Reference
    from evote.record.slot import Slot
    from evote.seats import Allocation, allocate_seats
    from evote.verify import Finding, Report, audit_record, verify_record

_HOMES: Final = {
    "evote.ballot": ("Choice", "EncryptedBallot", "encrypt_ballot"),
    "evote.board": ("Checkpoint", "LogReader"),
    "evote.board.record_folder": ("RecordFolder",),
    "evote.box": ("BallotBox", "Phase"),
    "evote.errors": (
        "AlreadyVoted",
        "BoardInconsistency",
        "EncodingError",
        "EvoteError",
        "FaultyBoard",
        "FaultyTrustee",
        "InvalidBallot",
        "InvalidProof",
        "InvalidSignature",
        "NotEligible",
        "NotOpen",
        "ParameterError",
        "ProtocolError",
        "StateError",
        "StorageError",
        "TallyMismatch",
        "VerificationError",
    ),
    "evote.keys.dealer": ("Deal", "deal_keys"),
    "evote.manifest": ("Draft", "KeyPolicy", "Manifest"),
    "evote.record.ballot": ("Ballot",),
    "evote.record.election": ("PublicElection",),
    "evote.record.keys": ("KeyRecord",),
    "evote.record.reference": ("Receipt", "Reference"),
    "evote.record.slot": ("Slot",),
    "evote.seats": ("Allocation", "allocate_seats"),
    "evote.verify": ("Finding", "Report", "audit_record", "verify_record"),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Allocation",
    "AlreadyVoted",
    "Ballot",
    "BallotBox",
    "BoardInconsistency",
    "Checkpoint",
    "Choice",
    "Deal",
    "Draft",
    "EncodingError",
    "EncryptedBallot",
    "EvoteError",
    "FaultyBoard",
    "FaultyTrustee",
    "Finding",
    "InvalidBallot",
    "InvalidProof",
    "InvalidSignature",
    "KeyPolicy",
    "KeyRecord",
    "LogReader",
    "Manifest",
    "NotEligible",
    "NotOpen",
    "ParameterError",
    "Phase",
    "ProtocolError",
    "PublicElection",
    "Receipt",
    "RecordFolder",
    "Reference",
    "Report",
    "Slot",
    "StateError",
    "StorageError",
    "TallyMismatch",
    "VerificationError",
    "allocate_seats",
    "audit_record",
    "deal_keys",
    "encrypt_ballot",
    "verify_record",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'evote' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
