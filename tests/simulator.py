# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole election in a folder, in which every party can be told to lie.

The world plays the server itself, without the ballot box, so that it can publish what an honest server would not.
Keys are dealt once a parameter set and shared by all worlds of a test run; they are toys.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import shutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from evote.ballot import Choice, encrypt_ballot
from evote.board import Entry, Kind, LogReader, LogWriter
from evote.board.journal import Journal, publish_events
from evote.board.record_folder import RecordFolder
from evote.crypto.integers import mpz
from evote.crypto.merkle import leaf_hash
from evote.crypto.notes import NoteSigner
from evote.crypto.signing import SigningKey
from evote.encoding import canonical_json
from evote.keys.acts import sign_amendment
from evote.keys.dealer import Deal, deal_keys
from evote.keys.drill import contribute_to_drill, finish_drill, make_drill_shares
from evote.manifest import (
    Candidate,
    CandidateList,
    Contest,
    CountingPlan,
    Draft,
    KeyPolicy,
    Manifest,
    Profession,
    Publication,
    RollCommitment,
    Section,
    Software,
    Timetable,
    Unit,
)
from evote.manifest.template import bureau_policy
from evote.params import parameter_set
from evote.record import layout
from evote.record.acts import Closing, Opening, Seal, UnitMarks
from evote.record.amendments import Amendment, Cause, ReferenceKeyChange
from evote.record.election import PublicElection
from evote.record.key_share import KeyShare
from evote.record.keys import Drill
from evote.record.slot import Slot
from evote.tally.memory import ServedElections
from evote.tally.session import finish_tally, post_decryption_shares, start_tally
from evote.verify import verify_closing
from evote.verify.ballots import BallotAuditor, Squares

OPENS = 1_718_089_200
CLOSES = OPENS + 86_400
ORIGIN = "vote.example.org/test"
PROFESSION = b"Profession de foi.\n"
LAWFUL = ("garnier", "moreau", "roux")


def dealt(
    parameters: str = "toy-512", policy: KeyPolicy | None = None
) -> tuple[Deal, dict[str, KeyShare], Drill]:
    """Deal a key for a policy, by default the bureau's, once and drill it."""
    return _dealt(parameters, policy or bureau_policy())


@lru_cache
def _dealt(parameters: str, policy: KeyPolicy) -> tuple[Deal, dict[str, KeyShare], Drill]:
    deal = deal_keys(parameter_set(parameters), policy)
    shares = {}
    for trustee, secret in deal.secrets.items():
        position, public = deal.record.trustee(trustee)
        value = mpz(int.from_bytes(secret.key_share, "big"))
        shares[trustee] = KeyShare(position, public, value, SigningKey.from_seed(secret.signing_seed))
    holders = [share for share in shares.values() if share.trustee.role != "substitute"]
    contributions = [contribute_to_drill(deal.record, share) for share in holders]
    posted = [make_drill_shares(deal.record, share, contributions) for share in holders]
    return deal, shares, finish_drill(deal.record, contributions, posted)


def contest(
    contest_id: str,
    lists: int = 3,
    *,
    seats: int = 5,
    sections: Sequence[str] = ("all",),
    accept_small: bool = True,
) -> Contest:
    """Return a contest with lists a, b, c, … of `seats` candidates each; the first list has a profession de foi."""
    ranks = itertools.count(1)
    names = [chr(ord("a") + place) for place in range(lists)]
    return Contest.make(
        id=contest_id,
        title=f"Contest {contest_id}",
        body="CSPM",
        college="College 2",
        ballot="list",
        lists=tuple(
            CandidateList.make(
                id=name,
                name=f"List {name}",
                affiliation=f"Union {name}",
                candidates=tuple(
                    Candidate.make(name=f"{name.upper()} {place}", age_rank=next(ranks))
                    for place in range(seats)
                ),
                professions=(Profession.make(file="a.txt", digest=hashlib.sha256(PROFESSION).digest()),)
                if name == "a"
                else (),
            )
            for name in names
        ),
        seats=seats,
        tie_rule=("most-votes", "most-candidates", "oldest-candidate"),
        incomplete="vacant",
        sections=tuple(Section.make(id=section, name=f"Section {section}") for section in sections),
        accept_small=accept_small,
    )


def draft(
    contests: Sequence[Contest], *, parameters: str = "toy-512", minimum: int = 1, **changes: object
) -> Draft:
    """Return a valid draft in mode TEST: one unit a section, each merging into the contest's first."""
    units = []
    for one in contests:
        first = f"{one.id}-{one.sections[0].id}"
        for section in one.sections:
            unit = f"{one.id}-{section.id}"
            units.append(
                Unit.make(
                    id=unit, contest=one.id, sections=(section.id,), merge_into="" if unit == first else first
                )
            )
    fields = {
        "mode": "TEST",
        "parameters": parameters,
        "origin": ORIGIN,
        "event": "Election of the tests",
        "title": "CSPM",
        "languages": ("fr",),
        "timetable": Timetable.make(opens=OPENS, closes=CLOSES, grace_ends=CLOSES + 1200),
        "publication": Publication.make(times=(OPENS + 3600,), audience="bureau", delay=600),
        "eligibility": "register",
        "contests": tuple(contests),
        "policy": bureau_policy(),
        "counting": CountingPlan.make(minimum=minimum, units=tuple(units)),
        "witnesses": (),
        "witness_quorum": 0,
    }
    return Draft.make(**{**fields, **changes})


def sealed_manifest(plan: Draft, weights: Mapping[str, tuple[int, int]]) -> Manifest:
    """Return the manifest with a roll of (voters, weight) for each unit."""
    fields = {name: getattr(plan, name) for name in type(plan).model_fields if name != "type"}
    roll = tuple(
        RollCommitment.make(
            unit=unit.id, voters=weights[unit.id][0], weight=weights[unit.id][1], root=b"r" * 32
        )
        for unit in plan.counting.units
    )
    software = Software.make(name="evote", release="test", digest=b"s" * 32)
    return Manifest.make(**fields, roll=roll, software=software)


class World:
    """An election in `folder`; `record/` and `private/` as in a real one.

    Attributes:
        election: The sealed election.
        record: Its record.
        shares: The trustees' key shares.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.record = RecordFolder(folder / "record")
        self.private = folder / "private"
        self.private.mkdir(parents=True)
        deal, self.shares, drill = dealt(manifest.parameters, manifest.policy)
        self.log_signer = NoteSigner.generate(manifest.origin)
        self.register_signer = NoteSigner.generate(manifest.origin + "/register")
        self.reference_signer = NoteSigner.generate(manifest.origin + "/reference")
        self.log_signer.save(self.private / "log.key")
        seal = Seal.make(
            manifest=manifest.digest(),
            keys=deal.record.digest(),
            drill=drill.digest(),
            log_key=self.log_signer.note_key.to_text(),
            reference_key=self.reference_signer.note_key.to_text(),
            register_key=self.register_signer.note_key.to_text(),
            supersedes=(),
            reason="",
            signatures=(),
        )
        self.election = PublicElection(seal, manifest, deal.record)
        for name, document in (
            (layout.MANIFEST, manifest),
            (layout.KEYS, deal.record),
            (layout.DRILL, drill),
            (layout.SEAL, seal),
        ):
            self.record.write(name, document)
        self.write(layout.README, layout.README_TEXT)
        self.write(layout.profession_path("a.txt"), PROFESSION)
        with LogWriter.create(self.record.path, self.private, self.log_signer) as log:
            log.append([(Entry.of(Kind.SEAL, seal.to_bytes()), b"")])
        self.ballots: list[bytes] = []

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the record."""
        path = self.record.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def append(self, kind: Kind, data: bytes) -> None:
        """Append an entry."""
        with LogWriter(self.record.path, self.private, self.log_signer) as log:
            log.append([(Entry.of(kind, data), data if kind == Kind.BALLOT else b"")])

    def note(self, operation: str = "integrity-checked", now: int = OPENS, **texts: str) -> None:
        """Record an operation and publish it."""
        Journal(self.private).record(operation, now=now, **{"actor": "bureau", **texts})
        self.publish_events()

    def publish_events(self) -> int:
        """Bring record and log up to the journal."""
        with LogWriter(self.record.path, self.private, self.log_signer) as log:
            return publish_events(self.record, Journal(self.private), log)

    def amendment(self, cause: Cause, trustees: Sequence[str] = LAWFUL, **changes: object) -> Amendment:
        """Return a signed act that gives the election a new reference key; `changes` are made before signing."""
        signer = NoteSigner.generate(self.election.manifest.origin + "/reference")
        change = ReferenceKeyChange.make(key=signer.note_key.to_text(), cause=cause)
        number = len(self.election.amendments) + 1
        fields = {
            "election": self.election.id,
            "number": number,
            "time": OPENS,
            "reason": "why",
            "change": change,
        }
        act = Amendment.make(**{**fields, **changes}, signatures=())
        for trustee in trustees:
            act = sign_amendment(self.election, act, self.shares[trustee])
        self._next_signer = signer
        return act

    def amend(self, act: Amendment) -> None:
        """Publish an act that was just made, whether it is right or not, and sign references by its key."""
        self.append(Kind.AMEND, self.record.write(layout.amendment_path(act.number), act))
        self.election = dataclasses.replace(self.election, amendments=(*self.election.amendments, act))
        self.reference_signer = self._next_signer

    def _act(self, act: Opening | Closing) -> Opening | Closing:
        return act.replace(register_signature=self.register_signer.key.sign(act.signed_bytes()))

    def open(self, time: int = OPENS) -> None:
        """Open the vote."""
        bare = Opening.make(
            election=self.election.id,
            time=time,
            early=time < OPENS,
            signatures=(),
            register_signature=b"",
            ballots=0,
            marks=0,
        )
        self.append(Kind.OPEN, self.record.write(layout.OPEN, self._act(bare)))

    def encrypt(self, unit: str, choice: str, weight: int = 1) -> bytes:
        """Encrypt a vote."""
        where = self.election.manifest.unit(unit)
        slot = Slot(where.contest, where.sections[0], unit, weight)
        return encrypt_ballot(self.election, slot, Choice(choice)).to_bytes()

    def publish(self, ballots: Sequence[bytes]) -> None:
        """Publish ballots, sorted by leaf hash, as one batch."""
        lines = [(Entry.of(Kind.BALLOT, ballot), ballot) for ballot in ballots]
        lines.sort(key=lambda line: leaf_hash(line[0].to_bytes()))
        with LogWriter(self.record.path, self.private, self.log_signer) as log:
            log.append(lines)
        self.ballots += ballots

    def close(self, marks: Mapping[str, tuple[int, int]] | None = None, time: int = CLOSES) -> None:
        """Close the vote, with the attendance marks of the ballots published or with others."""
        if marks is None:
            marks = self.count_ballots()
        units = self.election.manifest.counting.units
        bare = Closing.make(
            election=self.election.id,
            time=time,
            early=time < CLOSES,
            signatures=(),
            register_signature=b"",
            marks=tuple(
                UnitMarks.make(
                    unit=unit.id, voters=marks[unit.id][0], weight=marks[unit.id][1], root=b"a" * 32
                )
                for unit in units
            ),
        )
        self.append(Kind.CLOSE, self.record.write(layout.CLOSE, self._act(bare)))
        self.write(layout.CLOSING_CHECKPOINT, (self.record.path / "checkpoint").read_bytes())

    def count_ballots(self) -> dict[str, tuple[int, int]]:
        """Return (ballots, weight) of each unit as published."""
        totals = {unit.id: [0, 0] for unit in self.election.manifest.counting.units}
        for data in self.ballots:
            ballot = json.loads(data)
            totals[ballot["unit"]][0] += 1
            totals[ballot["unit"]][1] += ballot["weight"]
        return {unit: (count, weight) for unit, (count, weight) in totals.items()}

    def decrypt(self, trustees: Sequence[str] = LAWFUL) -> None:
        """Let trustees verify the record and post their shares."""
        closing = verify_closing(self.record.path)
        for trustee in trustees:
            memory = ServedElections((self.folder / f"{trustee}.served",))
            post_decryption_shares(self.folder, closing, self.shares[trustee], memory, CLOSES + 1)

    def tally(self, trustees: Sequence[str] = LAWFUL):
        """Run the tally to its end."""
        start_tally(self.folder, lambda *_: None)
        self.decrypt(trustees)
        return finish_tally(self.folder, {}, lambda *_: None)

    def reader(self) -> LogReader:
        """Open the log."""
        return self.record.log(self.election)

    def copy(self, folder: Path) -> World:
        """Return the same world in another folder."""
        shutil.copytree(self.folder, folder)
        other = object.__new__(World)
        other.__dict__.update(self.__dict__)
        other.folder, other.record, other.private = (
            folder,
            RecordFolder(folder / "record"),
            folder / "private",
        )
        other.ballots = list(self.ballots)
        return other

    def carry_upwards(self, items: Sequence[tuple[Kind, bytes]], closing_size: int | None = None) -> None:
        """Sign a log of these entries, from scratch, with the world's own log key.

        Args:
            items: Kind and bytes of the ballot or file of every entry.
            closing_size: Size of the log right after `close`; its checkpoint is saved anew.
        """
        for name in ("tile", "ballots"):
            shutil.rmtree(self.record.path / name)
        for path in (self.record.path / "checkpoint", self.private / "log.json"):
            path.unlink()
        with LogWriter.create(self.record.path, self.private, self.log_signer) as log:
            lines = [(Entry.of(kind, data), data if kind == Kind.BALLOT else b"") for kind, data in items]
            closing = [place for place, (kind, _) in enumerate(items, 1) if kind == Kind.CLOSE]
            if closing:
                log.append(lines[: closing[0]])
                self.write(layout.CLOSING_CHECKPOINT, log.signed_checkpoint())
                log.append(lines[closing[0] :])
            else:
                log.append(lines)


def small_world(folder: Path, *, votes: Mapping[str, Sequence[str]], **options) -> World:
    """Return an open election with published votes: unit id -> choices."""
    contests = options.pop("contests", None) or (contest("one"), contest("two", sections=("x", "y")))
    plan = draft(contests, **options)
    rolls = {unit.id: (len(votes.get(unit.id, ())) + 2,) * 2 for unit in plan.counting.units}
    world = World(folder, sealed_manifest(plan, rolls))
    world.open()
    world.publish([world.encrypt(unit, choice) for unit, choices in votes.items() for choice in choices])
    return world


def audit_ballots(
    election: PublicElection, ballots: Sequence[bytes], **options
) -> tuple[BallotAuditor, list[tuple[str, int]]]:
    """Verify ballots as those of a log that holds nothing else; return (check, index) of what is wrong."""
    auditor = BallotAuditor(election, **options)
    for index, data in enumerate(ballots):
        auditor.add(index, data)
    auditor.finish()
    with Squares() as squares:
        squares.add(bytes(auditor.squares))
        found = {one.index: one.check for one in [*auditor.findings, *squares.copies()]}
        return auditor, [(check, index) for index, check in sorted(found.items())]


def load_json(path: Path):
    """Read a JSON file as plain values."""
    return json.loads(path.read_bytes())


def save_json(path: Path, value: object) -> bytes:
    """Write plain values as canonical JSON."""
    data = canonical_json(value)
    path.write_bytes(data)
    return data
