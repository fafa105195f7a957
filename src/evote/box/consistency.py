# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether log, register, box and keys belong together: nothing is signed over a restored backup.

Spec: BOX-4, BOX-15
"""

from __future__ import annotations

from evote.board import Kind
from evote.board import Phase as LogPhase
from evote.box.premises import Premises, log_phase
from evote.errors import BoardInconsistency, StateError


def verify_stores(premises: Premises) -> None:
    """Check that log, register and box belong together: a restored one would let people vote twice.

    The caller sequences and is alone. Once the vote is closed, a slot key that survived is erased instead.

    Raises:
        StateError: The box lost a ballot or knows a longer log, or marks and ballots differ (BOX-4).

    Spec: BOX-4
    """
    phase, urn = log_phase(premises.private), premises.urn
    if phase in (LogPhase.CLOSED, LogPhase.ENDED) and not urn.store.state().slot_key:
        urn.keys.destroy()  # a crash, or a spare folder that was away, may have left one
    if phase != LogPhase.VOTING:
        return
    if not urn.store.state().slot_key:
        raise _restored("the box was never opened, but the log was")
    with premises.log() as log:
        _verify_head(premises)
        stored = {*urn.store.digests(), *(one.digest for one, _ in urn.sealed())}
        lost = sum(
            entry.kind == Kind.BALLOT and entry.digest not in stored for entry in log.entries(0, log.size)
        )
    if lost:
        raise _restored(f"the log holds {lost} ballots that the box does not")
    marks = sum(mark.voters for mark in premises.register.marks())
    if marks != len(stored):
        raise _restored(f"the register holds {marks} marks, the box {len(stored)} ballots")
    if len(stored) < (most := premises.high_water.read()):
        raise _restored(f"there were {most} ballots, and there are {len(stored)}")


def _verify_head(premises: Premises) -> None:
    """Refuse a log that is behind what the box has seen of it."""
    state, reader = premises.urn.store.state(), premises.record.log(premises.election)
    try:
        known = state.log_size <= reader.checkpoint.size and (
            not state.log_size or reader.root_at(state.log_size) == state.log_root
        )
    except BoardInconsistency:
        known = False
    if not known:
        raise _restored(f"the box knows a log of {state.log_size} entries that is not this one")


def _restored(reason: str) -> StateError:
    return StateError(
        f"The service refuses to go on: {reason}. Was a backup restored? Bring back the newest register, box and "
        "election folder.",
        check="BOX-4",
    )
