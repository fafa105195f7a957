# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a voter's ballot in a record, by reference or by short code; offline.

A found ballot is proven by inclusion under the signed checkpoint. A missing one is stated only after the whole
log was read and verified.

Spec: REF-4, REF-5
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import ClassVar, Final, Literal

from evote.board.entries import Entry, Kind
from evote.board.files import read_bounded
from evote.board.reader import LogReader
from evote.board.record_folder import RecordFolder
from evote.board.tiles import (
    BALLOT_LENGTH_BYTES,
    MAX_BALLOT_BUNDLE_BYTES,
    MAX_ENTRY_BUNDLE_BYTES,
    TILE_BYTES,
    TILE_WIDTH,
    ballots_path,
    entries_path,
    split_hashes,
    tile_path,
    tile_widths,
    unpack_entries,
)
from evote.crypto.merkle import leaf_hash
from evote.errors import BoardInconsistency, EncodingError, StorageError, VerificationError
from evote.record.ballot import Ballot
from evote.record.election import PublicElection
from evote.record.reference import (
    Reference,
    SignedReference,
    is_incomplete,
    parse_code,
    short_code,
    verify_reference,
)

Presence = Literal["found", "pending", "missing", "unknown"]

_PRESENCE: Final = {
    "found": "The ballot was found in the published log.",
    "pending": "The ballot was accepted and is not due to be published yet.",
    "missing": "The ballot is NOT in the published log though its time has passed: keep this reference, get "
    "the newest record, and if it is still missing report it: the reference is evidence.",
    "unknown": "Nothing can be said about a ballot without a valid signature.",
}
_STOLEN: Final = (
    "The ballot was not found, and this reference is no evidence that it was accepted: its key was stolen, and the "
    "bureau has withdrawn it. Whoever keeps the ballot asks for its receipt again while the vote is open."
)


@dataclass(frozen=True, slots=True)
class ReferenceVerdict:
    """Two verdicts, apart: the signature's, and the ballot's presence.

    Attributes:
        signature: Whether this election's reference key signed the reference.
        presence: "unknown" without a valid signature; and where a stolen key signed and the ballot is not found.
        event: Event of the election; this and what follows is "" or -1 where it is not known.
        college: College of the contest.
        contest: Title of the contest.
        section: Names of the sections that the ballot's unit counts, once it is published.
        code: The short code.
        publish_by: POSIX seconds by which the ballot is in the log.
        index: Place in the log, once it is published.
        withdrawn: Whether the key that signed was withdrawn since, as lost or stolen.

    Spec: REF-4, REF-7
    """

    _invalid: ClassVar[str] = (
        "The signature is INVALID: this election did not issue this reference, or it was mistyped."
    )

    signature: bool
    presence: Presence
    event: str = ""
    college: str = ""
    contest: str = ""
    section: str = ""
    code: str = ""
    publish_by: int = -1
    index: int = -1
    withdrawn: bool = False

    @property
    def signature_sentence(self) -> str:
        """The first verdict in words."""
        if self.withdrawn:
            return "The signature is valid, by a key of this election that was withdrawn since."
        if self.signature:
            return "The signature is valid: this election accepted the ballot, unaltered."
        return self._invalid

    @property
    def presence_sentence(self) -> str:
        """The second verdict in words."""
        if self.signature and self.presence == "unknown":
            return _STOLEN
        return _PRESENCE[self.presence]

    def to_dict(self) -> dict[str, object]:
        """Return the verdict for JSON."""
        return asdict(self)


class _Incomplete(ReferenceVerdict):
    """The verdict on a text that is too short for a reference."""

    __slots__ = ()
    _invalid: ClassVar[str] = "The signature cannot be checked: the reference is incomplete; paste all of it."


class _Foreign(ReferenceVerdict):
    """The verdict on a reference that names another election."""

    __slots__ = ()
    _invalid: ClassVar[str] = (
        "The signature is INVALID here: the reference is of another election than this record's, or it was mistyped; "
        "compare this record's election id with the one that you were told."
    )


@dataclass(frozen=True, slots=True)
class FoundBallot:
    """A published ballot.

    Attributes:
        index: Place in the log.
        contest: Contest id.
        unit: Counting unit id.
        college: College of the contest.
        section: Names of the sections that the unit counts.
    """

    index: int
    contest: str
    unit: str
    college: str
    section: str


def check_reference_in(
    folder: RecordFolder, election: PublicElection, text: str, now: float
) -> ReferenceVerdict:
    """Check a reference against a record.

    Args:
        folder: The record; untrusted.
        election: Its seal, manifest, keys and amendments, compared with the election id that the voter was told.
        text: The reference as pasted; untrusted.
        now: POSIX seconds; tells pending from missing.

    Raises:
        StorageError: There is no log here, or it cannot be read.
        EncodingError, VerificationError: The log is damaged or an amendment is not right (ACT-7), so that neither
            found nor missing can be said.

    Spec: REF-1 to REF-4, REF-7
    """
    _ = election.reference_keys  # wrong amendments are the record's fault, not the reference's
    try:
        reference = Reference.parse(text)
    except EncodingError:
        unread = _Incomplete if is_incomplete(text) else ReferenceVerdict
        return unread(signature=False, presence="unknown")
    if reference.election_prefix != election.id[:8]:
        return _Foreign(signature=False, presence="unknown")
    found = _find_signed(folder, election, reference)
    if found is None:
        return ReferenceVerdict(signature=False, presence="unknown")
    log = folder.log(election)
    contest = election.manifest.contest(found.contest)
    index = next((place for place, leaf in _leaves(log) if leaf == reference.leaf_hash), -1)
    presence: Presence = "found"
    section = ""
    if index >= 0:
        section = _ballot_at(log, election, index, reference.leaf_hash).section
    else:  # nobody is accused on unverified tiles, and nothing is pending once the vote is closed
        closed = Kind.CLOSE in _verify_amended(log, election)
        presence = "missing" if closed or now > reference.publish_by else "pending"
        if found.key.withdrawn == "stolen":  # whoever has the key makes such references
            presence = "unknown"
    return ReferenceVerdict(
        signature=True,
        presence=presence,
        event=election.manifest.event,
        college=contest.college,
        contest=contest.title,
        section=section,
        code=short_code(election.id, reference.leaf_hash),
        publish_by=reference.publish_by,
        index=index,
        withdrawn=bool(found.key.withdrawn),
    )


def _find_signed(
    folder: RecordFolder, election: PublicElection, reference: Reference
) -> SignedReference | None:
    """Return what a reference says that a key of this election signed; None for any other."""
    try:
        return verify_reference(election, reference)
    except VerificationError:
        known = {one.key.id for one in election.reference_keys}
        if reference.key_id not in known:
            _verify_amended(folder.log(election), election)  # a key that is kept back makes nothing invalid
        return None


def _verify_amended(log: LogReader, election: PublicElection) -> set[Kind]:
    """Read the whole log, compare its amendments with those at hand, and return which kinds of entries it holds.

    Raises:
        EncodingError, BoardInconsistency: The log is damaged, or names other amendments (ACT-7).
    """
    entries = [entry for _, entry in log.entries() if entry.kind != Kind.BALLOT]
    amended = [entry.digest for entry in entries if entry.kind == Kind.AMEND]
    if amended != [one.digest() for one in election.amendments]:
        raise BoardInconsistency(
            "The log names other amendments than the record has; get a complete copy.", check="ACT-7"
        )
    return {entry.kind for entry in entries}


def find_code_in(folder: RecordFolder, election: PublicElection, code: str) -> tuple[FoundBallot, ...]:
    """Return every published ballot with a short code; a label, never evidence.

    Args:
        folder: The record; untrusted.
        election: Its seal, manifest and keys.
        code: As people write it.

    Raises:
        ParameterError: Not a code (REF-5).
        StorageError: There is no log here, or it cannot be read.
        EncodingError, VerificationError: The log is damaged.

    Spec: REF-5
    """
    wanted = parse_code(code)
    log = folder.log(election)
    matches = [(index, leaf) for index, leaf in _leaves(log) if short_code(election.id, leaf) == wanted]
    return tuple(
        _ballot_at(log, election, index, leaf)
        for index, leaf in matches
        if _entry_at(log, index, leaf).kind == Kind.BALLOT
    )


def _leaves(log: LogReader) -> Iterator[tuple[int, bytes]]:
    """Yield index and leaf hash of every entry, from the tiles as they are: to search, not to believe."""
    for number, width in tile_widths(log.checkpoint.size):
        data = read_bounded(log.folder / tile_path(0, number, width), TILE_BYTES)
        yield from enumerate(split_hashes(data), number * TILE_WIDTH)


def _entry_at(log: LogReader, index: int, leaf: bytes) -> Entry:
    """Return an entry whose inclusion under the checkpoint is proven."""
    log.inclusion_proof(index)
    number, place = divmod(index, TILE_WIDTH)
    width = min(TILE_WIDTH, log.checkpoint.size - number * TILE_WIDTH)
    path = entries_path(number, width)
    lines = unpack_entries(read_bounded(log.folder / path, MAX_ENTRY_BUNDLE_BYTES), width)
    if leaf_hash(lines[place]) != leaf:
        raise BoardInconsistency(f"{path} does not belong to its tile.", check="BRD-10", subject=path)
    return Entry.from_bytes(lines[place])


def _ballot_at(log: LogReader, election: PublicElection, index: int, leaf: bytes) -> FoundBallot:
    entry = _entry_at(log, index, leaf)
    number, place = divmod(index, TILE_WIDTH)
    width = min(TILE_WIDTH, log.checkpoint.size - number * TILE_WIDTH)
    path = ballots_path(number, width)
    try:
        bundle = read_bounded(log.folder / path, MAX_BALLOT_BUNDLE_BYTES)
    except StorageError:  # ballots are withdrawn when the archive period ends; the entry stays
        return FoundBallot(index, "", "", "", "")
    data = _nth_ballot(bundle, place)
    if entry.kind != Kind.BALLOT or hashlib.sha256(data).digest() != entry.digest:
        raise BoardInconsistency(
            f"{path} holds a ballot that is not the one its entry names.", check="BRD-12", subject=path
        )
    ballot = Ballot.from_bytes(data)
    contest = election.manifest.contest(ballot.contest)
    sections = election.manifest.unit(ballot.unit).sections
    names = ", ".join(section.name for section in contest.sections if section.id in sections)
    return FoundBallot(index, contest.id, ballot.unit, contest.college, names)


def _nth_ballot(bundle: bytes, place: int) -> bytes:
    """Return a ballot of a bundle; the caller compares its digest."""
    position = 0
    for step in range(place + 1):
        start = position + BALLOT_LENGTH_BYTES
        position = start + int.from_bytes(bundle[position:start], "big")
        if step == place:
            return bundle[start:position]
    return b""
