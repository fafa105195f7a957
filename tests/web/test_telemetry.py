# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces hold addresses and times, and logs of a framework hold exceptions' texts: of casts there are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
from opentelemetry import _logs, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans, records = InMemorySpanExporter(), InMemoryLogRecordExporter()
tracer, logger = TracerProvider(), LoggerProvider()
tracer.add_span_processor(SimpleSpanProcessor(spans))
logger.add_log_record_processor(SimpleLogRecordProcessor(records))
trace.set_tracer_provider(tracer)
_logs.set_logger_provider(logger)

from device import Device
from fastapi import FastAPI
from evote.box import BallotBox
from evote.web import SILENT
from website import make_app, serve

def authenticate(request):
    if request.headers["authorization"] == "Bearer ada":
        return "ada"
    raise RuntimeError("somebody else")

folder = Path(sys.argv[1])
with BallotBox.open(folder) as box:
    app = make_app(folder, box, authenticate=authenticate)
    if sys.argv[2] != "alone":
        host = FastAPI(telemetry=SILENT if sys.argv[2] == "silent" else None)
        host.mount("/vote", app)
    served, prefix = (app, "") if sys.argv[2] == "alone" else (host, "/vote")
    with serve(served) as url:
        with Device(url + prefix, {"Authorization": "Bearer ada"}) as ada:
            ada.cast(ada.encrypt("one"))
        with Device(url + prefix, {"Authorization": "Bearer bea"}) as bea:
            assert bea.get("/voter").status_code == 500
print(len(spans.get_finished_spans()), len(records.get_finished_logs()))
"""


@pytest.mark.parametrize(("host", "silent"), [("alone", True), ("silent", True), ("talking", False)])
def test_a_tracing_host_learns_of_no_cast_if_it_is_told_to_be_silent(
    open_folders, tmp_path, host, silent
) -> None:
    import office

    folder = office.copy(open_folders["bureau"], tmp_path / "election")
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder, host],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    spans, records = map(int, run.stdout.split())
    assert (spans == 0) == silent  # a host that was not told does trace: that is why it must be
    assert records == 0
