"""Long work done in short steps between requests: wiping, unmapping, freeing.

Rule: chores never take more than a few milliseconds of a turn of the event
loop, and each is done to its end unless the process dies.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque

from ether_daemon.stores.contract import Chore

log = logging.getLogger("etherd")

TURN_SECONDS = 0.002


class Chores:
    """The chores of one event loop, done in turns."""

    def __init__(self) -> None:
        self._queue: deque[Chore] = deque()
        self._scheduled = False

    def add(self, chore: Chore) -> None:
        """Begin `chore` and go on with it between requests."""
        self._queue.append(chore)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def finish(self) -> None:
        """Do everything that is left, now."""
        while self._queue:
            self._step()

    def _turn(self) -> None:
        until = time.monotonic() + TURN_SECONDS
        while self._queue and time.monotonic() < until:
            self._step()
        self._scheduled = bool(self._queue)
        if self._scheduled:
            asyncio.get_running_loop().call_soon(self._turn)

    def _step(self) -> None:
        chore = self._queue.popleft()
        try:
            for _ in chore:
                self._queue.append(chore)
                return
        except Exception:
            # The others must not wait for ever because one can't go on.
            log.exception("A chore failed")
