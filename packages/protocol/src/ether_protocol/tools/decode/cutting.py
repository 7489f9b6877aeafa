"""A stream of bytes cut into messages of either side, and bytes that are no message.

Rule: requests are cut by the server's own `framing`, so that filler and
refusals are found where a server finds them.  After bytes that are no message
it goes on at the next magic, and it shows none of them that may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ether_protocol.inspect.dissect import KEPT_BYTES, SECRET
from ether_protocol.wire.codec import HEADER_BYTES, decode_header
from ether_protocol.wire.constants import (
    MAGIC_BYTES,
    MAX_PAYLOAD_BYTES,
    REPLIES,
    VERSION_1,
    Command,
    ErrorCode,
)
from ether_protocol.wire.framing import Filler, Refusal, RequestFramer, RequestHead
from ether_protocol.wire.messages import Message

_VERSION_AT, _COMMAND_AT = 4, 5

FILLER = "filler of the original C client"
NO_MESSAGE = "no message begins here"
CUT_SHORT = "the message is cut short"
MISSING = "missing from the capture"
WITHOUT_BEGINNING = "the beginning of this is missing"


@dataclass(frozen=True, slots=True)
class Cut:
    """`length` bytes from `start` on: a message, or bytes that are none.

    `data` has all bytes of a message, and the first `KEPT_BYTES` of others.
    `note` says why the bytes are no message, or why a server refuses it.
    """

    start: int
    length: int
    data: bytes = b""
    message: Message | None = None
    note: str = ""

    @property
    def valid(self) -> bool:
        """Whether this is a whole message of a known version, or filler."""
        if self.message is None or self.note == CUT_SHORT:
            return self.note == FILLER
        return self.data[_VERSION_AT] in HEADER_BYTES


@dataclass(slots=True)
class _Stray:
    """Bytes that are no message: `left` more of them, or, if None, all up to the next magic."""

    start: int
    note: str
    left: int | None = None
    shown: bool = True
    length: int = 0
    data: bytes = b""

    def take(self, data: bytearray) -> int:
        """Count the bytes at the start of `data` that belong to this; returns how many."""
        if self.left is None:
            found = data.find(MAGIC_BYTES)
            count = found if found >= 0 else len(data) - _partial_magic(data)
        else:
            count = min(self.left, len(data))
            self.left -= count
        self.length += count
        if self.shown:
            self.data += bytes(data[: min(count, KEPT_BYTES - len(self.data))])
        return count

    def ended(self, data: bytearray) -> bool:
        """Whether `data`, the bytes after those taken, begins something else."""
        return data.startswith(MAGIC_BYTES) if self.left is None else not self.left

    def cut(self) -> Cut:
        return Cut(self.start, self.length, self.data, note=self.note)


def _partial_magic(data: bytearray) -> int:
    """How many bytes at the end of `data` may be the start of a magic."""
    lengths = range(min(len(MAGIC_BYTES) - 1, len(data)), 0, -1)
    return next((length for length in lengths if data.endswith(MAGIC_BYTES[:length])), 0)


class Cutter:
    """Cuts the bytes of one direction, or of both in turn, as they are fed.

    A stream that begins `inside` a message is skipped up to the first magic.
    """

    def __init__(self, *, inside: bool = False) -> None:
        self._framer = RequestFramer()
        self._buffer = bytearray()
        self._at = 0
        self._head: RequestHead | None = None
        self._stray = _Stray(0, WITHOUT_BEGINNING, shown=False) if inside else None
        self._secret = False

    def feed(self, data: bytes) -> Iterator[Cut]:
        """Take `data` and yield what it completes."""
        self._buffer += data
        while self._identify():
            if (stray := self._stray) is not None:
                self._drop(stray.take(self._buffer))
                if not stray.ended(self._buffer):
                    return
                self._stray = None
                if stray.length:
                    yield stray.cut()
            elif self._head is not None and (cut := self._complete(self._head)) is not None:
                yield cut
            else:
                return

    def skip(self, count: int) -> Iterator[Cut]:
        """Go on after `count` bytes that are missing from the stream here."""
        left, note = None, WITHOUT_BEGINNING
        if self._head is not None:
            left = self._head.used + self._head.length - len(self._buffer) - count
        elif self._stray is not None and self._stray.left is not None:
            left, note = self._stray.left - count, self._stray.note
        yield from self.end()
        yield Cut(self._at, count, note=MISSING)
        self._at += count
        if left is None or left < 0:
            self._stray = _Stray(self._at, WITHOUT_BEGINNING, shown=False)
        elif left:
            self._stray = _Stray(self._at, note, left, shown=False)

    def end(self) -> Iterator[Cut]:
        """Yield what is left when no more bytes come."""
        message = self._head.message if self._head else None
        stray, self._stray, self._head = self._stray, None, None
        if stray is not None:
            stray.left = len(self._buffer)
            stray.take(self._buffer)
            self._drop(len(self._buffer))
            if stray.length:
                yield stray.cut()
        elif self._buffer:
            yield self._take(len(self._buffer), message, CUT_SHORT)

    def _identify(self) -> bool:
        """Find out what the buffer begins with; False if more bytes are needed."""
        if self._head is None and self._stray is None:
            found = self._reply_head() or self._framer.parse_head(
                self._buffer, 0, len(self._buffer)
            )
            if isinstance(found, Filler):
                self._stray = _Stray(self._at, FILLER, found.length)
            elif found is not None and not found.used:
                self._stray = _Stray(self._at, NO_MESSAGE, shown=not self._secret)
            else:
                self._head = found
        return self._head is not None or self._stray is not None

    def _reply_head(self) -> RequestHead | None:
        """The header of a reply, which `RequestFramer` does not read."""
        buffer = self._buffer
        if len(buffer) <= _COMMAND_AT or buffer[_COMMAND_AT] not in REPLIES:
            return None
        used = HEADER_BYTES.get(buffer[_VERSION_AT])
        if used is None or len(buffer) < used or not buffer.startswith(MAGIC_BYTES):
            return None
        self._framer.expect_filler(0)
        message, length = decode_header(buffer, 0, buffer[_VERSION_AT])
        too_long = Refusal(ErrorCode.TOO_LARGE, f"{length} bytes are too many", fatal=True)
        return RequestHead(
            message, used, length, refusal=too_long if length > MAX_PAYLOAD_BYTES else None
        )

    def _complete(self, head: RequestHead) -> Cut | None:
        """The message that begins with `head`, or None until all of it is here."""
        message, refusal = head.message, head.refusal
        fatal = refusal is not None and refusal.fatal
        filler = head.discard and message.version == VERSION_1 and message.command != Command.WRITE
        end = head.used + (0 if fatal or filler else head.length)
        if len(self._buffer) < end:
            return None
        note = f"refused: {refusal.code.name}, {refusal.text}" if refusal is not None else ""
        cut = self._take(end, message, note)
        self._head = None
        self._secret = message.command in SECRET
        if fatal:
            self._stray = _Stray(self._at, NO_MESSAGE, shown=not self._secret)
        elif filler and head.length:
            self._stray = _Stray(self._at, FILLER, head.length)
        return cut

    def _take(self, length: int, message: Message | None, note: str) -> Cut:
        cut = Cut(self._at, length, bytes(self._buffer[:length]), message, note)
        self._drop(length)
        return cut

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._at += count
