# SPDX-License-Identifier: GPL-3.0-or-later
"""Publication in the background of a web process.

Spec: WEB-8, BOX-9
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.to_thread import run_sync

from evote.box import BallotBox
from evote.errors import EvoteError

log = logging.getLogger("evote.web")


@asynccontextmanager
async def publishing(box: BallotBox, *, every: float = 10.0) -> AsyncIterator[None]:
    """Publish what is due as long as this context lasts; for the lifespan of an application.

    Leaving it waits for a publication that is under way. Several processes may do this at once.

    Args:
        box: The ballot box.
        every: Seconds between two looks; publication begins so long after a sealed time at the latest.

    Spec: WEB-8
    """
    async with anyio.create_task_group() as group:
        group.start_soon(_publish, box, every)
        try:
            yield
        finally:
            group.cancel_scope.cancel()


async def _publish(box: BallotBox, every: float) -> None:
    """Publish what is due again and again; an error is logged when it comes and when it changes."""
    said = ""
    while True:
        trouble = ""
        try:
            await run_sync(box.publish)
        except EvoteError as error:
            trouble = f"{type(error).__name__} {error.check}".rstrip()
        except Exception as error:  # noqa: BLE001 - the service goes on; its text may hold anything
            trouble = type(error).__name__
        if trouble and trouble != said:
            log.error("Nothing could be published: %s. It is tried again every %g s.", trouble, every)
        elif said and not trouble:
            log.warning("Publication works again.")
        said = trouble
        await anyio.sleep(every)
