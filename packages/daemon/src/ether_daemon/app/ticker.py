"""What is done a few times a second: nothing that was received or sent lies about for long.

Rule: a tick is short, and decides from what has happened since the last one.
"""

from __future__ import annotations

import asyncio
import logging

from ether_daemon.net.receive import SharedReceiveMemory
from ether_daemon.net.send_batch import SendBatch

log = logging.getLogger("etherd")

TICK_SECONDS = 0.25


class Ticker:
    """Empties buffers that nobody has used for a tick."""

    def __init__(self, memory: SharedReceiveMemory, batch: SendBatch) -> None:
        self._memory = memory
        self._batch = batch
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
        """Wipe the buffers where nothing has come since the last tick, once."""
        self._memory.pool.tick()
        if self._batch.arrivals != self._arrivals_at_tick:
            self._arrivals_at_tick = self._batch.arrivals
            self._wiped = False
        elif not self._wiped:
            self._memory.wipe()
            self._batch.wipe()
            self._wiped = True
