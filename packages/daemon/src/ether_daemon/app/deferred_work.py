"""Deferred work: long work done in short steps between requests, such as wiping and freeing.

Rule: it takes no more than a few milliseconds of a turn of the event loop, and
each piece of work is done to its end unless the process dies.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable

from ether_daemon.stores.contract import Work

log = logging.getLogger("etherd")

TURN_SECONDS = 0.002


class DeferredWork:
    """The deferred work of one event loop, done in turns."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._queue: deque[Work] = deque()
        self._scheduled = False

    def add(self, work: Work) -> None:
        """Begin `work` soon, and go on with it between requests."""
        self._queue.append(work)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def finish(self) -> None:
        """Do everything that is left, now."""
        while self._queue:
            self._step()

    def _turn(self) -> None:
        until = self._clock() + TURN_SECONDS
        while self._queue and self._clock() < until:
            self._step()
        self._scheduled = bool(self._queue)
        if self._scheduled:
            asyncio.get_running_loop().call_soon(self._turn)

    def _step(self) -> None:
        work = self._queue.popleft()
        try:
            for _ in work:
                self._queue.append(work)
                return
        except Exception:
            # The others must not wait for ever because one can't go on.
            log.exception("Deferred work failed")
