"""The life of one `etherd`: open, listen, serve until a signal, shut down.

Rule: signals live here; what is served, and how it ends, is the business of
other files.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable

from ether_daemon.net.connection import Connection
from ether_daemon.net.listeners import addresses, listen
from ether_daemon.settings import Settings

from . import banner, shutdown
from .composition import Composition
from .resources import check_room, forbid_core_dumps, raise_descriptor_limit

log = logging.getLogger("etherd")

Announce = Callable[[str], None]

LOG_SECONDS = 1.0
"""How often the log is asked for what it left out."""


def run(settings: Settings, announce: Announce, ready: Announce) -> int:
    """Serve until a signal; returns the exit status.

    `ready` is called with the banner when clients can connect, `announce` with
    what a person is told after that.  Raises OSError if the address can't be
    listened on.
    """
    with asyncio.Runner(loop_factory=_event_loop_factory()) as runner:
        return runner.run(Server(settings, announce, ready).run())


class Server:
    """One server, from its start to its end."""

    def __init__(self, settings: Settings, announce: Announce, ready: Announce) -> None:
        self._settings = settings
        self._announce = announce
        self._ready = ready
        self._stop = asyncio.Event()
        self._stop_now = asyncio.Event()

    async def run(self) -> int:
        """Serve until a signal; returns the exit status."""
        settings = self._settings
        forbid_core_dumps()
        check_room()
        possible = raise_descriptor_limit(settings.max_clients)
        if possible < settings.max_clients:
            log.warning("The limit of open files allows for %d clients", possible)
        parts = Composition(settings)
        parts.adopt(await shutdown.answered(parts.store.open()))
        try:
            listener = await listen(settings, lambda: Connection(parts.shared))
        except BaseException:
            await shutdown.close(parts, self._stop_now)
            raise
        try:
            await self._serve(listener, parts)
        finally:
            # uvloop waits for an open listener when it is closed itself.
            listener.close()
        in_time = await shutdown.drain(parts.admission, self._stop_now)
        closed = await shutdown.close(parts, self._stop_now)
        self._announce(banner.final_statistics(parts.quota))
        self._announce(banner.GOODBYE)
        return 0 if in_time and closed else 1

    async def _serve(self, listener: asyncio.Server, parts: Composition) -> None:
        """Say that clients may come, and serve them until a signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled)
        where = addresses(listener)
        self._ready(banner.listening(where, self._settings.max_handles))
        log.info("Listening on %s", ", ".join(where))
        if not self._settings.insecure:
            log.info("Serving this machine only; --insecure serves every machine")
        # What exists now stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        ticking = asyncio.create_task(parts.ticker.run())
        telling = asyncio.create_task(_tell_what_was_left_out())
        await self._stop.wait()
        ticking.cancel()
        telling.cancel()
        self._announce(banner.SHUTTING_DOWN)
        log.info(
            "Shutting down: %d clients, %d blocks",
            len(parts.admission.connections),
            parts.quota.blocks,
        )

    def _signalled(self) -> None:
        if self._stop.is_set():
            self._stop_now.set()
        self._stop.set()


async def _tell_what_was_left_out() -> None:
    """Let the log say at times how many lines it left out, though no further one comes."""
    while True:
        await asyncio.sleep(LOG_SECONDS)
        for handler in log.handlers:
            handler.flush()


def _event_loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
