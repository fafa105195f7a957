# SPDX-License-Identifier: GPL-3.0-or-later
"""A19: a malformed ballot is refused when it is cast, and found by the verifier if it was planted all the same."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from evote.encoding import canonical_json, decode_base64url, encode_base64url
from evote.errors import InvalidBallot
from evote.verify import audit_record
from office import encrypt, enter, open_office
from simulator import small_world

Change = Callable[[dict], object]


def put(path: str, value: object) -> Change:
    """Return a change that sets a field: «proof.e.0»."""

    def change(ballot: dict) -> None:
        *outer, last = path.split(".")
        place = ballot
        for name in outer:
            place = place[int(name) if isinstance(place, list) else name]
        place[int(last) if isinstance(place, list) else last] = value

    return change


def edit(path: str, function: Callable[[bytes], bytes]) -> Change:
    """Return a change of the bytes of a field."""

    def change(ballot: dict) -> None:
        value = ballot
        for name in path.split("."):
            value = value[int(name) if isinstance(value, list) else name]
        put(path, encode_base64url(function(decode_base64url(value))))(ballot)

    return change


def swap(path: str) -> Change:
    def change(ballot: dict) -> None:
        moves = ballot["proof"][path]
        moves[0], moves[1] = moves[1], moves[0]

    return change


FIELDS: list[tuple[str, Change, str]] = [
    ("another election", edit("election", lambda data: bytes(32)), "BAL-2"),
    ("a weight that is not the voter's", put("weight", 2), "BAL-3"),
    ("weight zero", put("weight", 0), "ENC-5"),
    ("a text for a number", put("weight", "1"), "ENC-5"),
    ("a fraction", put("weight", 1.0), "ENC-5"),
    ("an unknown field", put("choice", "a"), "ENC-5"),
    ("another type", put("type", "evote/vote"), "ENC-5"),
    ("another version", put("version", 2), "ENC-5"),
    ("no proof", put("proof", {}), "ENC-5"),
    ("a null", put("ciphertext", None), "ENC-5"),
    ("padding in base64", lambda ballot: put("ciphertext", ballot["ciphertext"] + "=")(ballot), "ENC-5"),
    ("a ciphertext that is too short", edit("ciphertext", lambda data: data[1:]), "PAR-3"),
    ("a ciphertext that is too long", edit("ciphertext", lambda data: b"\0" + data), "PAR-3"),
    ("a ciphertext of zero", edit("ciphertext", lambda data: bytes(len(data))), "SEL-2"),
    ("a ciphertext above n^2", edit("ciphertext", lambda data: b"\xff" * len(data)), "SEL-2"),
    ("another ciphertext", edit("ciphertext", lambda data: data[:-1] + bytes([data[-1] ^ 1])), "SEL-3"),
    ("a challenge that is too long", edit("proof.e.0", lambda data: b"\0" + data), "PAR-3"),
    ("another challenge", edit("proof.e.0", lambda data: data[:-1] + bytes([data[-1] ^ 1])), "SEL-3"),
    ("a commitment of zero", edit("proof.a.1", lambda data: bytes(len(data))), "SEL-2"),
    ("another commitment", edit("proof.a.1", lambda data: data[:-1] + bytes([data[-1] ^ 1])), "SEL-3"),
    ("a response that is too short", edit("proof.z.1", lambda data: data[1:]), "PAR-3"),
    ("another response", edit("proof.z.1", lambda data: data[:-1] + bytes([data[-1] ^ 1])), "SEL-4"),
    ("challenges in another order", swap("e"), "SEL-4"),
    ("responses in another order", swap("z"), "SEL-4"),
    ("one move less", lambda ballot: [moves.pop() for moves in ballot["proof"].values()], "SEL-1"),
    ("one challenge less", lambda ballot: ballot["proof"]["e"].pop(), "SEL-1"),
]
BYTES: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("nothing", lambda data: b"", "ENC-5"),
    ("white space", lambda data: data + b"\n", "ENC-1"),
    ("a space inside", lambda data: data.replace(b":", b": ", 1), "ENC-1"),
    ("cut off", lambda data: data[:-1], "ENC-5"),
    ("twice", lambda data: data + data, "ENC-5"),
    ("a key twice", lambda data: b'{"weight":1,' + data[1:], "ENC-1"),
    ("not UTF-8", lambda data: b"\xff" + data, "ENC-5"),
    ("too long", lambda data: data + b" " * (1 << 20), "ENC-6"),
    ("nested deeply", lambda data: b"[" * 5000 + b"]" * 5000, "ENC-5"),
]


def malformed(ballot: bytes, change: Change) -> bytes:
    value = json.loads(ballot)
    change(value)
    try:
        return canonical_json(value)
    except Exception:  # noqa: BLE001 - fractions have no canonical form: as an attacker would write them
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


CASES = [
    (name, lambda data, change=change: malformed(data, change), check) for name, change, check in FIELDS
] + BYTES


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    return open_office(tmp_path_factory.mktemp("a19") / "e")


@pytest.mark.parametrize(("name", "spoil", "check"), CASES)
def test_refused_at_cast_and_nothing_is_recorded(office, name, spoil, check) -> None:
    with enter(office) as box:
        ballot = encrypt(box, "ada", "two", "a").to_bytes()
        with pytest.raises(InvalidBallot) as caught:
            box.cast("ada", spoil(ballot))
        assert caught.value.check == check
        assert box.status("ada")["two"] == "in progress"
        assert box.turnout() == {"one": 0, "two": 0}
        assert box._premises.urn.store.count() == 0


def test_the_ballot_as_it_was_is_taken(tmp_path) -> None:
    with enter(open_office(tmp_path / "e")) as box:
        box.cast("ada", encrypt(box, "ada", "two", "a").to_bytes())
        assert box.turnout()["two"] == 1


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    made = small_world(tmp_path_factory.mktemp("a19w") / "w", votes={"one-all": ["a"], "two-x": ["a", "b"]})
    honest = made.copy(tmp_path_factory.mktemp("a19w") / "honest")
    honest.publish([honest.encrypt("two-x", "a")])
    assert audit_record(honest.record.path, until="open").verified
    return made


@pytest.mark.parametrize(
    ("name", "spoil", "check"),
    [one for one in CASES if one[0] not in ("nothing", "too long", "a weight that is not the voter's")],
)
def test_found_by_the_verifier_if_planted(base, tmp_path, name, spoil, check) -> None:
    world = base.copy(tmp_path / "w")
    world.publish([spoil(world.encrypt("two-x", "a"))])
    failures = audit_record(world.record.path, until="open").failures
    assert [one.check for one in failures] == [check]
    assert failures[0].subject.startswith("ballot ")
