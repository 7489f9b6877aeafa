"""The one place where a stream of bytes is cut into messages.

Rule: it knows where a message ends and never what one is for; nothing is
allocated because a header said so, and where bytes are kept is `ReceiveMemory`'s
decision.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from ether_protocol.wire.errors import RemoteProtocolError
from ether_protocol.wire.messages import Buffer, Message, byte_view

from .memory import ReceiveMemory
from .payload import Payload

_Event = TypeVar("_Event")


class Receiver(ABC, Generic[_Event]):
    """The receiving half of a connection.

    The socket's owner receives into `get_buffer`, says how much with
    `received`, and takes events until there is none.  Where the memory is
    shared with other connections, it then calls `suspend`.
    """

    __slots__ = (
        "_buffer",
        "_closed",
        "_drop",
        "_end",
        "_inline_bytes",
        "_lends",
        "_length",
        "_memory",
        "_message",
        "_payload",
        "_start",
        "_suspended",
        "_view",
        "lent",
    )

    def __init__(self, memory: ReceiveMemory) -> None:
        self._view = memory.view
        self._start = 0
        self._end = 0
        self._memory = memory
        self._buffer = memory.data
        self._lends = memory.lends
        self._inline_bytes = memory.inline_bytes
        self._suspended = bytearray()  # what was left uncut when the memory was given back
        self._drop = 0
        self._message: Message | None = None  # its header was cut, its payload is being received
        self._length = 0
        self._payload: Payload | None = None  # where, if not in the receive buffer
        self.lent: Payload | None = None
        """The memory of the last message's payload, if that has memory of its own."""
        self._closed = False

    @property
    def at_header(self) -> bool:
        """Whether a header is due next, rather than a payload or bytes to be dropped."""
        return not self._drop and self._message is None

    @property
    def partial(self) -> bool:
        """While suspended: whether a message has begun to arrive, or whole ones wait."""
        return bool(self._suspended) or self._message is not None

    @property
    def payload_apart(self) -> bool:
        """Whether the next bytes belong to a payload with memory of its own."""
        return self._payload is not None

    @property
    def begun(self) -> bool:
        """While suspended: the same, or a payload that is dropped has not come to its end."""
        return bool(self._suspended) or self._message is not None or self._drop > 0

    @property
    def announced_bytes(self) -> int:
        """How long the payload is that has begun to arrive, as far as is known."""
        return self._length if self._message is not None or self._drop else 0

    @property
    def held_bytes(self) -> int:
        """While suspended: how much memory is kept of what has arrived."""
        payload = self._payload
        return len(self._suspended) + (0 if payload is None else payload.held_bytes)

    def uncut(self) -> tuple[memoryview, int, int]:
        """(view, start, end): `view[start:end]` is what has arrived and was not cut yet."""
        return self._view, self._start, self._end

    def get_buffer(self) -> memoryview:
        """Where the next bytes from the socket belong; never empty once every event was taken.

        Release it before the next call: the buffer of a payload grows as it comes.
        """
        if self._payload is not None:
            return self._payload.room()
        if self._suspended:
            # Another connection may have received since; and may yet, if nothing comes now.
            kept = len(self._suspended)
            self._buffer[:kept] = self._suspended
            return self._view[kept:]
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start:
            kept = self._end - self._start
            self._buffer[:kept] = self._buffer[self._start : self._end]
            self._start, self._end = 0, kept
        return self._view[self._end :]

    def received(self, count: int) -> bool:
        """Say that bytes now stand at the start of what `get_buffer` returned.

        Args:
            count: How many.

        Returns:
            Whether they may complete a message.
        """
        if self._payload is not None:
            self._payload.filled(count)
            return not self._payload.missing
        if self._suspended:
            self._start, self._end = 0, len(self._suspended) + count
            self._forget_suspended()
        else:
            self._end += count
        return True

    def suspend(self) -> None:
        """Give the receive buffer back: another connection may receive in it from now on.

        The payload of the last message can't be looked at after that.
        """
        if self.lent is not None:
            self._release()
        if self._start != self._end:
            self._suspended = bytearray(self._view[self._start : self._end])
        self._start = self._end = 0

    def resume(self) -> None:
        """Go on with what was left when it was suspended, before more is received."""
        kept = len(self._suspended)
        self._buffer[:kept] = self._suspended
        self._start, self._end = 0, kept
        self._forget_suspended()

    def close(self) -> None:
        """Let go of everything; no event comes after this."""
        self._closed = True
        self._forget_suspended()
        self._start = self._end = 0
        self.lent, self._payload = self.lent or self._payload, None
        self._message = None
        self._release()

    def _feed(self, data: Buffer) -> list[_Event]:
        events: list[_Event] = []
        rest = byte_view(data)
        try:
            while True:
                while (event := self.next_event()) is not None:
                    events.append(event)
                if not len(rest):
                    break
                with self.get_buffer() as room:
                    step = min(len(room), len(rest))
                    room[:step] = rest[:step]
                self.received(step)
                rest = rest[step:]
        except RemoteProtocolError:
            if not events:
                raise
        return events

    def next_event(self) -> _Event | None:
        """The next whole message, or None until more bytes come.

        Where the memory lends payloads, the last one's is void after this.
        """
        if self.lent is not None:
            self._release()
        while not self._closed:
            if self._drop:
                step = min(self._drop, self._end - self._start)
                self._start += step
                self._drop -= step
                if self._drop:
                    return None
            if self._message is not None:
                return self._finish(self._message)
            event = self._cut()
            if event is not None:
                return event
            if self._message is None and not self._drop:
                return None
        self._start = self._end
        return None

    def _whole(self, message: Message, length: int) -> Message:
        """`message` with its payload, all of which stands in the receive buffer next."""
        first, self._start = self._start, self._start + length
        payload = self._view[first : self._start]
        message.payload = payload if self._lends else bytes(payload)
        return message

    def _expect(self, message: Message, length: int, payload: Payload | None = None) -> None:
        """Receive the `length` payload bytes of `message`, which are not all here, in `payload`.

        Raises OSError where the machine has no memory for them.
        """
        if payload is None and length > self._inline_bytes:
            payload = self._memory.payload(length)
        self._message, self._length, self._payload = message, length, payload

    def _finish(self, message: Message) -> _Event | None:
        """Give the message being received out if its payload is whole."""
        payload = self._payload
        if payload is None:
            if self._length > self._end - self._start:
                return None
            self._message = None
            return self._complete(self._whole(message, self._length))
        if self._start != self._end:
            self._start += payload.take_in(self._view[self._start : self._end])
        if payload.missing:
            return None
        self._payload = self._message = None
        if self._lends:
            self.lent = payload
        message.payload = payload.value()
        return self._complete(message)

    def _forget_suspended(self) -> None:
        """Let go of what was kept, and leave none of it in the memory that is freed."""
        kept = self._suspended
        if kept:
            kept[:] = bytes(len(kept))
            self._suspended = bytearray()

    def _release(self) -> None:
        lent, self.lent = self.lent, None
        if lent is not None:
            lent.release()

    @abstractmethod
    def _cut(self) -> _Event | None:
        """Look at the bytes where a header is due."""

    @abstractmethod
    def _complete(self, message: Message) -> _Event:
        """Make the event of a whole message."""
