"""What the shell knows: its connection, its variables, the blocks that exist and those it made.

Rule: this is the only file that opens a connection. It prints nothing; messages for the user
go to `notify`.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from ether_protocol import (
    Client,
    EtherError,
    Hello,
    LocalProtocolError,
    Retry,
    ServerAddress,
    ServerRestarted,
    Trace,
    Unauthenticated,
    connect,
)
from ether_shell import __version__
from ether_shell.settings import Access

LAST = "_"
"""The variable that `$_` reads."""

CONNECT_SECONDS: Final = 5.0
"""Longest wait for a connection, and then for HELLO; a smaller `timeout` goes before it."""

RECONNECT_SECONDS: Final = 1.0
"""Longest wait for the server after an interrupt, for which a user is at the prompt."""


@dataclass(slots=True)
class KnownBlocks:
    """The reply to the last LIST: how many blocks exist, and the sizes of the first page by handle.

    `known` is False until there was one.
    """

    count: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    known: bool = False

    @property
    def total_bytes(self) -> int | None:
        """Bytes of all blocks, None where there are more than one page."""
        return sum(self.sizes.values()) if self.count == len(self.sizes) else None


@dataclass(frozen=True, slots=True)
class LastWrite:
    """Bytes of a block from `offset` on, before and after the last write."""

    handle: int
    offset: int
    before: bytes
    after: bytes


class ShellSession:
    """One server, one connection at a time, and what was learned through it.

    `timeout` is the longest wait for an answer in seconds, None for no limit. A connection may
    take `connect_seconds`, after an interrupt only `reconnect_seconds`. `name`, `production` and
    `access` are those of the profile. Methods that talk to the server raise EtherError as
    `Client` does.
    """

    def __init__(
        self,
        address: ServerAddress,
        timeout: float | None,
        notify: Callable[[str], None],
        *,
        name: str = "",
        production: bool = False,
        access: Access | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        self.address = address
        self.name, self.production = name, production
        self._access = access or Access()
        self._token: str | None = None
        """The token that the user has typed, which takes the place of the file's."""
        self._connect_seconds, self._reconnect_seconds = connect_seconds, reconnect_seconds
        self.variables: dict[str, int] = {}
        self.blocks = KnownBlocks()
        self.made: dict[int, int] = {}
        """The sizes of the blocks made here and not freed here, by handle."""
        self.permitted: set[int] = set()
        """Blocks not made here that the user has agreed to change."""
        self.change: LastWrite | None = None
        """The last write, if it can be undone."""
        self.hello: Hello | None = None
        self.round_trip_ms: float | None = None
        self._timeout = timeout
        self._notify = notify
        self._client: Client | None = None
        self._hook: Trace | None = None
        self.internal = False
        """Whether a request is made by the shell itself just now, not by a command."""
        self._was_connected = False
        self.generation = 0
        """Grows whenever handles may mean other blocks than before."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known without asking."""
        return self._client is not None and self._client.connected

    def client(self) -> Client:
        """The client; a new connection is made where there is none."""
        if self._client is None or self._client.closed:
            self._client = self._connect()
            self.settle()
        return self._client

    def _connect(self) -> Client:
        limit = self._connect_seconds
        if self._timeout is not None:
            limit = min(limit, self._timeout)
        return self._open(limit, self._timeout, Retry(attempts=1), self._hook)

    def _open(
        self,
        connect_timeout: float,
        timeout: float | None,
        retry: Retry | None,
        trace: Trace | None = None,
    ) -> Client:
        """A client of the server, as `access` has it; raises EtherError."""
        access = self._access
        token_file = access.token_file if self._token is None else None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the shell says so in its own way
                return connect(
                    self.address,
                    name=f"ether-shell {__version__}",
                    connect_timeout=connect_timeout,
                    timeout=timeout,
                    retry=retry,
                    trace=trace,
                    token=self._token,
                    token_file=token_file,
                    tls_ca=access.tls_ca,
                    tls_cert=access.tls_cert,
                    tls_key=access.tls_key,
                    tls_insecure=access.tls_insecure,
                )
        except ValueError as error:  # options that do not fit together, or not to the address
            raise LocalProtocolError(str(error)) from None
        except Unauthenticated:
            if not self.has_token:
                raise Unauthenticated(
                    f"{self.address} needs a token: give it with auth, or start with --token-file"
                ) from None
            raise

    @property
    def has_token(self) -> bool:
        """Whether there is a token to give."""
        return self._token is not None or self._access.token_file is not None

    @property
    def insecure(self) -> bool:
        """Whether the server's certificate is not verified."""
        return self._access.tls_insecure

    def authenticate(self, *, token: str | None = None, token_file: str | None = None) -> bool:
        """Connect anew with another token; returns whether the server wanted one.

        Where that fails, everything stays as it was.
        """
        before = self._token, self._access
        self._token = token
        self._access = replace(self._access, token_file=token_file)
        try:
            client = self._connect()
        except BaseException:
            self._token, self._access = before
            raise
        self.close()
        self._client = client
        if self._was_connected:
            self._notify(f"connected to {self.address} again{self._forget()}")
        self._was_connected = True
        self.hello = client.server
        self.refresh()
        return self.hello is not None and self.hello.auth_needed

    def settle(self) -> None:
        """Notice a connection that was made anew since the last call, and tell the user."""
        if self._client is None:
            return
        before, now = self.hello, self._client.server
        if self._was_connected and now is before:
            return
        self.hello = now
        if self._was_connected:
            self.blocks = KnownBlocks()
            forgotten = "" if _same_blocks(before, now) else self._forget()
            self._notify(f"connected to {self.address} again{forgotten}")
        self._was_connected = True

    def _forget(self) -> str:
        """Drop every handle, which may mean another block now; returns what to tell the user."""
        self.generation += 1
        names = ", ".join(f"${name}" for name in self.variables)
        verb = "are" if len(self.variables) > 1 else "is"
        self.variables.clear()
        self.made.clear()
        self.permitted.clear()
        self.change = None
        return f"; {names} {verb} forgotten" if names else ""

    def reconnect(self) -> bool:
        """Make a new connection after an interrupt; returns whether the server answered in time."""
        if self._client is not None:
            self._client.close()
        try:
            with self._open(self._reconnect_seconds, self._reconnect_seconds, None) as probe:
                probe.ping()
            self.start()
        except (EtherError, KeyboardInterrupt):
            return False
        return True

    def ping(self) -> float:
        """Send a PING and return the round trip in milliseconds."""
        client = self.client()
        start = time.perf_counter()
        client.ping()
        self.settle()
        self.round_trip_ms = (time.perf_counter() - start) * 1000
        return self.round_trip_ms

    @property
    def traced(self) -> bool:
        """Whether every message goes to a hook."""
        return self._hook is not None

    def trace(self, hook: Trace | None) -> None:
        """Call `hook` with every message from now on; None stops that."""
        self._hook = hook
        if self._client is not None and not self._client.closed:
            self._client.trace(hook)

    @contextmanager
    def internal_requests(self) -> Iterator[None]:
        """Mark the requests made meanwhile as the shell's own: for the prompt, or for `undo`."""
        self.internal = True
        try:
            yield
        finally:
            self.internal = False

    def probe(self) -> None:
        """Check the connection before the next command at a prompt.

        A PING can be repeated and an ALLOC can't, so it is better that the PING notices a lost
        connection.
        """
        with self.internal_requests():
            try:
                self.ping()
            except ServerRestarted:
                self.start()
        if not self.blocks.known:
            self.refresh()

    def start(self) -> None:
        """Connect, and fetch the list of blocks."""
        self.ping()
        self.refresh()

    def refresh(self) -> None:
        """Fetch the first page of blocks, for completion and the toolbar.

        Without a connection nothing is fetched. An error is left to the next command.
        """
        if not self.connected:
            self.blocks = KnownBlocks()
            return
        try:
            with self.internal_requests():
                count, page = self.client().list()
        except EtherError:
            self.blocks = KnownBlocks()
        else:
            self.blocks = KnownBlocks(count, dict(page), known=True)

    def allocated(self, handle: int, size: int) -> None:
        """Note a block of `size` bytes made here; `$_` is its handle."""
        self.variables[LAST] = handle
        self.made[handle] = size

    def resized(self, handle: int, size: int) -> None:
        """Note the new size of a block, in bytes."""
        if handle in self.made:
            self.made[handle] = size

    def freed(self, handle: int) -> None:
        """Note that a block is gone; `$_` is unset if it was its handle."""
        self.made.pop(handle, None)
        if self.variables.get(LAST) == handle:
            del self.variables[LAST]
        if self.change is not None and self.change.handle == handle:
            self.change = None

    def close(self) -> None:
        """RangeEnd the connection."""
        if self._client is not None:
            self._client.close()


def _same_blocks(before: Hello | None, now: Hello | None) -> bool:
    """Whether a handle still means the same block; False where the server does not tell."""
    return before is not None and now is not None and before.instance == now.instance != 0
