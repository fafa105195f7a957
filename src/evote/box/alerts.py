# SPDX-License-Identifier: GPL-3.0-or-later
"""What an integrity check can find wrong with the service, as types that a program can act on.

Spec: BOX-13
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertKind(StrEnum):
    """What is wrong; the value is the word in the log of operations.

    Spec: BOX-13
    """

    BALLOTS_AND_MARKS_DIFFER = "ballots-and-marks-differ"
    BALLOT_LOST = "ballot-lost"
    BALLOT_ALTERED = "ballot-altered"
    COPY_REFUSED = "copy-refused"
    LATE_PUBLICATION = "late-publication"
    SOFTWARE_CHANGED = "software-changed"
    WITNESSES_MISSING = "witnesses-missing"
    CASTS_UNSETTLED = "casts-unsettled"
    OTHER_HISTORY = "other-history"
    RECORD_WRONG = "record-wrong"
    SPARE_AWAY = "spare-away"
    CLOCK_WENT_BACK = "clock-went-back"
    SERVICE_KEY_MISSING = "service-key-missing"
    CHECK_NOT_NOTED = "check-not-noted"
    STORES_SHARE_A_ROLE = "stores-share-a-role"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong with the service.

    Attributes:
        kind: What it is. This word alone may enter the log of operations (EVT-2).
        subject: The unit, file, store or witness concerned; never a voter.
        detail: One sentence, for the bureau alone: it may hold the numbers of a unit, never a voter.

    Spec: BOX-13
    """

    kind: AlertKind
    subject: str
    detail: str


def ignore(alert: Alert) -> None:
    """Do nothing with an alert."""


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """What one integrity check found.

    Attributes:
        time: POSIX seconds at which it began.
        alerts: Everything that is wrong, in the order in which it was looked for.

    Spec: BOX-13
    """

    time: int
    alerts: tuple[Alert, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.alerts
