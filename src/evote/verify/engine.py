# SPDX-License-Identifier: GPL-3.0-or-later
"""Who verifies the parts of a log: this process, processes of this machine, or a cluster.

Spec: SEL-5
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field, replace
from typing import Final

from evote.board.tiles import TILE_WIDTH
from evote.verify.parts import Part, PartResult, verify_part

_MOST_BUNDLES: Final = 16  # in one part: what a worker holds in memory
_AHEAD: Final = 2  # parts that wait for each worker
_PATIENCE: Final = 10  # seconds after which it is asked whether a worker is still there


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Engine:
    """Where parts are verified.

    Attributes:
        executor: Any executor of `concurrent.futures`, a cluster's too; None for this process.
        workers: How many parts it works on at once.
        source: Folder or address at which the workers find the record; "" for the path that is verified.
        least: Logs with fewer new entries are verified by this process: workers take time to start.
        alive: Whether there is still anybody to wait for; asked when a part takes long.
    """

    executor: Executor | None = None
    workers: int = 1
    source: str = ""
    least: int = 0
    alive: Callable[[], bool] = _always

    def for_entries(self, entries: int) -> Engine:
        """Return who verifies so many entries."""
        return self if entries >= self.least else Engine()

    def part_entries(self, entries: int) -> int:
        """Return how many of a log's entries make a part: whole bundles, some work for every worker."""
        bundles = -(-entries // TILE_WIDTH)
        return TILE_WIDTH * max(1, min(_MOST_BUNDLES, -(-bundles // self.workers)))


@dataclass(slots=True)
class PartQueue:
    """Hands out parts, a few ahead of the workers, and takes back what they found, in order.

    A worker that is lost, or that cannot read the record, settles nothing: its part is verified here.

    Attributes:
        engine: Who works.
        redone: How many parts were verified here for that reason.
    """

    engine: Engine
    redone: int = 0
    _waiting: deque[tuple[Part, bytes, Future[PartResult] | None]] = field(default_factory=deque)

    def submit(self, part: Part, root: bytes) -> Iterator[tuple[Part, bytes, PartResult]]:
        """Hand out a part; yield those that must be done before more are handed out."""
        future = None
        if self.engine.executor is not None:
            try:
                remote = replace(part, source=self.engine.source or part.source)
                future = self.engine.executor.submit(verify_part, remote)
            except Exception:  # noqa: BLE001 - the executor is broken, shut down or gone, each kind in its own words
                self.redone += 1
        self._waiting.append((part, root, future))
        while len(self._waiting) > (self.engine.workers * _AHEAD if self.engine.executor else 0):
            yield self._next()

    def drain(self) -> Iterator[tuple[Part, bytes, PartResult]]:
        """Yield all that is left."""
        while self._waiting:
            yield self._next()

    def _next(self) -> tuple[Part, bytes, PartResult]:
        part, root, future = self._waiting.popleft()
        result = None if future is None else self._result(future)
        if result is None or result.error:
            self.redone += future is not None
        if (
            result is None or result.error
        ):  # lost, or it could not read the bundles: this process looks itself
            result = verify_part(part)
        return part, root, result

    def _result(self, future: Future[PartResult]) -> PartResult | None:
        """Wait for a worker; return None for whatever took it away, even what would end this process."""
        while True:
            try:
                result = None if future.exception(_PATIENCE) is not None else future.result()
                return result if isinstance(result, PartResult) else None
            except CancelledError:
                return None
            except TimeoutError:
                if not self.engine.alive():  # nobody is left: this process does the rest
                    future.cancel()
                    self.engine = Engine()
                    self._waiting = deque((part, root, None) for part, root, _ in self._waiting)
                    self.redone += len(self._waiting)
                    return None
