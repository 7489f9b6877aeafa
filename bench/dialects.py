"""The same work in each server's own words: the request's bytes and the reply's length.

Rule: bytes only; nothing here opens a socket or starts a process.  What a case
asks of one server it asks of all, as closely as their protocols allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ether_protocol.wire.codec import encode
from ether_protocol.wire.constants import VERSION_1, Command
from ether_protocol.wire.messages import Message

REDIS_STRING_BYTES = 16 * 1024 * 1024
MEMCACHED_ITEM_BYTES = 1024 * 1024 - 512
"""memcached's default limit of an item is 1 MiB, its own header included."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, the length of its reply, and how the reply must begin."""

    request: bytes
    reply_bytes: int
    reply_begins: bytes


class Dialect(Protocol):
    """How one server is asked; None where it has no such thing."""

    def prepare(self, size: int, /) -> list[Exchange]:
        """What must be said once before READs and WRITEs of `size` bytes."""

    def ping(self) -> Exchange | None: ...

    def read(self, size: int) -> Exchange | None: ...

    def write(self, size: int) -> Exchange | None: ...


def _data(size: int) -> bytes:
    return b"\xab" * size


class Ether:
    """`etherd` in version 2; `handles` maps a size to the block that was allocated for it."""

    header_bytes = 40

    def __init__(self) -> None:
        self.handles: dict[int, int] = {}

    def prepare(self, size: int) -> list[Exchange]:
        if size in self.handles:
            return []
        self.handles[size] = len(self.handles) + 1
        return [self._exchange(Message(Command.ALLOC, size=size))]

    def ping(self) -> Exchange:
        return self._exchange(Message(Command.PING), begins=Command.PONG)

    def read(self, size: int) -> Exchange:
        return self._exchange(Message(Command.READ, self.handles[size], size), size)

    def write(self, size: int) -> Exchange:
        return self._exchange(Message(Command.WRITE, self.handles[size], payload=_data(size)))

    def _exchange(
        self, message: Message, payload: int = 0, begins: Command = Command.OK
    ) -> Exchange:
        prefix = encode(Message(begins, version=message.version))[:6]
        return Exchange(encode(message), self.header_bytes + payload, prefix)


class Limit(Ether):
    """The minimal C server, which speaks version 1 and has one block."""

    header_bytes = 24

    def prepare(self, size: int) -> list[Exchange]:
        self.handles[size] = 1
        return []

    def ping(self) -> Exchange:
        return self._exchange(Message(Command.PING))

    def _exchange(
        self, message: Message, payload: int = 0, begins: Command = Command.OK
    ) -> Exchange:
        message.version = VERSION_1
        return super()._exchange(message, payload, begins)


class Redis:
    """One string of 16 MiB, GETRANGE and SETRANGE from its start."""

    def prepare(self, _size: int) -> list[Exchange]:
        whole = self._command(b"SETRANGE", b"k", b"%d" % (REDIS_STRING_BYTES - 1), b"\0")
        return [Exchange(whole, len(b":%d\r\n" % REDIS_STRING_BYTES), b":")]

    def ping(self) -> Exchange:
        return Exchange(self._command(b"PING"), len(b"+PONG\r\n"), b"+PONG")

    def read(self, size: int) -> Exchange:
        head = b"$%d\r\n" % size
        request = self._command(b"GETRANGE", b"k", b"0", b"%d" % (size - 1))
        return Exchange(request, len(head) + size + 2, head)

    def write(self, size: int) -> Exchange:
        request = self._command(b"SETRANGE", b"k", b"0", _data(size))
        return Exchange(request, len(b":%d\r\n" % REDIS_STRING_BYTES), b":")

    @staticmethod
    def _command(*words: bytes) -> bytes:
        return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Memcached:
    """`get` and `set` of a whole item: it knows no ranges."""

    def prepare(self, size: int) -> list[Exchange]:
        write = self.write(size)
        return [write] if write else []

    def ping(self) -> Exchange | None:
        return None

    def read(self, size: int) -> Exchange | None:
        if size > MEMCACHED_ITEM_BYTES:
            return None
        head = b"VALUE k%d 0 %d\r\n" % (size, size)
        return Exchange(b"get k%d\r\n" % size, len(head) + size + len(b"\r\nEND\r\n"), head)

    def write(self, size: int) -> Exchange | None:
        if size > MEMCACHED_ITEM_BYTES:
            return None
        request = b"set k%d 0 0 %d\r\n%s\r\n" % (size, size, _data(size))
        return Exchange(request, len(b"STORED\r\n"), b"STORED")
