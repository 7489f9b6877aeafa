"""The blocking client: one method a verb.

Rule: what a verb means is `operations`', and how it gets to the server is
`link`'s; here a request has its name, its arguments and its words for people.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from ether_protocol.client.core import operations
from ether_protocol.client.core.fork_safety import not_pickled
from ether_protocol.client.core.operations import Operation, Page, Progress
from ether_protocol.client.core.reconnect import DEFAULT_RETRY, Retry
from ether_protocol.client.core.small_requests import PLAIN_BYTES, READ, WRITE
from ether_protocol.client.core.tracing import Trace
from ether_protocol.wire.address import Address, as_address
from ether_protocol.wire.bodies import BlockInfo, Hello
from ether_protocol.wire.constants import MAX_LIST_ENTRIES
from ether_protocol.wire.messages import AnyBuffer, Message, byte_view

from .block import Block
from .pipeline import Pipeline
from .reconnecting import Link, opener

_Value = TypeVar("_Value")


def connect(
    address: str | Address = "localhost",
    *,
    name: str = "",
    connect_timeout: float = 5.0,
    timeout: float | None = 30.0,
    retry: Retry | None = DEFAULT_RETRY,
    trace: Trace | None = None,
) -> Client:
    """Connect to the server at `address` (`HOST`, `HOST:PORT` or `ether://HOST:PORT`).

    `connect_timeout`, and `timeout`, the longest silence while a request is
    under way, are in seconds.  The server is asked with HELLO what it is, and
    told `name`.  A lost connection is opened again as `retry` says; with None
    it is not, and HELLO is not asked.  `trace` is called with every message.

    Raises ValueError for an address or a time that is none, ConnectionLost where nobody
    answers, and RemoteProtocolError where it is no Ether server that does.
    """
    where = as_address(address)
    greet = retry is not None
    return Client(Link(opener(where, name, connect_timeout, timeout, trace, greet=greet), retry))


class Client:
    """Remote memory, one request at a time (docs/protocol.md, "Commands").

    Every method raises ServerError (NotFound, OutOfRange, …) where the server
    refuses, and RemoteProtocolError where it makes no sense.  Where the
    connection ends, the client connects again; a request that changes nothing
    is then made again, and any other that had been sent raises OutcomeUnknown.
    ConnectionLost means that there is no connection to be had and that the
    request changed nothing (TimedOut: the server was silent for too long;
    ServerRestarted: its blocks are others now, and this client is closed).

    LocalProtocolError means that an argument has no form on the wire, or that
    another thread is in the middle of a request: a client is for one thread at
    a time, and a `Pool` has one for each.

    The child of a fork connects anew with its first request, and leaves its
    parent's connection alone.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise not_pickled()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "connected" if self.connected else "disconnected"
        return f"<Client of {self.address}, {state}>"

    @property
    def address(self) -> Address:
        """Where the server is."""
        return self._link.channel.address

    @property
    def server(self) -> Hello | None:
        """What the server said of itself at the last connection; None where it was not asked."""
        return self._link.server

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known without asking."""
        return not self._link.channel.closed

    @property
    def closed(self) -> bool:
        """Whether the client is of no more use: closed, or left alone without a `retry`."""
        return self._link.closed

    def close(self) -> None:
        """End the connection; blocks stay, except SESSION blocks.  May be called twice."""
        self._link.close()

    def trace(self, hook: Trace | None) -> None:
        """Call `hook` with every message from now on, None for nobody; see `connect`.

        Raises LocalProtocolError while another thread is in the middle of a request.
        """
        self._link.trace(hook)

    def perform(self, operation: Operation[_Value]) -> _Value:
        """Carry out one of `operations`; raises as every method does."""
        return self._link.perform(operation)

    # One method a command, in the order of docs/protocol.md.

    def ping(self, payload: AnyBuffer = b"") -> bytes:
        """Have the server send `payload`, at most 4 KiB, back."""
        return self.perform(operations.ping(payload))

    def hello(self, name: str = "") -> Hello:
        """Say who this is, in at most 255 bytes, and learn what the server is."""
        return self.perform(operations.hello(name))

    def stats(self) -> dict[str, int]:
        """The server's counters by name."""
        return self.perform(operations.stats())

    def alloc(self, size: int, *, session: bool = False) -> Block:
        """Allocate `size` zeroed bytes; a `session` block is freed when this connection ends.

        It is gone, then, where the client has connected again, if only after a Ctrl-C.
        """
        return Block(self, self.perform(operations.alloc(size, session)))

    def block(self, handle: int) -> Block:
        """The block that `handle` names, whoever made it; nothing is asked of the server."""
        return Block(self, handle)

    def free(self, handle: int) -> None:
        """Free and wipe a block."""
        self.perform(operations.free(handle))

    def realloc(self, handle: int, size: int) -> int:
        """Resize a block to `size` bytes: what it held stays, growth is zeroed."""
        return self.perform(operations.realloc(handle, size))

    def info(self, handle: int) -> BlockInfo:
        """Size, flags and age of a block."""
        return self.perform(operations.info(handle))

    def list(self, after: int = 0, limit: int = MAX_LIST_ENTRIES) -> Page:
        """How many blocks exist, and (handle, size) of at most `limit` of them above `after`."""
        return self.perform(operations.list_(after, limit))

    def blocks(self) -> Iterator[tuple[int, int]]:
        """(handle, size) of every block, in the order of handles, asked for page by page."""
        after = 0
        while page := self.list(after)[1]:
            yield from page
            after = page[-1][0]

    def write(
        self, handle: int, data: AnyBuffer, offset: int = 0, *, progress: Progress | None = None
    ) -> int:
        """Write `data` at `offset`; returns the bytes written.

        Up to 16 MiB it is all or nothing; more goes in several WRITEs, after
        each of which `progress` is called with the bytes done and the total.
        """
        view = data if isinstance(data, bytes) else byte_view(data)
        if len(view) <= PLAIN_BYTES and progress is None and not self._link.channel.traced:
            count = self._link.perform_plain(WRITE, handle, len(view), offset, view)
            if isinstance(count, int):
                return count
        return self.perform(operations.write(handle, view, offset, progress))

    def read(
        self,
        handle: int,
        size: int | None = None,
        offset: int = 0,
        *,
        progress: Progress | None = None,
    ) -> bytes:
        """Read `size` bytes at `offset`, fewer where the block ends; None means to its end.

        `progress` is called as for `write`.
        """
        if size and size <= PLAIN_BYTES and progress is None and not self._link.channel.traced:
            data = self._link.perform_plain(READ, handle, size, offset, b"")
            if isinstance(data, bytes):
                return data
        return self.perform(operations.read(handle, size, offset, progress))

    def readinto(
        self,
        handle: int,
        buffer: AnyBuffer,
        offset: int = 0,
        *,
        progress: Progress | None = None,
    ) -> int:
        """Read into `buffer` as many bytes as it holds or the block has; returns how many.

        `progress` is called as for `write`.  Raises TypeError for a buffer that
        is not writable or not in one piece.
        """
        return self.perform(operations.readinto(handle, buffer, offset, progress))

    def fill(
        self,
        handle: int,
        byte: int,
        offset: int = 0,
        size: int | None = None,
        *,
        progress: Progress | None = None,
    ) -> int:
        """Set `size` bytes at `offset`, None for all to the block's end, to `byte`.

        Returns how many; `progress` is called as for `write`.
        """
        return self.perform(operations.fill(handle, byte, offset, size, progress))

    def copy(
        self,
        source: int,
        source_offset: int,
        target: int,
        target_offset: int,
        size: int | None = None,
    ) -> int:
        """Copy `size` bytes, at most 16 MiB, between blocks or within one, as `memmove`.

        None means to the end of the source.  Returns how many.
        """
        return self.perform(operations.copy(source, source_offset, target, target_offset, size))

    def compare_swap(self, handle: int, offset: int, expected: bytes, desired: bytes) -> bytes:
        """Put the 8 bytes `desired` at `offset` if `expected` stand there; returns what did."""
        return self.perform(operations.compare_swap(handle, offset, expected, desired))

    def fetch_add(self, handle: int, offset: int, delta: int) -> int:
        """Add `delta` to the big-endian u64 at `offset`, wrapping; returns what was there."""
        return self.perform(operations.fetch_add(handle, offset, delta))

    def call(self, request: Message) -> Message:
        """Send any `request` and return its reply; raises as every method does."""
        return self.perform(operations.call(request))

    def pipeline(self) -> Pipeline:
        """Requests to be sent in one go, with one error or one result for each."""
        return Pipeline(self._link.with_channel)
