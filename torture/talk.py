"""Requests and replies as bytes, on plain blocking sockets.

Rule: a harness sends what it likes, also what no client would; so nothing is
checked here but that a reply can be cut out of the stream.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from ether_protocol.wire.bodies import decode_stats

V1 = struct.Struct(">IBBHQII")
V2 = struct.Struct(">IBBHQQQII")
MAGIC = 0xE7E7E7E7
DEADLINE_SECONDS = 60.0
"""After this long a harness gives up waiting for a reply."""

PING, PONG, HELLO, AUTH, STATS = 0x01, 0x02, 0x03, 0x04, 0x05
ALLOC, FREE, REALLOC, INFO, LIST = 0x10, 0x11, 0x12, 0x13, 0x14
WRITE, READ, FILL, COPY, COMPARE_SWAP, FETCH_ADD = 0x20, 0x21, 0x22, 0x23, 0x24, 0x25
OK, ERROR = 0xF0, 0xFF
SESSION = 1
NO_MEMORY, OVERFLOW, NOT_FOUND = 1, 4, 7


class Heard(NamedTuple):
    """One reply of version 2."""

    command: int
    handle: int
    size: int
    request_id: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code; 0 where it is none."""
        return int.from_bytes(self.payload[:2], "big") if self.command == ERROR else 0


class Hung(Exception):
    """The daemon closed the connection, or did not answer in time."""


def request(
    command: int,
    handle: int = 0,
    size: int = 0,
    offset: int = 0,
    payload: bytes = b"",
    flags: int = 0,
    request_id: int = 0,
) -> bytes:
    """A version 2 request."""
    length = len(payload)
    return V2.pack(MAGIC, 2, command, flags, handle, size, offset, request_id, length) + payload


def old_request(command: int, handle: int = 0, size: int = 0, payload: bytes = b"") -> bytes:
    """A version 1 request; `payload` follows, whatever `size` says."""
    return V1.pack(MAGIC, 1, command, 0, handle, size, 0) + payload


def receive_exactly(sock: socket.socket, count: int) -> bytes:
    """Exactly `count` bytes; raises Hung."""
    data = bytearray()
    while len(data) < count:
        try:
            chunk = sock.recv(min(count - len(data), 1 << 20))
        except OSError as error:
            raise Hung(str(error)) from error
        if not chunk:
            raise Hung(f"closed after {len(data)} of {count} bytes")
        data += chunk
    return bytes(data)


def hear(sock: socket.socket) -> Heard:
    """The next version 2 reply; raises Hung."""
    header = receive_exactly(sock, V2.size)
    _, version, command, _, handle, size, _, request_id, length = V2.unpack(header)
    if version != 2:
        raise Hung(f"answered in version {version}")
    return Heard(command, handle, size, request_id, receive_exactly(sock, length))


def hear_old(sock: socket.socket, *, read: bool = False) -> Heard:
    """The next version 1 reply; that of a READ has a payload.  Raises Hung."""
    header = receive_exactly(sock, V1.size)
    _, _, command, _, handle, size, code = V1.unpack(header)
    payload = receive_exactly(sock, size) if read and command == OK else b""
    return Heard(command, handle, size, 0, code.to_bytes(2, "big") if code else payload)


def ask(
    sock: socket.socket,
    command: int,
    handle: int = 0,
    size: int = 0,
    offset: int = 0,
    payload: bytes = b"",
    flags: int = 0,
) -> Heard:
    """Send a request and wait for its reply; raises Hung."""
    sock.sendall(request(command, handle, size, offset, payload, flags))
    return hear(sock)


def statistics(sock: socket.socket) -> dict[str, int]:
    """What STATS says; raises Hung."""
    return decode_stats(ask(sock, STATS).payload)


def hang_up(*sockets: socket.socket) -> None:
    """Close them, whatever state they are in."""
    for sock in sockets:
        sock.close()
