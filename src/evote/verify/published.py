# SPDX-License-Identifier: GPL-3.0-or-later
"""What is published after the closing, file by file against what the record gives.

Spec: SUM, SHR, RES, SEA, MIN, END
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from evote.board.record_folder import RecordFolder
from evote.board.tiles import CHECKPOINT
from evote.errors import TallyMismatch, VerificationError
from evote.record import layout
from evote.record.acts import Closing, End, FileDigest, Opening
from evote.record.election import PublicElection
from evote.record.tally import DecryptionShare, Minutes, Result, SeatsRecord, Sum
from evote.verify.outcome import Course, derive_minutes, derive_seats, key_holders
from evote.verify.report import Step
from evote.verify.sums import ClosingPoint, find_invalid_shares, needs_opening, still_needed, verify_result

Counts = Mapping[str, tuple[int, ...] | None]
"""Contest id -> counts over all its units, blank first; None if it is withheld."""


def audit_sums(folder: RecordFolder, sums: Mapping[str, Sum], step: Step) -> None:
    """Compare the published sums with the recomputed ones (SUM-3)."""
    published = folder.names_in("sums")
    expected = {layout.sum_path(unit): total for unit, total in sums.items()}
    for name in sorted({*published, *expected}):
        with step.finding(name):
            if name not in expected:
                raise TallyMismatch("The sealed plan has no such sum.", check="SUM-3")
            if folder.read(name, Sum) != expected[name]:
                raise TallyMismatch("The sum is not that of the ballots.", check="SUM-3")


def audit_shares(
    folder: RecordFolder, election: PublicElection, sums: Mapping[str, Sum], step: Step
) -> tuple[str, ...]:
    """Verify every published decryption share in one batch; return who gave a right one.

    Every sum with ballots needs the shares of a lawful quorum, however it was opened.

    Spec: SHR-1 to SHR-4, RES-3
    """
    shares: list[DecryptionShare] = []
    for name in folder.names_in("shares"):
        with step.finding(name):
            share = folder.read(name, DecryptionShare)
            if layout.share_path(share.unit, share.trustee) != name:
                raise VerificationError("The share is filed under another name.", check="SHR-1")
            shares.append(share)
    invalid = find_invalid_shares(election, sums, shares)
    for error in invalid.values():
        step.fail(error)
    right = [share for share in shares if (share.unit, share.trustee) not in invalid]
    for unit, total in sums.items():
        holders = [share.trustee for share in right if share.unit == unit]
        with step.finding(layout.sum_path(unit)):
            if needs_opening(total) and still_needed(election.keys, holders):
                raise VerificationError("The sum was opened without a lawful quorum.", check="RES-3")
    return tuple(sorted({share.trustee for share in right}))


def audit_results(
    folder: RecordFolder, election: PublicElection, sums: Mapping[str, Sum], step: Step
) -> Counts:
    """Verify every opening; return the counts of each contest.

    Spec: RES-1, RES-2, RES-4
    """
    counts: dict[str, list[int] | None] = {
        contest.id: [0] * contest.options if any(one.contest == contest.id for one in sums.values()) else None
        for contest in election.manifest.contests
    }
    for unit, total in sums.items():
        name = layout.result_path(unit)
        with step.finding(name):
            result = folder.read(name, Result)
            verify_result(election, total, result)
            have = counts[total.contest]
            if have is not None:
                counts[total.contest] = [a + b for a, b in zip(have, result.counts, strict=True)]
    for name in set(folder.names_in("results")) - {layout.result_path(unit) for unit in sums}:
        with step.finding(name):
            raise TallyMismatch("The result is of a sum that is not opened.", check="RES-1")
    return {contest: None if value is None else tuple(value) for contest, value in counts.items()}


def audit_outcomes(
    folder: RecordFolder,
    election: PublicElection,
    counts: Counts,
    course: tuple[Opening, Closing, ClosingPoint, Sequence[str]],
    step: Step,
) -> None:
    """Derive seats and minutes again and compare.

    Spec: SEA-9, MIN-1
    """
    opening, closing, point, trustees = course
    for contest in election.manifest.contests:
        with step.finding(layout.seats_path(contest.id)):
            published = folder.read(layout.seats_path(contest.id), SeatsRecord)
            seats = derive_seats(election, contest, counts[contest.id], published.lots)
            if seats != published:
                raise TallyMismatch("The seats are not those of the counts.", check="SEA-9")
        with step.finding(layout.minutes_path(contest.id)):
            minutes = folder.read(layout.minutes_path(contest.id), Minutes)
            published = folder.read(layout.seats_path(contest.id), SeatsRecord)
            expected = Course(opening, closing, point, key_holders(election, trustees))
            if minutes != derive_minutes(election, contest, expected, published):
                raise TallyMismatch("The minutes are not those of the record.", check="MIN-1")


def _is_of_log(name: str) -> bool:
    return name in (CHECKPOINT, layout.END) or name.startswith(("tile/", "ballots/"))


def committed_files(folder: RecordFolder) -> tuple[FileDigest, ...]:
    """Return path and digest of every file that `end.json` commits to: all but itself and the log.

    Spec: END-2
    """
    names = sorted(name for name in folder.files() if not _is_of_log(name))
    return tuple(
        FileDigest.make(path=name, digest=hashlib.sha256(folder.bytes_of(name)).digest()) for name in names
    )


def audit_end(folder: RecordFolder, election: PublicElection, step: Step) -> None:
    """Check that the end of the record names every file.

    Spec: END-2
    """
    with step.finding(layout.END):
        end = folder.read(layout.END, End)
        if end.election != election.id:
            raise VerificationError("The end belongs to another election.", check="END-2")
        if end.files != committed_files(folder):
            raise VerificationError("The end names other files than the record has.", check="END-2")
