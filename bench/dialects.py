"""The same work in each server's protocol: the request's bytes and the reply's length.

Rule: bytes only; nothing here opens a socket or starts a process. Each case is
the same work for all servers, as closely as their protocols allow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ether_protocol.wire.codec import encode
from ether_protocol.wire.constants import VERSION_1, VERSION_2, Command
from ether_protocol.wire.messages import Message

REDIS_STRING_BYTES = 16 * 1024 * 1024
MEMCACHED_ITEM_BYTES = 1024 * 1024 - 512
"""memcached's default limit of an item is 1 MiB, its own header included."""


@dataclass(frozen=True, slots=True)
class WireExchange:
    """A request, the length of its reply, and how the reply must begin."""

    request: bytes
    reply_bytes: int
    reply_begins: bytes


Ask = Callable[[WireExchange], bytes]
"""Sends a request and returns the reply."""


class Dialect(Protocol):
    """The requests of one server's protocol; None where it has no such request."""

    def prepare(self, size: int, ask: Ask, /) -> None:
        """Make ready for READs and WRITEs of `size` bytes; `ask` sends a request."""

    def ping(self) -> WireExchange | None: ...

    def read(self, size: int) -> WireExchange | None: ...

    def write(self, size: int) -> WireExchange | None: ...


def _data(size: int) -> bytes:
    return b"\xab" * size


class Ether:
    """`etherd` in version 2; `handles` maps a size to the block that was allocated for it."""

    header_bytes = 40
    version = VERSION_2

    def __init__(self) -> None:
        self.handles: dict[int, int] = {}

    def prepare(self, size: int, ask: Ask) -> None:
        if size not in self.handles:
            reply = ask(self._exchange(Message(Command.ALLOC, size=size)))
            self.handles[size] = int.from_bytes(reply[8:16])

    def ping(self) -> WireExchange:
        return self._exchange(Message(Command.PING), begins=Command.PONG)

    def read(self, size: int) -> WireExchange:
        return self._exchange(Message(Command.READ, self.handles[size], size), size)

    def write(self, size: int) -> WireExchange:
        return self._exchange(Message(Command.WRITE, self.handles[size], payload=_data(size)))

    def _exchange(
        self, message: Message, payload: int = 0, begins: Command = Command.OK
    ) -> WireExchange:
        message.version = self.version
        prefix = encode(Message(begins, version=message.version))[:6]
        return WireExchange(encode(message), self.header_bytes + payload, prefix)


class EtherVersion1(Ether):
    """`etherd` in version 1."""

    header_bytes = 24
    version = VERSION_1


class Limit(EtherVersion1):
    """The minimal C server, which has one block."""

    def prepare(self, size: int, _ask: Ask) -> None:
        self.handles[size] = 1

    def ping(self) -> WireExchange:
        return self._exchange(Message(Command.PING))


class Redis:
    """One string of 16 MiB, GETRANGE and SETRANGE from its start."""

    def prepare(self, _size: int, ask: Ask) -> None:
        whole = self._command(b"SETRANGE", b"k", b"%d" % (REDIS_STRING_BYTES - 1), b"\0")
        ask(WireExchange(whole, len(b":%d\r\n" % REDIS_STRING_BYTES), b":"))

    def ping(self) -> WireExchange:
        return WireExchange(self._command(b"PING"), len(b"+PONG\r\n"), b"+PONG")

    def read(self, size: int) -> WireExchange:
        head = b"$%d\r\n" % size
        request = self._command(b"GETRANGE", b"k", b"0", b"%d" % (size - 1))
        return WireExchange(request, len(head) + size + 2, head)

    def write(self, size: int) -> WireExchange:
        request = self._command(b"SETRANGE", b"k", b"0", _data(size))
        return WireExchange(request, len(b":%d\r\n" % REDIS_STRING_BYTES), b":")

    @staticmethod
    def _command(*words: bytes) -> bytes:
        return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Memcached:
    """`get` and `set` of a whole item: it knows no ranges."""

    def prepare(self, size: int, ask: Ask) -> None:
        write = self.write(size)
        if write:
            ask(write)

    def ping(self) -> WireExchange | None:
        return None

    def read(self, size: int) -> WireExchange | None:
        if size > MEMCACHED_ITEM_BYTES:
            return None
        head = b"VALUE k%d 0 %d\r\n" % (size, size)
        return WireExchange(b"get k%d\r\n" % size, len(head) + size + len(b"\r\nEND\r\n"), head)

    def write(self, size: int) -> WireExchange | None:
        if size > MEMCACHED_ITEM_BYTES:
            return None
        request = b"set k%d 0 0 %d\r\n%s\r\n" % (size, size, _data(size))
        return WireExchange(request, len(b"STORED\r\n"), b"STORED")
