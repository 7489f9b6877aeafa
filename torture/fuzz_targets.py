"""What is fuzzed: each target takes any bytes, and raises if something breaks a promise.

Rule: the errors that a caller is told of are the only ones that may come out;
anything else is a find.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import Any

from ether_protocol import Command, Message, RemoteProtocolError
from ether_protocol.sansio.client import ClientConnection
from ether_protocol.sansio.server import Refused, ServerConnection
from ether_protocol.wire import bodies
from ether_protocol.wire.codec import HEADER_BYTES, decode_header, encode_header
from ether_protocol.wire.framing import RequestFramer
from talk import FETCH_ADD, PING, READ, STATS, WRITE

Target = Callable[[bytes], None]

_DECODERS: tuple[Callable[[bytes], object], ...] = (
    bodies.decode_client_name,
    bodies.decode_hello,
    bodies.decode_stats,
    bodies.decode_info,
    bodies.decode_list,
    bodies.decode_compare_swap,
    bodies.decode_fetch_add,
    lambda data: bodies.decode_error(Message(Command.ERROR, payload=data)),
)


def codec(data: bytes) -> None:
    """Headers and bodies: decoded as far as they are any, and written again as they were."""
    for version, size in HEADER_BYTES.items():
        if len(data) >= size and data[4] == version:
            message, length = decode_header(data, 0, version)
            said = encode_header(message, length)  # without what its command does not use
            assert encode_header(*decode_header(said, 0, version)) == said
    RequestFramer().parse_head(data, 0, len(data))
    for decode in _DECODERS:
        try:
            decode(data)
        except RemoteProtocolError:
            continue


def server_receiver(data: bytes) -> None:
    """Requests are the same, however the stream arrives."""
    stream, cuts = _cut(data)
    whole = _requests([stream])
    assert _requests(_pieces(stream, cuts)) == whole


def _requests(pieces: Sequence[bytes]) -> list[str]:
    connection = ServerConnection()
    found: list[str] = []
    for piece in pieces:
        for event in connection.receive_data(piece):
            message = event.message if isinstance(event, Refused) else event
            refused = event.refusal.code if isinstance(event, Refused) else ""
            found.append(f"{refused} {message} {bytes(message.payload)!r}")
            if isinstance(event, Refused):
                connection.refuse(event)
                if event.refusal.fatal:
                    return found
    return found


def client_receiver(data: bytes) -> None:
    """Replies are the same, however the stream arrives, or the stream is refused."""
    stream, cuts = _cut(data)
    whole, refused = _replies([stream])
    parts, refused_too = _replies(_pieces(stream, cuts))
    assert (parts, refused_too) == (whole, refused)


_ASKED = (
    Message(PING),
    Message(READ, 1, size=100),
    Message(WRITE, 1, payload=b"data"),
    Message(STATS),
    Message(FETCH_ADD, 1, payload=bytes(8)),
    Message(PING, version=1),
    Message(READ, 1, size=100, version=1),
    Message(READ, 1, size=1 << 20),
)


def _replies(pieces: Sequence[bytes]) -> tuple[list[str], bool]:
    connection = ClientConnection()
    for asked in _ASKED * 2:
        connection.send(
            Message(
                asked.command,
                asked.handle,
                size=asked.size,
                payload=asked.payload,
                version=asked.version,
            )
        )
    found: list[str] = []
    try:
        for piece in pieces:
            # What stands behind a whole reply is refused by the next call.
            fed = piece
            while True:
                replies = connection.receive_data(fed)
                found += [f"{reply} {bytes(reply.payload)!r}" for reply in replies]
                if not replies:
                    break
                fed = b""
    except RemoteProtocolError:
        return found, True
    return found, False


def _cut(data: bytes) -> tuple[bytes, list[int]]:
    """The stream in `data`, and where it is cut: the first four bytes say that."""
    return data[4:], sorted({place * len(data) // 256 for place in data[:4]})


def _pieces(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = [0, *(cut for cut in cuts if 0 < cut < len(stream)), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]


class ConnectionTarget:
    """A whole server in this process, and a client on it that sends any bytes."""

    def __init__(self) -> None:
        from daemon.connection import FakeClient, replies
        from ether_daemon.app.composition import Composition
        from ether_daemon.settings import Settings

        self._loop = asyncio.new_event_loop()
        self._new_server: Callable[[], Composition] = lambda: Composition(
            Settings(max_memory_bytes=1 << 20)
        )
        self._new_client: Callable[[Any], Any] = FakeClient
        self._replies = replies
        self._parts: Composition | None = None
        self._runs = 0
        self._failures = _Failures()
        self._log = logging.getLogger("etherd")
        self._log.addHandler(self._failures)
        self._propagates, self._log.propagate = self._log.propagate, False

    def close(self) -> None:
        """Let go of the server and its loop."""
        self._log.removeHandler(self._failures)
        self._log.propagate = self._propagates
        if self._parts is not None:
            self._parts.store.close()
        self._loop.close()

    def __call__(self, data: bytes) -> None:
        """Have `data` arrive in pieces; every byte that is sent belongs to a reply."""
        self._loop.run_until_complete(self._run(data))
        if self._failures.seen:
            raise AssertionError(self._failures.seen.pop())

    async def _run(self, data: bytes) -> None:
        if self._parts is None or self._runs % 1000 == 0:
            if self._parts is not None:
                self._parts.store.close()
            self._parts = self._new_server()  # what the last ones left is gone
        self._runs += 1
        stream, cuts = _cut(data)
        client = self._new_client(self._parts)
        await client.send(stream, cuts)
        self._replies(client.received())
        client.lose()
        await asyncio.sleep(0)


class _Failures(logging.Handler):
    """What the daemon logs of itself that no client must be able to cause."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(self.format(record))


_FUNCTIONS: dict[str, Target] = {
    "codec": codec,
    "server receiver": server_receiver,
    "client receiver": client_receiver,
}
TARGETS = (*_FUNCTIONS, "connection")


@contextmanager
def opened(name: str) -> Iterator[Target]:
    """The target called `name`, and what it needs, until the block ends."""
    if name in _FUNCTIONS:
        yield _FUNCTIONS[name]
        return
    with closing(ConnectionTarget()) as target:
        yield target


def plant() -> None:
    """The flaw that a fuzzer has to find: a body of the wrong length raises what struct raises."""

    def unpack(body: Any, payload: Any) -> Any:
        return body.unpack(payload)

    bodies.unpack = unpack
