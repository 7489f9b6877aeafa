"""The payloads that have a structure, as Python values.

Rule: bodies of fixed size go through a `struct` derived from their
declaration, the others through the declaration itself; one that does not
parse raises RemoteProtocolError and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from . import schema as declared
from .constants import VERSION_1, Command, ErrorCode
from .errors import LocalProtocolError, RemoteProtocolError, ServerError, server_error
from .messages import Buffer, Message

INFO_REPLY = struct.Struct(declared.layout(declared.INFO_REPLY).format)
LIST_ENTRY = struct.Struct(declared.layout(declared.LIST_ENTRY).format)
FILL_REQUEST = struct.Struct(declared.layout(declared.FILL_REQUEST).format)
COPY_REQUEST = struct.Struct(declared.layout(declared.COPY_REQUEST).format)
COMPARE_SWAP_REQUEST = struct.Struct(declared.layout(declared.COMPARE_SWAP_REQUEST).format)
COMPARE_SWAP_REPLY = struct.Struct(declared.layout(declared.COMPARE_SWAP_REPLY).format)
FETCH_ADD_REQUEST = struct.Struct(declared.layout(declared.FETCH_ADD_REQUEST).format)
FETCH_ADD_REPLY = struct.Struct(declared.layout(declared.FETCH_ADD_REPLY).format)


@dataclass(frozen=True, slots=True)
class Hello:
    """What a server says of itself; limits in bytes and blocks, 0 for none.

    `instance` names its set of blocks: behind another number, a handle got
    earlier names nothing, or somebody else's block.
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
    """What INFO says of a block: size in bytes, ALLOC flags, creation in ms since 1970 UTC."""

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


def _parse(declaration: Any, payload: Buffer) -> Any:
    try:
        return declaration.parse(bytes(payload))
    except (declared.DeclarationError, UnicodeDecodeError) as error:
        declared.let_interrupt_out(error)
        reason = str(error).splitlines()[-1]
        raise RemoteProtocolError(f"the body does not parse: {reason}") from None


def encode_text(text: str, limit: int) -> bytes:
    """UTF-8 of at most `limit` bytes, cut between characters."""
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore").encode()


def decode_client_name(payload: Buffer) -> str:
    """The name in a HELLO request; raises RemoteProtocolError where it is no UTF-8."""
    name: str = _parse(declared.HELLO_REQUEST, payload).name
    return name


def encode_hello(hello: Hello) -> bytes:
    """The body of the reply to HELLO."""
    fields = {name: getattr(hello, name) for name in Hello.__dataclass_fields__}
    return bytes(declared.HELLO_REPLY.build(fields))


def decode_hello(payload: Buffer) -> Hello:
    """The body of the reply to HELLO; raises RemoteProtocolError."""
    parsed = _parse(declared.HELLO_REPLY, payload)
    values = {name: parsed[name] for name in Hello.__dataclass_fields__}
    values["features"] = tuple(values["features"])
    return Hello(**values)


def encode_stats(counters: dict[str, int]) -> bytes:
    """The body of the reply to STATS, in the order given."""
    rows = [{"name": name, "value": value} for name, value in counters.items()]
    return bytes(declared.STATS_REPLY.build({"counters": rows}))


def decode_stats(payload: Buffer) -> dict[str, int]:
    """The body of the reply to STATS; raises RemoteProtocolError."""
    parsed = _parse(declared.STATS_REPLY, payload)
    return {row.name: row.value for row in parsed.counters}


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
    """What stood there before a COMPARE_SWAP; raises RemoteProtocolError."""
    found: bytes = unpack(COMPARE_SWAP_REPLY, payload)[0]
    return found


def decode_fetch_add(payload: Buffer) -> int:
    """What stood there before a FETCH_ADD; raises RemoteProtocolError."""
    found: int = unpack(FETCH_ADD_REPLY, payload)[0]
    return found


def error_reply(request: Message, code: ErrorCode, text: str) -> Message:
    """An ERROR answer to `request`: in version 1 the code alone, in version 2 code and text."""
    reply = request.reply(Command.ERROR, handle=request.handle)
    if request.version == VERSION_1:
        reply.code = code
    else:
        reply.payload = bytes(declared.ERROR_REPLY.build({"code": code, "message": text}))
    return reply


def decode_error(reply: Message, doing: str = "") -> ServerError:
    """The exception that an ERROR `reply` stands for; `doing` names the request it answers.

    Raises RemoteProtocolError where its body does not parse.
    """
    prefix = f"{doing}: " if doing else ""
    if reply.version == VERSION_1:
        code = reply.code
        text = ErrorCode(code).name if code in _CODES else "refused"
    else:
        parsed = _parse(declared.ERROR_REPLY, reply.payload)
        code, text = int(parsed.code), parsed.message
    return server_error(code, prefix + text)


_CODES = frozenset(int(code) for code in ErrorCode)
