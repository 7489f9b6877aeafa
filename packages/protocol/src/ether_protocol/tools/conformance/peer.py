"""One connection to the server under test.

Rule: whatever the server does, each call ends: no wait is longer than the
clock allows, no more is kept than one message, and what is not a reply is
Broken, never an exception of another kind.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable

from ether_protocol.wire.codec import HEADER_BYTES, decode_header, encode
from ether_protocol.wire.constants import (
    MAGIC_BYTES,
    MAX_PAYLOAD_BYTES,
    VERSION_1,
    VERSION_2,
    Command,
)
from ether_protocol.wire.messages import Message

from .verdicts import Broken

CLOSE_SECONDS = 1.0
"""A server that ends a connection has this long (docs/protocol.md, "Bad input")."""

CLOSE_GRACE_SECONDS = 0.5
"""What a busy machine may add to it before it is held against the server."""

_PROBE_SECONDS = 0.05
_CHUNK_BYTES = 256 * 1024
_TAIL_BYTES = 1 << 20
"""So much may come between a server's last reply and its close, not more."""

_READABLE = select.POLLIN
_WRITABLE = select.POLLOUT

Answered = Callable[[Message, Message], None]
"""Told of each request and its reply."""


class Clock:
    """How long a silence may last, and when the rule's time is over."""

    def __init__(self, timeout: float, budget: float) -> None:
        self.timeout = timeout
        self._ends = time.monotonic() + budget

    def allowance(self, seconds: float | None = None) -> float:
        """How long one wait may take; raises Broken once the rule's time is used up."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise Broken("an end of it in time", "a server that keeps this rule busy for too long")
        return min(self.timeout if seconds is None else seconds, left)


class Peer:
    """A connection on which requests, or bytes that are none, are sent and replies awaited."""

    def __init__(self, sock: socket.socket, clock: Clock, answered: Answered) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._clock = clock
        self._answered = answered
        self._awaited: deque[Message] = deque()
        self._last_id = 0
        self._cut_short = ""

    # Sending

    def send(self, *requests: Message) -> None:
        """Number and send requests, all in one piece."""
        self.raw(b"".join(self.form(request) for request in requests), *requests)

    def form(self, request: Message) -> bytes:
        """The bytes of `request`, numbered if it is one of version 2 and has no id yet."""
        if request.version == VERSION_2 and not request.request_id:
            self._last_id += 1
            request.request_id = self._last_id
        return encode(request)

    def raw(self, data: bytes, *requests: Message) -> None:
        """Send `data` as it is; `requests` are those within it that get a reply.

        A server that has closed does not end the rule: what it said can still be read.
        """
        self._awaited.extend(requests)
        rest = memoryview(data)
        while len(rest) and not self._cut_short:
            sent = self.offer(rest, self._clock.allowance())
            if not sent and not self._cut_short:
                raise Broken(
                    "a server that reads what is sent",
                    f"{len(rest)} bytes not taken within {self._clock.timeout:g} s",
                )
            rest = rest[sent:]

    def offer(self, data: memoryview | bytes, seconds: float) -> int:
        """Send as much of `data` as is taken at once, within `seconds`; how many bytes were."""
        if not self._ready(_WRITABLE, self._clock.allowance(seconds)):
            return 0
        try:
            return self._sock.send(data[:_CHUNK_BYTES])
        except BlockingIOError:
            return 0
        except OSError as error:
            self._cut_short = error.strerror or type(error).__name__
            return 0

    # Receiving

    def ask(self, request: Message) -> Message:
        """Send `request` and wait for its reply."""
        self.send(request)
        return self.receive()

    def receive(self) -> Message:
        """The next reply, of either version; Broken where none comes in time."""
        head = self._exactly(HEADER_BYTES[VERSION_1], "a reply")
        if not head.startswith(MAGIC_BYTES):
            raise Broken("a reply", f"bytes that begin with {head[:8].hex(' ')}")
        version = head[len(MAGIC_BYTES)]
        if version not in HEADER_BYTES:
            raise Broken("a reply of version 1 or 2", f"version {version}")
        head += self._exactly(HEADER_BYTES[version] - len(head), "the rest of a header")
        reply, length = decode_header(head, 0, version)
        if length > MAX_PAYLOAD_BYTES:
            raise Broken("a payload of at most 16 MiB", f"{reply} that announces {length} bytes")
        if length:
            reply.payload = self._exactly(length, f"{length} payload bytes of {reply}")
        if self._awaited:
            self._answered(self._awaited.popleft(), reply)
        return reply

    def alive(self) -> None:
        """Show that the connection goes on: a PING is the next that is answered."""
        probe = f"alive {self._last_id}".encode()
        reply = self.ask(Message(Command.PING, payload=probe))
        if (reply.command, bytes(reply.payload)) != (Command.PONG, probe):
            raise Broken("a connection that goes on with PONG", str(reply))

    def expect_end(self) -> None:
        """Wait until the server ends its side, with nothing more said; Broken otherwise."""
        extra = 0
        while True:
            wait = self._clock.allowance(CLOSE_SECONDS + CLOSE_GRACE_SECONDS)
            if not self._ready(_READABLE, wait):
                raise Broken("the connection closed", f"it open after {wait:.1f} s")
            try:
                chunk = self._sock.recv(_CHUNK_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not chunk and not extra:
                return
            extra += len(chunk)
            if not chunk or extra > _TAIL_BYTES:
                raise Broken("nothing more and a close", f"{extra} bytes more")

    def expect_cut_off(self) -> None:
        """Go on sending until the server is gone altogether; Broken after a second and a half."""
        deadline = time.monotonic() + CLOSE_SECONDS + CLOSE_GRACE_SECONDS
        while time.monotonic() < deadline:
            self.offer(b"\0", _PROBE_SECONDS)
            if self._cut_short or self._ready(0, self._clock.allowance(_PROBE_SECONDS)):
                return
        raise Broken("the connection closed within a second", "it still taking bytes")

    def _exactly(self, count: int, what: str) -> bytes:
        data = bytearray()
        while len(data) < count:
            wait = self._clock.allowance()
            if not self._ready(_READABLE, wait):
                self._clock.allowance()  # if that was the end of the rule's time, say so
                raise Broken(what, self._so_far(data, f"silence for {wait:.1f} s"))
            try:
                chunk = self._sock.recv(min(count - len(data), _CHUNK_BYTES))
            except BlockingIOError:
                continue
            except OSError as error:
                raise Broken(what, self._so_far(data, error.strerror or "an error")) from None
            if not chunk:
                raise Broken(what, self._so_far(data, "the connection closed"))
            data += chunk
        return bytes(data)

    def _so_far(self, data: bytearray, then: str) -> str:
        return f"{len(data)} bytes, then {then}" if data else then

    def _ready(self, events: int, seconds: float) -> bool:
        """Whether `events`, or an end of the connection, came within `seconds`."""
        poll = select.poll()
        poll.register(self._sock, events)
        return bool(poll.poll(max(1, round(seconds * 1000))))

    # Ending

    @property
    def awaited(self) -> list[Message]:
        """Requests whose reply was not received yet."""
        return list(self._awaited)

    def finish_sending(self) -> None:
        """Half-close: say that no more will be sent."""
        self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Die: the server gets a reset, not a goodbye."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def close(self) -> None:
        """Close the socket.  May be called twice."""
        self._sock.close()
