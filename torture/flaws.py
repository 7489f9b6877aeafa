"""Flaws to plant in a daemon, to see that a harness finds what it is there for.

Rule: each replaces one part before the daemon is imported around it, and breaks
one promise.  Nothing of the daemon knows of them.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any


def nothing_is_wiped() -> None:
    """Freed memory keeps what was in it."""
    from ether_daemon.stores.memory import wiping

    def wipe(memory: mmap.mmap, start: int, end: int) -> None:
        """Leave everything where it is."""

    wiping.wipe = wipe


def replies_wait_without_limit() -> None:
    """What a client does not take is copied, and further requests are read all the same."""
    from ether_daemon.net import send_queue

    send_queue.SendQueue.blocked = property(lambda _: False)  # type: ignore[method-assign,assignment]
    send_queue.PIECE_BYTES = 1 << 40


def payloads_are_not_counted() -> None:
    """The memory of a payload that is being received is never taken back, nor charged twice."""
    from ether_daemon.net import receive
    from ether_protocol.sansio.payload import GrowingPayload

    def payload(_: object, length: int) -> GrowingPayload:
        return GrowingPayload(length)

    receive.SharedReceiveMemory.payload = payload  # type: ignore[assignment,method-assign]


def every_connection_costs_memory() -> None:
    """A connection that is accepted costs a mebibyte, and keeps it after its end."""
    from ether_daemon.net.connection import Connection

    kept: list[bytes] = []
    _before(Connection, "connection_made", lambda *_: kept.append(b"x" * (1 << 20)))


def turns_have_no_end() -> None:
    """Each fortieth arrival is thought about for 60 ms, by the whole loop."""
    from ether_daemon.net.connection import Connection

    count = 0

    def dawdle(*_: object) -> None:
        nonlocal count
        count += 1
        if count % 40 == 0:
            time.sleep(0.06)

    _before(Connection, "buffer_updated", dawdle)


def additions_get_lost() -> None:
    """Every twentieth FETCH_ADD answers and adds nothing."""
    from ether_daemon.stores.memory.store import MemoryStore

    real, count = MemoryStore.fetch_add, 0

    def fetch_add(self: MemoryStore, ref: int, offset: int, delta: int) -> int:
        nonlocal count
        count += 1
        return real(self, ref, offset, 0 if count % 20 == 0 else delta)

    MemoryStore.fetch_add = fetch_add  # type: ignore[method-assign]


def no_descriptor_left_spins() -> None:
    """Asyncio's own loop serves, and tries to accept again at once where no descriptor is left."""
    from asyncio.selector_events import BaseSelectorEventLoop

    sys.modules["uvloop"] = None  # type: ignore[assignment]
    real = BaseSelectorEventLoop._accept_connection  # type: ignore[attr-defined]

    def accept(self: Any, factory: object, sock: socket.socket, *rest: object) -> None:
        try:
            os.close(os.dup(sock.fileno()))
        except OSError:
            return  # and the loop finds the listener ready again
        real(self, factory, sock, *rest)

    BaseSelectorEventLoop._accept_connection = accept  # type: ignore[attr-defined]


def the_wall_clock_counts() -> None:
    """Connections are closed when the time of day has moved on by more than a second a second."""
    from ether_daemon.net.connection import Connection

    def watch(connection: Any, *_: object) -> None:
        loop, last = asyncio.get_running_loop(), time.time()

        def look() -> None:
            nonlocal last
            now = time.time()
            if abs(now - last) > 1.0:
                connection.abort()
            last = now
            loop.call_later(0.1, look)

        look()

    _before(Connection, "connection_made", watch)


def freed_handles_take_longer() -> None:
    """A handle that once was somebody's is looked for some microseconds longer."""
    from ether_daemon.service.handle_table import HandleTable
    from ether_protocol.wire.errors import NotFound

    real = HandleTable.locate

    def locate(self: HandleTable, handle: int) -> tuple[int, int]:
        try:
            return real(self, handle)
        except NotFound:
            if handle < self._next:
                sum(range(200))
            raise

    HandleTable.locate = locate  # type: ignore[method-assign]


def _before(owner: type, name: str, call: Callable[..., object]) -> None:
    """Have `call` called with the arguments of `owner.name` before it."""
    real = getattr(owner, name)

    def both(*arguments: object) -> object:
        call(*arguments)
        return real(*arguments)

    setattr(owner, name, both)


FLAWS: dict[str, Callable[[], None]] = {
    "nothing is wiped": nothing_is_wiped,
    "replies wait without limit": replies_wait_without_limit,
    "payloads are not counted": payloads_are_not_counted,
    "every connection costs 1 MiB": every_connection_costs_memory,
    "a turn may take 60 ms": turns_have_no_end,
    "additions get lost": additions_get_lost,
    "accept spins": no_descriptor_left_spins,
    "deadlines by the wall clock": the_wall_clock_counts,
    "freed handles take longer": freed_handles_take_longer,
}
