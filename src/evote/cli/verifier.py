# SPDX-License-Identifier: GPL-3.0-or-later
"""The command of everybody: verify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import click
from rich.table import Table

from evote.cli.console import console, json_option, progress_bar, say
from evote.cli.engine import cluster_engine, local_engine, workers_option
from evote.verify import Certificates, Means, Report, audit_record, audit_since
from evote.verify.report import STAGES, Stage

ELECTION_ID_BYTES = 32


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--until", type=click.Choice(STAGES[1:]), default="end", show_default=True,
              help="Verify a record that is under way, up to this stage.")  # fmt: skip
@click.option(
    "--election", "expected", default=None, metavar="HEX", help="Election id that the record must have."
)
@workers_option
@click.option(
    "--dask", "cluster", metavar="ADDRESS", help="Let a dask.distributed cluster verify the ballots."
)
@click.option(
    "--bundles-from",
    "source",
    default="",
    metavar="PLACE",
    help="Where the cluster's workers find the record: a folder or an http address; by default RECORD.",
)
@click.option(
    "--since",
    type=click.Path(path_type=Path),
    metavar="OLDER",
    help="Verify only what came after an older copy of the record, and that the log only grew.",
)
@json_option
def verify(
    record: Path,
    until: str,
    expected: str | None,
    workers: int | None,
    cluster: str | None,
    source: str,
    since: Path | None,
    *,
    as_json: bool,
) -> None:
    """Verify a record from its files alone. Exit status 0 only if everything is right.

    A run that was interrupted goes on from where it was. Only --since relies on earlier verifications, and only
    on your own: an older record that you have not verified on this machine is verified first.

    Example: evote verify election/record
    """
    election = _election_id(expected)
    if cluster and since is not None:
        raise click.UsageError(
            "--since goes by what this machine has verified itself: give it without --dask."
        )
    if source and not cluster:
        raise click.UsageError("--bundles-from is for the workers of a cluster: give --dask too.")
    chosen = cluster_engine(cluster, source or str(record.resolve())) if cluster else local_engine(workers)
    certificates = None if cluster else Certificates.of_user()  # what a cluster says is not kept
    with chosen as engine, progress_bar("Verifying") as progress:
        stage = cast("Stage", until)
        if since is not None:
            report = audit_since(
                record,
                since,
                until=stage,
                election=election,
                progress=progress,
                means=Means(engine, certificates),
            )
        else:
            means = Means(engine, certificates)
            report = audit_record(record, until=stage, election=election, progress=progress, means=means)
    if as_json:
        say(json.dumps(_as_dict(report), sort_keys=True, ensure_ascii=False))
    else:
        print_report(report)
    raise SystemExit(0 if report.verified else 1)


def _election_id(expected: str | None) -> bytes:
    try:
        election = bytes.fromhex("".join((expected or "").split()))
    except ValueError:
        election = b""
    if expected is not None and len(election) != ELECTION_ID_BYTES:
        raise click.UsageError("An election id is 64 hexadecimal digits.")
    return election


def print_report(report: Report) -> None:
    """Print every step with counts and times, every finding with its place, and the verdict."""
    table = Table(show_edge=False, box=None, padding=(0, 2, 0, 0))
    for column in ("", "Check", "Rules", "Looked at", "Seconds", ""):
        table.add_column(column, justify="right" if column in ("", "Looked at", "Seconds") else "left")
    for step in report.steps:
        verdict = f"{len(step.failures)} FAILED" if step.failures else "ok"
        table.add_row(
            str(step.number), step.title, step.checks, str(step.count), f"{step.seconds:.2f}", verdict
        )
    console.print(table)
    for finding in report.failures:
        where = "" if finding.subject in finding.detail else f"{finding.subject}: "
        say(f"FAILED {finding.check}  {where}{finding.detail}")
    for note in report.notes:
        say(f"Note: {note}")
    say(f"Election {report.election or 'unknown'}, state: {report.stage}.")
    say("VERIFIED" if report.verified else "NOT VERIFIED")


def _as_dict(report: Report) -> dict[str, object]:
    return {
        "verified": report.verified,
        "stage": report.stage,
        "until": report.until,
        "election": report.election,
        "notes": report.notes,
        "steps": [
            {
                "number": step.number,
                "title": step.title,
                "checks": step.checks.split(),
                "count": step.count,
                "seconds": round(step.seconds, 3),
            }
            for step in report.steps
        ],
        "failures": [
            {"check": one.check, "subject": one.subject, "detail": one.detail} for one in report.failures
        ],
    }
