"""Messages written out by hand, as a client in another language would.

Rule: nothing of `ether_protocol` is used here, so that a mistake in it can't
hide itself.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from harness import receive_exactly

V1 = struct.Struct(">IBBHQII")
V2 = struct.Struct(">IBBHQQQII")
MAGIC = 0xE7E7E7E7

PING, PONG, HELLO, STATS = 0x01, 0x02, 0x03, 0x05
ALLOC, FREE, REALLOC, INFO, LIST = 0x10, 0x11, 0x12, 0x13, 0x14
WRITE, READ, FILL = 0x20, 0x21, 0x22
OK, ERROR = 0xF0, 0xFF

NO_MEMORY, INVALID, CORRUPT, OVERFLOW, NOT_FOUND = 1, 2, 3, 4, 7
FORBIDDEN, TOO_LARGE, UNSUPPORTED, BUSY = 9, 11, 12, 13


class Reply(NamedTuple):
    """A reply of either version; `code` is an ERROR's."""

    command: int
    handle: int
    size: int
    payload: bytes
    code: int = 0
    request_id: int = 0


def v1(command: int, handle: int = 0, size: int = 0, payload: bytes = b"") -> bytes:
    """A version 1 request; `payload` is sent behind it, whatever `size` says."""
    return V1.pack(MAGIC, 1, command, 0, handle, size, 0) + payload


def v2(
    command: int,
    handle: int = 0,
    size: int = 0,
    offset: int = 0,
    payload: bytes = b"",
    flags: int = 0,
    request_id: int = 0,
) -> bytes:
    """A version 2 request."""
    header = V2.pack(MAGIC, 2, command, flags, handle, size, offset, request_id, len(payload))
    return header + payload


def receive_v1(sock: socket.socket) -> Reply:
    """The next version 1 reply."""
    header = receive_exactly(sock, V1.size)
    magic, version, command, _, handle, size, code = V1.unpack(header)
    assert (magic, version) == (MAGIC, 1)
    payload = receive_exactly(sock, size) if command == OK else b""
    return Reply(command, handle, size, payload, code)


def receive_v2(sock: socket.socket) -> Reply:
    """The next version 2 reply."""
    header = receive_exactly(sock, V2.size)
    magic, version, command, _, handle, size, _, request_id, length = V2.unpack(header)
    assert (magic, version) == (MAGIC, 2)
    payload = receive_exactly(sock, length)
    code = struct.unpack(">H", payload[:2])[0] if command == ERROR else 0
    return Reply(command, handle, size, payload, code, request_id)


def ask_v1(
    sock: socket.socket, command: int, handle: int = 0, size: int = 0, payload: bytes = b""
) -> Reply:
    """Send a version 1 request and wait for its reply."""
    sock.sendall(v1(command, handle, size, payload))
    return receive_v1(sock)


def ask_v2(
    sock: socket.socket,
    command: int,
    handle: int = 0,
    size: int = 0,
    offset: int = 0,
    payload: bytes = b"",
) -> Reply:
    """Send a version 2 request and wait for its reply."""
    sock.sendall(v2(command, handle, size, offset, payload))
    return receive_v2(sock)
