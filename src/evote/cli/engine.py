# SPDX-License-Identifier: GPL-3.0-or-later
"""Who verifies: processes of this machine or a cluster, and what this user has verified before."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, cast

import click

from evote.board.files import printable
from evote.cli.console import Refusal
from evote.verify import Certificates, Engine, Means

workers_option = click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    default=None,
    metavar="N",
    help="Processes that verify ballots; by default one for each free core.",
)
_SECONDS_TO_CONNECT = 30
_WORTH_WORKERS = 1000  # entries; fewer are verified before a worker has started


def free_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def trusting_means(engine: Engine | None = None) -> Means:
    """Return means that take this user's own earlier verifications for done."""
    return Means(engine or Engine(), Certificates.of_user(), trusting=True)


@contextmanager
def local_engine(workers: int | None) -> Iterator[Engine]:
    """Start worker processes; none for a single worker."""
    count = workers or free_cores()
    if count == 1:
        yield Engine()
        return
    pool = ProcessPoolExecutor(
        count,
        mp_context=get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )  # an interruption is the command's to handle
    try:
        yield Engine(pool, count, least=_WORTH_WORKERS)
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def cluster_engine(address: str, source: str) -> Iterator[Engine]:
    """Connect to a dask.distributed cluster."""
    try:
        from distributed import Client
    except ImportError:
        raise Refusal("A cluster needs the extra: pip install 'evote[cluster]'.") from None
    logging.disable()  # a lost worker is told in the report; the cluster's own words are for its own logs
    try:
        client: Any = cast("Any", Client)(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Refusal(f"There is no cluster at {printable(address)} ({type(error).__name__}).") from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise Refusal(f"The cluster at {printable(address)} has no workers; start some.")

        def alive() -> bool:
            try:
                return bool(client.nthreads())
            except Exception:  # noqa: BLE001 - the scheduler is gone, however that shows
                return False

        yield Engine(client.get_executor(), threads, source, alive=alive)
