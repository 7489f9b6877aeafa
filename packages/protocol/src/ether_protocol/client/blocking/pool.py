"""Clients for many threads: each takes one, uses it alone, and gives it back.

Rule: a client that is no longer connected is not handed out again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from ether_protocol.client.core.handshake import see_that_it_is_the_same
from ether_protocol.client.core.reconnect import DEFAULT_RETRY, Retry
from ether_protocol.client.core.tracing import Trace
from ether_protocol.wire.address import Address, as_address
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.errors import LocalProtocolError, ServerRestarted, TimedOut

from .client import Client, connect


class Pool:
    """At most `size` clients of one server, connected when they are needed.

    Any thread may use it.  The other arguments are `connect`'s; nothing is
    opened before the first `client`.  Raises ValueError for an address that is
    none, and for a `size` below 1.

    All clients reach the same blocks.  Where the server comes back with others,
    ServerRestarted says so from then on, and another pool is to be made.
    """

    def __init__(
        self,
        address: str | Address = "localhost",
        size: int = 8,
        *,
        name: str = "",
        connect_timeout: float = 5.0,
        timeout: float | None = 30.0,
        retry: Retry | None = DEFAULT_RETRY,
        trace: Trace | None = None,
    ) -> None:
        if size < 1:
            raise ValueError(f"a pool of {size} clients serves nobody")
        self.address: Address = as_address(address)
        self.size: int = size
        self._connect: Callable[[], Client] = lambda: connect(
            self.address,
            name=name,
            connect_timeout=connect_timeout,
            timeout=timeout,
            retry=retry,
            trace=trace,
        )
        self._server: Hello | None = None  # as the first client found it
        self._free = threading.Semaphore(size)
        self._idle: list[Client] = []  # the one used last is taken first
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Pool of {self.size} clients of {self.address}>"

    @contextmanager
    def client(self, timeout: float | None = None) -> Iterator[Client]:
        """A client for the calling thread alone, until the `with` ends.

        Waits `timeout` seconds, None for ever, while all are in use.  Raises
        TimedOut after that, what `connect` raises, ServerRestarted where the
        blocks of before are gone, and LocalProtocolError where the pool is closed.
        """
        if not self._free.acquire(timeout=timeout):
            raise TimedOut(f"all {self.size} clients of {self.address} are in use")
        try:
            client = self._take()
            try:
                yield client
            finally:
                self._give_back(client)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close the clients that nobody uses; each of the others when it is given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()

    def _take(self) -> Client:
        with self._lock:
            if self._closed:
                raise LocalProtocolError(f"the pool of clients of {self.address} is closed")
            if self._idle:
                return self._idle.pop()
        client = self._connect()
        with self._lock:
            self._server = before = self._server or client.server
        try:
            see_that_it_is_the_same(self.address, before, client.server)
        except ServerRestarted:
            client.close()
            raise
        return client

    def _give_back(self, client: Client) -> None:
        with self._lock:
            if client.connected and not self._closed:
                self._idle.append(client)
                return
        client.close()
