"""A session without a socket: bytes are handed to it, and what it sends is kept.

Rule: it behaves as uvloop's transport does where the session can tell: the
buffer is asked for before each receive, writing pauses and resumes the
protocol, and nothing is received while reading is paused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import cast

from ether_daemon.app.composition import EtherService
from ether_daemon.net.connection import Session
from ether_daemon.service.blocks import Handles
from ether_daemon.service.commands import Caller
from ether_daemon.settings import Settings
from ether_daemon.stores.contract import Store
from ether_daemon.stores.future import Later

LOCAL = ("127.0.0.1", 54321)
STRANGER = ("203.0.113.9", 54321)


class FakeTransport(asyncio.Transport):
    """Keeps what is written; takes `window` bytes at a time from the session if one is set."""

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
        self.protocol: Session | None = None

    def is_reading(self) -> bool:
        return self.reading

    def ended(self) -> str:
        """How far the connection has ended, by the server's doing."""
        return self.closed or ("eof" if self.eof else "")

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert isinstance(data, bytes), "what is sent must not change on its way"
        assert not self.eof, "written after the end"
        if self.closed:
            return
        self.writes += 1
        self.held += data
        self._move()

    def writelines(self, list_of_data: Sequence[bytes]) -> None:  # type: ignore[override]
        for data in list_of_data:
            assert isinstance(data, bytes)
        self.write(b"".join(list_of_data))

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
        paused = self.protocol._outbox.paused
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
        self.eof = True

    def close(self) -> None:
        self.closed = self.closed or "closed"

    def abort(self) -> None:
        self.closed = "aborted" if self.closed in ("", "closed") else self.closed


class Connection:
    """One session on a fake transport."""

    def __init__(self, service: EtherService, peername: object = LOCAL, fast: bool = True) -> None:
        self.transport = FakeTransport(peername)
        self.session = Session(service)
        if not fast:
            self.session._fast = None
        self.transport.protocol = self.session
        self.session.connection_made(self.transport)

    def offer(self, data: bytes) -> int:
        """Have `data` arrive as far as it is read at once; how much of it was."""
        rest = memoryview(data)
        while len(rest) and self.transport.reading and not self.transport.closed:
            buffer = self.session.get_buffer(65536)
            assert len(buffer), "an empty buffer ends the connection"
            step = min(len(buffer), len(rest))
            buffer[:step] = rest[:step]
            self.session.buffer_updated(step)
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
        """Wait until the session has nothing left to do by itself."""
        for _ in range(1000):
            await asyncio.sleep(0)
            if self.transport.reading or self.session._outbox.blocked:
                return

    def received(self) -> bytes:
        """What the client has got since it was last asked."""
        got = bytes(self.transport.sent)
        self.transport.sent.clear()
        return got

    def lose(self, error: Exception | None = None) -> None:
        self.transport.closed = self.transport.closed or "lost"
        self.session.connection_lost(error)


@contextmanager
def serving(**changes: object) -> Iterator[EtherService]:
    """A service of one's own; needs a running loop where chores are begun."""
    values = {"max_memory_bytes": 1 << 30, **changes}
    service = EtherService(Settings(**values))  # type: ignore[arg-type]
    yield service
    service.close()


class LateStore:
    """A store that answers what it is asked only when a test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Later[object]]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Callable[..., Later[object]]:
        def ask(*values: object) -> Later[object]:
            numbers = [str(value) for value in values[1:] if isinstance(value, int)]
            later: Later[object] = Later()
            self.asked.append((" ".join([name, *numbers]), later))
            self.meanwhile()
            return later

        return ask

    def size(self, ref: int) -> int:
        return 1 << 24

    def close(self) -> None:
        pass

    def answer(self, which: int, value: object) -> None:
        self.asked[which][1].resolve(value)


class LateService(EtherService):
    """A service on a LateStore, with block 1 there and the short way closed."""

    def __init__(self, store: LateStore) -> None:
        super().__init__(Settings(max_memory_bytes=1 << 30))
        self.fast_path = None
        self.late = Handles(cast(Store, store), self.ledger)
        self.late.table.add(5, 0)

    def caller(self) -> Caller:
        return Caller(self.late, self)
