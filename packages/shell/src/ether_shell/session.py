"""What the shell knows: its connection, its variables, the blocks that exist and those it made.

Rule: this is the only file that opens a connection.  It prints nothing; what
a person should hear goes to `notify`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ether_protocol import (
    Address,
    Client,
    EtherError,
    Hello,
    Retry,
    ServerRestarted,
    Trace,
    connect,
)

from . import __version__

LAST = "_"
"""The variable that `$_` reads."""

_CONNECT_SECONDS = 5.0
"""Longest wait for a connection, and then for HELLO, where `--timeout` does not ask for less."""

_PATIENCE_SECONDS = 1.0
"""So long a person who has just interrupted something waits for the server to answer."""


@dataclass(slots=True)
class Blocks:
    """What the last LIST said: how many blocks exist, the sizes of the first page by handle.

    Not `known` is what no LIST has said yet.
    """

    count: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    known: bool = False

    @property
    def total_bytes(self) -> int | None:
        """Bytes of all blocks, None where one page did not hold them all."""
        return sum(self.sizes.values()) if self.count == len(self.sizes) else None


@dataclass(frozen=True, slots=True)
class Change:
    """Bytes of a block from `offset` on, before and after the last write."""

    handle: int
    offset: int
    before: bytes
    after: bytes


class Session:
    """One server, one connection at a time, and what was learned through it.

    `timeout` is the longest silence under way, in seconds, None for any.
    `name` is the profile's, `production` that a mistake here would cost more.
    Methods that talk to the server raise EtherError as `Client`'s do.
    """

    def __init__(
        self,
        address: Address,
        timeout: float | None,
        notify: Callable[[str], None],
        *,
        name: str = "",
        production: bool = False,
    ) -> None:
        self.address = address
        self.name, self.production = name, production
        self.variables: dict[str, int] = {}
        self.blocks = Blocks()
        self.made: dict[int, int] = {}
        """The sizes of the blocks made here and not freed here, by handle."""
        self.permitted: set[int] = set()
        """Blocks of others that a person has agreed to change."""
        self.change: Change | None = None
        """The last write, if it can be undone."""
        self.hello: Hello | None = None
        self.round_trip_ms: float | None = None
        self._timeout = timeout
        self._notify = notify
        self._client: Client | None = None
        self._hook: Trace | None = None
        self.aside = False
        """Whether a request is the shell's own just now, not that of what was typed."""
        self._was_connected = False
        self.era = 0
        """Grows whenever handles have come to stand for other blocks."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known without asking."""
        return self._client is not None and self._client.connected

    def client(self) -> Client:
        """The client, connected anew if need be."""
        if self._client is None or self._client.closed:
            self._client = self._connect()
            self.settle()
        return self._client

    def _connect(self) -> Client:
        limit = _CONNECT_SECONDS if self._timeout is None else min(_CONNECT_SECONDS, self._timeout)
        return connect(
            self.address,
            name=f"ether-shell {__version__}",
            connect_timeout=limit,
            timeout=self._timeout,
            retry=Retry(attempts=1),
            trace=self._hook,
        )

    def settle(self) -> None:
        """Take note of a connection that was made anew since the last time, and say so."""
        if self._client is None:
            return
        before, now = self.hello, self._client.server
        if self._was_connected and now is before:
            return
        self.hello = now
        if self._was_connected:
            self.blocks = Blocks()
            forgotten = "" if _same_blocks(before, now) else self._forget()
            self._notify(f"connected to {self.address} again{forgotten}")
        self._was_connected = True

    def _forget(self) -> str:
        """Let go of every handle: it may be somebody else's block now.  Returns what to say."""
        self.era += 1
        names = ", ".join(f"${name}" for name in self.variables)
        verb = "are" if len(self.variables) > 1 else "is"
        self.variables.clear()
        self.made.clear()
        self.permitted.clear()
        self.change = None
        return f"; {names} {verb} forgotten" if names else ""

    def reconnect(self) -> bool:
        """Make a new connection after an interrupt, if the server answers within a moment."""
        if self._client is not None:
            self._client.close()
        try:
            with connect(
                self.address,
                connect_timeout=_PATIENCE_SECONDS,
                timeout=_PATIENCE_SECONDS,
                retry=None,
            ) as anybody:
                anybody.ping()
            self.greet()
        except (EtherError, KeyboardInterrupt):
            return False
        return True

    def ping(self) -> float:
        """The milliseconds that a PING takes there and back."""
        client = self.client()
        start = time.perf_counter()
        client.ping()
        self.settle()
        self.round_trip_ms = (time.perf_counter() - start) * 1000
        return self.round_trip_ms

    @property
    def traced(self) -> bool:
        """Whether every message is shown to somebody."""
        return self._hook is not None

    def trace(self, hook: Trace | None) -> None:
        """Show every message to `hook` from now on, None for nobody."""
        self._hook = hook
        if self._client is not None and not self._client.closed:
            self._client.trace(hook)

    @contextmanager
    def asides(self) -> Iterator[None]:
        """While requests are made for the prompt, or for what `undo` remembers."""
        self.aside = True
        try:
            yield
        finally:
            self.aside = False

    def probe(self) -> None:
        """Make sure, before a person's next command, that there is a live connection.

        A PING may be repeated and an ALLOC may not, so it is the PING that
        finds out that the server went away in the meantime.
        """
        with self.asides():
            try:
                self.ping()
            except ServerRestarted:
                self.greet()
        if not self.blocks.known:
            self.refresh()

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
            with self.asides():
                count, page = self.client().list()
        except EtherError:
            self.blocks = Blocks()
        else:
            self.blocks = Blocks(count, dict(page), known=True)

    def allocated(self, handle: int, size: int) -> None:
        """Make `handle` what `$_` stands for, a block of `size` bytes made here."""
        self.variables[LAST] = handle
        self.made[handle] = size

    def resized(self, handle: int, size: int) -> None:
        """Know that a block has `size` bytes now."""
        if handle in self.made:
            self.made[handle] = size

    def freed(self, handle: int) -> None:
        """Have `$_` stand for nothing if it stood for `handle`, which is gone."""
        self.made.pop(handle, None)
        if self.variables.get(LAST) == handle:
            del self.variables[LAST]
        if self.change is not None and self.change.handle == handle:
            self.change = None

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()


def _same_blocks(before: Hello | None, now: Hello | None) -> bool:
    """Whether a handle still means what it did; who can't tell has others."""
    return before is not None and now is not None and before.instance == now.instance != 0
