# SPDX-License-Identifier: GPL-3.0-or-later
"""A32: a second way to write a published object, for every kind of object of a real record."""

from __future__ import annotations

import json

import pytest

from evote.encoding import Document
from evote.errors import EncodingError
from evote.manifest import Draft, Manifest
from evote.record import layout
from evote.record.acts import Closing, Opening, Seal
from evote.record.ballot import Ballot
from evote.record.keys import Drill, KeyRecord
from evote.record.tally import DecryptionShare, Minutes, Result, SeatsRecord, Sum
from simulator import World, contest, draft, small_world

KINDS = {
    layout.SEAL: Seal,
    layout.MANIFEST: Manifest,
    layout.KEYS: KeyRecord,
    layout.DRILL: Drill,
    layout.OPEN: Opening,
    layout.CLOSE: Closing,
    layout.sum_path("one-all"): Sum,
    layout.share_path("one-all", "moreau"): DecryptionShare,
    layout.result_path("one-all"): Result,
    layout.seats_path("one"): SeatsRecord,
    layout.minutes_path("one"): Minutes,
    "ballot": Ballot,
    "draft": Draft,
}


@pytest.fixture(scope="module")
def objects(tmp_path_factory) -> dict[str, bytes]:
    world: World = small_world(tmp_path_factory.mktemp("a32") / "w", votes={"one-all": ["a", "b", "a"]})
    world.close()
    world.tally()
    found = {name: (world.record.path / name).read_bytes() for name in KINDS if "." in name}
    return found | {"ballot": world.ballots[0], "draft": draft((contest("one"),)).to_bytes()}


def refused(kind: type[Document], data: bytes) -> str:
    with pytest.raises(EncodingError) as caught:
        kind.from_bytes(data)
    return caught.value.check


@pytest.mark.parametrize("name", KINDS)
def test_one_object_has_one_form(objects, name: str) -> None:
    kind, data = KINDS[name], objects[name]
    assert kind.from_bytes(data).to_bytes() == data
    plain = json.loads(data)
    backwards = json.dumps(dict(reversed(plain.items())), separators=(",", ":"), ensure_ascii=False)
    for other in (
        data + b"\n",
        b" " + data,
        json.dumps(plain, sort_keys=True, ensure_ascii=False).encode(),
        json.dumps(plain, indent=1).encode(),
        backwards.encode(),
        data.replace(b'"version":1', b'"version":1.0'),
        data.replace(b'"version":1', b'"version":true'),
        data.replace(b'"version":1', b'"version":1,"version":1'),
        data.replace(b'"version":1', b'"version":2,"version":1'),
        data.replace(b'"version":1', b'"\\u0076ersion":1'),
    ):
        assert other != data
        assert refused(kind, other) == "ENC-1"
    for other in (
        data[:-1],
        data + data,
        data.replace(b'"version":1', b'"version":1,"zzz":0'),
        data.replace(b'"version":1', b'"version":"1"'),
        data.replace(b'"version":1', b'"version":1_0'),
        data.replace(b'"version":1', '"version":١'.encode()),
        data.replace(b'"version":1', b'"version":NaN'),
        data.replace(b'"version":1', b'"version":null'),
        data.replace(b'"version":1', b'"version":[' + b"[" * 5000),
        data.replace(b"evote/", b"evote-", 1),
    ):
        assert refused(kind, other) == "ENC-5"
    assert refused(kind, data + b" " * kind.max_bytes) == "ENC-6"


@pytest.mark.parametrize("name", KINDS)
def test_a_missing_or_unknown_key_at_any_depth_is_refused(objects, name: str) -> None:
    kind = KINDS[name]

    def places(value: object, path: tuple = ()):
        if isinstance(value, dict):
            yield path, list(value)
            for key, inner in value.items():
                yield from places(inner, (*path, key))
        elif isinstance(value, list) and value:
            yield from places(value[-1], (*path, -1))

    for path, keys in list(places(json.loads(objects[name]))):
        for key in keys:
            plain = json.loads(objects[name])
            inner = plain
            for step in path:
                inner = inner[step]
            value = inner.pop(key)
            data = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            assert refused(kind, data) == ("ENC-1" if key in {"type", "version"} else "ENC-5")
            inner[key + "-"] = inner[key] = value
            data = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            assert refused(kind, data) == "ENC-5"


def test_one_kind_is_never_read_as_another(objects) -> None:
    for name, data in objects.items():
        for other, kind in KINDS.items():
            if kind is not KINDS[name]:
                assert refused(kind, data) == "ENC-5", (name, other)
