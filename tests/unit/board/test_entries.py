# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of the log and their order."""

from __future__ import annotations

import base64
import hashlib

import pytest

from evote.board.entries import Entry, Kind, Phase, phase_after
from evote.errors import BoardInconsistency, EncodingError, StateError

LINE = Entry.of(Kind.BALLOT, b"ballot").to_bytes()


def test_line() -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"ballot").digest())
    assert b"evote/ballot/v1 " + digest.rstrip(b"=") + b"\n" == LINE
    assert Entry.from_bytes(LINE).digest == hashlib.sha256(b"ballot").digest()


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_round_trips(kind: Kind) -> None:
    entry = Entry.of(kind, b"x")
    assert Entry.from_bytes(entry.to_bytes()) == entry


@pytest.mark.parametrize(
    "changed",
    [
        b"",
        LINE[:-1],
        LINE + b"\n",
        LINE + LINE,
        b" " + LINE,
        LINE.replace(b" ", b"  "),
        LINE.replace(b"ballot", b"Ballot"),
        LINE.replace(b"ballot", b"vote"),
        LINE.replace(b"evote/", b""),
        LINE.replace(b"/v1", b""),
        LINE.replace(b"/v1", b"/v2"),
        LINE.replace(b"/v1", b"/v1/v1"),
        LINE[:-2] + b"\n",
        LINE[:-1] + b"=\n",
        LINE[:-2] + b"B\n",
        LINE[:-4] + b"\n",
        LINE[:-3] + b"+/\n",
        LINE.replace(b"v1", b"v\xff"),
        LINE + b"x" * 1000,
    ],
)
def test_changed_lines(changed: bytes) -> None:
    with pytest.raises(EncodingError) as caught:
        Entry.from_bytes(changed)
    assert caught.value.check == "BRD-8"


def test_digest_of_another_size() -> None:
    with pytest.raises(EncodingError) as caught:
        Entry(Kind.SUM, bytes(31))
    assert caught.value.check == "BRD-8"


def walk(*kinds: Kind) -> Phase:
    phase = Phase.EMPTY
    for kind in kinds:
        phase = phase_after(phase, kind, failure=StateError)
    return phase


def test_order() -> None:
    ballots = (Kind.SEAL, Kind.AMEND, Kind.OPEN, Kind.BALLOT, Kind.EVENT, Kind.BALLOT)
    closed = (*ballots, Kind.CLOSE, Kind.SUM, Kind.SHARE, Kind.EVENT, Kind.RESULT)
    assert walk(*ballots) == Phase.VOTING
    assert walk(*closed, Kind.END) == Phase.ENDED
    refused = [
        (Kind.OPEN,),
        (Kind.EVENT,),
        (Kind.BALLOT,),
        (Kind.SEAL, Kind.SEAL),
        (Kind.SEAL, Kind.BALLOT),
        (Kind.SEAL, Kind.CLOSE),
        (*ballots, Kind.OPEN),
        (*ballots, Kind.SEAL),
        (*ballots, Kind.SUM),
        (*ballots, Kind.END),
        (*closed, Kind.BALLOT),
        (*closed, Kind.CLOSE),
        *((*closed, Kind.END, kind) for kind in Kind),
    ]
    for kinds in refused:
        walk(*kinds[:-1])
        with pytest.raises(StateError) as caught:
            walk(*kinds)
        assert caught.value.check == "BRD-9"
    with pytest.raises(BoardInconsistency):
        phase_after(Phase.ENDED, Kind.EVENT, failure=BoardInconsistency)
