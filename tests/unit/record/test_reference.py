# SPDX-License-Identifier: GPL-3.0-or-later
"""REF: compact form, signature, short code (A11, A18)."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evote.errors import EncodingError, InvalidSignature, ParameterError, VerificationError
from evote.record.reference import Reference, parse_code, short_code, sign_reference, verify_reference
from simulator import small_world

LEAF = b"l" * 32


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return small_world(tmp_path_factory.mktemp("reference") / "world", votes={"one-all": ["a"]})


def test_a_reference_is_read_back_and_verified(world) -> None:
    reference = sign_reference(world.election, world.reference_signer, "two", LEAF, 1_700_000_000)
    text = str(reference)
    assert len(reference.to_bytes()) == 119
    assert Reference.parse(text) == reference
    signed = verify_reference(world.election, reference)
    assert (signed.contest, signed.key) == ("two", world.election.reference_keys[0])
    assert not signed.key.withdrawn
    again = sign_reference(world.election, world.reference_signer, "two", LEAF, 1_700_000_000)
    assert again == reference


def test_a18_pasted_lines_and_scanned_codes_read_the_same(world) -> None:
    reference = sign_reference(world.election, world.reference_signer, "one", LEAF, 1)
    text = str(reference)
    assert Reference.parse(f" {text[:40]}\n{text[40:90]}\r\n\t{text[90:]} ") == reference
    assert Reference.parse(f"https://vote.example.org/r#{text}") == reference
    for wrong in (text[:-1], text + "A", text[:50] + "!" + text[51:], "", "http://x#" + text, "A" * 159):
        with pytest.raises(EncodingError) as caught:
            Reference.parse(wrong)
        assert caught.value.check == "REF-1"


@pytest.mark.parametrize(
    ("field", "value", "check"),
    [
        ("key_id", b"k" * 4, "REF-2"),
        ("election_prefix", b"e" * 8, "REF-2"),
        ("contest_number", 9, "REF-2"),
        ("contest_number", 0, "REF-3"),
        ("leaf_hash", b"m" * 32, "REF-3"),
        ("publish_by", 2, "REF-3"),
        ("signature", b"s" * 64, "REF-3"),
    ],
)
def test_a11_every_field_is_signed(world, field, value, check) -> None:
    reference = sign_reference(world.election, world.reference_signer, "two", LEAF, 1)
    with pytest.raises(VerificationError) as caught:
        verify_reference(world.election, dataclasses.replace(reference, **{field: value}))
    assert caught.value.check == check
    assert isinstance(caught.value, InvalidSignature) == (check == "REF-3")


@given(st.binary(min_size=32, max_size=32))
def test_codes_are_read_as_people_write_them(leaf: bytes) -> None:
    code = short_code(b"e" * 32, leaf)
    assert len(code) == 14
    assert parse_code(code) == code
    written = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert parse_code(written) == code


def test_every_wrong_symbol_and_every_exchange_is_noticed() -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    symbols = list(short_code(b"e" * 32, LEAF).replace("-", ""))

    def refused(changed: list[str]) -> None:
        with pytest.raises(ParameterError) as caught:
            parse_code("".join(changed))
        assert caught.value.check == "REF-5"

    for place in range(12):
        for symbol in set(alphabet) - {symbols[place]}:
            refused([*symbols[:place], symbol, *symbols[place + 1 :]])
        for other in range(place + 1, 12):
            if symbols[place] != symbols[other]:
                swapped = list(symbols)
                swapped[place], swapped[other] = swapped[other], swapped[place]
                refused(swapped)
    refused(symbols[:11])
    refused([*symbols, "0"])
    refused([*symbols[:11], "U"])
