# SPDX-License-Identifier: GPL-3.0-or-later
"""Every exception that crosses the public interface.

Three questions, three families: is the caller at fault (`ParameterError`, `StateError`, `StorageError`,
`EncodingError`, the voting errors), is a live counterpart at fault (`ProtocolError`), or does published
evidence not check (`VerificationError`). `check` is an identifier of the specification, `subject` the
file, entry or person concerned.
"""

from __future__ import annotations


class EvoteError(Exception):
    """Root of all errors of this library.

    Args:
        message: One sentence that says what is wrong and what to do; never holds a secret.
        check: Identifier of the specification's rule that was broken, or "".
        subject: The file, entry, contest or person concerned, or "".
    """

    def __init__(self, message: str, *, check: str = "", subject: str = "") -> None:
        super().__init__(message)
        self.check = check
        self.subject = subject


class ParameterError(EvoteError, ValueError):
    """The caller's value is outside its documented range."""


class StateError(EvoteError, RuntimeError):
    """The operation is out of order: too early, too late, or done already."""


class StorageError(EvoteError, OSError):
    """A file or database is missing, exists already, or cannot be written."""


class EncodingError(EvoteError, ValueError):
    """The bytes are not the canonical form of the expected object."""


class NotEligible(EvoteError):
    """The voter is not on the roll of this contest."""


class AlreadyVoted(EvoteError):
    """The voter's one ballot in this contest is in the box already."""


class NotOpen(StateError):
    """The vote is not open now."""


class InvalidBallot(EvoteError):
    """The ballot is refused; nothing was recorded."""


class ProtocolError(EvoteError):
    """A live counterpart broke the protocol."""


class FaultyTrustee(ProtocolError):
    """A trustee's contribution does not check; `subject` names the trustee."""


class FaultyBoard(ProtocolError):
    """The board showed something that an honest board does not show."""


class VerificationError(EvoteError):
    """Published evidence does not check; says nothing about who is at fault."""


class InvalidProof(VerificationError):
    """A zero-knowledge proof does not verify."""


class InvalidSignature(VerificationError):
    """A signature does not verify under the key that is pinned for it."""


class BoardInconsistency(VerificationError):
    """Log, entries and checkpoints do not belong together."""


class TallyMismatch(VerificationError):
    """Sums, openings, counts or seats are not what the record gives."""
