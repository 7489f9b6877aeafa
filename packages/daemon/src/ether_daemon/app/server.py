"""The life of one `etherd`: listen, serve, drain, wipe, say goodbye.

Rule: sockets and signals live here; what is served is the service's business.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from contextlib import suppress

from ether_daemon.net.connection import Session
from ether_daemon.settings import Settings
from ether_protocol.wire.address import Address

from . import banner
from .composition import TICK_SECONDS, EtherService
from .resources import raise_descriptor_limit

log = logging.getLogger("etherd")

DRAIN_SECONDS = 10.0
"""How long requests in flight may take once the server is to stop."""

BACKLOG = 511

Announce = Callable[[str], None]


def run(settings: Settings, announce: Announce, ready: Announce) -> int:
    """Serve until a signal; returns the exit status.

    `ready` is given the banner when clients can connect, `announce` whatever
    is to be said to a person after that.  Raises OSError where the address
    can't be listened on.
    """
    with asyncio.Runner(loop_factory=_event_loop_factory()) as runner:
        return runner.run(Server(settings, announce, ready).run())


class Server:
    """The listening sockets and the signals."""

    def __init__(self, settings: Settings, announce: Announce, ready: Announce) -> None:
        self._settings = settings
        self._announce = announce
        self._ready = ready
        self._stop = asyncio.Event()
        self._stop_now = asyncio.Event()

    async def run(self) -> int:
        """Serve until a signal; returns the exit status."""
        loop = asyncio.get_running_loop()
        settings = self._settings
        possible = raise_descriptor_limit(settings.max_clients)
        if possible < settings.max_clients:
            log.warning("The limit of open files allows for %d clients", possible)
        service = EtherService(settings)
        listener = await loop.create_server(
            lambda: Session(service), settings.host, settings.port, backlog=BACKLOG
        )
        try:
            await self._serve(listener, service)
        finally:
            # uvloop waits for an open listener when it is closed itself.
            listener.close()
        in_time = await self._drain(service)
        service.close()
        self._announce(banner.final_statistics(service.ledger))
        self._announce(banner.GOODBYE)
        return 0 if in_time else 1

    async def _serve(self, listener: asyncio.Server, service: EtherService) -> None:
        """Say that clients may come, and serve them until a signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled)
        addresses = [_format(sock.getsockname()) for sock in listener.sockets]
        self._ready(banner.listening(addresses, self._settings.max_handles))
        log.info("Listening on %s", ", ".join(addresses))
        if not self._settings.insecure:
            log.info("Serving this machine only; --insecure serves every machine")
        # What exists now stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        ticking = asyncio.create_task(_tick(service))
        await self._stop.wait()
        ticking.cancel()
        self._announce(banner.SHUTTING_DOWN)
        log.info(
            "Shutting down: %d clients, %d blocks", len(service.sessions), service.ledger.blocks
        )

    def _signalled(self) -> None:
        if self._stop.is_set():
            self._stop_now.set()
        self._stop.set()

    async def _drain(self, service: EtherService) -> bool:
        """Let requests in flight finish; returns whether all did."""
        await asyncio.sleep(0)  # a connection accepted just now has its session by then
        for session in list(service.sessions):
            session.drain()
        if service.sessions:
            log.info("Waiting up to %.0f s for requests in flight", DRAIN_SECONDS)
        in_time = await self._emptied(service, DRAIN_SECONDS)
        for session in list(service.sessions):
            session.abort()
        with suppress(TimeoutError):
            await asyncio.wait_for(service.empty.wait(), 1.0)
        return in_time

    async def _emptied(self, service: EtherService, seconds: float) -> bool:
        waits = [asyncio.ensure_future(e.wait()) for e in (service.empty, self._stop_now)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return service.empty.is_set()


async def _tick(service: EtherService) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        service.tick()


def _event_loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _format(address: tuple[str, int]) -> str:
    return str(Address(*address[:2]))
