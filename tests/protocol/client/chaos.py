"""A network that fails as a test tells it, between a client and a real server.

Rule: it carries bytes and never reads one; a `Fault` says after how many of
them a connection ends, and how.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from harness import DEADLINE_SECONDS

_Value = TypeVar("_Value")
_CHUNK_BYTES = 64 * 1024


class ConnectionEnd(Enum):
    """How a connection ends: closed, reset, or never while nothing goes through any more."""

    CLOSED = "closed"
    RESET = "reset"
    STALLED = "stalled"


@dataclass(frozen=True)
class Fault:
    """What happens to one connection.

    `requests` and `replies` are the bytes that still go through, to the server
    and to the client, None for all; the first byte more `end`s the connection.
    `pieces` are the sizes into which both ways are cut, over and over, and
    `delay` the seconds in front of each piece.
    """

    requests: int | None = None
    replies: int | None = None
    end: ConnectionEnd = ConnectionEnd.CLOSED
    pieces: Sequence[int] = (_CHUNK_BYTES,)
    delay: float = 0.0


CLEAR = Fault()
"""Everything goes through."""

REFUSED = Fault(requests=0, replies=0, end=ConnectionEnd.RESET)
"""The connection is reset as soon as it is there."""


class _Route:
    """One connection of a client, and its connection to the server."""

    def __init__(
        self, proxy: Proxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._ways = (client, server)
        self.fault = CLEAR
        self.passed = [0, 0]
        self.ended = asyncio.Event()

    def suffer(self, fault: Fault) -> None:
        self.fault = fault
        self.passed = [0, 0]

    async def carry(self, source: asyncio.StreamReader, way: int) -> None:
        """Carry bytes to the client (way 0) or to the server (way 1)."""
        sizes: Iterator[int] = iter(())
        cut_as: Sequence[int] = ()
        with suppress(ConnectionError):
            while data := await source.read(_CHUNK_BYTES):
                while data:
                    fault = self.fault
                    if fault.pieces is not cut_as:
                        cut_as, sizes = fault.pieces, itertools.cycle(fault.pieces)
                    limit = (fault.replies, fault.requests)[way]
                    left = len(data) if limit is None else limit - self.passed[way]
                    piece, data = _split(data, min(next(sizes), left))
                    if left <= 0:
                        await self._fail(fault.end)
                        return
                    if fault.delay:
                        await asyncio.sleep(fault.delay)
                    self.passed[way] += len(piece)
                    self._proxy.carried += len(piece)
                    self._ways[way].write(piece)
                    await self._ways[way].drain()
        self.end(ConnectionEnd.CLOSED)

    async def _fail(self, end: ConnectionEnd) -> None:
        if end is ConnectionEnd.STALLED:
            await self.ended.wait()
        else:
            self.end(end)

    def end(self, end: ConnectionEnd) -> None:
        if self.ended.is_set():
            return
        self.ended.set()
        for writer in self._ways:
            if end is ConnectionEnd.RESET:
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()


def _split(data: bytes, size: int) -> tuple[bytes, bytes]:
    return data[:size], data[size:]


class Proxy:
    """Where clients connect; all methods are for the test's thread."""

    def __init__(self, port: int) -> None:
        self.upstream = port
        self.carried = 0
        """How many bytes have gone through, both ways."""
        self.connections = 0
        """How many clients have connected."""
        self.port = 0
        self._script: list[Fault] = []
        self._routes: list[_Route] = []
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def next(self, *faults: Fault) -> None:
        """Have the next connections suffer `faults`, one each; those behind them are clear."""
        self._call(self._extend(faults))

    def now(self, fault: Fault) -> None:
        """Have the connection that is there suffer `fault`, counting from this moment."""
        self._call(self._suffer(fault))

    def cut(self, end: ConnectionEnd = ConnectionEnd.CLOSED) -> None:
        """End every connection that is there."""
        self._call(self._cut(end))

    async def _extend(self, faults: Sequence[Fault]) -> None:
        self._script += faults

    async def _suffer(self, fault: Fault) -> None:
        self._routes[-1].suffer(fault)

    async def _cut(self, end: ConnectionEnd) -> None:
        for route in self._routes:
            route.end(end)
        # What is closed with nothing left to send is closed in the loop's next round.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _call(self, work: Coroutine[None, None, _Value]) -> _Value:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_SECONDS)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        fault = self._script.pop(0) if self._script else CLEAR
        try:
            back, onward = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.close()
            return
        route = _Route(self, writer, onward)
        self._routes.append(route)
        route.suffer(fault)
        if fault is REFUSED:
            route.end(ConnectionEnd.RESET)
        try:
            await asyncio.gather(route.carry(reader, 1), route.carry(back, 0))
        finally:
            route.end(ConnectionEnd.CLOSED)
            self._routes.remove(route)

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for route in self._routes:
            route.end(ConnectionEnd.RESET)
        mine = asyncio.current_task()
        await asyncio.gather(
            *(task for task in asyncio.all_tasks() if task is not mine), return_exceptions=True
        )


@contextmanager
def chaos(port: int) -> Iterator[Proxy]:
    """A network in front of the server at `port`."""
    proxy = Proxy(port)
    thread = threading.Thread(target=proxy._loop.run_forever)
    thread.start()
    try:
        proxy._call(proxy._start())
        yield proxy
        proxy._call(proxy._stop())
    finally:
        proxy._loop.call_soon_threadsafe(proxy._loop.stop)
        thread.join(DEADLINE_SECONDS)
        proxy._loop.close()
