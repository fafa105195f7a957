# SPDX-License-Identifier: GPL-3.0-or-later
"""What this user's own verifications have established, so that nothing is verified twice.

A certificate says: the entries and ballots of this log up to this size and root are right, and add up to this.
It is authenticated by a key that never leaves the user's state folder: a certificate of anybody else, or of
other software, is as good as none.

Spec: REC-7
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, TypeVar

from evote.board.entries import Kind, Phase
from evote.board.files import create_file, make_folder, read_bounded, remove_file, try_lock, write_durably
from evote.board.reader import LogPrefix, LogReader
from evote.crypto.integers import encode_number, mpz
from evote.encoding import Bytes, Count, Digest, Document, Field, Identifier
from evote.encoding import Part as Piece
from evote.errors import EncodingError, EvoteError, StorageError
from evote.verify.ballots import Tallies, UnitTally
from evote.verify.parts import Part, PartResult
from evote.verify.software import software_digest

_KEY_FILE: Final = "certificate.key"
_KEY_BYTES: Final = 32
_MAC_BYTES: Final = 32
_RUNNING: Final = "running"  # parts of a verification that has not come to its end
_PARTS: Final = "parts"


def state_folder() -> Path:
    """Return this user's state folder (`EVOTE_STATE_HOME`, else `XDG_STATE_HOME`, else ~/.local/state)."""
    own = environ.get("EVOTE_STATE_HOME")
    if own:
        return Path(own)
    base = environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "evote"


class UnitSum(Piece):
    """What the ballots of one unit add up to."""

    unit: Identifier
    ballots: Count
    weight: Count
    product: Bytes


class NamedFile(Piece):
    """An entry that is no ballot."""

    index: Count
    kind: Kind
    digest: Digest


UnitSums = Annotated[tuple[UnitSum, ...], Field(max_length=1000)]


class VerifiedPart(Document):
    """A part of a log whose ballots are right."""

    max_bytes: ClassVar[int] = 64 << 20

    type: Literal["evote/verified-part"] = "evote/verified-part"
    version: Literal[1] = 1
    software: Digest
    election: Digest
    first: Count
    end: Count
    root: Digest
    sums: UnitSums
    squares: Bytes


class Certificate(Document):
    """A beginning of a log that is right."""

    max_bytes: ClassVar[int] = 64 << 20

    type: Literal["evote/verification"] = "evote/verification"
    version: Literal[1] = 1
    verdict: Literal["verified"] = "verified"
    software: Digest
    election: Digest
    size: Count
    root: Digest
    phase: Phase
    entries: Annotated[tuple[NamedFile, ...], Field(max_length=1 << 20)]
    sums: UnitSums
    parts: Annotated[tuple[str, ...], Field(max_length=1 << 20)]

    @property
    def prefix(self) -> LogPrefix:
        """What need not be read again."""
        return LogPrefix(self.size, self.root, self.phase)


def unit_sums(tallies: Tallies, width: int) -> tuple[UnitSum, ...]:
    """Return tallies as they are kept; `width` is |n|/4."""
    return tuple(
        UnitSum.make(
            unit=unit, ballots=one.ballots, weight=one.weight, product=encode_number(one.product, width)
        )
        for unit, one in tallies.items()
    )


def tallies_of(sums: Iterable[UnitSum]) -> Tallies:
    """Return what was kept as tallies."""
    return {one.unit: UnitTally(one.ballots, one.weight, mpz.from_bytes(one.product, "big")) for one in sums}


Kept = TypeVar("Kept", Certificate, VerifiedPart)


def part_name(first: int, end: int, root: bytes) -> str:
    """Return the name of a part's file: where it stands, and in which history."""
    return f"{first}-{end}-{root.hex()}"


class Certificates:
    """The certificates of one user.

    Args:
        folder: Where they are kept, with their key.
        software: Digest of the software that verifies; certificates of other software are ignored.
    """

    def __init__(self, folder: Path, software: bytes) -> None:
        self._folder, self.software = folder, software

    @classmethod
    def of_user(cls) -> Certificates:
        """Return the certificates in this user's state folder, for the software that runs here."""
        return cls(state_folder() / "verified", software_digest())

    def latest(self, election: bytes, reader: LogReader) -> Certificate | None:
        """Return the certificate of the longest beginning of this very log, if there is one."""
        home = self.home(election)
        for path in sorted(home.glob("*.json"), reverse=True) if home.is_dir() else ():
            found = self.read(path, Certificate)
            if found is None or found.election != election or found.size > reader.checkpoint.size:
                continue
            if _continues(reader, found) and self._can_go_on(found):
                return found
        return None

    def fork(self, election: bytes, reader: LogReader) -> Certificate | None:
        """Return a certificate of this election whose log this one does not continue: a second history."""
        home = self.home(election)
        for path in sorted(home.glob("*.json")) if home.is_dir() else ():
            found = self.read(path, Certificate)
            if found is None or found.election != election or found.size > reader.checkpoint.size:
                continue
            if not _continues(reader, found):
                return found
        return None

    def _can_go_on(self, certificate: Certificate) -> bool:
        """Tell whether more ballots can be compared with those of a certificate, where more can come."""
        if certificate.phase in (Phase.CLOSED, Phase.ENDED):
            return True
        return all(self._part(certificate, name) is not None for name in certificate.parts)

    def _part(self, certificate: Certificate, name: str) -> VerifiedPart | None:
        return self.read_part(certificate.election, self.home(certificate.election) / _PARTS / name)

    def read_part(self, election: bytes, path: Path) -> VerifiedPart | None:
        """Return a part that was kept, if it is of this election and what its name says."""
        found = self.read(path, VerifiedPart)
        if found is None or found.election != election:
            return None
        return found if part_name(found.first, found.end, found.root) == path.name else None

    def squares(self, certificate: Certificate) -> Iterator[bytes]:
        """Yield the squares of a certificate's ballots.

        Raises:
            StorageError: They are gone or were altered; verify from the beginning.
        """
        for name in certificate.parts:
            found = self._part(certificate, name)
            if found is None:
                raise StorageError(f"A verified part is gone from {self._folder}; verify without --since.")
            yield found.squares

    @contextmanager
    def journal(self, election: bytes) -> Iterator[Journal | None]:
        """Keep the parts of a verification while it runs; None if another one runs or nothing can be kept."""
        home = self.home(election)
        with ExitStack() as stack:
            try:
                make_folder(home / _RUNNING, mode=0o700)
                self._key()
                alone = stack.enter_context(try_lock(home / "lock"))
            except (OSError, ImportError):  # nothing can be written, or nothing can be locked here
                alone = False
            yield Journal(self, home) if alone else None

    def home(self, election: bytes) -> Path:
        """Return where what concerns an election is kept."""
        return self._folder / election.hex()

    def _key(self) -> bytes:
        """Return the user's key, made at its first use; whole or not at all.

        Raises:
            StorageError: It cannot be read or made, or is none.
        """
        path = self._folder / _KEY_FILE
        if not path.exists():
            fresh = path.with_name(f".{_KEY_FILE}.{secrets.token_hex(8)}")
            try:
                create_file(fresh, secrets.token_bytes(_KEY_BYTES), mode=0o600)
                with suppress(FileExistsError):  # another process was quicker
                    path.hardlink_to(fresh)
            except OSError as error:
                raise StorageError(f"{path} cannot be made ({error.strerror}).") from None
            finally:
                fresh.unlink(missing_ok=True)
        key = read_bounded(path, _KEY_BYTES)
        if len(key) != _KEY_BYTES:
            raise StorageError(f"{path} is no key; remove it.")
        return key

    def read(self, path: Path, kind: type[Kept]) -> Kept | None:
        """Return what was kept by this user and this software, else None."""
        try:
            data = read_bounded(path, kind.max_bytes + _MAC_BYTES)
            mac, body = data[:_MAC_BYTES], data[_MAC_BYTES:]
            if not hmac.compare_digest(mac, hmac.digest(self._key(), body, "sha256")):
                return None
            found = kind.from_bytes(body)
        except (StorageError, EncodingError):
            return None
        return found if found.software == self.software else None

    def write(self, path: Path, document: Certificate | VerifiedPart) -> None:
        """Keep something under this user's key.

        Raises:
            StorageError: It cannot be written.
        """
        body = document.to_bytes()
        write_durably(path, hmac.digest(self._key(), body, "sha256") + body, mode=0o600)


@dataclass(frozen=True, slots=True)
class Journal:
    """The parts that a verification has done, kept so that it can be interrupted."""

    certificates: Certificates
    home: Path

    def ends(self) -> dict[int, int]:
        """Return first -> end of the parts that an interrupted verification left."""
        found = {}
        for path in (self.home / _RUNNING).glob("[0-9]*-*-*"):
            first, end, _ = path.name.split("-", 2)
            if first.isdecimal() and end.isdecimal():
                found[int(first)] = int(end)
        return found

    def find(self, election: bytes, first: int, end: int, root: bytes) -> VerifiedPart | None:
        """Return a part that was done, if it is of this very log."""
        return self.certificates.read_part(election, self.home / _RUNNING / part_name(first, end, root))

    def save(self, part: Part, root: bytes, result: PartResult) -> None:
        """Keep a part whose ballots are right; one that cannot be kept is verified again another time."""
        with suppress(OSError, EncodingError):  # of weights that no election can have, nothing is kept
            sums = tuple(
                UnitSum.make(unit=unit, ballots=ballots, weight=weight, product=product)
                for unit, (ballots, weight, product) in result.tallies.items()
            )
            kept = VerifiedPart.make(
                software=self.certificates.software,
                election=part.election,
                first=part.first,
                end=part.end,
                root=root,
                sums=sums,
                squares=result.squares,
            )
            self.certificates.write(self.home / _RUNNING / part_name(part.first, part.end, root), kept)

    def certify(self, certificate: Certificate, reader: LogReader) -> None:
        """End a verification: its parts belong to its certificate now; the certificates that it continues go."""
        home = self.home
        with suppress(OSError):
            make_folder(home / _PARTS, mode=0o700)
            for path in (home / _RUNNING).iterdir():
                if path.name in certificate.parts:
                    path.replace(home / _PARTS / path.name)
                else:
                    remove_file(path)
            name = f"{certificate.size:016}-{certificate.root.hex()[:16]}.json"
            self.certificates.write(home / name, certificate)
            kept = set(certificate.parts)
            for path in home.glob("*.json"):
                older = None if path.name == name else self.certificates.read(path, Certificate)
                if path.name != name and (older is None or _continues(reader, older)):
                    remove_file(path)
                elif older is not None:  # another history, or a longer copy: evidence
                    kept.update(older.parts)
            for path in (home / _PARTS).iterdir():
                if path.name not in kept:
                    remove_file(path)

    def forget(self) -> None:
        """End a verification that found something wrong."""
        for path in (self.home / _RUNNING).iterdir():
            remove_file(path)


def _continues(reader: LogReader, older: Certificate) -> bool:
    """Tell whether a log had an older certificate's root."""
    with suppress(EvoteError):
        return older.size <= reader.checkpoint.size and reader.root_at(older.size) == older.root
    return False
