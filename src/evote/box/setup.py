# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting an election up: folder, roll, seal. Sealing can be interrupted anywhere and done again.

Spec: BOX-12, ACT-1
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Final, Literal, TypeVar

from evote.board import Entry, Kind, LogWriter, read_bounded, write_durably
from evote.board import Phase as LogPhase
from evote.board.files import make_folder, printable, remove_file, sync_folder
from evote.board.journal import Journal, publish_events
from evote.board.record_folder import RecordFolder
from evote.board.writer import STATE_FILE
from evote.box import locks
from evote.box.amending import NEW_KEY_FILE
from evote.box.draft import DRAFT_FILE, read_draft, write_draft
from evote.box.operations import SERVICE, name_election, note_operation, publish_operations
from evote.box.premises import Premises, log_phase
from evote.box.roll import Roll, parse_roll
from evote.box.service_keys import KEY_FILES, ServiceKeys, create_service_keys
from evote.box.stores import Places, places_configured, save_places
from evote.encoding import Digest, Document, Text, encode_base64url
from evote.errors import StateError, StorageError
from evote.manifest import Draft, Manifest, verify_manifest
from evote.record import layout
from evote.record.acts import Seal
from evote.record.election import PublicElection
from evote.record.keys import Drill, KeyRecord
from evote.verify.drill import verify_drill
from evote.verify.keys import verify_key_record
from evote.verify.software import software

__all__ = [
    "ceremony_folder",
    "create_election_folder",
    "import_roll",
    "read_draft",
    "seal_election",
    "write_draft",
]

_SALT_BYTES: Final = 32
_MAX_PROFESSION_BYTES: Final = 64 << 20
_RESEALING: Final = "resealing.json"
AnyDocument = TypeVar("AnyDocument", bound=Document)


class Resealing(Document):
    """`private/resealing.json`: a seal is being replaced; there until the new one is in its log."""

    type: Literal["evote/resealing"] = "evote/resealing"
    version: Literal[1] = 1
    election: Digest
    reason: Text


def ceremony_folder(directory: Path) -> Path:
    """Return where the ceremony leaves `keys.json` and `drill.json` until they are sealed."""
    return directory / "ceremony"


def create_election_folder(directory: Path, draft: Draft) -> None:
    """Make an election folder: the manifest to edit, the service's keys, empty folders to fill.

    Args:
        directory: A folder that holds no election yet.
        draft: What to start from.

    Raises:
        StateError: There is an election here (BOX-12).
        StorageError: Something cannot be written.

    Spec: BOX-12
    """
    if (directory / DRAFT_FILE).exists():
        raise StateError(
            f"{printable(directory)} holds an election already.", check="BOX-12", subject=DRAFT_FILE
        )
    try:
        make_folder(directory / "professions")
        make_folder(directory / "private", mode=0o700)
    except OSError as error:
        raise StorageError(
            f"{printable(directory)}: {error.strerror}.", subject=printable(directory)
        ) from None
    create_service_keys(directory / "private", draft.origin)
    write_draft(directory, draft)


def configure_stores(directory: Path, register: str, box: str, spare: str) -> None:
    """Note where register and box of an election are, and open them once.

    Args:
        directory: The election folder; nothing is sealed yet.
        register: Database URL, or "" for the default; secret if it holds a password.
        box: Likewise.
        spare: Folder for a second copy of the slot key, or "".

    Raises:
        StateError: There is no election here (BOX-12), or it is sealed (ACT-1).
        ParameterError: A URL is not supported, or both are one database (BOX-2).
        StorageError: A database cannot be reached, or is another store (BOX-2).

    Spec: BOX-2
    """
    read_draft(directory)
    private = directory / "private"
    if log_phase(private) != LogPhase.EMPTY:
        raise StateError("The election is sealed; its stores stay where they are.", check="ACT-1")
    places = Places(register, box, spare)
    premises = Premises.enter(directory, places)
    try:
        _verify_two_roles(premises)
    finally:
        premises.close()
    save_places(private, register, box, spare)


def _verify_two_roles(premises: Premises) -> None:
    role = premises.register.role()
    if role and role == premises.urn.store.role():
        raise StateError(
            f"Register and box are reached as one database user, {role}: give each a role of its own.",
            check="BOX-2",
        )


def import_roll(directory: Path, data: bytes, *, places: Places | None = None, actor: str = SERVICE) -> Roll:
    """Import the electoral roll in the place of the one before.

    Args:
        directory: The election folder.
        data: CSV; untrusted.
        places: Where the stores are, if not where the election's folder says.
        actor: Who imports it, for the log of operations; published.

    Returns:
        The roll.

    Raises:
        ParameterError: Bad lines, each named; nothing was imported (BOX-1).
        StateError: The vote was opened (BOX-3).

    Spec: BOX-1, BOX-3
    """
    roll = parse_roll(data, read_draft(directory))
    premises = Premises.enter(directory, places)
    try:
        with locks.sequencing(premises.private), locks.alone(premises.private):
            _verify_not_opened(premises)
            detail = f"{roll.voters} voters, {roll.entitlements} ballots to cast."
            note_operation(premises, "roll-imported", actor=actor, detail=detail)
            premises.register.import_roll(roll.entries, secrets.token_bytes(_SALT_BYTES))
    finally:
        premises.close()
    return roll


def count_roll(directory: Path) -> int:
    """Return the number of voters on the roll; 0 before any was imported."""
    if not (directory / "private" / "register.db").is_file() and not places_configured(directory / "private"):
        return 0
    premises = Premises.enter(directory)
    try:
        return sum(1 for _ in premises.register.voters())
    finally:
        premises.close()


def seal_election(
    directory: Path, *, reason: str = "", places: Places | None = None, actor: str = SERVICE
) -> PublicElection:
    """Check the whole set-up and the empty box, and seal it.

    Args:
        directory: The election folder, with roll, `ceremony/keys.json` and `ceremony/drill.json`.
        reason: Why an election that was sealed before is sealed again; published in the new seal.
        places: Where the stores are, if not where the election's folder says.
        actor: Who seals it, for the log of operations; published.

    Returns:
        The sealed election. If nothing changed since it was sealed, that seal.

    Raises:
        StateError: The vote was opened, a part is missing, box or attendance are not empty, or it was sealed
            before and no reason is given (ACT-1).
        ParameterError: The manifest breaks a rule (MAN).
        VerificationError: Keys or drill are not fit for this manifest (KEY, MOD, DRL).

    Spec: ACT-1, BOX-12
    """
    premises = Premises.enter(directory, places)
    try:
        with locks.sequencing(premises.private), locks.alone(premises.private):
            _verify_not_opened(premises)
            return _seal(premises, reason, actor)
    finally:
        premises.close()


def _verify_not_opened(premises: Premises) -> None:
    opened = log_phase(premises.private) not in (LogPhase.EMPTY, LogPhase.SEALED)
    if opened or premises.record.has(layout.OPEN):
        raise StateError("The vote was opened; what is sealed stays sealed.", check="ACT-1")


def _seal(premises: Premises, reason: str, actor: str) -> PublicElection:
    directory, private, record = premises.directory, premises.private, premises.record
    manifest = _build_manifest(premises)
    keys = _read_ceremony(directory, "keys.json", KeyRecord)
    drill = _read_ceremony(directory, "drill.json", Drill)
    verify_key_record(keys, manifest.parameters, manifest.policy)
    verify_drill(keys, drill)
    professions = _read_professions(directory, manifest)
    if not premises.register.untouched() or premises.urn.store.count():
        raise StateError("Box and attendance list are not empty.", check="ACT-1")
    _verify_two_roles(premises)
    if manifest.mode == "REAL" and manifest.timetable.closes <= premises.clock():
        raise StateError("The closing hour is past; set hours to come.", check="ACT-1", subject="timetable")

    resealing = _resealing(private, record)
    if resealing is None and log_phase(private) == LogPhase.SEALED:
        present = record.election()
        if _same_seal(present.seal, manifest, keys, drill):
            publish_operations(premises)
            return present
        if not reason:
            raise StateError(
                f"Sealed before as {present.id.hex()[:8]} and something changed since; to seal again, "
                'add --reason "why".',
                check="ACT-1",
            )
        resealing = Resealing.make(election=present.id, reason=reason)
        write_durably(private / _RESEALING, resealing.to_bytes(), mode=0o600)
    if resealing is not None:
        _set_aside(directory, resealing.election)
    signers = create_service_keys(private, manifest.origin)
    _clear_professions(record, professions)
    for name, data in professions.items():
        write_durably(record.path / name, data)
    write_durably(record.path / layout.README, layout.README_TEXT)
    for name, document in zip(layout.SET_UP_FILES, (manifest, keys, drill), strict=True):
        record.write(name, document)
    premises.register.assign_units(manifest.counting.units)
    seal = _make_seal(signers, manifest, keys, drill, resealing)
    _start_log(premises, signers, record.write(layout.SEAL, seal), actor)
    remove_file(private / _RESEALING)
    return record.election()


def verify_as_sealed(premises: Premises) -> None:
    """Check that what people edit is still what was sealed, so that nobody opens what they did not mean.

    Raises:
        StateError: `manifest.json`, the ceremony or the software was changed after sealing (ACT-2).

    Spec: ACT-2
    """
    sealed, directory = premises.election, premises.directory
    if software() != sealed.manifest.software:
        raise StateError(
            "The software here is not the one that was sealed; install that one, or seal again with --reason.",
            check="ACT-2",
            subject="software",
        )
    if (directory / DRAFT_FILE).is_file():
        draft = read_draft(directory)
        names = set(type(draft).model_fields) - {"type", "version"}
        if any(getattr(draft, name) != getattr(sealed.manifest, name) for name in names):
            raise StateError(
                "manifest.json was changed after sealing; restore it, or seal again with --reason.",
                check="ACT-2",
                subject=DRAFT_FILE,
            )
    dealt = (ceremony_folder(directory) / "keys.json").is_file()
    if dealt and _read_ceremony(directory, "keys.json", KeyRecord) != sealed.keys:
        raise StateError("The key was dealt anew after sealing; drill and seal again.", check="ACT-2")


def _build_manifest(premises: Premises) -> Manifest:
    """Add the roll's commitments and the software's digest to the draft, and check the whole."""
    draft = read_draft(premises.directory)
    fields = {
        name: getattr(draft, name) for name in type(draft).model_fields if name not in ("type", "version")
    }
    salt = premises.register.roll_salt()
    if not salt:
        raise StateError("There is no roll yet; import it first.", check="BOX-1", subject="roll")
    roll = premises.roll(draft).commitments(draft, salt)
    manifest = Manifest.make(**fields, roll=roll, software=software())
    verify_manifest(manifest)
    return manifest


def _read_ceremony(directory: Path, name: str, kind: type[AnyDocument]) -> AnyDocument:
    path = ceremony_folder(directory) / name
    if not path.is_file():
        raise StateError(
            f"There is no ceremony/{name}; hold the key ceremony first.", check="ACT-1", subject=name
        )
    return kind.from_bytes(read_bounded(path, kind.max_bytes))


def _read_professions(directory: Path, manifest: Manifest) -> dict[str, bytes]:
    """Return the professions de foi by their path in the record, compared with the manifest's digests."""
    found: dict[str, bytes] = {}
    for profession in (
        one for contest in manifest.contests for item in contest.lists for one in item.professions
    ):
        data = read_bounded(directory / "professions" / profession.file, _MAX_PROFESSION_BYTES)
        digest = hashlib.sha256(data).digest()
        if digest != profession.digest:
            raise StateError(
                f"professions/{profession.file} is not the file that manifest.json names; its digest is "
                f"{encode_base64url(digest)}.",
                check="REC-4",
                subject=profession.file,
            )
        found[layout.profession_path(profession.file)] = data
    return found


def _clear_professions(record: RecordFolder, professions: dict[str, bytes]) -> None:
    """Remove what a sealing that was interrupted before a change left behind."""
    if (record.path / "professions").is_dir():
        for name in record.names_in("professions"):
            if name not in professions:
                remove_file(record.path / name)


def _make_seal(
    signers: ServiceKeys, manifest: Manifest, keys: KeyRecord, drill: Drill, resealing: Resealing | None
) -> Seal:
    return Seal.make(
        manifest=manifest.digest(),
        keys=keys.digest(),
        drill=drill.digest(),
        log_key=signers.log.note_key.to_text(),
        reference_key=signers.reference.note_key.to_text(),
        register_key=signers.register.note_key.to_text(),
        supersedes=() if resealing is None else (resealing.election,),
        reason="" if resealing is None else resealing.reason,
        signatures=(),
    )


def _same_seal(seal: Seal, manifest: Manifest, keys: KeyRecord, drill: Drill) -> bool:
    return (seal.manifest, seal.keys, seal.drill) == (manifest.digest(), keys.digest(), drill.digest())


def _start_log(premises: Premises, signers: ServiceKeys, seal: bytes, actor: str = SERVICE) -> None:
    journal, document = Journal(premises.private), Seal.from_bytes(seal)
    detail, reason = name_election(document.digest()), document.reason
    journal.record("sealed", actor=actor, now=premises.clock(), reason=reason, detail=detail, once=True)
    with LogWriter.create(premises.record.path, premises.private, signers.log) as log:
        log.append([(Entry.of(Kind.SEAL, seal), b"")], at=0)
        publish_events(premises.record, journal, log)


def _resealing(private: Path, record: RecordFolder) -> Resealing | None:
    """Return the re-sealing that was interrupted; forget one that reached its log."""
    path = private / _RESEALING
    if not path.exists():
        return None
    found = Resealing.from_bytes(read_bounded(path, Resealing.max_bytes))
    if log_phase(private) != LogPhase.SEALED or not record.has(layout.SEAL):
        return found
    if record.read(layout.SEAL, Seal).supersedes != (found.election,):
        return found
    remove_file(path)
    return None


def _set_aside(directory: Path, election: bytes) -> None:
    """Move the superseded record, its log's state and its service keys away; one key signs one history.

    Spec: BOX-12
    """
    short = election.hex()[:8]
    private = directory / "private"
    moves = [(directory / "record", directory / f"record-{short}")]
    kept = private / f"superseded-{short}"
    moves += [(private / name, kept / name) for name in (STATE_FILE, *KEY_FILES, NEW_KEY_FILE)]
    try:
        make_folder(kept, mode=0o700)
        for source, target in moves:
            if source.exists() and not target.exists():
                source.rename(target)
                sync_folder(source.parent)
                sync_folder(target.parent)
    except OSError as error:
        raise StorageError(f"The old record cannot be set aside: {error.strerror}.", check="BOX-12") from None
