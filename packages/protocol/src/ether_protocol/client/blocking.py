"""The blocking client: one connection, one caller at a time.

Rule: what a verb means is `operations`', what a lost connection means is
`transfer`'s; here is only when to connect again and what to go on with then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from ether_protocol.address import Address, parse_address
from ether_protocol.bodies import BlockInfo, Hello
from ether_protocol.errors import (
    ConnectionLost,
    EtherError,
    InvalidRequest,
    LocalProtocolError,
    RemoteProtocolError,
    ServerRestarted,
    TimedOut,
    Unsupported,
)
from ether_protocol.messages import AnyBuffer, Message, flat
from ether_protocol.vocabulary import MAX_LIST_ENTRIES, Command

from . import operations
from .block import Block
from .channel import Channel, open_channel
from .greeting import first_words, see_that_it_is_the_same, silence_limit
from .operations import Operation, Page, Progress, Replies
from .pipeline import Pipeline
from .recording import PLAIN_BYTES
from .retry import DEFAULT_RETRY, Retry
from .tracing import Trace
from .transfer import Batch, Transfer

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

    Raises ValueError for an address that is none, ConnectionLost where nobody
    answers, and RemoteProtocolError where it is no Ether server that does.
    """
    where = parse_address(address) if isinstance(address, str) else address

    def open_plainly() -> tuple[Channel, Hello | None]:
        return open_channel(where, connect_timeout, timeout, trace), None

    def open_and_greet() -> tuple[Channel, Hello | None]:
        channel, _ = open_plainly()
        try:
            channel.limit_silence(silence_limit(timeout))
            hello = _greet(channel, name)
            channel.limit_silence(timeout)
        except BaseException:
            channel.close()
            raise
        return channel, hello

    return Client(open_plainly if retry is None else open_and_greet, retry)


def _greet(channel: Channel, name: str) -> Hello | None:
    """What the server says of itself, None for one that can't."""
    try:
        with first_words(channel.address):
            return _carry_out(operations.hello(name), lambda batch: _exchange(channel, batch))
    except (Unsupported, InvalidRequest):
        return None


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
    """

    def __init__(
        self, open_: Callable[[], tuple[Channel, Hello | None]], retry: Retry | None = None
    ) -> None:
        self._open = open_
        self._retry = retry
        self._closed = False
        self._in_use = threading.Lock()
        self._channel, self.server = open_()
        """What the server said of itself at the last connection; None where it was not asked."""

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
        state = "closed" if self.closed else "connected" if self.connected else "disconnected"
        return f"<Client of {self.address}, {state}>"

    @property
    def address(self) -> Address:
        """Where the server is."""
        return self._channel.address

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known without asking."""
        return not self._channel.closed

    @property
    def closed(self) -> bool:
        """Whether the client is of no more use: closed, or left alone without a `retry`."""
        return self._closed or (self._retry is None and self._channel.closed)

    def close(self) -> None:
        """End the connection; blocks stay, except SESSION blocks.  May be called twice."""
        self._closed = True
        self._channel.close()

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
        """Allocate `size` zeroed bytes; a `session` block is freed when this connection ends."""
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
        view = flat(data)
        if len(view) <= PLAIN_BYTES and progress is None and not self._channel.traced:
            count = self._perform_plain(Command.WRITE, handle, len(view), offset, view)
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
        if size and size <= PLAIN_BYTES and progress is None and not self._channel.traced:
            data = self._perform_plain(Command.READ, handle, size, offset, b"")
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
        return Pipeline(self._with_channel)

    # How a request gets to the server, and what is done when it does not.

    def perform(self, operation: Operation[_Value]) -> _Value:
        """Carry out one of `operations`; raises as every method does."""
        try:
            return _carry_out(operation, self._exchange)
        except RemoteProtocolError:
            self._channel.close()
            raise

    def _exchange(self, batch: Batch) -> Replies:
        transfer = Transfer(batch)
        self._with_channel(lambda channel: channel.run(transfer))
        return transfer.result()

    def _perform_plain(
        self, command: Command, handle: int, size: int, offset: int, payload: memoryview | bytes
    ) -> bytes | int | None:
        """A small READ or WRITE; None where it should go the long way, as nothing was changed."""
        if not self._in_use.acquire(blocking=False):
            raise _in_use()
        try:
            return self._channel.plain(command, handle, size, offset, payload)
        except TimedOut:
            raise
        except ConnectionLost:
            if self._retry is None or not self._retry.attempts or self._closed:
                raise
            return None
        finally:
            self._in_use.release()

    def _with_channel(self, use: Callable[[Channel], None]) -> None:
        """Have `use` use the channel, over new connections while it raises ConnectionLost."""
        if not self._in_use.acquire(blocking=False):
            raise _in_use()
        try:
            lost = self._try(use)
            if lost is None:
                return
            if self._retry is None or self._closed:
                raise lost
            for delay in self._retry.delays():
                time.sleep(delay)
                try:
                    self._reopen()
                except ConnectionLost as error:
                    if isinstance(error, ServerRestarted):
                        raise
                    lost = error
                    continue
                lost = self._try(use)
                if lost is None:
                    return
            raise lost
        finally:
            self._in_use.release()

    def _try(self, use: Callable[[Channel], None]) -> ConnectionLost | None:
        try:
            use(self._channel)
        except TimedOut:
            raise  # another attempt would only wait as long again
        except ConnectionLost as error:
            return error
        return None

    def _reopen(self) -> None:
        self._channel.close()
        self._channel, server = self._open()
        try:
            see_that_it_is_the_same(self.address, self.server, server)
        except ServerRestarted:
            self.close()
            raise
        self.server = server


def _carry_out(operation: Operation[_Value], exchange: Callable[[Batch], Replies]) -> _Value:
    """Run `operation` to its end."""
    try:
        batch = next(operation)
        while True:
            try:
                replies = exchange(batch)
            except EtherError as error:
                batch = operation.throw(error)
            else:
                batch = operation.send(replies)
    except StopIteration as end:
        value: _Value = end.value
        return value


def _exchange(channel: Channel, batch: Batch) -> Replies:
    transfer = Transfer(batch)
    channel.run(transfer)
    return transfer.result()


def _in_use() -> LocalProtocolError:
    return LocalProtocolError(
        "this client is in use by another thread: make one for each, or take one from a Pool"
    )
