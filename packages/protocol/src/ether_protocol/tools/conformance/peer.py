"""One connection to the server under test.

Rule: whatever the server does, each call returns: no wait is longer than the
time budget allows, no more than one message is kept, and what is not a reply
raises RuleBroken and no other exception.
"""

from __future__ import annotations

import select
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

from .verdicts import RuleBroken
from .wire import PlainWire

CLOSE_SECONDS = 1.0
"""A server that ends a connection has this long (docs/protocol.md, "Bad input")."""

CLOSE_GRACE_SECONDS = 0.5
"""What is allowed on top of it on a busy machine."""

_PROBE_SECONDS = 0.05
_CHUNK_BYTES = 256 * 1024
_TAIL_BYTES = 1 << 20
"""Most bytes that a server may send between its last reply and its close."""

_READABLE = select.POLLIN
_WRITABLE = select.POLLOUT

OnReply = Callable[[Message, Message], None]
"""Called with each request and its reply."""


class TimeBudget:
    """How long one wait may take, and when the whole rule must have ended."""

    def __init__(self, timeout: float, budget: float) -> None:
        self.timeout = timeout
        self._ends = time.monotonic() + budget

    def allowance(self, seconds: float | None = None) -> float:
        """Seconds that one wait may take; raises RuleBroken once the rule's time is used up."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise RuleBroken(
                "the rule to end in time", "a server that keeps this rule busy for too long"
            )
        return min(self.timeout if seconds is None else seconds, left)


class Peer:
    """A connection to the server: sends requests or any other bytes, and receives replies."""

    def __init__(self, wire: PlainWire, time_budget: TimeBudget, on_reply: OnReply) -> None:
        self._wire = wire
        self._time_budget = time_budget
        self._on_reply = on_reply
        self._awaited: deque[Message] = deque()
        self._last_id = 0
        self._send_error = ""

    # Sending

    def send(self, *requests: Message) -> None:
        """Number the requests and send them all at once."""
        self.send_raw(b"".join(self.encode(request) for request in requests), *requests)

    def encode(self, request: Message) -> bytes:
        """The bytes of `request`; a request of version 2 without an id gets the next one."""
        if request.version == VERSION_2 and not request.request_id:
            self._last_id += 1
            request.request_id = self._last_id
        return encode(request)

    def send_raw(self, data: bytes, *requests: Message) -> None:
        """Send `data` as it is; `requests` are those in it that get a reply.

        A server that has closed the connection raises nothing here: its last
        reply can still be received.
        """
        self._awaited.extend(requests)
        rest = memoryview(data)
        while len(rest) and not self._send_error:
            sent = self.try_send(rest, self._time_budget.allowance())
            if not sent and not self._send_error:
                raise RuleBroken(
                    "a server that reads what is sent",
                    f"{len(rest)} bytes not taken within {self._time_budget.timeout:g} s",
                )
            rest = rest[sent:]

    def try_send(self, data: memoryview | bytes, seconds: float) -> int:
        """Send what the kernel takes of `data` within `seconds`; returns how many bytes."""
        if not self._ready(_WRITABLE, self._time_budget.allowance(seconds)):
            return 0
        try:
            return self._wire.send(data[:_CHUNK_BYTES])
        except BlockingIOError:
            return 0
        except OSError as error:
            self._send_error = error.strerror or type(error).__name__
            return 0

    # Receiving

    def ask(self, request: Message) -> Message:
        """Send `request` and wait for its reply."""
        self.send(request)
        return self.receive()

    def receive(self) -> Message:
        """The next reply, of either version; raises RuleBroken if none comes in time."""
        header = self._exactly(HEADER_BYTES[VERSION_1], "a reply")
        if not header.startswith(MAGIC_BYTES):
            raise RuleBroken("a reply", f"bytes that begin with {header[:8].hex(' ')}")
        version = header[len(MAGIC_BYTES)]
        if version not in HEADER_BYTES:
            raise RuleBroken("a reply of version 1 or 2", f"version {version}")
        header += self._exactly(HEADER_BYTES[version] - len(header), "the rest of a header")
        reply, length = decode_header(header, 0, version)
        if length > MAX_PAYLOAD_BYTES:
            raise RuleBroken(
                "a payload of at most 16 MiB", f"{reply} that announces {length} bytes"
            )
        if length:
            reply.payload = self._exactly(length, f"{length} payload bytes of {reply}")
        if self._awaited:
            self._on_reply(self._awaited.popleft(), reply)
        return reply

    def expect_alive(self) -> None:
        """Expect that the connection is still open: the next reply is the one to a PING."""
        probe = f"alive {self._last_id}".encode()
        reply = self.ask(Message(Command.PING, payload=probe))
        if (reply.command, bytes(reply.payload)) != (Command.PONG, probe):
            raise RuleBroken("a connection that goes on with PONG", str(reply))

    def expect_end(self) -> None:
        """Expect that the server closes its side within a second and sends nothing more."""
        extra = 0
        while True:
            wait = self._time_budget.allowance(CLOSE_SECONDS + CLOSE_GRACE_SECONDS)
            if not self._ready(_READABLE, wait):
                raise RuleBroken("the connection closed", f"it open after {wait:.1f} s")
            try:
                chunk = self._wire.receive(_CHUNK_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not chunk and not extra:
                return
            extra += len(chunk)
            if not chunk or extra > _TAIL_BYTES:
                raise RuleBroken("nothing more and a close", f"{extra} bytes more")

    def expect_closed(self) -> None:
        """Expect that the server closes the whole connection within a second."""
        deadline = time.monotonic() + CLOSE_SECONDS + CLOSE_GRACE_SECONDS
        while time.monotonic() < deadline:
            self.try_send(b"\0", _PROBE_SECONDS)
            if self._send_error or self._ready(0, self._time_budget.allowance(_PROBE_SECONDS)):
                return
        raise RuleBroken("the connection closed within a second", "it still taking bytes")

    def _exactly(self, count: int, what: str) -> bytes:
        data = bytearray()
        while len(data) < count:
            wait = self._time_budget.allowance()
            if not self._ready(_READABLE, wait):
                self._time_budget.allowance()  # raises if the rule's time is over
                raise RuleBroken(what, self._so_far(data, f"silence for {wait:.1f} s"))
            try:
                chunk = self._wire.receive(min(count - len(data), _CHUNK_BYTES))
            except BlockingIOError:
                continue
            except OSError as error:
                raise RuleBroken(what, self._so_far(data, error.strerror or "an error")) from None
            if not chunk:
                raise RuleBroken(what, self._so_far(data, "the connection closed"))
            data += chunk
        return bytes(data)

    def _so_far(self, data: bytearray, then: str) -> str:
        return f"{len(data)} bytes, then {then}" if data else then

    def _ready(self, events: int, seconds: float) -> bool:
        """Whether `events` or the end of the connection came within `seconds`."""
        if events & _READABLE and self._wire.has_more():
            return True
        poll = select.poll()
        poll.register(self._wire, events)
        return bool(poll.poll(max(1, round(seconds * 1000))))

    # Closing

    @property
    def awaited(self) -> list[Message]:
        """Requests whose replies have not been received yet."""
        return list(self._awaited)

    def finish_sending(self) -> None:
        """Shut down the sending side."""
        self._wire.finish_sending()

    def reset(self) -> None:
        """Close at once: the server sees a connection reset."""
        self._wire.reset()

    def close(self) -> None:
        """Close the socket.  May be called twice."""
        self._wire.close()
