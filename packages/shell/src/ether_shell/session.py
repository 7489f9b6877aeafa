"""What the shell knows: its connection, the last handle, the blocks that exist.

Rule: this is the only file that opens a connection.  It prints nothing; what
a person should hear goes to `notify`.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ether_protocol import (
    Address,
    Client,
    ConnectionLost,
    EtherError,
    Hello,
    InvalidRequest,
    RemoteProtocolError,
    Unsupported,
)
from ether_protocol.pipeline import limit_silence, reason_of

from . import __version__

LAST = "_"
"""The variable that `$_` reads."""

_CONNECT_SECONDS = 5.0
"""Longest wait for a connection, and then for HELLO, where `--timeout` does not ask for less."""


@dataclass(slots=True)
class Blocks:
    """What the last LIST said: how many blocks exist, and the sizes of the first page by handle."""

    count: int = 0
    sizes: dict[int, int] = field(default_factory=dict)

    @property
    def total_bytes(self) -> int | None:
        """Bytes of all blocks, None where one page did not hold them all."""
        return sum(self.sizes.values()) if self.count == len(self.sizes) else None


class Session:
    """One server, one connection at a time, and what was learned through it.

    `timeout` is the longest silence under way, in seconds, None for any.
    Methods that talk to the server raise EtherError as `Client`'s do.
    """

    def __init__(
        self, address: Address, timeout: float | None, notify: Callable[[str], None]
    ) -> None:
        self.address = address
        self.variables: dict[str, int] = {}
        self.blocks = Blocks()
        self.hello: Hello | None = None
        self.round_trip_ms: float | None = None
        self._timeout = timeout
        self._notify = notify
        self._client: Client | None = None
        self._was_connected = False

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known without asking."""
        return self._client is not None and not self._client.closed

    def client(self) -> Client:
        """The client, connected anew if need be."""
        if self._client is None or self._client.closed:
            self._client = self._connect()
        return self._client

    def _connect(self) -> Client:
        self.blocks = Blocks()
        limit = _CONNECT_SECONDS
        if self._timeout is not None:
            limit = min(limit, self._timeout)
        sock = self._open(limit)
        client = Client(sock, self.address)
        try:
            # Whether it is an etherd is known before anything else is asked of it.
            self.hello = self._introduce(client)
            limit_silence(sock, self._timeout)
        except BaseException:
            client.close()
            raise
        # It may be another server now, where the last handle is somebody else's block.
        forgotten = self.variables.pop(LAST, None) is not None
        if self._was_connected:
            self._notify(
                f"connected to {self.address} again" + ("; $_ is forgotten" if forgotten else "")
            )
        self._was_connected = True
        return client

    def _open(self, limit: float) -> socket.socket:
        """A connection, on which no silence is longer than `limit`, in seconds."""
        address = self.address
        try:
            sock = socket.create_connection((address.host, address.port), limit)
        except OSError as error:
            raise ConnectionLost(f"can't connect to {address}: {reason_of(error)}") from None
        except UnicodeError:  # the codec of host names
            raise ConnectionLost(f"can't connect to {address}: no host has such a name") from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        limit_silence(sock, limit)
        return sock

    def _introduce(self, client: Client) -> Hello | None:
        """What the server is, None for an older one that can't say."""
        try:
            return client.hello(f"ether-shell {__version__}")
        except (Unsupported, InvalidRequest):
            return None
        except ConnectionLost as error:
            why = str(error).partition(f"{self.address}: ")[2] or "it closed the connection"
            raise ConnectionLost(
                f"{self.address} accepted the connection but does not answer: is it an etherd?"
                f" ({why})"
            ) from None
        except RemoteProtocolError as error:
            raise RemoteProtocolError(
                f"{self.address} does not answer as an etherd does: is it one? ({error})"
            ) from None

    def ping(self) -> float:
        """The milliseconds that a PING takes there and back."""
        client = self.client()
        start = time.perf_counter()
        client.ping()
        self.round_trip_ms = (time.perf_counter() - start) * 1000
        return self.round_trip_ms

    def probe(self) -> None:
        """Make sure, before a person's next command, that there is a live connection.

        A PING may be repeated and an ALLOC may not, so it is the PING that
        finds out that the server went away in the meantime.
        """
        if not self.connected:
            self.greet()
            return
        try:
            self.ping()
        except ConnectionLost:
            self.greet()

    def greet(self) -> None:
        """Connect, and learn what blocks the server holds."""
        self.ping()
        self.refresh()

    def refresh(self) -> None:
        """Fetch the first page of blocks for completion and the toolbar.

        Nothing is fetched without a connection, and what fails is left to the
        next command to report.
        """
        if not self.connected:
            self.blocks = Blocks()
            return
        try:
            count, page = self.client().list()
        except EtherError:
            self.blocks = Blocks()
        else:
            self.blocks = Blocks(count, dict(page))

    def allocated(self, handle: int) -> None:
        """Make `handle` what `$_` stands for."""
        self.variables[LAST] = handle

    def freed(self, handle: int) -> None:
        """Have `$_` stand for nothing if it stood for `handle`."""
        if self.variables.get(LAST) == handle:
            del self.variables[LAST]

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()
