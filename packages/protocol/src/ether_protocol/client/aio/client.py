"""The asyncio client: one method a verb, for any number of tasks.

Rule: what a verb means is `operations`', and how it gets to the server is
`async_link`'s; here a request has its name, its arguments and its words for people.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from ether_protocol.client.core import operations
from ether_protocol.client.core.fork_safety import not_pickled
from ether_protocol.client.core.operations import Operation, Page, Progress
from ether_protocol.client.core.reconnect import DEFAULT_RETRY, Retry
from ether_protocol.client.core.tracing import Trace
from ether_protocol.wire.address import Address, as_address
from ether_protocol.wire.bodies import BlockInfo, Hello
from ether_protocol.wire.constants import MAX_LIST_ENTRIES
from ether_protocol.wire.messages import AnyBuffer, Message

from .block import AsyncBlock
from .pipeline import AsyncPipeline
from .reconnecting import AsyncLink, AsyncOpen, async_opener

_Value = TypeVar("_Value")


def connect_async(
    address: str | Address = "localhost",
    *,
    name: str = "",
    connect_timeout: float = 5.0,
    timeout: float | None = 30.0,
    retry: Retry | None = DEFAULT_RETRY,
    trace: Trace | None = None,
) -> Connecting:
    """A connection to be awaited, or entered with `async with`; otherwise as `connect`.

    Arguments and errors are those of `connect`.
    """
    where = as_address(address)
    greet = retry is not None
    return Connecting(
        async_opener(where, name, connect_timeout, timeout, trace, greet=greet), retry
    )


class Connecting:
    """A client to be: await it for an AsyncClient, or enter it and have that closed at the end."""

    def __init__(self, open_: AsyncOpen, retry: Retry | None) -> None:
        self._open = open_
        self._retry = retry
        self._client: AsyncClient | None = None

    def __await__(self) -> Generator[None, None, AsyncClient]:
        return self._connect().__await__()

    async def __aenter__(self) -> AsyncClient:
        self._client = await self._connect()
        return self._client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def _connect(self) -> AsyncClient:
        return AsyncClient(await AsyncLink.opened(self._open, self._retry))


class AsyncClient:
    """Remote memory for asyncio programs: the verbs of `Client`, awaited.

    Any number of tasks may use one client at once; their requests share the
    connection, are carried out in the order in which they were made, and are
    answered in that order.  A task that is cancelled, or that gives up with
    `asyncio.timeout`, leaves nothing behind for the others; whether what it
    asked for was carried out is not known then.  Errors are those of `Client`;
    a client is for one event loop.
    """

    def __init__(self, link: AsyncLink) -> None:
        self._link = link

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __reduce__(self) -> NoReturn:
        raise not_pickled()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "connected" if self.connected else "disconnected"
        return f"<AsyncClient of {self.address}, {state}>"

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

    async def close(self) -> None:
        """End the connection; blocks stay, except SESSION blocks.  May be called twice."""
        await self._link.close()

    def trace(self, hook: Trace | None) -> None:
        """Call `hook` with every message from the next request on, None for nobody."""
        self._link.trace(hook)

    async def perform(self, operation: Operation[_Value]) -> _Value:
        """Carry out one of `operations`; raises as every method does."""
        return await self._link.perform(operation)

    # One method a command, in the order of docs/protocol.md.

    async def ping(self, payload: AnyBuffer = b"") -> bytes:
        """Have the server send `payload`, at most 4 KiB, back."""
        return await self.perform(operations.ping(payload))

    async def hello(self, name: str = "") -> Hello:
        """Say who this is, in at most 255 bytes, and learn what the server is."""
        return await self.perform(operations.hello(name))

    async def stats(self) -> dict[str, int]:
        """The server's counters by name."""
        return await self.perform(operations.stats())

    async def alloc(self, size: int, *, session: bool = False) -> AsyncBlock:
        """Allocate `size` zeroed bytes; a `session` block is freed when this connection ends.

        It is gone, then, where the client has connected again.
        """
        return AsyncBlock(self, await self.perform(operations.alloc(size, session)))

    def block(self, handle: int) -> AsyncBlock:
        """The block that `handle` names, whoever made it; nothing is asked of the server."""
        return AsyncBlock(self, handle)

    async def free(self, handle: int) -> None:
        """Free and wipe a block."""
        await self.perform(operations.free(handle))

    async def realloc(self, handle: int, size: int) -> int:
        """Resize a block to `size` bytes: what it held stays, growth is zeroed."""
        return await self.perform(operations.realloc(handle, size))

    async def info(self, handle: int) -> BlockInfo:
        """Size, flags and age of a block."""
        return await self.perform(operations.info(handle))

    async def list(self, after: int = 0, limit: int = MAX_LIST_ENTRIES) -> Page:
        """How many blocks exist, and (handle, size) of at most `limit` of them above `after`."""
        return await self.perform(operations.list_(after, limit))

    async def blocks(self) -> AsyncIterator[tuple[int, int]]:
        """(handle, size) of every block, in the order of handles, asked for page by page."""
        after = 0
        while page := (await self.list(after))[1]:
            for entry in page:
                yield entry
            after = page[-1][0]

    async def write(
        self, handle: int, data: AnyBuffer, offset: int = 0, *, progress: Progress | None = None
    ) -> int:
        """Write `data` at `offset`; returns the bytes written.

        Up to 16 MiB it is all or nothing; more goes in several WRITEs, after
        each of which `progress` is called with the bytes done and the total.
        """
        return await self.perform(operations.write(handle, data, offset, progress))

    async def read(
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
        return await self.perform(operations.read(handle, size, offset, progress))

    async def readinto(
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
        return await self.perform(operations.readinto(handle, buffer, offset, progress))

    async def fill(
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
        return await self.perform(operations.fill(handle, byte, offset, size, progress))

    async def copy(
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
        return await self.perform(
            operations.copy(source, source_offset, target, target_offset, size)
        )

    async def compare_swap(
        self, handle: int, offset: int, expected: bytes, desired: bytes
    ) -> bytes:
        """Put the 8 bytes `desired` at `offset` if `expected` stand there; returns what did."""
        return await self.perform(operations.compare_swap(handle, offset, expected, desired))

    async def fetch_add(self, handle: int, offset: int, delta: int) -> int:
        """Add `delta` to the big-endian u64 at `offset`, wrapping; returns what was there."""
        return await self.perform(operations.fetch_add(handle, offset, delta))

    async def call(self, request: Message) -> Message:
        """Send any `request` and return its reply; raises as every method does."""
        return await self.perform(operations.call(request))

    def pipeline(self) -> AsyncPipeline:
        """Requests to be sent in one go, with one error or one result for each."""
        return AsyncPipeline(self._link.with_channel)
