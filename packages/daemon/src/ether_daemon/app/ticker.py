"""What is done a few times a second: buffers are emptied, and late clients closed.

Rule: a tick is short, and decides from what has happened since the last one.
"""

from __future__ import annotations

import asyncio
import logging

from ether_daemon.engine.freed_objects import overwrite_freed_objects
from ether_daemon.net.deadlines import Deadlines
from ether_daemon.net.receive import SharedReceiveMemory
from ether_daemon.net.send_batch import SendBatch

log = logging.getLogger("etherd")

TICK_SECONDS = 0.25


class Ticker:
    """Empties buffers, and looks for clients that are late."""

    def __init__(self, memory: SharedReceiveMemory, batch: SendBatch, deadlines: Deadlines) -> None:
        self._memory = memory
        self._batch = batch
        self._deadlines = deadlines
        self._arrivals_at_tick = 0
        self._wiped = True

    async def run(self) -> None:
        """Tick until it is cancelled."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self.tick()
            except Exception:  # no memory: the next tick tries again
                log.exception("A tick failed")

    def tick(self) -> None:
        """Wipe what was received and sent since the last tick, whoever is about, once."""
        self._deadlines.tick()
        self._memory.pool.tick()
        if self._wiped and self._batch.arrivals == self._arrivals_at_tick:
            return
        self._arrivals_at_tick = self._batch.arrivals
        self._memory.wipe()
        self._wiped = self._batch.wipe()
        overwrite_freed_objects()
