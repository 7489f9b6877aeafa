"""Every header and body of the protocol, declared with construct.

Rule: this file alone imports construct, and it reads like the tables of
docs/protocol.md.  It is the form for readers, for `dissect` and for tools;
`codec` and `bodies` have the same facts as `struct` formats, because
construct takes longer to import than a whole client, and tests hold the two
equal.  `layout` gives a declaration's `struct` format, `pieces` parses slowly
and tells which bytes became which value, and `outline` describes the fields
for programs without construct.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

from construct import (
    Bytes,
    Const,
    Construct,
    ConstructError,
    Enum,
    Flag,
    FocusedSeq,
    FormatField,
    GreedyBytes,
    GreedyRange,
    GreedyString,
    Int8ub,
    Int16ub,
    Int32ub,
    Int64sb,
    Int64ub,
    PascalString,
    Prefixed,
    PrefixedArray,
    RawCopy,
    Rebuild,
    Renamed,
    StringEncoded,
    Struct,
)

from .constants import MAGIC, VERSION_1, VERSION_2, Command, ErrorCode

DeclarationError = ConstructError
"""What parsing or building with a declaration raises when the bytes do not fit it."""

# An Enum lets an unknown number through as an integer, so that an unknown
# command becomes an ERROR reply; a Mapping would raise instead.
CommandByte: Enum = Enum(Int8ub, Command)
Name: StringEncoded = PascalString(Int8ub, "utf8")

HEADER_V1 = Struct(
    "magic" / Const(MAGIC, Int32ub),
    "version" / Const(VERSION_1, Int8ub),
    "command" / CommandByte,
    "flags" / Int16ub,
    "handle" / Int64ub,
    "size" / Int32ub,
    "reserved" / Int32ub,
)

HEADER_V2 = Struct(
    "magic" / Const(MAGIC, Int32ub),
    "version" / Const(VERSION_2, Int8ub),
    "command" / CommandByte,
    "flags" / Int16ub,
    "handle" / Int64ub,
    "size" / Int64ub,
    "offset" / Int64ub,
    "request_id" / Int32ub,
    "length" / Int32ub,
)

HELLO_REQUEST = Struct("name" / GreedyString("utf8"))

HELLO_REPLY = Struct(
    "name" / Name,
    "version" / Name,
    "max_payload_bytes" / Int32ub,
    "max_memory_bytes" / Int64ub,
    "max_handles" / Int64ub,
    "auth_needed" / Flag,
    "features" / PrefixedArray(Int8ub, Name),
    "instance" / Int64ub,
)

STATS_REPLY = Struct(
    "counters" / PrefixedArray(Int32ub, Struct("name" / Name, "value" / Int64ub)),
)

INFO_REPLY = Struct("size" / Int64ub, "flags" / Int16ub, "created_ms" / Int64ub)

LIST_ENTRY = Struct("handle" / Int64ub, "size" / Int64ub)
LIST_REPLY = Struct("blocks" / GreedyRange(LIST_ENTRY))

FILL_REQUEST = Struct("byte" / Int8ub)
COPY_REQUEST = Struct("source_handle" / Int64ub, "source_offset" / Int64ub)
COMPARE_SWAP_REQUEST = Struct("expected" / Bytes(8), "desired" / Bytes(8))
COMPARE_SWAP_REPLY = Struct("found" / Bytes(8))
FETCH_ADD_REQUEST = Struct("delta" / Int64sb)
FETCH_ADD_REPLY = Struct("found" / Int64ub)

ERROR_REPLY = Struct("code" / Enum(Int16ub, ErrorCode), "message" / GreedyString("utf8"))

HEADERS: dict[int, Construct[Any, Any]] = {VERSION_1: HEADER_V1, VERSION_2: HEADER_V2}
"""The header of each version."""

REQUEST_BODIES: dict[Command, Construct[Any, Any]] = {
    Command.HELLO: HELLO_REQUEST,
    Command.FILL: FILL_REQUEST,
    Command.COPY: COPY_REQUEST,
    Command.COMPARE_SWAP: COMPARE_SWAP_REQUEST,
    Command.FETCH_ADD: FETCH_ADD_REQUEST,
}
"""The declared body of each request that has one; WRITE, PING and AUTH carry plain bytes."""

REPLY_BODIES: dict[Command, Construct[Any, Any]] = {
    Command.HELLO: HELLO_REPLY,
    Command.STATS: STATS_REPLY,
    Command.INFO: INFO_REPLY,
    Command.LIST: LIST_REPLY,
    Command.COMPARE_SWAP: COMPARE_SWAP_REPLY,
    Command.FETCH_ADD: FETCH_ADD_REPLY,
}
"""The declared body of the OK reply to each request that gets one; a READ's is plain bytes."""


def let_interrupt_out(error: Exception) -> None:
    """Raise the Ctrl-C that ended a parse, if it was one and not the bytes.

    construct decodes text under a bare `except`, and calls whatever ends it an error of its own.
    """
    if error.__context__ is not None and not isinstance(error.__context__, Exception):
        raise error.__context__ from None


class Layout(NamedTuple):
    """A declaration of fixed size, as `struct` knows it."""

    format: str
    names: tuple[str, ...]


def layout(declaration: Construct[Any, Any]) -> Layout:
    """Walk a fixed-size Struct `declaration` and return its `struct` format and field names.

    Raises TypeError for a field that has no fixed size or no `struct` code of its own.
    """
    fields = list(_fields(declaration))
    return Layout(">" + "".join(code for _, code in fields), tuple(name for name, _ in fields))


def _fields(declaration: Any) -> Iterator[tuple[str, str]]:
    for field in declaration.subcons:
        yield field.name, _format_code(field)


def _format_code(field: Any) -> str:
    """Unwrap names, constants and enumerations down to the integer or bytes beneath."""
    while isinstance(field, (Renamed, Const, Enum)):
        field = field.subcon
    if isinstance(field, FormatField) and field.fmtstr[0] == ">":
        return field.fmtstr[1:]
    if isinstance(field, Bytes) and isinstance(field.length, int):
        return f"{field.length}s"
    raise TypeError(f"{field!r} is no big-endian number and no fixed number of bytes")


class Piece(NamedTuple):
    """One value that has no parts: where its bytes begin, the bytes, its path, itself."""

    offset: int
    data: bytes
    name: str
    value: Any


def pieces(declaration: Construct[Any, Any], data: bytes) -> Iterator[Piece]:
    """Parse `data` and yield its values one by one, named like `counters[0].value`.

    Bytes behind the last one are left alone.  Raises DeclarationError or
    UnicodeDecodeError at the value that does not parse, after those before it.
    """
    return _pieces(declaration, io.BytesIO(data), "")


def _pieces(field: Any, stream: io.BytesIO, name: str) -> Iterator[Piece]:
    while isinstance(field, Renamed):
        field = field.subcon
    if isinstance(field, Struct):
        for part in field.subcons:
            yield from _pieces(part, stream, f"{name}.{part.name}" if name else str(part.name))
    elif isinstance(field, FocusedSeq):  # what a PrefixedArray is made of
        count, items = field.subcons
        for piece in _pieces(count, stream, f"{name}.count"):
            yield piece
            for index in range(piece.value):
                yield from _pieces(_array_element(items), stream, f"{name}[{index}]")
    elif isinstance(field, GreedyRange):
        element: Any = field.subcon
        index, end = 0, len(stream.getbuffer())
        while stream.tell() < end:
            yield from _pieces(element, stream, f"{name}[{index}]")
            index += 1
    else:
        copy = RawCopy(field).parse_stream(stream)
        yield Piece(copy.offset1, copy.data, name, copy.value)


class Part(NamedTuple):
    """A field as plain data.

    `kind` is `unsigned`, `signed`, `flag` or `bytes`, all of `size` bytes;
    `name`, `size` bytes of length and so much text; `text` up to the end;
    `counted`, `size` bytes of count and so many `element`s; `repeated`, as many
    `element`s as there are.  An element is a list of fields, or one without a name.
    """

    name: str
    kind: str
    size: int = 0
    element: tuple[Part, ...] = ()


def outline(declaration: Construct[Any, Any]) -> tuple[Part, ...]:
    """The fields of the Struct `declaration`, for whom has no construct.

    Raises TypeError for a field that no `Part` describes.
    """
    parts: Any = declaration
    return tuple(_part(field.subcon, field.name) for field in parts.subcons)


def _part(field: Any, name: str) -> Part:
    while isinstance(field, (Renamed, Const, Enum, Rebuild)):
        field = field.subcon
    if isinstance(field, FormatField) and field.fmtstr[0] == ">":
        return Part(name, "signed" if field.fmtstr[1].islower() else "unsigned", field.length)
    if isinstance(field, Bytes) and isinstance(field.length, int):
        return Part(name, "bytes", field.length)
    if field is Flag:
        return Part(name, "flag", 1)
    inner: Any = getattr(field, "subcon", None)
    if isinstance(field, StringEncoded) and inner is GreedyBytes:
        return Part(name, "text")
    if isinstance(field, StringEncoded) and isinstance(inner, Prefixed):
        return Part(name, "name", inner.lengthfield.sizeof())
    if isinstance(field, GreedyRange):
        return Part(name, "repeated", 0, _element(inner))
    if isinstance(field, FocusedSeq):
        count, items = field.subcons
        return Part(name, "counted", _part(count, "").size, _element(_array_element(items)))
    raise TypeError(f"{field!r} is of no kind that an outline knows")


def _array_element(array: Any) -> Any:
    """What a Renamed Array repeats."""
    return array.subcon.subcon


def _element(field: Any) -> tuple[Part, ...]:
    return outline(field) if isinstance(field, Struct) else (_part(field, ""),)
