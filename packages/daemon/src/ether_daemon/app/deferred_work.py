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
            self._schedule()

    def finish(self) -> None:
        """Do everything that is left, now."""
        while self._queue:
            self._step()

    def _turn(self) -> None:
        self._scheduled = False
        try:
            until = self._clock() + TURN_SECONDS
            while self._queue and self._clock() < until:
                self._step()
        finally:
            if self._queue:
                self._schedule()

    def _schedule(self) -> None:
        # Not marked before it is done: without memory for it, the next work tries again.
        asyncio.get_running_loop().call_soon(self._turn)
        self._scheduled = True

    def _step(self) -> None:
        work = self._queue.popleft()
        try:
            for _ in work:
                self._queue.append(work)
                return
        except Exception:
            # The others must not wait for ever because one can't go on.
            log.exception("Deferred work failed")
