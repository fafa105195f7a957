# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests to start from: the hospital doctors' elections of June 2024, with made-up candidates.

Seats of the CSN and CD contests, tie rules and incomplete lists are configuration: check them against the
texts of the body before sealing.

Spec: MAN
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from evote.manifest.model import (
    Candidate,
    CandidateList,
    Contest,
    CountingPlan,
    Draft,
    Group,
    KeyPolicy,
    Member,
    Publication,
    Section,
    Timetable,
    Unit,
)
from evote.params import DEFAULT_PARAMETERS

_DAY: Final = 86400
_HOUR: Final = 3600
_LISTS_OF_2024: Final = (
    ("aph-amuf-cfdt", "APH – Amuf – Syncass-CFDT"),
    ("cmh-inph-snam", "CMH – INPH – SNAM-HP"),
    ("jeunes-medecins", "Jeunes Médecins"),
    ("snmh-fo", "SNMH-FO"),
    ("ufmict-cgt", "UFMICT-CGT"),
)
_DISCIPLINES: Final = (
    ("medecine", "Médecine"),
    ("psychiatrie", "Psychiatrie"),
    ("chirurgie", "Chirurgie et odontologie"),
    ("radiologie", "Radiologie"),
    ("biologie", "Biologie"),
    ("anesthesie", "Anesthésie-réanimation"),
    ("pharmacie", "Pharmacie"),
)
_CSPM_COLLEGES: Final = (
    ("1", "Personnels enseignants et hospitaliers"),
    ("2", "Praticiens hospitaliers"),
    ("3", "Praticiens contractuels"),
)
_CSN_COLLEGES: Final = (("hu", "Hospitalo-universitaires"), ("ph", "Praticiens hospitaliers"))
_CSPM: Final = "Conseil supérieur des personnels médicaux (CSPM)"
_CSN: Final = "Commission statutaire nationale (CSN)"
_CD: Final = "Conseil de discipline (CD)"
_FIRST_NAMES: Final = (
    "Alice", "Bruno", "Camille", "David", "Élise", "Farid", "Gaëlle", "Hugo", "Inès", "Jules", "Karim", "Léa",
    "Marc", "Nadia", "Olivier", "Pauline", "Quentin", "Rachel", "Sami", "Thérèse", "Ugo", "Valérie", "Yann",
)  # fmt: skip
_LAST_NAMES: Final = (
    "Aubry", "Benoît", "Caron", "Dumas", "Étienne", "Faure", "Gaillard", "Hubert", "Imbert", "Jacquet", "Klein",
    "Lemoine", "Marchand", "Noël", "Olivier", "Perrin", "Quentin", "Renard", "Simon", "Tessier", "Vidal", "Weber",
    "Arnaud", "Blanc", "Chevalier", "Denis", "Fournier", "Girard", "Henry", "Lambert", "Masson", "Nicolas", "Robin",
)  # fmt: skip

TIE_RULES: Final = ("most-votes", "most-candidates", "oldest-candidate")


@dataclass(frozen=True, slots=True)
class Ballot:
    """One contest of a template."""

    id: str
    title: str
    body: str
    college: str
    seats: int


def _candidates(first_rank: int, count: int) -> tuple[Candidate, ...]:
    """Make up candidates; ranks are spread so that no list is the oldest throughout."""
    ranks = range(first_rank, first_rank + count)
    return tuple(
        Candidate.make(
            name=f"{_FIRST_NAMES[rank * 7 % len(_FIRST_NAMES)]} {_LAST_NAMES[rank * 5 % len(_LAST_NAMES)]}",
            age_rank=rank,
        )
        for rank in ranks
    )


def _lists(names: Iterable[tuple[str, str]], size: int) -> tuple[CandidateList, ...]:
    return tuple(
        CandidateList.make(
            id=list_id,
            name=name,
            affiliation=name,
            candidates=_candidates(1 + place * size, size),
            professions=(),
        )
        for place, (list_id, name) in enumerate(names)
    )


def _contest(ballot: Ballot, lists: tuple[CandidateList, ...]) -> Contest:
    return Contest.make(
        id=ballot.id,
        title=ballot.title,
        body=ballot.body,
        college=ballot.college,
        ballot="list",
        lists=lists,
        seats=ballot.seats,
        tie_rule=TIE_RULES,
        incomplete="vacant",
        sections=(Section.make(id="france", name="France entière"),),
        accept_small=True,
    )


def bureau_policy() -> KeyPolicy:
    """Return «(president or secretary) and two of four delegates»."""

    def member(index: int, trustee_id: str, name: str, role: str) -> Member:
        return Member.make(index=index, id=trustee_id, name=name, role=role)

    return KeyPolicy.make(
        groups=(
            Group.make(
                id="bureau",
                name="Président et secrétaire",
                threshold=1,
                members=(
                    member(1, "lefevre", "Anne Lefèvre", "president"),
                    member(2, "garnier", "Paul Garnier", "secretary"),
                ),
            ),
            Group.make(
                id="delegates",
                name="Délégués de liste",
                threshold=2,
                members=(
                    member(1, "moreau", "Philippe Moreau", "delegate"),
                    member(2, "petit", "Claire Petit", "delegate"),
                    member(3, "roux", "Samir Roux", "delegate"),
                    member(4, "fontaine", "Lucie Fontaine", "delegate"),
                ),
            ),
        ),
        shape_rules=(
            "president-holds",
            "secretary-holds",
            "delegates-two-thirds",
            "two-at-most",
            "no-technician",
        ),
        accept_disjoint_quorums=True,
    )


def _daily(opens: int, closes: int) -> tuple[int, ...]:
    """Return two hours before each full day of a vote: 7:00 for one that opens at 9:00."""
    return tuple(time - 2 * _HOUR for time in range(opens + _DAY, closes, _DAY))


def _draft(
    title: str, parameters: str, opens: int, hours: int, contests: tuple[Contest, ...], policy: KeyPolicy
) -> Draft:
    closes = opens + hours * _HOUR
    return Draft.make(
        mode="TEST",
        parameters=parameters,
        origin="vote.example.org/cspm-2024",
        event="Élections des praticiens hospitaliers, juin 2024",
        title=title,
        languages=("fr", "en"),
        timetable=Timetable.make(opens=opens, closes=closes, grace_ends=closes + _HOUR // 3),
        publication=Publication.make(times=_daily(opens, closes), audience="bureau", delay=_HOUR),
        eligibility="register",
        contests=contests,
        policy=policy,
        counting=CountingPlan.make(
            minimum=10,
            units=tuple(
                Unit.make(id=contest.id, contest=contest.id, sections=("france",), merge_into="")
                for contest in contests
            ),
        ),
        witnesses=(),
        witness_quorum=0,
    )


def _ballots_of_2024() -> Iterator[Ballot]:
    for number, college in _CSPM_COLLEGES:
        yield Ballot(f"cspm-{number}", f"CSPM, collège {number}", _CSPM, college, 5)
    for college_id, college in _CSN_COLLEGES:
        for discipline, name in _DISCIPLINES:
            yield Ballot(f"csn-{college_id}-{discipline}", f"CSN, {name}", f"{_CSN} – {name}", college, 6)
    for discipline, name in _DISCIPLINES:
        yield Ballot(f"cd-{discipline}", f"CD, {name}", f"{_CD} – {name}", _CSN_COLLEGES[1][1], 6)


def cspm_2024(opens: int) -> Draft:
    """Return the bureau of 2024: three CSPM colleges of five seats, CSN by discipline and college, CD.

    Args:
        opens: When the vote opens, POSIX seconds; it lasts eight days, until 17:00 if it opens at 9:00.
    """
    return _all_of_2024(DEFAULT_PARAMETERS, opens, 7 * 24 + 8)


def replay_2024(opens: int, parameters: str) -> Draft:
    """Return the same for a replay: it may last a day, and everything is published at closing.

    Args:
        opens: When the vote opens, POSIX seconds.
        parameters: Name of the parameter set.
    """
    return _all_of_2024(parameters, opens, 24)


def _all_of_2024(parameters: str, opens: int, hours: int) -> Draft:
    lists = _lists(_LISTS_OF_2024, 6)
    contests = tuple(_contest(ballot, lists) for ballot in _ballots_of_2024())
    return _draft("CSPM, CSN et CD", parameters, opens, hours, contests, bureau_policy())


def demonstration(opens: int, parameters: str, lists: int) -> Draft:
    """Return a small election for `evote demo`: three CSPM colleges, one CSN and one CD contest, one hour.

    Args:
        opens: When the vote opens, POSIX seconds.
        parameters: Name of the parameter set.
        lists: Lists in the CSPM contests, 3 to 10; the others have 3 and 5.
    """
    names = [*_LISTS_OF_2024, *((f"liste-{place}", f"Liste {place}") for place in range(6, lists + 1))]
    sizes = {"csn": 3, "cd": 5}
    ballots = [ballot for ballot in _ballots_of_2024() if ballot.id.startswith("cspm")] + [
        Ballot("csn", "CSN, Médecine", _CSN, _CSN_COLLEGES[1][1], 6),
        Ballot("cd", "CD, Médecine", _CD, _CSN_COLLEGES[1][1], 6),
    ]
    contests = tuple(
        _contest(ballot, _lists(names[: sizes.get(ballot.id, lists)], max(ballot.seats, 5)))
        for ballot in ballots
    )
    return _draft("Démonstration", parameters, opens, 1, contests, bureau_policy())
