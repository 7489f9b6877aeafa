"""A connection without a socket: bytes are handed to it, and what it sends is kept.

Rule: it behaves as uvloop's transport does where a connection can tell: the
buffer is asked for before each receive, writing pauses and resumes the
protocol, and nothing is received while reading is paused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count, pairwise
from typing import Any

from ether_daemon.app import shutdown
from ether_daemon.app.composition import Composition
from ether_daemon.net.connection import Connection
from ether_daemon.net.shared import Shared
from ether_daemon.service.blocks import Blocks
from ether_daemon.service.principal import ANONYMOUS
from ether_daemon.settings import Settings
from ether_daemon.stores.contract import (
    Identity,
    Ref,
    StoreContents,
    StoredBlock,
    StreamedRead,
    TakeablePayload,
)
from ether_daemon.stores.future import Future
from ether_protocol import Command, ErrorCode, Message
from ether_protocol.wire.bodies import decode_error
from ether_protocol.wire.codec import HEADER_BYTES, decode_header, encode
from ether_protocol.wire.messages import Buffer

LOCAL = ("127.0.0.1", 54321)
STRANGER = ("203.0.113.9", 54321)

PING = encode(Message(Command.PING, request_id=1))
PONG = encode(Message(Command.PONG, request_id=1))


class FakeTransport(asyncio.Transport):
    """Keeps what is written; takes `window` bytes at a time from the server if one is set."""

    def __init__(self, peername: object = LOCAL) -> None:
        super().__init__({"peername": peername})
        self.sent = bytearray()
        self.window: int | None = None
        self.held = bytearray()
        self.reading = True
        self.closed = ""
        self.eof = False
        self.high = 0
        self.writes = 0
        self.protocol: Connection | None = None

    def is_reading(self) -> bool:
        return self.reading

    def ended(self) -> str:
        """How far the connection has ended, by the server's doing."""
        return self.closed or ("eof" if self.eof else "")

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not isinstance(data, memoryview), "what is sent must not change on its way"
        assert not self.eof, "written after the end"
        if self.closed:
            return
        self.writes += 1
        self.held += data
        self._move()

    def writelines(self, list_of_data: Sequence[bytes]) -> None:  # type: ignore[override]  # no views
        for data in list_of_data:
            assert isinstance(data, (bytes, bytearray))
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        return len(self.held)

    def take(self, count: int) -> None:
        """The client takes so many bytes more."""
        self.window = (self.window or 0) + count
        self._move()

    def _move(self) -> None:
        assert self.protocol is not None
        count = len(self.held) if self.window is None else min(self.window, len(self.held))
        self.sent += self.held[:count]
        del self.held[:count]
        if self.window is not None:
            self.window -= count
        paused = self.protocol.send_queue.paused
        if not paused and len(self.held) > self.high:
            self.protocol.pause_writing()
        elif paused and len(self.held) <= self.high // 4:
            self.protocol.resume_writing()

    def pause_reading(self) -> None:
        assert self.reading
        assert not self.closed
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        assert not self.closed
        self.reading = True

    def is_closing(self) -> bool:
        return bool(self.closed)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        assert not self.closed
        assert not self.eof, "ended twice"
        self.eof = True

    def close(self) -> None:
        self.closed = self.closed or "closed"

    def abort(self) -> None:
        self.closed = "aborted" if self.closed in ("", "closed") else self.closed


class FakeClient:
    """A client on a fake transport, and the server's connection to it."""

    def __init__(
        self,
        server: Composition | Shared,
        peername: object = LOCAL,
        connection_class: type[Connection] = Connection,
    ) -> None:
        shared = server.shared if isinstance(server, Composition) else server
        self.transport = FakeTransport(peername)
        self.connection = connection_class(shared)
        self._batch = shared.batch
        self.transport.protocol = self.connection
        self.connection.connection_made(self.transport)

    def offer(self, data: bytes) -> int:
        """Have `data` arrive as far as it is read at once; how much of it was.

        Short replies are sent when the round of the event loop ends: see `turns`.
        """
        rest = memoryview(data)
        while len(rest) and self.transport.reading and not self.transport.closed:
            buffer = self.connection.get_buffer(65536)
            assert len(buffer), "an empty buffer ends the connection"
            step = min(len(buffer), len(rest))
            buffer[:step] = rest[:step]
            self.connection.buffer_updated(step)
            rest = rest[step:]
        return len(data) - len(rest)

    async def send(self, data: bytes, cuts: Sequence[int] = ()) -> None:
        """Have all of `data` arrive, cut at the places in `cuts`, in as many turns as it takes."""
        places = [0, *sorted(cut for cut in cuts if 0 < cut < len(data)), len(data)]
        for start, end in pairwise(places):
            while start < end and not self.transport.closed:
                start += self.offer(data[start:end])
                await self.turns()

    async def turns(self) -> None:
        """Wait until the server has nothing left to do by itself."""
        for _ in range(1000):
            await asyncio.sleep(0)
            waits = self.transport.reading or self.connection.send_queue.blocked
            if waits and not self._batch.under_way:
                return

    def received(self) -> bytes:
        """What the client has got since it was last asked."""
        got = bytes(self.transport.sent)
        self.transport.sent.clear()
        return got

    def lose(self, error: Exception | None = None) -> None:
        """The transport loses the connection."""
        self.transport.closed = self.transport.closed or "lost"
        self.connection.connection_lost(error)


def asking(command: int, handle: int = 0, **fields: int | bytes) -> bytes:
    """A version 2 request."""
    return encode(Message(command, handle, **fields))  # type: ignore[arg-type]


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run `scenario` on a loop of its own, for 30 s at most."""
    asyncio.run(asyncio.wait_for(scenario(), 30))


def slow_clock(parts: Composition) -> Shared:
    """What connections share, with a clock on which every look takes two milliseconds."""
    looks = count()
    return replace(parts.shared, clock=lambda: next(looks) * 0.002)


def impatient(parts: Composition) -> Shared:
    """The same, with next to no time for a client to read the last replies."""
    return replace(parts.shared, linger_seconds=0.01)


async def until(condition: Callable[[], object]) -> None:
    """Poll until `condition` holds."""
    while not condition():
        await asyncio.sleep(0.001)


def replies(data: bytes) -> list[Message]:
    """The replies in `data`; every byte must belong to one."""
    found: list[Message] = []
    at = 0
    while at < len(data):
        version = data[at + 4]
        reply, length = decode_header(data, at, version)
        at += HEADER_BYTES[version]
        assert at + length <= len(data), f"{reply} is cut short"
        found.append(reply.with_payload(data[at : at + length]))
        at += length
    return found


def lines(data: bytes) -> list[str]:
    """The replies in `data`, a line each."""
    return [
        f"{ErrorCode(decode_error(reply).code).name} v{reply.version}"
        if reply.command == Command.ERROR
        else str(reply)
        for reply in replies(data)
    ]


@asynccontextmanager
async def serving(
    *, fast_path: bool = True, instance: int | None = None, **changes: Any
) -> AsyncIterator[Composition]:
    """A server of one's own."""
    settings = Settings(**{"max_memory_bytes": 1 << 30, **changes})
    parts = Composition(settings, fast_path=fast_path, instance=instance)
    yield parts
    await shutdown.close(parts, asyncio.Event())


def anonymous(parts: Composition) -> Blocks:
    """The blocks of everybody who need not say who they are."""
    return parts.principal(ANONYMOUS).blocks


class UnansweredStore:
    """A store that answers what it is asked only when a test says so."""

    outlives_process = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, Future[Any]]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def open(self) -> StoreContents:
        """Block 1 of everybody, of 16 MiB."""
        block = StoredBlock(Identity(ANONYMOUS, 1, 0, 0), 5, 1 << 24)
        return StoreContents([block], {ANONYMOUS: 1})

    def allocate(self, size: int, identity: Identity) -> Future[Ref]:
        return self._ask("allocate", size)

    def release(self, ref: Ref) -> Future[None]:
        return self._ask("release")

    def resize(self, ref: Ref, size: int) -> Future[Ref]:
        return self._ask("resize", size)

    def read(self, ref: Ref, offset: int, size: int) -> Future[Buffer | StreamedRead]:
        return self._ask("read", offset, size)

    def write(
        self, ref: Ref, offset: int, data: Buffer, payload: TakeablePayload | None = None
    ) -> Future[None]:
        return self._ask("write", offset)

    def fill(self, ref: Ref, offset: int, size: int, byte: int) -> Future[None]:
        return self._ask("fill", offset, size, byte)

    def copy(
        self, source: Ref, source_offset: int, target: Ref, offset: int, size: int
    ) -> Future[None]:
        return self._ask("copy", source_offset, target, offset, size)

    def compare_swap(self, ref: Ref, offset: int, expected: bytes, desired: bytes) -> Future[bytes]:
        return self._ask("compare_swap", offset)

    def fetch_add(self, ref: Ref, offset: int, delta: int) -> Future[int]:
        return self._ask("fetch_add", offset, delta)

    def close(self) -> None:
        pass

    def _ask(self, what: str, *numbers: int) -> Future[Any]:
        made: Future[Any] = Future()
        self.asked.append((" ".join([what, *map(str, numbers)]), made))
        self.meanwhile()
        return made

    def answer(self, which: int, value: object) -> None:
        """Answer what was asked as number `which`."""
        self.asked[which][1].set_result(value)

    def fail(self, which: int, error: Exception) -> None:
        """The same, with an error."""
        self.asked[which][1].set_exception(error)

    def unanswered(self) -> Iterator[Future[Any]]:
        """What it still owes."""
        return (answer for _, answer in [*self.asked] if not answer.done())


def on(store: UnansweredStore) -> Composition:
    """A server on `store`, which has no fast path."""
    parts = Composition(Settings(max_memory_bytes=1 << 30), store)
    parts.adopt(store.open())
    return parts
