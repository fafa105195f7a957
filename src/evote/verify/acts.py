# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening and closing: signed by the register, at the sealed hours, in agreement with the ballots. Amendments.

Spec: ACT
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evote.crypto.notes import NoteKey
from evote.crypto.signing import verify_signature
from evote.errors import BoardInconsistency, TallyMismatch, VerificationError
from evote.record import layout
from evote.record.acts import Closing, Opening, RegisterAct
from evote.record.election import PublicElection
from evote.verify.ballots import UnitTally
from evote.verify.report import Step


def verify_seal(election: PublicElection) -> None:
    """Check the seal's own fields: three different keys under their names, no signature that nobody verifies.

    Raises:
        VerificationError: They are not (ACT-1).
        EncodingError: A key is not the text of a note key (BRD-5).

    Spec: ACT-1
    """
    seal, origin = election.seal, election.manifest.origin
    texts = (seal.log_key, seal.reference_key, seal.register_key)
    keys = [NoteKey.from_text(text) for text in texts]
    if [key.name for key in keys] != [origin, f"{origin}/reference", f"{origin}/register"]:
        raise VerificationError("The seal's keys are not named after the origin.", check="ACT-1")
    if len({key.public for key in keys}) != len(keys):
        raise VerificationError("Log, reference and register must have different keys.", check="ACT-1")
    if bool(seal.supersedes) != bool(seal.reason):
        raise VerificationError("A seal that replaces another names it and the reason.", check="ACT-1")
    if seal.signatures:
        raise VerificationError("This release knows no signatures of trustees on acts.", check="ACT-1")


def _verify_register_act(election: PublicElection, act: RegisterAct, hour: int, check: str) -> None:
    if act.election != election.id:
        raise VerificationError("The act belongs to another election.", check=check)
    if act.signatures:
        raise VerificationError("This release knows no signatures of trustees on acts.", check=check)
    key = NoteKey.from_text(election.seal.register_key)
    verify_signature(key.public, act.signed_bytes(), act.register_signature, check=check)
    if act.early != (act.time < hour):
        raise VerificationError("The act states its hour wrongly.", check=check)
    if act.early and election.manifest.mode != "TEST":
        raise VerificationError("The act was done before the sealed hour.", check=check)


def verify_opening_act(election: PublicElection, act: Opening) -> None:
    """Check `open.json`; return silently if it is the register's, of this election, not before the hour.

    Raises:
        VerificationError: Another election, a wrong hour (ACT-2).
        InvalidSignature: Not signed by the register's key (ACT-2).

    Spec: ACT-2
    """
    _verify_register_act(election, act, election.manifest.timetable.opens, "ACT-2")
    if act.time > election.manifest.timetable.grace_ends:
        raise VerificationError("The vote was opened after its sealed end.", check="ACT-2")


def verify_closing_form(election: PublicElection, act: Closing) -> None:
    """Check what can be said of `close.json` without the ballots: signature, hour, units, marks within the roll.

    Raises:
        VerificationError: Another election, hour or shape; more marks than the roll has voters (ACT-3).
        InvalidSignature: Not signed by the register's key (ACT-3).

    Spec: ACT-3
    """
    manifest = election.manifest
    _verify_register_act(election, act, manifest.timetable.closes, "ACT-3")
    if [entry.unit for entry in act.marks] != [unit.id for unit in manifest.counting.units]:
        raise VerificationError("The marks must name each counting unit once, in order.", check="ACT-3")
    for marks, roll in zip(act.marks, manifest.roll, strict=True):
        if marks.voters > roll.voters or marks.weight > roll.weight:
            raise VerificationError(
                f"{marks.unit}: more marks than voters on the roll.", check="ACT-3", subject=marks.unit
            )


def verify_closing_act(
    election: PublicElection, opening: Opening | None, act: Closing, tallies: Mapping[str, UnitTally]
) -> None:
    """Check `close.json`: signature and hour, shape, and as many ballots as attendance marks.

    Args:
        election: The election.
        opening: `open.json`, if it could be read.
        act: Untrusted.
        tallies: What the verified ballots of each unit add up to.

    Raises:
        VerificationError: ACT-3 another election, hour or shape; marks of voters who are not on the roll.
        InvalidSignature: Not signed by the register's key (ACT-3).
        TallyMismatch: Marks and ballots of a unit differ (ACT-4).

    Spec: ACT-3, ACT-4
    """
    verify_closing_form(election, act)
    if opening is not None and act.time < opening.time:
        raise VerificationError("The vote was closed before it was opened.", check="ACT-3")
    for marks in act.marks:
        tally = tallies[marks.unit]
        if (marks.voters, marks.weight) != (tally.ballots, tally.weight):
            raise TallyMismatch(
                f"{marks.unit}: {marks.voters} attendance marks of weight {marks.weight}, but "
                f"{tally.ballots} ballots of weight {tally.weight}.",
                check="ACT-4",
                subject=marks.unit,
            )


def audit_amendments(election: PublicElection, step: Step) -> None:
    """Check every amendment, up to the first that is wrong.

    Args:
        election: With its amendments, untrusted.
        step: Takes the finding (ACT-7).

    Spec: ACT-7
    """
    before = len(step.failures)
    for number in range(1, len(election.amendments) + 1):
        with step.finding(layout.amendment_path(number)):
            election.verify_amendment(number)
        if len(step.failures) > before:
            return


def verify_amendment_order(election: PublicElection, logged: Sequence[bytes]) -> None:
    """Check that the log names the amendments in the order of their numbers.

    Args:
        election: With its amendments, untrusted.
        logged: Digests of the `amend` entries, in the order of the log.

    Raises:
        BoardInconsistency: It does not (ACT-7).

    Spec: ACT-7
    """
    if list(logged) != [one.digest() for one in election.amendments]:
        raise BoardInconsistency("The log names other amendments than these, in order.", check="ACT-7")
