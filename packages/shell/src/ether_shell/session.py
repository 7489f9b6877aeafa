"""What the shell knows: its connection, the last handle, the blocks that exist.

Rule: this is the only file that opens a connection.  It prints nothing; what
a person should hear goes to `notify`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ether_protocol import (
    Address,
    Client,
    ConnectionLost,
    EtherError,
    Hello,
    Retry,
    connect,
)

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
        self.own: set[int] = set()
        """The blocks that were made through this session and not freed by it."""
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
        return self._client is not None and self._client.connected

    def client(self) -> Client:
        """The client, connected anew if need be."""
        if self._client is None or not self._client.connected:
            self._client = self._connect()
        return self._client

    def _connect(self) -> Client:
        self.blocks = Blocks()
        limit = _CONNECT_SECONDS if self._timeout is None else min(_CONNECT_SECONDS, self._timeout)
        client = connect(
            self.address,
            name=f"ether-shell {__version__}",
            connect_timeout=limit,
            timeout=self._timeout,
            retry=Retry(attempts=0),
        )
        before, self.hello = self.hello, client.server
        if before is not None and (self.hello is None or before.instance != self.hello.instance):
            self.own.clear()
        # It may be another server now, where the last handle is somebody else's block.
        forgotten = self.variables.pop(LAST, None) is not None
        if self._was_connected:
            self._notify(
                f"connected to {self.address} again" + ("; $_ is forgotten" if forgotten else "")
            )
        self._was_connected = True
        return client

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
        self.own.add(handle)

    def freed(self, handle: int) -> None:
        """Have `$_` stand for nothing if it stood for `handle`."""
        self.own.discard(handle)
        if self.variables.get(LAST) == handle:
            del self.variables[LAST]

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()
