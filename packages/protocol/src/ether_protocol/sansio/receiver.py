"""The receiving half of a connection: bytes into whole messages, payloads where they stay.

Rule: it knows where a message ends and never what one is for; nothing is
allocated because a header said so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from ether_protocol.wire.errors import LocalProtocolError, RemoteProtocolError
from ether_protocol.wire.messages import Buffer, Message, byte_view

BUFFER_BYTES = 64 * 1024
"""What a connection receives into, where no payload has a better place."""

_PAYLOAD_STEP_BYTES = 256 * 1024

_Event = TypeVar("_Event")


class _Payload:
    """Payload bytes on their way in, to the caller's buffer or to one that grows as they come."""

    __slots__ = ("_filled", "_given", "_length", "_target", "_whole")

    def __init__(self, length: int, into: memoryview | None) -> None:
        self._length = length
        self._filled = 0
        self._given = into
        self._whole = b""
        self._target = bytearray()

    @property
    def missing(self) -> int:
        return self._length - self._filled

    @property
    def untouched(self) -> bool:
        return not self._filled and self._given is None

    def room(self) -> memoryview:
        if self._given is not None:
            return self._given[self._filled : self._length]
        if self._filled == len(self._target):
            # Never more than has really arrived, times two: a header is only a claim.
            more = max(self._filled, _PAYLOAD_STEP_BYTES)
            self._target.extend(bytes(min(more, self.missing)))
        return memoryview(self._target)[self._filled :]

    def adopt(self, data: bytes) -> None:
        """Be `data`, the whole payload, as it is."""
        self._whole = data
        self._filled = len(data)

    def filled(self, count: int) -> None:
        self._filled += count

    def take(self, data: memoryview) -> int:
        count = 0
        while count < len(data) and self.missing:
            with self.room() as room:
                step = min(len(room), len(data) - count)
                room[:step] = data[count : count + step]
            self.filled(step)
            count += step
        return count

    def divert(self) -> None:
        """Leave the given buffer alone from now on: its owner no longer waits."""
        if self._given is not None:
            self._given = memoryview(bytearray(self._length))

    def value(self) -> Buffer:
        if self._whole:
            return self._whole
        return self._target if self._given is None else self._given[: self._length]


class Receiver(ABC, Generic[_Event]):
    """The receiving half: a buffer, the message being received, and what is to be dropped."""

    def __init__(self) -> None:
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._drop = 0
        self._message: Message | None = None
        self._payload: _Payload | None = None
        self._closed = False

    def get_buffer(self) -> memoryview:
        """Where the next bytes from the socket belong; never empty once every event was taken.

        Release it before the next call: the buffer of a payload grows as it comes.
        """
        if self._payload is not None:
            return self._payload.room()
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start:
            kept = self._end - self._start
            self._buffer[:kept] = self._buffer[self._start : self._end]
            self._start, self._end = 0, kept
        return self._view[self._end :]

    def received(self, count: int) -> None:
        """Say that `count` bytes now stand at the start of what `get_buffer` gave."""
        if self._payload is not None:
            self._payload.filled(count)
        else:
            self._end += count

    @property
    def payload_due(self) -> int:
        """The length of the payload that comes next if no byte of it is here yet, else 0."""
        payload = self._payload
        return payload.missing if payload is not None and payload.untouched else 0

    def receive_payload(self, data: bytes) -> None:
        """Take `data`, at most `payload_due` bytes; the whole of it is not copied."""
        payload = self._payload
        if payload is None or not data or len(data) > payload.missing:
            raise LocalProtocolError(f"{len(data)} bytes are not the payload that is due")
        if payload.untouched and len(data) == payload.missing:
            payload.adopt(data)
        else:
            payload.take(memoryview(data))

    def _feed(self, data: Buffer) -> list[_Event]:
        events: list[_Event] = []
        rest = byte_view(data)
        try:
            while True:
                while (event := self._next()) is not None:
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

    def _next(self) -> _Event | None:
        while not self._closed:
            if self._drop:
                step = min(self._drop, self._end - self._start)
                self._start += step
                self._drop -= step
                if self._drop:
                    return None
            if self._message is not None:
                return self._finish(self._message, self._payload)
            event = self._cut()
            if event is not None:
                return event
            if self._message is None and not self._drop:
                return None
        self._start = self._end
        return None

    def _finish(self, message: Message, payload: _Payload | None) -> _Event | None:
        """Give the message being received out if its payload is whole."""
        if payload is not None:
            self._start += payload.take(self._view[self._start : self._end])
            if payload.missing:
                return None
            message.payload = payload.value()
        self._message = self._payload = None
        return self._complete(message)

    def _expect(self, message: Message, length: int, into: memoryview | None = None) -> None:
        """A header was cut: receive its `length` payload bytes."""
        self._message = message
        if length <= self._end - self._start and into is None:
            message.payload = bytes(self._view[self._start : self._start + length])
            self._start += length
        elif length:
            self._payload = _Payload(length, into)

    @abstractmethod
    def _cut(self) -> _Event | None:
        """Look at the bytes where a header is due."""

    @abstractmethod
    def _complete(self, message: Message) -> _Event:
        """Make the event of a whole message."""
