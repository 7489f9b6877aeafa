"""A blocking client: one socket, one caller at a time.

Rule: one method a command, arguments into a message and a reply into values;
what is sent when, and what a lost connection means, is `pipeline`'s.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from . import bodies
from .address import Address, parse_address
from .bodies import BlockInfo, Hello
from .errors import (
    ConnectionLost,
    LocalProtocolError,
    NotFound,
    RemoteProtocolError,
)
from .messages import Buffer, Message, flat
from .pipeline import Pipeline, Step, limit_silence, reason_of
from .vocabulary import (
    MAX_LIST_ENTRIES,
    MAX_NAME_BYTES,
    MAX_PAYLOAD_BYTES,
    AllocFlag,
    Command,
)

_Value = TypeVar("_Value")
_Page = tuple[int, list[tuple[int, int]]]


def connect(
    address: str | Address = "localhost",
    *,
    connect_timeout: float = 5.0,
    timeout: float | None = 30.0,
) -> Client:
    """Connect to the server at `address` (`HOST`, `HOST:PORT` or `ether://HOST:PORT`).

    `connect_timeout` and `timeout`, the longest silence while a request is
    under way, are in seconds.  Raises ValueError for an address that is none
    and ConnectionLost where nobody answers.
    """
    where = parse_address(address) if isinstance(address, str) else address
    try:
        sock = socket.create_connection((where.host, where.port), connect_timeout)
    except OSError as error:
        raise ConnectionLost(f"can't connect to {where}: {reason_of(error)}") from None
    with suppress(OSError):  # what is wrong with a connection shows when it is used
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        limit_silence(sock, timeout)
    return Client(sock, where)


class Client:
    """Remote memory, one request at a time (docs/protocol.md, "Commands").

    Every method raises ServerError (NotFound, OutOfRange, …) where the server
    refuses, ConnectionLost where there is no connection, OutcomeUnknown where
    it ended after a request that changes something was sent, and
    RemoteProtocolError where the other side makes no sense.  After the last
    three the client is closed.  LocalProtocolError means that an argument has
    no form on the wire, or that another thread is in the middle of a request:
    a client is for one thread at a time.
    """

    def __init__(self, sock: socket.socket, address: Address) -> None:
        self.address = address
        self._pipeline = Pipeline(sock, address)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether the connection is closed, by either side's fault or by `close`."""
        return self._pipeline.closed

    def close(self) -> None:
        """End the connection; blocks stay, except SESSION blocks.  May be called twice."""
        self._pipeline.close()

    # One method a command, in the order of docs/protocol.md.

    def ping(self, payload: Buffer = b"") -> bytes:
        """Have the server send `payload`, at most 4 KiB, back."""
        return bytes(self.call(Message(Command.PING, payload=payload)).payload)

    def hello(self, name: str = "") -> Hello:
        """Say who this is, in at most 255 bytes, and learn what the server is."""
        payload = bodies.encode_text(name, MAX_NAME_BYTES)
        reply = self.call(Message(Command.HELLO, payload=payload))
        return self._understand(bodies.decode_hello, reply)

    def stats(self) -> dict[str, int]:
        """The server's counters by name."""
        return self._understand(bodies.decode_stats, self.call(Message(Command.STATS)))

    def alloc(self, size: int, *, session: bool = False) -> Block:
        """Allocate `size` zeroed bytes; a `session` block is freed when this connection ends."""
        flags = AllocFlag.SESSION if session else 0
        reply = self.call(Message(Command.ALLOC, size=size, flags=flags))
        return Block(self, reply.handle)

    def block(self, handle: int) -> Block:
        """The block that `handle` names, whoever made it; nothing is asked of the server."""
        return Block(self, handle)

    def free(self, handle: int) -> None:
        """Free and wipe a block."""
        self.call(Message(Command.FREE, handle))

    def realloc(self, handle: int, size: int) -> int:
        """Resize a block to `size` bytes: what it held stays, growth is zeroed."""
        return self.call(Message(Command.REALLOC, handle, size)).size

    def info(self, handle: int) -> BlockInfo:
        """Size, flags and age of a block."""
        return self._understand(bodies.decode_info, self.call(Message(Command.INFO, handle)))

    def list(self, after: int = 0, limit: int = MAX_LIST_ENTRIES) -> _Page:
        """How many blocks exist, and (handle, size) of at most `limit` of them above `after`."""
        reply = self.call(Message(Command.LIST, after, limit))
        return reply.size, self._understand(bodies.decode_list, reply)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """(handle, size) of every block, in the order of handles, asked for page by page."""
        after = 0
        while page := self.list(after)[1]:
            yield from page
            if page[-1][0] <= after:
                self.close()
                raise RemoteProtocolError(f"LIST after {after} went back to {page[-1][0]}")
            after = page[-1][0]

    def write(self, handle: int, data: Buffer, offset: int = 0) -> int:
        """Write `data` at `offset`; returns the bytes written.

        Up to 16 MiB it is all or nothing; more goes in several WRITEs.
        """
        return sum(reply.size for reply in self._pipeline.run(_writes(handle, flat(data), offset)))

    def read(self, handle: int, size: int | None = None, offset: int = 0) -> bytes:
        """Read `size` bytes at `offset`, fewer where the block ends; None means to its end."""
        if size is None:
            size = max(0, self.info(handle).size - offset)
        if size <= MAX_PAYLOAD_BYTES:
            return bytes(self.call(Message(Command.READ, handle, size, offset)).payload)
        replies = self._pipeline.run(_reads(handle, size, offset))
        return b"".join([reply.payload for reply in replies])

    def readinto(self, handle: int, buffer: bytearray | memoryview, offset: int = 0) -> int:
        """Read into `buffer` as many bytes as it holds or the block has; returns how many.

        Raises TypeError for a buffer that is not writable or not in one piece.
        """
        view = memoryview(buffer).cast("B")
        if view.readonly:
            raise TypeError("readinto: the buffer is read-only")
        replies = self._pipeline.run(_reads(handle, len(view), offset, view))
        return sum(len(reply.payload) for reply in replies)

    def fill(self, handle: int, byte: int, offset: int, size: int) -> int:
        """Set `size` bytes at `offset` to `byte`; returns how many."""
        payload = bodies.pack(bodies.FILL_REQUEST, byte)
        steps: Iterator[Step] = (
            (Message(Command.FILL, handle, step, offset + done, payload), None)
            for done, step in _cut(size)
        )
        return sum(reply.size for reply in self._pipeline.run(steps))

    def copy(
        self, source: int, source_offset: int, target: int, target_offset: int, size: int
    ) -> int:
        """Copy `size` bytes, at most 16 MiB, between blocks or within one, as `memmove`."""
        payload = bodies.pack(bodies.COPY_REQUEST, source, source_offset)
        return self.call(Message(Command.COPY, target, size, target_offset, payload)).size

    def compare_swap(self, handle: int, offset: int, expected: bytes, desired: bytes) -> bytes:
        """Put the 8 bytes `desired` at `offset` if `expected` stand there; returns what did."""
        if len(expected) != 8 or len(desired) != 8:
            raise LocalProtocolError("COMPARE_SWAP: expected and desired are 8 bytes each")
        payload = bodies.pack(bodies.COMPARE_SWAP_REQUEST, expected, desired)
        reply = self.call(Message(Command.COMPARE_SWAP, handle, offset=offset, payload=payload))
        return self._understand(bodies.decode_compare_swap, reply)

    def fetch_add(self, handle: int, offset: int, delta: int) -> int:
        """Add `delta` to the big-endian u64 at `offset`, wrapping; returns what was there."""
        payload = bodies.pack(bodies.FETCH_ADD_REQUEST, delta)
        reply = self.call(Message(Command.FETCH_ADD, handle, offset=offset, payload=payload))
        return self._understand(bodies.decode_fetch_add, reply)

    def call(self, request: Message) -> Message:
        """Send any `request` and return its reply; raises as every method does."""
        (reply,) = self._pipeline.run([(request, None)])
        return reply

    def _understand(self, decode: Callable[[Buffer], _Value], reply: Message) -> _Value:
        """The body of `reply`; a server that sends one which makes no sense is left."""
        try:
            return decode(reply.payload)
        except RemoteProtocolError:
            self.close()
            raise


class Block:
    """A block of remote memory, by its handle.  As a context manager it is freed at the end."""

    __slots__ = ("client", "handle")

    def __init__(self, client: Client, handle: int) -> None:
        self.client = client
        self.handle = handle

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.client.closed:
            with suppress(NotFound):  # freed already, as was wanted
                self.free()

    def __repr__(self) -> str:
        return f"<Block {self.handle} at {self.client.address}>"

    def __len__(self) -> int:
        return self.client.info(self.handle).size

    def write(self, data: Buffer, offset: int = 0) -> int:
        """Write `data` at `offset`; returns the bytes written."""
        return self.client.write(self.handle, data, offset)

    def read(self, size: int | None = None, offset: int = 0) -> bytes:
        """Read `size` bytes at `offset`, fewer where the block ends; None means to its end."""
        return self.client.read(self.handle, size, offset)

    def resize(self, size: int) -> None:
        """Resize to `size` bytes: what it held stays, growth is zeroed."""
        self.client.realloc(self.handle, size)

    def free(self) -> None:
        """Free and wipe the block."""
        self.client.free(self.handle)


def _cut(size: int) -> Iterator[tuple[int, int]]:
    """(bytes done, bytes now) for each message of a range of `size` bytes; at least one."""
    for done in range(0, max(size, 1), MAX_PAYLOAD_BYTES):
        yield done, min(MAX_PAYLOAD_BYTES, size - done)


def _writes(handle: int, view: memoryview, offset: int) -> Iterator[Step]:
    for done, step in _cut(len(view)):
        part = view[done : done + step]
        yield Message(Command.WRITE, handle, offset=offset + done, payload=part), None


def _reads(handle: int, size: int, offset: int, view: memoryview | None = None) -> Iterator[Step]:
    for done, step in _cut(size):
        into = view[done : done + step] if view is not None else None
        yield Message(Command.READ, handle, step, offset + done), into
