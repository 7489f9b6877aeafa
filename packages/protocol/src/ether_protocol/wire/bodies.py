"""The payloads that have a structure, as Python values.

Rule: these are the bodies that `schema` declares, read and written with
`struct` alone, and tests hold the two equal.  A body that does not parse
raises RemoteProtocolError and nothing else; a value that does not fit its
field raises LocalProtocolError.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from .constants import VERSION_1, Command, ErrorCode
from .errors import LocalProtocolError, RemoteProtocolError, ServerError, server_error
from .messages import Buffer, Message

INFO_REPLY = struct.Struct(">QHQ")
LIST_ENTRY = struct.Struct(">QQ")
FILL_REQUEST = struct.Struct(">B")
COPY_REQUEST = struct.Struct(">QQ")
COMPARE_SWAP_REQUEST = struct.Struct(">8s8s")
COMPARE_SWAP_REPLY = struct.Struct(">8s")
FETCH_ADD_REQUEST = struct.Struct(">q")
FETCH_ADD_REPLY = struct.Struct(">Q")

# Parts of bodies that have no fixed size.
_HELLO_LIMITS = struct.Struct(">LQQ?")  # payload bytes, memory bytes, handles, auth needed
_U8, _U16, _U32, _U64 = (struct.Struct(f">{code}") for code in "BHLQ")


@dataclass(frozen=True, slots=True)
class Hello:
    """What a server says about itself in reply to HELLO.

    Args:
        name: The server's name.
        version: The server's version.
        max_payload_bytes: Most payload bytes of one message.
        max_memory_bytes: The memory limit in bytes.
        max_handles: The limit of blocks, 0 for none.
        auth_needed: Whether the server requires AUTH.
        features: Optional commands and flags that the server has, such as "copy".
        instance: A random number that names the server's set of blocks.  Handles
            from another instance are void.

    See "Commands" and "Connections" in docs/protocol.md.
    """

    name: str
    version: str
    max_payload_bytes: int
    max_memory_bytes: int
    max_handles: int
    auth_needed: bool = False
    features: tuple[str, ...] = ()
    instance: int = 0


@dataclass(frozen=True, slots=True)
class BlockInfo:
    """What INFO says about a block.

    Args:
        size: Its size in bytes.
        flags: The AllocFlag bits of its ALLOC.
        created_ms: When it was allocated, in milliseconds since 1970-01-01 UTC.

    See "Commands" in docs/protocol.md.
    """

    size: int
    flags: int
    created_ms: int


def unpack(body: struct.Struct, payload: Buffer) -> tuple[Any, ...]:
    """The fields of a fixed-size `body`; raises RemoteProtocolError for another length."""
    if len(payload) != body.size:
        raise RemoteProtocolError(f"the body has {len(payload)} bytes, not {body.size}")
    return body.unpack(payload)


def pack(body: struct.Struct, *values: int | bytes) -> bytes:
    """The bytes of a fixed-size `body`; raises LocalProtocolError for a value it can't hold."""
    try:
        return body.pack(*values)
    except struct.error as error:
        raise LocalProtocolError(f"{values} do not fit the body: {error}") from None


class _BodyReader:
    """Reads the fields of a body one after the other."""

    __slots__ = ("_at", "_data")

    def __init__(self, payload: Buffer) -> None:
        self._data = bytes(payload)
        self._at = 0

    def fields(self, part: struct.Struct) -> tuple[Any, ...]:
        """The numbers of `part`."""
        return part.unpack(self._take(part.size))

    def number(self, size: struct.Struct) -> int:
        """One number."""
        value: int = self.fields(size)[0]
        return value

    def name(self) -> str:
        """One length byte and so many bytes of UTF-8."""
        return _decode_text(self._take(self.number(_U8)))

    def text_to_end(self) -> str:
        """All bytes that are left, as UTF-8."""
        return _decode_text(self._take(len(self._data) - self._at))

    def _take(self, count: int) -> bytes:
        start, self._at = self._at, self._at + count
        if self._at > len(self._data):
            raise RemoteProtocolError(
                f"the body does not parse: it has {len(self._data)} bytes, and the field at byte"
                f" {start} needs {count}"
            )
        return self._data[start : self._at]


def _decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        reason = f"the body does not parse: its text is not UTF-8, {error.reason}"
        raise RemoteProtocolError(reason) from None


def _encode_text(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"{text!r} can't be written in UTF-8: {error.reason}") from None


def _encode_name(name: str) -> bytes:
    data = _encode_text(name)
    return pack(_U8, len(data)) + data


def encode_text(text: str, limit: int) -> bytes:
    """`text` as at most `limit` bytes of UTF-8, cut between characters."""
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore").encode()


def decode_client_name(payload: Buffer) -> str:
    """The name in a HELLO request; raises RemoteProtocolError if it is not UTF-8."""
    return _BodyReader(payload).text_to_end()


def encode_hello(hello: Hello) -> bytes:
    """The body of the reply to HELLO; raises LocalProtocolError for a value that does not fit."""
    limits = hello.max_payload_bytes, hello.max_memory_bytes, hello.max_handles
    parts = [
        _encode_name(hello.name),
        _encode_name(hello.version),
        pack(_HELLO_LIMITS, *limits, hello.auth_needed),
        pack(_U8, len(hello.features)),
        *map(_encode_name, hello.features),
        pack(_U64, hello.instance),
    ]
    return b"".join(parts)


def decode_hello(payload: Buffer) -> Hello:
    """The body of the reply to HELLO; raises RemoteProtocolError."""
    reader = _BodyReader(payload)
    name, version = reader.name(), reader.name()
    payload_bytes, memory_bytes, handles, auth_needed = reader.fields(_HELLO_LIMITS)
    features = tuple(reader.name() for _ in range(reader.number(_U8)))
    instance = reader.number(_U64)
    return Hello(
        name, version, payload_bytes, memory_bytes, handles, auth_needed, features, instance
    )


def encode_stats(counters: dict[str, int]) -> bytes:
    """The body of the reply to STATS, in the order given; raises LocalProtocolError."""
    rows = [_encode_name(name) + pack(_U64, value) for name, value in counters.items()]
    return pack(_U32, len(rows)) + b"".join(rows)


def decode_stats(payload: Buffer) -> dict[str, int]:
    """The body of the reply to STATS; raises RemoteProtocolError."""
    reader = _BodyReader(payload)
    count = reader.number(_U32)
    return {reader.name(): reader.number(_U64) for _ in range(count)}


def decode_info(payload: Buffer) -> BlockInfo:
    """The body of the reply to INFO; raises RemoteProtocolError."""
    return BlockInfo(*unpack(INFO_REPLY, payload))


def encode_list(blocks: list[tuple[int, int]]) -> bytes:
    """The body of the reply to LIST: (handle, size) pairs."""
    return b"".join([LIST_ENTRY.pack(handle, size) for handle, size in blocks])


def decode_list(payload: Buffer) -> list[tuple[int, int]]:
    """The body of the reply to LIST; raises RemoteProtocolError."""
    if len(payload) % LIST_ENTRY.size:
        raise RemoteProtocolError(f"a list of {len(payload)} bytes ends inside an entry")
    return list(LIST_ENTRY.iter_unpack(payload))


def decode_compare_swap(payload: Buffer) -> bytes:
    """The 8 bytes before a COMPARE_SWAP; raises RemoteProtocolError."""
    found: bytes = unpack(COMPARE_SWAP_REPLY, payload)[0]
    return found


def decode_fetch_add(payload: Buffer) -> int:
    """The number before a FETCH_ADD; raises RemoteProtocolError."""
    found: int = unpack(FETCH_ADD_REPLY, payload)[0]
    return found


def error_reply(request: Message, code: ErrorCode, text: str) -> Message:
    """The ERROR reply to `request`: in version 2 with code and text, in version 1 only the code."""
    reply = request.reply(Command.ERROR, handle=request.handle)
    if request.version == VERSION_1:
        reply.code = code
    else:
        reply.payload = pack(_U16, code) + _encode_text(text)
    return reply


def decode_error(reply: Message, doing: str = "") -> ServerError:
    """The exception for an ERROR `reply`; `doing` names the request, for the message.

    Raises RemoteProtocolError if the body does not parse.
    """
    prefix = f"{doing}: " if doing else ""
    if reply.version == VERSION_1:
        code = reply.code
        text = ErrorCode(code).name if code in _CODES else "refused"
    else:
        reader = _BodyReader(reply.payload)
        code, text = reader.number(_U16), reader.text_to_end()
    return server_error(code, prefix + text)


_CODES = frozenset(int(code) for code in ErrorCode)
