"""The life of one `etherd`: open, listen, serve until a signal, shut down.

Rule: signals live here; what is served, and how it ends, is the business of
other files.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import ssl
from collections.abc import Callable

from ether_daemon.net.listeners import Listeners
from ether_daemon.net.tls import server_context
from ether_daemon.net.watched_connection import connection_class
from ether_daemon.service.access import AccessRules
from ether_daemon.settings import CannotStart, Settings

from . import auth_file, banner, shutdown
from .composition import Composition
from .resources import (
    check_room,
    forbid_core_dumps,
    give_back_large_buffers,
    raise_descriptor_limit,
)

log = logging.getLogger("etherd")

Announce = Callable[[str], None]

LOG_SECONDS = 1.0
"""How often the log is asked for what it left out."""


def run(settings: Settings, announce: Announce, ready: Announce) -> int:
    """Serve until a signal; returns the exit status.

    `ready` is called with the banner when clients can connect, `announce` with
    what a person is told after that.  Raises CannotStart where it can't be served.
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
        rules, context = self._read_files()
        if context is not None:
            give_back_large_buffers()
        parts = Composition(settings, rules=rules)
        parts.adopt(await shutdown.answered(parts.store.open()))
        serve = connection_class(parts.deadlines)
        listeners = Listeners(lambda: serve(parts.shared))
        try:
            await listeners.open(settings, context)
        except BaseException:
            await shutdown.close(parts, self._stop_now)
            raise
        try:
            await self._serve(listeners, parts)
        finally:
            listeners.close()
        in_time = await shutdown.drain(parts.admission, self._stop_now)
        closed = await shutdown.close(parts, self._stop_now)
        self._announce(banner.final_statistics(parts.quota))
        self._announce(banner.GOODBYE)
        return 0 if in_time and closed else 1

    async def _serve(self, listeners: Listeners, parts: Composition) -> None:
        """Say that clients may come, and serve them until a signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled)
        loop.add_signal_handler(signal.SIGHUP, self._reload, parts, listeners)
        self._ready(banner.listening(listeners.where, self._settings.max_handles))
        log.info("Listening on %s", ", ".join(listeners.where))
        if parts.admission.takes_tokens and listeners.readable:
            readable = ", ".join(listeners.readable)
            log.warning("Tokens come to %s in the clear; --tls-cert encrypts them", readable)
        if not parts.admission.identifies and not self._settings.insecure:
            log.info("Serving this machine only; --auth-file or --insecure serves others, too")
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

    def _read_files(self) -> tuple[AccessRules | None, ssl.SSLContext | None]:
        """What the auth file and the certificates say now; raises CannotStart."""
        settings, rules, context = self._settings, None, None
        if settings.auth_file is not None:
            rules = auth_file.read(settings.auth_file)
        if settings.tls is not None:
            # Where tokens are another way in, a certificate is not needed.
            needed = rules is None or not rules.has_tokens
            context = server_context(settings.tls, certificate_needed=needed)
        return rules, context

    def _reload(self, parts: Composition, listeners: Listeners) -> None:
        """Read those files again; where one can't be used, everything stays as it is."""
        try:
            rules, context = self._read_files()
        except CannotStart as error:
            log.error("Nothing is reloaded: %s", error)
            return
        if context is not None:
            listeners.encrypt_with(context)
        ended = 0 if rules is None else parts.change_rules(rules)
        log.info("Reloaded the auth file and the certificates; %d connections end", ended)

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
