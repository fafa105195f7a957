# SPDX-License-Identifier: GPL-3.0-or-later
"""A voter's device that speaks HTTP with the web API: it pins the election id, encrypts, casts, checks the receipt."""

from __future__ import annotations

import hashlib
import socket
from typing import Any, Self

import httpx

from evote.ballot import Choice, EncryptedBallot, encrypt_ballot
from evote.encoding import encode_base64url
from evote.manifest import Manifest
from evote.record.acts import Seal
from evote.record.election import PublicElection
from evote.record.keys import KeyRecord
from evote.record.reference import Receipt, Reference
from evote.record.slot import Slot


def free_socket() -> socket.socket:
    """Return a socket that listens on a free port of this machine."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with free_socket() as listener:
        return int(listener.getsockname()[1])


class Device:
    """A device of one voter.

    Args:
        url: Where the web API is mounted, without the version.
        headers: Sign-in.
        cookies: Sign-in.
    """

    def __init__(self, url: str, headers: dict[str, str] | None = None, cookies: Any = None) -> None:
        self.http = httpx.Client(base_url=f"{url}/v1", headers=headers, cookies=cookies, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, **options)

    def post(self, path: str, data: bytes | dict[str, Any], **headers: str) -> httpx.Response:
        if isinstance(data, dict):
            return self.http.post(path, json=data)
        return self.http.post(path, content=data, headers={"Content-Type": "application/json", **headers})

    def election(self) -> PublicElection:
        """Fetch seal, manifest and keys, and compare them with the election id, as printed on the voter's notice."""
        seal, manifest, keys = (
            self.get(name).content for name in ("/seal.json", "/manifest.json", "/keys.json")
        )
        election = PublicElection(
            Seal.from_bytes(seal), Manifest.from_bytes(manifest), KeyRecord.from_bytes(keys)
        )
        notice = self.get("/election").json()["id"]
        assert notice == encode_base64url(hashlib.sha256(seal).digest()) == encode_base64url(election.id)
        return election

    def encrypt(self, contest: str, choice: str = "blank") -> EncryptedBallot:
        """Ask for the slot and encrypt."""
        answer = self.post("/slot", {"contest": contest})
        assert answer.status_code == 200, answer.text
        return encrypt_ballot(self.election(), Slot(**answer.json()), Choice(choice))

    def cast(self, ballot: EncryptedBallot) -> Receipt:
        """Cast, and check what comes back before anything is shown."""
        return check_receipt(ballot, self.post("/ballot", ballot.to_bytes()))


def check_receipt(ballot: EncryptedBallot, answer: httpx.Response) -> Receipt:
    """Return the receipt of an answer, checked as a device does."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    receipt = Receipt(Reference.parse(body["reference"]), body["code"])
    ballot.check_receipt(receipt)
    assert body["url"].endswith(f"/r#{receipt.reference}")
    assert body["publish_by"] == receipt.reference.publish_by
    return receipt
