"""Both ends of a connection, without a socket and without a clock.

Rule: bytes in, messages out; messages in, bytes out.  Whoever owns the socket
either feeds `receive_data`, or receives straight into `get_buffer` and says
how much with `received`; nothing here waits, reads or writes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from .bodies import error_reply
from .codec import HEADER_BYTES, check_payload, decode_header, encode, encode_header
from .errors import LocalProtocolError, RemoteProtocolError
from .framing import Filler, Refusal, RequestFramer
from .messages import Buffer, Message, flat
from .vocabulary import (
    MAGIC_BYTES,
    MAX_PAYLOAD_BYTES,
    MAX_REQUEST_ID,
    VERSION_1,
    VERSION_2,
    Command,
    command_name,
)

_BUFFER_BYTES = 64 * 1024
_PAYLOAD_STEP_BYTES = 256 * 1024
_JOIN_BYTES = 16 * 1024

_Event = TypeVar("_Event")


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that must not be carried out; answer it with `ServerConnection.refuse`."""

    message: Message
    refusal: Refusal


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

    def value(self) -> Buffer:
        if self._whole:
            return self._whole
        return self._target if self._given is None else self._given[: self._length]


class _Receiver(ABC, Generic[_Event]):
    """The receiving half: a buffer, the message being received, and what is to be dropped."""

    def __init__(self) -> None:
        self._buffer = bytearray(_BUFFER_BYTES)
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
        rest = flat(data)
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


class ServerConnection(_Receiver["Message | Refused"]):
    """The server's end: requests out of bytes, bytes out of replies.

    What is refused, and how, stands in docs/protocol.md, "Bad input".  After a
    fatal refusal nothing more is taken: send its ERROR, then close.
    """

    def __init__(self) -> None:
        super().__init__()
        self._framer = RequestFramer()

    def receive_data(self, data: Buffer) -> list[Message | Refused]:
        """Take bytes of any number and return the requests that they complete."""
        return self._feed(data)

    def next_request(self) -> Message | Refused | None:
        """The next whole request, or None until more bytes come."""
        return self._next()

    def send(self, reply: Message) -> bytes:
        """The bytes of `reply`; raises LocalProtocolError where it has no form."""
        return encode(reply)

    def refuse(self, refused: Refused) -> bytes:
        """The bytes of the ERROR that answers `refused`."""
        return encode(error_reply(refused.message, refused.refusal.code, refused.refusal.text))

    def _cut(self) -> Message | Refused | None:
        head = self._framer.head(self._buffer, self._start, self._end)
        if head is None:
            return None
        if isinstance(head, Filler):
            self._drop = head.length
            return None
        self._start += head.used
        if head.discard:
            self._drop = head.length
        if head.refusal is not None:
            self._closed = head.refusal.fatal
            return Refused(head.message, head.refusal)
        if head.discard:
            return head.message
        self._expect(head.message, head.length)
        return None

    def _complete(self, message: Message) -> Message:
        return message


@dataclass(slots=True)
class _Outstanding:
    """What is remembered of a request until its reply has come."""

    request_id: int
    version: int
    answer: Command
    most: int
    long: bool
    into: memoryview | None


class ClientConnection(_Receiver[Message]):
    """The client's end: bytes out of requests, replies out of bytes.

    Replies come in the order of the requests and are matched by their id; one
    that fits no request raises RemoteProtocolError, after which the connection
    is of no more use.
    """

    def __init__(self) -> None:
        super().__init__()
        self._outstanding: deque[_Outstanding] = deque()
        self._last_id = 0

    @property
    def outstanding(self) -> int:
        """How many requests have no reply yet."""
        return len(self._outstanding)

    def send(self, request: Message, into: memoryview | None = None) -> list[Buffer]:
        """Number `request` and return the buffers to send, in order.

        A payload of an OK reply that fits is received straight into `into`.
        Raises LocalProtocolError where the request has no form on the wire.
        """
        if request.is_reply:
            raise LocalProtocolError(f"{command_name(request.command)} is not a request")
        if request.version == VERSION_2:
            self._last_id = self._last_id % MAX_REQUEST_ID + 1
            request.request_id = self._last_id
        payload = flat(request.payload)
        length = len(payload)
        check_payload(request, length)
        header = encode_header(request, length)
        answer = Command.PONG if request.command == Command.PING else Command.OK
        reads = request.command == Command.READ
        most = request.size if reads else MAX_PAYLOAD_BYTES
        long = reads and most > _BUFFER_BYTES
        self._outstanding.append(
            _Outstanding(request.request_id, request.version, answer, most, long, into)
        )
        if not length:
            return [header]
        return [header + payload] if length <= _JOIN_BYTES else [header, payload]

    def get_buffer(self) -> memoryview:
        """Where the next bytes from the socket belong: in front of a long payload, its header.

        So the payload can be received where it stays, without a copy.
        """
        buffer = super().get_buffer()
        if self._payload is None and self._outstanding:
            oldest = self._outstanding[0]
            if oldest.long:
                return buffer[: max(1, HEADER_BYTES[oldest.version] - (self._end - self._start))]
        return buffer

    def receive_data(self, data: Buffer) -> list[Message]:
        """Take bytes of any number and return the replies that they complete.

        An error that stands behind a whole reply is raised by the next call.
        """
        return self._feed(data)

    def next_reply(self) -> Message | None:
        """The next whole reply, or None until more bytes come."""
        return self._next()

    def _cut(self) -> Message | None:
        have = self._end - self._start
        seen = self._buffer[self._start : self._start + min(have, len(MAGIC_BYTES))]
        if seen != MAGIC_BYTES[: len(seen)]:
            raise RemoteProtocolError("the server does not speak the Ether protocol")
        if have < HEADER_BYTES[VERSION_1]:
            return None
        version = self._buffer[self._start + len(MAGIC_BYTES)]
        if version not in HEADER_BYTES:
            raise RemoteProtocolError(f"the server answered in version {version}")
        used = HEADER_BYTES[version]
        if have < used:
            return None
        message, length = decode_header(self._buffer, self._start, version)
        into = self._check(message, length)
        self._start += used
        self._expect(message, length, into)
        return None

    def _check(self, reply: Message, length: int) -> memoryview | None:
        """Raise unless `reply` answers the oldest request; return where its payload goes."""
        if not reply.is_reply:
            raise RemoteProtocolError(f"{reply} is not a reply")
        if length > MAX_PAYLOAD_BYTES:
            raise RemoteProtocolError(f"{reply} announces {length} payload bytes")
        if not self._outstanding:
            raise RemoteProtocolError(f"{reply} answers no request")
        oldest = self._outstanding[0]
        if reply.command == Command.ERROR and reply.request_id in (0, oldest.request_id):
            return None  # of another version and without an id where the server saw neither
        if (reply.request_id, reply.version, reply.command) != (
            oldest.request_id,
            oldest.version,
            oldest.answer,
        ):
            raise RemoteProtocolError(
                f"{reply} came where {oldest.answer.name} to #{oldest.request_id} was due"
            )
        if length > oldest.most:
            raise RemoteProtocolError(f"{reply} announces {length} bytes for {oldest.most} asked")
        if oldest.into is None:
            return None
        return oldest.into if 0 < length <= len(oldest.into) else None

    def _complete(self, message: Message) -> Message:
        self._outstanding.popleft()
        return message
