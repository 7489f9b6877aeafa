"""The requests of the protocol, a function each.

Rule: these are whole and well-formed; a rule that sends anything else makes
its bytes with `header_v1` and `header_v2`, which check nothing.
"""

from __future__ import annotations

import struct

from ether_protocol.wire.constants import (
    MAGIC,
    OPTIONAL_FEATURES,
    SESSION_BLOCKS,
    VERSION_1,
    VERSION_2,
    AllocFlag,
    Command,
)
from ether_protocol.wire.messages import Message
from ether_protocol.wire.schema import HEADER_V1, HEADER_V2, layout

_V1 = struct.Struct(layout(HEADER_V1).format)
_V2 = struct.Struct(layout(HEADER_V2).format)


def features_of(request: Message) -> list[str]:
    """The features that a server must have to carry `request` out."""
    feature = OPTIONAL_FEATURES.get(request.command)
    features = [] if feature is None else [feature]
    if request.command == Command.ALLOC and request.flags & AllocFlag.SESSION:
        features.append(SESSION_BLOCKS)
    return features


def auth(token: bytes) -> Message:
    """AUTH with `token`."""
    return Message(Command.AUTH, payload=token)


def header_v1(
    command: int, handle: int = 0, size: int = 0, *, version: int = VERSION_1, flags: int = 0
) -> bytes:
    """A version 1 header with any values."""
    return _V1.pack(MAGIC, version, command, flags, handle, size, 0)


def header_v2(
    command: int,
    handle: int = 0,
    size: int = 0,
    offset: int = 0,
    *,
    length: int = 0,
    flags: int = 0,
    request_id: int = 0,
) -> bytes:
    """A version 2 header with any values."""
    return _V2.pack(MAGIC, VERSION_2, command, flags, handle, size, offset, request_id, length)


def ping(payload: bytes = b"", *, version: int = VERSION_2) -> Message:
    """PING."""
    return Message(Command.PING, payload=payload, version=version)


def hello(name: bytes = b"") -> Message:
    """HELLO from a client called `name`."""
    return Message(Command.HELLO, payload=name)


def stats() -> Message:
    """STATS."""
    return Message(Command.STATS)


def alloc(size: int, flags: int = 0, *, version: int = VERSION_2) -> Message:
    """ALLOC of `size` bytes."""
    return Message(Command.ALLOC, size=size, flags=flags, version=version)


def free(handle: int, *, version: int = VERSION_2) -> Message:
    """FREE."""
    return Message(Command.FREE, handle, version=version)


def realloc(handle: int, size: int) -> Message:
    """REALLOC to `size` bytes."""
    return Message(Command.REALLOC, handle, size)


def info(handle: int) -> Message:
    """INFO."""
    return Message(Command.INFO, handle)


def list_blocks(after: int, most: int) -> Message:
    """LIST of at most `most` blocks whose handles are above `after`."""
    return Message(Command.LIST, after, most)


def write(handle: int, offset: int, payload: bytes, *, version: int = VERSION_2) -> Message:
    """WRITE of `payload` at `offset`; version 1 has no offset but 0."""
    size = len(payload) if version == VERSION_1 else 0
    return Message(Command.WRITE, handle, size, offset, payload, version=version)


def read(handle: int, offset: int, size: int, *, version: int = VERSION_2) -> Message:
    """READ of `size` bytes at `offset`; version 1 has no offset but 0."""
    return Message(Command.READ, handle, size, offset, version=version)


def fill(handle: int, offset: int, size: int, byte: int) -> Message:
    """FILL of `size` bytes at `offset` with `byte`."""
    return Message(Command.FILL, handle, size, offset, bytes([byte]))


def copy(handle: int, offset: int, size: int, source: int, source_offset: int) -> Message:
    """COPY of `size` bytes from `source` at `source_offset` to `handle` at `offset`."""
    payload = struct.pack(">QQ", source, source_offset)
    return Message(Command.COPY, handle, size, offset, payload)


def compare_swap(handle: int, offset: int, expected: bytes, desired: bytes) -> Message:
    """COMPARE_SWAP of the 8 bytes at `offset`."""
    return Message(Command.COMPARE_SWAP, handle, offset=offset, payload=expected + desired)


def fetch_add(handle: int, offset: int, delta: int) -> Message:
    """FETCH_ADD of `delta`, from -2^63 to 2^63-1, to the number at `offset`."""
    return Message(Command.FETCH_ADD, handle, offset=offset, payload=struct.pack(">q", delta))
