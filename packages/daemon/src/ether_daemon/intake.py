"""What one connection has received, on its way to becoming requests.

Rule: bytes are looked at where the socket put them.  All connections share
one receive buffer, since only one receives at a time; what is left of a turn
is kept apart, and a long payload is received where it stays until it is whole.
"""

from __future__ import annotations

import mmap

from ether_protocol.connection import Refused
from ether_protocol.framing import Filler, Refusal, RequestFramer
from ether_protocol.messages import Message
from ether_protocol.vocabulary import VERSION_2, ErrorCode

from .wiping import reserve

RECEIVE_BYTES = 256 * 1024
MAX_INLINE_BYTES = 16 * 1024
"""A payload up to this long is awaited behind its header, a longer one in memory of its own."""


class ReceiveBuffer:
    """The buffer that the connections of one event loop take turns with."""

    def __init__(self) -> None:
        self.data = bytearray(RECEIVE_BYTES)
        self.view = memoryview(self.data)


class Intake:
    """The receiving half of one connection.

    A turn begins with `received` or `resume`, hands requests out with `next`,
    and ends with `rest`.  `data`, `view`, `start` and `end` are the turn's
    bytes not yet cut, for the fast path to take from; whoever moves `start`
    calls `skipped_to`.
    """

    __slots__ = ("_body", "_drop", "_framer", "_shared", "_tail", "data", "end", "start", "view")

    def __init__(self, shared: ReceiveBuffer) -> None:
        self._shared = shared
        self._framer = RequestFramer()
        self._tail = b""
        self._body: _Body | None = None
        self._drop = 0
        self.data: bytes | bytearray = b""
        self.view = memoryview(b"")
        self.start = 0
        self.end = 0

    @property
    def partial(self) -> bool:
        """Between turns: whether a request has begun to arrive, or whole ones wait."""
        return bool(self._tail) or self._body is not None

    @property
    def clean(self) -> bool:
        """Between turns: whether version 2 requests may be cut elsewhere, and nobody told of it."""
        framer = self._framer
        told = framer.version == VERSION_2 and not framer.filler_may_follow
        return told and not self._tail and self._body is None and not self._drop

    @property
    def at_header(self) -> bool:
        """Whether a header is due at `start`, rather than a payload or bytes to be dropped."""
        return not self._drop and self._body is None

    def get_buffer(self) -> memoryview:
        """Where the next bytes from the socket belong."""
        if self._body is not None:
            return self._body.room()
        tail = self._tail
        if not tail:
            return self._shared.view
        self._shared.data[: len(tail)] = tail
        return self._shared.view[len(tail) :]

    def received(self, count: int) -> None:
        """Begin a turn: `count` bytes stand at the start of what `get_buffer` lent."""
        if self._body is not None:
            self._body.filled += count
            return
        self.data, self.view = self._shared.data, self._shared.view
        self.start, self.end = 0, len(self._tail) + count
        self._tail = b""

    def resume(self) -> None:
        """Begin a turn with what the last one left."""
        self.data = self._tail
        self.view = memoryview(self._tail)
        self.start, self.end = 0, len(self._tail)
        self._tail = b""

    def skipped_to(self, start: int) -> None:
        """Say that the messages up to `start`, all of version 2, were dealt with elsewhere."""
        if start != self.start:
            self.start = start
            self._framer.version = VERSION_2
            self._framer.forget_filler()

    def next(self) -> Message | Refused | None:
        """The next whole request or refusal of this turn; its payload is lent until the next call.

        None means that there is none: what is left waits for more bytes.
        """
        if self._body is not None:
            return self._whole_body(self._body)
        while self.start < self.end:
            if self._drop:
                step = min(self._drop, self.end - self.start)
                self._drop -= step
                self.start += step
                continue
            head = self._framer.head(self.data, self.start, self.end)
            if head is None:
                return None
            if isinstance(head, Filler):
                self._drop = head.length
                continue
            first = self.start + head.used
            if head.discard:
                self.start, self._drop = first, head.length
            elif head.length > self.end - first:
                return self._await_payload(head.message, head.length, first)
            elif head.length:
                self.start = first + head.length
                head.message.payload = self.view[first : self.start]
            else:
                self.start = first
            return head.message if head.refusal is None else Refused(head.message, head.refusal)
        return None

    def rest(self) -> None:
        """End the turn; the shared buffer is another connection's from now on."""
        self._tail = bytes(self.view[self.start : self.end])
        self.data, self.view = b"", memoryview(b"")
        self.start = self.end = 0

    def close(self) -> None:
        """Let go of everything."""
        self._tail = b""
        if self._body is not None:
            self._body.close()
            self._body = None

    def _await_payload(self, message: Message, length: int, first: int) -> Refused | None:
        if length <= MAX_INLINE_BYTES:
            return None
        try:
            body = _Body(message, length)
        except OSError:
            self.start, self._drop = first, length
            text = f"the machine has no room for a payload of {length} bytes"
            return Refused(message, Refusal(ErrorCode.NO_MEMORY, text))
        body.begin(self.view[first : self.end])
        self._body, self.start = body, self.end
        return None

    def _whole_body(self, body: _Body) -> Message | None:
        if body.filled < body.length:
            return None
        self._body = None
        return body.finish()


class _Body:
    """The payload of a long WRITE until it is whole."""

    __slots__ = ("_memory", "_message", "filled", "length")

    def __init__(self, message: Message, length: int) -> None:
        # Pages of an anonymous mapping exist only once bytes arrive in them,
        # and go back to the kernel, which wipes them, as soon as it is dropped.
        self._memory: mmap.mmap = reserve(length)
        self._message = message
        self.length = length
        self.filled = 0

    def begin(self, data: memoryview) -> None:
        self._memory[: len(data)] = data
        self.filled = len(data)

    def room(self) -> memoryview:
        return memoryview(self._memory)[self.filled :]

    def finish(self) -> Message:
        self._message.payload = memoryview(self._memory)
        return self._message

    def close(self) -> None:
        self._message.payload = b""
