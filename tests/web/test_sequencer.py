# SPDX-License-Identifier: GPL-3.0-or-later
"""Publication in the background: at the sealed time, through trouble, and no longer than the server runs."""

from __future__ import annotations

import threading
import time

import anyio
from fastapi import FastAPI

import office
from device import Device
from evote.box import BallotBox
from evote.web import SILENT, publishing
from website import make_app, serve


def wait_for(what) -> None:
    for _ in range(600):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def presence(device, receipt) -> str:
    """Return the verdict, or nothing while the log is being written."""
    answer = device.post("/reference", {"reference": str(receipt.reference)})
    assert answer.status_code in (200, 503)
    return answer.json().get("presence", "")


def test_it_publishes_what_is_due(open_folders, tmp_path) -> None:
    clock = office.Clock(time.time())
    folder = office.copy(open_folders["bureau"], tmp_path / "election")
    with BallotBox.open(folder, clock=clock) as box:
        ballot = office.encrypt(box, "ada", "one", "a")
        receipt = box.cast("ada", ballot.to_bytes())
        for sequencer in (False, True):
            clock.now = box.public.manifest.publication.times[0]
            with serve(make_app(folder, box, sequencer=sequencer)) as url, Device(url) as device:
                if sequencer:
                    wait_for(lambda device=device: presence(device, receipt) == "found")
                else:
                    time.sleep(0.3)
                    assert presence(device, receipt) == "pending"


def test_a_host_publishes_in_its_own_lifespan_when_the_sealed_time_has_come(open_folders, tmp_path) -> None:
    clock = office.Clock(time.time())
    folder = office.copy(open_folders["bureau"], tmp_path / "election")
    with BallotBox.open(folder, clock=clock) as box:
        host = FastAPI(telemetry=SILENT, lifespan=lambda _: publishing(box, every=0.05))
        host.mount("/vote", make_app(folder, box))
        with serve(host) as url, Device(f"{url}/vote", {"Authorization": "Bearer ada"}) as ada:
            receipt = ada.cast(ada.encrypt("one"))
            time.sleep(0.3)
            assert presence(ada, receipt) == "pending"
            clock.now = box.public.manifest.publication.times[0]
            wait_for(lambda: presence(ada, receipt) == "found")


def test_it_goes_on_through_trouble_and_says_so_once(open_folders, tmp_path, caplog) -> None:
    clock = office.Clock(time.time())
    folder = office.copy(open_folders["bureau"], tmp_path / "election")
    checkpoint = folder / "record" / "checkpoint"
    with BallotBox.open(folder, clock=clock) as box:
        ballot = office.encrypt(box, "ada", "one", "a")
        box.cast("ada", ballot.to_bytes())
        whole = checkpoint.read_bytes()
        clock.now = box.public.manifest.publication.times[0]

        async def run() -> None:
            checkpoint.write_bytes(b"nothing\n")
            async with publishing(box, every=0.02):
                await anyio.sleep(0.5)
                checkpoint.write_bytes(whole)
                await anyio.sleep(1.0)

        anyio.run(run)
        assert box.find(ballot.code)
    said = [record.getMessage() for record in caplog.records if record.name == "evote.web"]
    assert len(said) == 2
    assert said[0].startswith("Nothing could be published: ")
    assert said[1] == "Publication works again."
    assert "ada" not in "".join(said)


def test_it_ends_with_the_server(open_folders, tmp_path) -> None:
    folder = office.copy(open_folders["bureau"], tmp_path / "election")
    with BallotBox.open(folder) as box:
        before = threading.active_count()
        with serve(make_app(folder, box, sequencer=True)):
            pass
        wait_for(lambda: threading.active_count() <= before + 1)
