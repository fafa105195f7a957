# SPDX-License-Identifier: GPL-3.0-or-later
"""C2SP cosignatures: a witness's timestamped signature line under a checkpoint.

Spec: WIT-1, WIT-2, WIT-3
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from evote.crypto.notes import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    NamedKey,
    NamedSigner,
    parse_signature,
    split_note,
)
from evote.crypto.signing import (
    COSIGNATURE,
    SIGNATURE_BYTES,
    encode_base64,
    verify_signature,
)
from evote.errors import EncodingError, InvalidSignature, ParameterError

_TIME_BYTES: Final = 8
_LATEST: Final = (1 << 63) - 1


class WitnessKey(NamedKey):
    """The public key of a witness; it signs cosignatures and nothing else.

    Spec: WIT-1
    """

    __slots__ = ()
    kind = COSIGNATURE


def _signed_message(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


class WitnessSigner(NamedSigner):
    """A witness's signing key; secret."""

    __slots__ = ()
    kind = COSIGNATURE

    @property
    def witness_key(self) -> WitnessKey:
        """The public part."""
        return WitnessKey(self.name, self.key.public)

    def cosign(self, text: str, time: int) -> str:
        """Return the signature line, without its LF, for the text of a checkpoint.

        Args:
            text: The checkpoint's lines, with the last LF; the caller has verified that the log only grew.
            time: POSIX seconds, 1 to 2^63 - 1.

        Raises:
            ParameterError: No such time (WIT-2).

        Spec: WIT-2
        """
        if not 0 < time <= _LATEST:
            raise ParameterError("A cosignature needs the time of its making.", check="WIT-2")
        signature = self.key.sign(_signed_message(text, time))
        blob = self.witness_key.id + time.to_bytes(_TIME_BYTES, "big") + signature
        return f"\u2014 {self.name} {encode_base64(blob)}"


def _verify_line(text: str, key: WitnessKey, signature: bytes) -> int:
    """Verify a cosignature of a known witness and return its time."""
    time = int.from_bytes(signature[:_TIME_BYTES], "big")
    if len(signature) != _TIME_BYTES + SIGNATURE_BYTES or not 0 < time <= _LATEST:
        raise InvalidSignature(
            f"The cosignature by {key.name} is malformed.", check="WIT-3", subject=key.name
        )
    verify_signature(
        key.public,
        _signed_message(text, time),
        signature[_TIME_BYTES:],
        check="WIT-3",
        subject=f"the witness {key.name}",
    )
    return time


def _known_lines(lines: Iterable[str], keys: Iterable[WitnessKey]) -> Iterable[tuple[WitnessKey, str, bytes]]:
    known = {(key.name, key.id): key for key in keys}
    for line in lines:
        name, identifier, signature = parse_signature(line)
        if (name, identifier) in known:
            yield known[name, identifier], line, signature


def read_cosignatures(note: bytes, keys: Sequence[WitnessKey]) -> dict[WitnessKey, int]:
    """Verify the cosignatures of known witnesses under a note; the log's own signature is not looked at.

    Args:
        note: Untrusted.
        keys: The witnesses that count; lines of others are ignored.

    Returns:
        For each witness that cosigned, the time of it.

    Raises:
        EncodingError: Not a signed note (BRD-4).
        InvalidSignature: A known witness's line does not verify, or is there twice (WIT-3).

    Spec: WIT-3
    """
    text, lines = split_note(note)
    times: dict[WitnessKey, int] = {}
    for key, _, signature in _known_lines(lines, keys):
        if key in times:
            raise InvalidSignature(
                f"The witness {key.name} cosigned twice in one note.", check="WIT-3", subject=key.name
            )
        times[key] = _verify_line(text, key, signature)
    return times


def select_cosignatures(text: str, lines: Iterable[str], keys: Sequence[WitnessKey]) -> dict[WitnessKey, str]:
    """Return, of lines from anywhere, one verified cosignature of the text for each known witness.

    Lines that are malformed, of unknown keys or over another text are left out.

    Spec: WIT-3
    """
    found: dict[WitnessKey, str] = {}
    for line in lines:
        try:
            for key, same, signature in _known_lines([line], keys):
                _verify_line(text, key, signature)
                found.setdefault(key, same)
        except (EncodingError, InvalidSignature):
            continue
    return found


def add_cosignatures(note: bytes, lines: Iterable[str], keys: Sequence[WitnessKey]) -> bytes:
    """Add verified cosignatures to a note; every line that it has stays, and no witness comes twice.

    Args:
        note: A signed checkpoint; its known cosignatures are verified first.
        lines: From anywhere; see `select_cosignatures`.
        keys: The witnesses that count.

    Raises:
        EncodingError: Not a signed note, or it would become too long for one (BRD-4).
        InvalidSignature: A cosignature that the note has is wrong (WIT-3).

    Spec: WIT-3
    """
    have = read_cosignatures(note, keys)
    text, present = split_note(note)
    new = [line for key, line in select_cosignatures(text, lines, keys).items() if key not in have]
    data = note + "".join(f"{line}\n" for line in new).encode()
    if len(present) + len(new) > MAX_SIGNATURES or len(data) > MAX_NOTE_BYTES:
        raise EncodingError("The note would have too many signatures.", check="BRD-4")
    return data
