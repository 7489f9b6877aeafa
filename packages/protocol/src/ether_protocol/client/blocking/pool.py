"""Clients for many threads: each takes one, uses it alone, and returns it.

Rule: a client that is not connected any more is not given out again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from ether_protocol.client.core.handshake import check_same_server
from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.client.core.retry import DEFAULT_RETRY, Retry
from ether_protocol.client.core.token import FilePath
from ether_protocol.client.core.tracing import Trace
from ether_protocol.wire.address import ServerAddress, as_address
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.errors import LocalProtocolError, ServerRestarted, TimedOut

from .client import Client
from .reconnecting import ReconnectingChannel


class Pool:
    """Clients of one server for many threads, connected when they are needed.

    Nothing is opened before the first `client`.  All clients reach the same
    blocks: if the server restarts, every later `client` raises ServerRestarted,
    and another pool must be made.  As a context manager the pool is closed at
    the end.

    Args:
        address: As for `connect`.
        size: The most clients at once, at least 1.
        name: As for `connect`.
        connect_timeout: As for `connect`, in seconds.
        timeout: As for `connect`, in seconds.
        retry: As for `connect`.
        trace: As for `connect`; called from several threads.
        token: As for `connect`.
        token_file: As for `connect`.
        tls_ca: As for `connect`.
        tls_cert: As for `connect`.
        tls_key: As for `connect`.
        tls_insecure: As for `connect`.

    Raises:
        ValueError: `address` is not an address, a time is not above 0, `size`
            is below 1, or options do not fit together.

    See "Connections" in docs/protocol.md.
    """

    def __init__(
        self,
        address: str | ServerAddress = "localhost",
        size: int = 8,
        *,
        name: str = "",
        connect_timeout: float = 5.0,
        timeout: float | None = 30.0,
        retry: Retry | None = DEFAULT_RETRY,
        trace: Trace | None = None,
        token: str | bytes | None = None,
        token_file: FilePath | None = None,
        tls_ca: FilePath | None = None,
        tls_cert: FilePath | None = None,
        tls_key: FilePath | None = None,
        tls_insecure: bool = False,
    ) -> None:
        if size < 1:
            raise ValueError(f"the size of a pool is at least 1, not {size}")
        self.address: ServerAddress = as_address(address)
        self.size: int = size
        self._options = ConnectOptions(
            name=name,
            connect_timeout=connect_timeout,
            timeout=timeout,
            retry=retry,
            trace=trace,
            token=token,
            token_file=token_file,
            tls_ca=tls_ca,
            tls_cert=tls_cert,
            tls_key=tls_key,
            tls_insecure=tls_insecure,
        )
        self._options.check_for(self.address)
        self._server: Hello | None = None  # as the first client found it
        self._free = threading.Semaphore(size)
        self._idle: list[Client] = []  # the last one used is taken first
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

        Args:
            timeout: How long to wait while all clients are in use, in seconds;
                None is no limit.

        Returns:
            What to enter with `with`, for a client.

        Raises:
            TimedOut: All clients were in use for so long.
            ServerRestarted: The server has other blocks now; make another pool.
            ConnectionLost: Nobody answers at this address.
            LocalProtocolError: The pool is closed.
        """
        if not self._free.acquire(timeout=timeout):
            raise TimedOut(f"all {self.size} clients of {self.address} are in use")
        try:
            client = self._take()
            try:
                yield client
            finally:
                self._put_back(client)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close every client: those in use when they are returned.  May be called twice."""
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
        client = Client(ReconnectingChannel(self.address, self._options))
        with self._lock:
            self._server = before = self._server or client.server
        try:
            check_same_server(self.address, before, client.server)
        except ServerRestarted:
            client.close()
            raise
        return client

    def _put_back(self, client: Client) -> None:
        with self._lock:
            if client.connected and not self._closed:
                self._idle.append(client)
                return
        client.close()
