# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations on the system, each in a file that names the one before.

Spec: EVT
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from evote.encoding import Count, Digest, Document, Field, Remark, Text, Time
from evote.errors import VerificationError
from evote.record import layout

MINUTE: Final = 60
Operation = Literal[
    "roll-imported",
    "sealed",
    "opened",
    "published",
    "closed",
    "tally-started",
    "tally-finished",
    "amended",
    "settled",
    "attendance-exported",
    "integrity-checked",
    "alert",
]


class Event(Document):
    """`events/<n>.json`: who did what on the system, in which minute, and why. Published: it tells nothing of voters.

    Spec: EVT-1, EVT-2
    """

    max_bytes: ClassVar[int] = 16 << 10

    type: Literal["evote/event"] = "evote/event"
    version: Literal[1] = 1
    number: Annotated[Count, Field(ge=1, le=layout.MAX_EVENTS)]
    previous: Digest
    time: Annotated[Time, Field(multiple_of=MINUTE)]
    actor: Text
    operation: Operation
    reason: Remark
    detail: Remark


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """What the next event must follow; by default nothing.

    Attributes:
        number: Of the last event.
        digest: SHA-256 of its bytes.
        time: Its minute.
    """

    number: int = 0
    digest: bytes = bytes(32)
    time: int = 0

    def after(self, event: Event) -> ChainEnd:
        """Return the end of the chain with one more event.

        Raises:
            VerificationError: The event does not follow (EVT-1).

        Spec: EVT-1
        """
        if (event.number, event.previous) != (self.number + 1, self.digest) or event.time < self.time:
            raise VerificationError(
                f"Event {event.number} does not follow event {self.number}: another number, digest or time.",
                check="EVT-1",
                subject=layout.event_path(self.number + 1),
            )
        return ChainEnd(event.number, event.digest(), event.time)
