"""What one connection has received, on its way to becoming requests.

Rule: bytes are looked at where the socket put them.  All connections share
one receive buffer, since only one receives at a time; what is left of a turn
is kept apart, and a long payload arrives in memory of its own.
"""

from __future__ import annotations

from ether_protocol.sansio.server import Refused
from ether_protocol.wire.constants import VERSION_2, ErrorCode
from ether_protocol.wire.framing import Filler, Refusal, RequestFramer
from ether_protocol.wire.messages import Message

from .buffer_pool import Arrival, Spares

RECEIVE_BYTES = 256 * 1024
MAX_INLINE_BYTES = 16 * 1024
"""A payload up to this long is awaited behind its header, a longer one in memory of its own."""


class ReceiveBuffer:
    """The memory that the connections of one event loop receive in, one at a time."""

    def __init__(self) -> None:
        self.data = bytearray(RECEIVE_BYTES)
        self.view = memoryview(self.data)
        self.spares = Spares()

    def wipe(self) -> None:
        """Let nothing remain of what was received last."""
        self.data[:] = bytes(RECEIVE_BYTES)


class Intake:
    """The receiving half of one connection.

    A turn begins with `received` or `resume`, hands requests out with `next`,
    and ends with `rest`.  `data`, `view`, `start` and `end` are the turn's
    bytes not yet cut, for the fast path to take from; whoever moves `start`
    calls `skipped_to`.
    """

    __slots__ = (
        "_arrival",
        "_drop",
        "_finished",
        "_framer",
        "_message",
        "_shared",
        "_tail",
        "data",
        "end",
        "start",
        "view",
    )

    def __init__(self, shared: ReceiveBuffer) -> None:
        self._shared = shared
        self._framer = RequestFramer()
        self._tail = b""
        self._arrival: Arrival | None = None  # a long payload that is not whole
        self._finished: Arrival | None = None  # one that is, and is lent out
        self._message = Message(0)  # whose payload it is
        self._drop = 0
        self.data: bytes | bytearray = b""
        self.view = _NOTHING
        self.start = 0
        self.end = 0

    @property
    def partial(self) -> bool:
        """Between turns: whether a request has begun to arrive, or whole ones wait."""
        return bool(self._tail) or self._arrival is not None

    @property
    def clean(self) -> bool:
        """Between turns: whether version 2 requests may be cut elsewhere, and nobody told of it."""
        framer = self._framer
        told = framer.version == VERSION_2 and not framer.filler_may_follow
        return told and not self._tail and self._arrival is None and not self._drop

    @property
    def at_header(self) -> bool:
        """Whether a header is due at `start`, rather than a payload or bytes to be dropped."""
        return not self._drop and self._arrival is None

    def get_buffer(self) -> memoryview:
        """Where the next bytes from the socket belong."""
        if self._arrival is not None:
            return self._arrival.room()
        tail = self._tail
        if not tail:
            return self._shared.view
        self._shared.data[: len(tail)] = tail
        return self._shared.view[len(tail) :]

    def received(self, count: int) -> None:
        """Begin a turn: `count` bytes stand at the start of what `get_buffer` lent."""
        if self._arrival is not None:
            self._arrival.filled += count
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
        if self._finished is not None:
            self._let_go(self._finished)
        if self._arrival is not None:
            return self._whole(self._arrival)
        while self.start < self.end:
            if self._drop:
                step = min(self._drop, self.end - self.start)
                self._drop -= step
                self.start += step
                continue
            head = self._framer.parse_head(self.data, self.start, self.end)
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
        if self._finished is not None:
            self._let_go(self._finished)
        self._tail = bytes(self.view[self.start : self.end])
        self.data, self.view = b"", _NOTHING
        self.start = self.end = 0

    def close(self) -> None:
        """Let go of everything."""
        self._tail = b""
        if self._arrival is not None:
            self._arrival.close()
            self._arrival = None

    def _await_payload(self, message: Message, length: int, first: int) -> Refused | None:
        if length <= MAX_INLINE_BYTES:
            return None
        try:
            arrival = Arrival(self._shared.spares, length)
        except OSError:
            self.start, self._drop = first, length
            text = f"the machine has no room for a payload of {length} bytes"
            return Refused(message, Refusal(ErrorCode.NO_MEMORY, text))
        arrival.begin(self.view[first : self.end])
        self._arrival, self._message, self.start = arrival, message, self.end
        return None

    def _whole(self, arrival: Arrival) -> Message | None:
        if arrival.filled < arrival.length:
            return None
        self._arrival, self._finished = None, arrival
        self._shared.spares.arrived = arrival
        return self._message.with_payload(arrival.payload)

    def _let_go(self, finished: Arrival) -> None:
        self._shared.spares.arrived = self._finished = None
        finished.close()


_NOTHING = memoryview(b"")
