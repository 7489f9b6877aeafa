"""The client's end of a connection, without a socket and without a clock.

Rule: requests in, bytes out; bytes in, replies out.  Whoever owns the socket
either feeds `receive_data`, or receives straight into `get_buffer` and says
how much with `received`; nothing here waits, reads or writes.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import NamedTuple

from ether_protocol.wire.codec import (
    HEADER_BYTES,
    HEADER_V2_WORDS,
    check_payload,
    command_word,
    decode_header,
    describe_bad_value,
    encode_header,
)
from ether_protocol.wire.constants import (
    MAGIC_BYTES,
    MAX_PAYLOAD_BYTES,
    MAX_REQUEST_ID,
    VERSION_1,
    VERSION_2,
    Command,
    command_name,
)
from ether_protocol.wire.errors import LocalProtocolError, RemoteProtocolError
from ether_protocol.wire.messages import Buffer, Message, byte_view

from .memory import BUFFER_BYTES, PrivateMemory
from .payload import GrowingPayload
from .receiver import Receiver

JOIN_BYTES = 16 * 1024
"""Up to here a payload is copied behind its header rather than sent by itself."""

_HEADER_BYTES = HEADER_BYTES[VERSION_2]
_OK = int(Command.OK)
_OK_WORD = command_word(Command.OK)


class _Due(NamedTuple):
    """What is remembered of a request until its reply has come."""

    request_id: int
    version: int
    answer: int
    most: int
    """The most payload bytes that its reply may carry."""
    into: memoryview | None
    """Where the payload goes."""
    long: bool = False
    """Whether the payload is worth a place of its own, which needs its header first."""
    plain: bool = False
    """Whether `take_plain` may take the reply."""


class ClientConnection(Receiver[Message]):
    """The client's end: bytes out of requests, replies out of bytes.

    Replies come in the order of the requests and are matched by their id.  One
    that fits no request raises RemoteProtocolError; the connection must not be
    used after that.

    See "Headers" in docs/protocol.md.
    """

    def __init__(self) -> None:
        super().__init__(PrivateMemory())
        self._due: deque[_Due] = deque()
        self._last_id = 0
        self.out_of_step: bool = False
        """Whether a request was refused in another version: the server has not found its end."""

    @property
    def outstanding(self) -> int:
        """How many requests have no reply yet."""
        return len(self._due)

    def send(self, request: Message, into: memoryview | None = None) -> list[Buffer]:
        """Number a request and return the buffers to send, in order.

        Args:
            request: The request; its `request_id` is set.
            into: Where the payload of an OK reply is received, if it fits.

        Raises:
            LocalProtocolError: The request has no form on the wire.
        """
        if request.is_reply:
            raise LocalProtocolError(f"{command_name(request.command)} is not a request")
        if request.version == VERSION_2:
            request.request_id = self._next_id()
        payload = byte_view(request.payload)
        length = len(payload)
        check_payload(request, length)
        header = encode_header(request, length)
        answer = Command.PONG if request.command == Command.PING else Command.OK
        reads = request.command == Command.READ
        most = request.size if reads else MAX_PAYLOAD_BYTES
        long = reads and most > BUFFER_BYTES
        self._due.append(_Due(request.request_id, request.version, answer, most, into, long))
        if not length:
            return [header]
        return [header + payload] if length <= JOIN_BYTES else [header, payload]

    def send_plain(
        self, command_word: int, handle: int, size: int, offset: int, length: int, most: int
    ) -> bytes:
        """Number a version 2 READ or WRITE and return its header: `send` without a message.

        Args:
            command_word: The first eight bytes of its header.
            handle: The block.
            size: The operand, in bytes.
            offset: Where the range begins, in bytes.
            length: How many payload bytes follow the header.
            most: The most payload bytes of its reply; 0 for a WRITE.

        Raises:
            LocalProtocolError: A value does not fit its field.
        """
        request_id = self._next_id()
        try:
            header = HEADER_V2_WORDS.pack(command_word, handle, size, offset, request_id, length)
        except struct.error:
            raise LocalProtocolError(
                f"handle {handle!r}, size {size!r}, offset {offset!r}:"
                f" {describe_bad_value(handle, size, offset)}"
            ) from None
        self._due.append(_Due(request_id, VERSION_2, _OK, most, None, False, True))
        return header

    def take_plain(self, values: list[bytes | int]) -> None:
        """Take whole OK replies to requests of `send_plain`.

        It stops before the first reply that is anything else, which is for
        `next_reply`, where everything unusual about a reply is judged.

        Args:
            values: The results are appended to it: a READ's bytes, a WRITE's count of bytes.
        """
        view, due, start, end = self._view, self._due, self._start, self._end
        unpack = HEADER_V2_WORDS.unpack_from
        while due and end - start >= _HEADER_BYTES and self._message is None:
            word, _, size, _, request_id, length = unpack(view, start)
            first = due[0]
            body = start + _HEADER_BYTES
            if (
                word != _OK_WORD
                or request_id != first.request_id
                or length > first.most
                or body + length > end
                or not first.plain
            ):
                break
            due.popleft()
            start = body + length
            values.append(bytes(view[body:start]) if first.most else size)
        self._start = start

    def divert(self, request_id: int) -> None:
        """Stop a reply's payload from being received into the buffer given to `send`.

        Args:
            request_id: The request's.
        """
        place = self._place_of(request_id)
        if place is None or self._due[place].into is None:
            return
        self._due[place] = self._due[place]._replace(into=None)
        if place == 0 and isinstance(self._payload, GrowingPayload):
            self._payload.divert()

    def _place_of(self, request_id: int) -> int | None:
        """How many replies are due before that to `request_id`; None where it has come."""
        if not self._due:
            return None
        # Ids are given one after the other, so it need not be looked for, unless
        # requests of version 1 are among these: a client may give up thousands at once.
        place = (request_id - self._due[0].request_id) % MAX_REQUEST_ID
        if place < len(self._due) and self._due[place].request_id == request_id:
            return place
        ids = (due.request_id for due in self._due)
        return next((place for place, other in enumerate(ids) if other == request_id), None)

    def get_buffer(self) -> memoryview:
        """Where the next bytes from the socket belong: in front of a long payload, its header.

        So the payload can be received where it stays, without a copy.
        """
        buffer = super().get_buffer()
        if self._payload is None and self._due:
            oldest = self._due[0]
            if oldest.long:
                return buffer[: max(1, HEADER_BYTES[oldest.version] - (self._end - self._start))]
        return buffer

    @property
    def payload_due(self) -> int:
        """The length of the payload that comes next if no byte of it is here yet, else 0."""
        payload = self._payload
        if isinstance(payload, GrowingPayload) and payload.untouched:
            return payload.missing
        return 0

    def receive_payload(self, data: bytes) -> None:
        """Take payload bytes that were received elsewhere; a whole payload is not copied.

        Args:
            data: At most `payload_due` bytes.

        Raises:
            LocalProtocolError: These bytes are not the payload that is due.
        """
        payload = self._payload
        if not isinstance(payload, GrowingPayload) or not data or len(data) > payload.missing:
            raise LocalProtocolError(f"{len(data)} bytes are not the payload that is due")
        if payload.untouched and len(data) == payload.missing:
            payload.adopt(data)
        else:
            payload.take_in(memoryview(data))

    def receive_data(self, data: Buffer) -> list[Message]:
        """Take bytes and return the replies that they complete.

        An error that stands behind a whole reply is raised by the next call.

        Args:
            data: Any number of bytes, as they came from the socket.

        Raises:
            RemoteProtocolError: The bytes are no reply to the oldest request.
        """
        return self._feed(data)

    def next_reply(self) -> Message | None:
        """The next whole reply, or None until more bytes come.

        Raises:
            RemoteProtocolError: The bytes are no reply to the oldest request.
        """
        return self.next_event()

    def _next_id(self) -> int:
        self._last_id = self._last_id % MAX_REQUEST_ID + 1
        return self._last_id

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
        if not length:
            return self._complete(message)
        if into is None and length <= self._end - self._start:
            return self._complete(self._whole(message, length))
        self._expect(message, length, GrowingPayload(length, into))
        return None

    def _check(self, reply: Message, length: int) -> memoryview | None:
        """Raise unless `reply` answers the oldest request; return where its payload goes."""
        if not reply.is_reply:
            raise RemoteProtocolError(f"{reply} is not a reply")
        if length > MAX_PAYLOAD_BYTES:
            raise RemoteProtocolError(f"{reply} announces {length} payload bytes")
        if not self._due:
            raise RemoteProtocolError(f"{reply} answers no request")
        oldest = self._due[0]
        if reply.command == Command.ERROR and reply.request_id in (0, oldest.request_id):
            return None  # of another version and without an id where the server saw neither
        if (reply.request_id, reply.version, reply.command) != (
            oldest.request_id,
            oldest.version,
            oldest.answer,
        ):
            raise RemoteProtocolError(
                f"{reply} came where {command_name(oldest.answer)} to #{oldest.request_id} was due"
            )
        if length > oldest.most:
            raise RemoteProtocolError(f"{reply} announces {length} bytes for {oldest.most} asked")
        if oldest.into is None:
            return None
        return oldest.into if 0 < length <= len(oldest.into) else None

    def _complete(self, message: Message) -> Message:
        due = self._due.popleft()
        if message.version != due.version:
            self.out_of_step = True
        return message
