# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts and tally documents: what their signatures cover, and the shapes that are refused."""

from __future__ import annotations

import pytest

from evote.crypto.transcript import framed_digest
from evote.errors import EncodingError
from evote.record.acts import Closing, End, FileDigest, Opening, TrusteeSignature, UnitMarks
from evote.record.keys import ProvenShare
from evote.record.tally import DecryptionShare, Result, Sum
from forgery import refused

FIELDS = {"election": b"e" * 32, "time": 7, "early": False, "signatures": (), "register_signature": b""}
OPENING = Opening.make(**FIELDS, ballots=0, marks=0)
MARKS = UnitMarks.make(unit="u", voters=1, weight=2, root=b"a" * 32)
CLOSING = Closing.make(**FIELDS, marks=(MARKS,))
SHARE = DecryptionShare.make(
    election=b"e" * 32,
    closing_size=3,
    closing_root=b"r" * 32,
    unit="u",
    trustee="t",
    proven=ProvenShare.make(share=b"1", value_commitment=b"2", key_commitment=b"3", response=b"4"),
    signature=b"",
)
SUM = Sum.make(
    election=b"e" * 32, closing_size=3, closing_root=b"r" * 32, contest="c", unit="u", units=("u",), ballots=1,
    weight=1, ciphertext=b"1",
)  # fmt: skip
RESULT = Result.make(election=b"e" * 32, contest="c", unit="u", value=b"1", nonce=b"2", counts=(0, 1))


@pytest.mark.parametrize(
    "document", [OPENING, CLOSING, SHARE, SUM, RESULT], ids=lambda one: type(one).__name__
)
def test_documents_are_read_back(document) -> None:
    assert type(document).from_bytes(document.to_bytes()) == document


@pytest.mark.parametrize("act", [OPENING, CLOSING], ids=["open", "close"])
def test_a_registers_signature_covers_all_but_the_signatures(act) -> None:
    signed = act.signed_bytes()
    assert signed == framed_digest("evote/v1/register-act", [act.to_bytes()])
    by_trustee = TrusteeSignature.make(trustee="t", signature=b"s" * 64)
    assert act.replace(register_signature=b"s" * 64, signatures=(by_trustee,)).signed_bytes() == signed
    for change in ({"election": b"f" * 32}, {"time": 8}, {"early": True}):
        assert act.replace(**change).signed_bytes() != signed
    if act is CLOSING:
        for change in (
            {"marks": ()},
            {"marks": (MARKS.replace(weight=3),)},
            {"marks": (MARKS.replace(root=b"c" * 32),)},
        ):
            assert act.replace(**change).signed_bytes() != signed


def test_a_trustees_signature_covers_all_but_itself() -> None:
    signed = SHARE.signed_bytes()
    assert signed == framed_digest("evote/v1/share", [SHARE.to_bytes()])
    assert SHARE.replace(signature=b"s" * 64).signed_bytes() == signed
    for change in (
        {"election": b"f" * 32},
        {"closing_size": 4},
        {"closing_root": b"s" * 32},
        {"unit": "w"},
        {"trustee": "v"},
        {"proven": SHARE.proven.replace(share=b"9")},
        {"proven": SHARE.proven.replace(response=b"9")},
    ):
        assert SHARE.replace(**change).signed_bytes() != signed


def test_one_signature_is_never_that_of_another_kind_of_act() -> None:
    assert len({act.signed_bytes() for act in (OPENING, CLOSING, SHARE)}) == 3


@pytest.mark.parametrize(
    ("document", "change"),
    [
        (OPENING, {"ballots": 1}),
        (OPENING, {"marks": 1}),
        (OPENING, {"time": -1}),
        (OPENING, {"register_signature": b"s" * 65}),
        (CLOSING, {"election": b"e" * 31}),
        (SHARE, {"signature": b"s" * 65}),
        (SHARE, {"closing_size": -1}),
        (SHARE, {"trustee": "../keys"}),
        (SUM, {"units": ()}),
        (SUM, {"unit": "../u"}),
        (SUM, {"ballots": -1}),
        (RESULT, {"counts": (1,)}),
        (RESULT, {"counts": (1, -1)}),
        (RESULT, {"counts": tuple(range(257))}),
    ],
    ids=lambda one: "" if not isinstance(one, dict) else next(iter(one)),
)
def test_shapes(document, change: dict[str, object]) -> None:
    with refused(EncodingError, "ENC-5"):
        document.replace(**change)


@pytest.mark.parametrize("path", ["", "/etc/passwd", ".hidden", "a b", "a\n", "é", "x" * 201])
def test_paths_of_the_end_are_plain(path: str) -> None:
    end = End.make(
        election=b"e" * 32, files=(FileDigest.make(path="shares/one-all/moreau.json", digest=b"d" * 32),)
    )
    assert End.from_bytes(end.to_bytes()) == end
    with refused(EncodingError, "ENC-5"):
        FileDigest.make(path=path, digest=b"d" * 32)
