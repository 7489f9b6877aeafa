"""Every header and body of the protocol, declared with construct.

Rule: this file alone imports construct, and it reads like the tables of
docs/protocol.md.  It is the form for readers, for `dissect` and for tools;
`codec` and `bodies` have the same facts as `struct` formats, because
construct takes longer to import than a whole client, and tests hold the two
equal.  `layout` gives a declaration's `struct` format, `parse_values` tells
which bytes became which value, and `field_specs` describes the fields for
programs without construct.
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
"""Raised by a declaration for bytes or values that do not fit it."""

# An Enum parses an unknown number as an integer, so that an unknown command
# becomes an ERROR reply; construct's Mapping would raise instead.
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


def reraise_interrupt(error: Exception) -> None:
    """Raise the KeyboardInterrupt behind `error`, if there is one.

    construct decodes text under a bare `except`, which turns a Ctrl-C into one of its own errors.
    """
    if error.__context__ is not None and not isinstance(error.__context__, Exception):
        raise error.__context__ from None


class Layout(NamedTuple):
    """A declaration of fixed size as a `struct` format, and its field names."""

    format: str
    names: tuple[str, ...]


def layout(declaration: Construct[Any, Any]) -> Layout:
    """The `struct` format and field names of the fixed-size Struct `declaration`.

    Raises TypeError for a field that has no fixed size or no `struct` code of its own.
    """
    fields = list(_fields(declaration))
    return Layout(">" + "".join(code for _, code in fields), tuple(name for name, _ in fields))


def _fields(declaration: Any) -> Iterator[tuple[str, str]]:
    for field in declaration.subcons:
        yield field.name, _format_code(field)


def _format_code(field: Any) -> str:
    """The `struct` code of the integer or bytes inside names, constants and enumerations."""
    while isinstance(field, (Renamed, Const, Enum)):
        field = field.subcon
    if isinstance(field, FormatField) and field.fmtstr[0] == ">":
        return field.fmtstr[1:]
    if isinstance(field, Bytes) and isinstance(field.length, int):
        return f"{field.length}s"
    raise TypeError(f"{field!r} is neither a big-endian number nor a fixed number of bytes")


class ParsedValue(NamedTuple):
    """One value without parts: the offset of its bytes, the bytes, its path, the value."""

    offset: int
    data: bytes
    name: str
    value: Any


def parse_values(declaration: Construct[Any, Any], data: bytes) -> Iterator[ParsedValue]:
    """Parse `data` and yield its values one by one, named like `counters[0].value`.

    Bytes after the last value are ignored.  Raises DeclarationError or
    UnicodeDecodeError at the first value that does not parse.
    """
    return _parse_values(declaration, io.BytesIO(data), "")


def _parse_values(field: Any, stream: io.BytesIO, name: str) -> Iterator[ParsedValue]:
    while isinstance(field, Renamed):
        field = field.subcon
    if isinstance(field, Struct):
        for part in field.subcons:
            yield from _parse_values(
                part, stream, f"{name}.{part.name}" if name else str(part.name)
            )
    elif isinstance(field, FocusedSeq):  # what a PrefixedArray is made of
        count, items = field.subcons
        for parsed in _parse_values(count, stream, f"{name}.count"):
            yield parsed
            for index in range(parsed.value):
                yield from _parse_values(_array_element(items), stream, f"{name}[{index}]")
    elif isinstance(field, GreedyRange):
        element: Any = field.subcon
        index, end = 0, len(stream.getbuffer())
        while stream.tell() < end:
            yield from _parse_values(element, stream, f"{name}[{index}]")
            index += 1
    else:
        copy = RawCopy(field).parse_stream(stream)
        yield ParsedValue(copy.offset1, copy.data, name, copy.value)


class FieldSpec(NamedTuple):
    """A field of a declaration as plain data.

    `kind` is one of these:

    - `unsigned`, `signed`, `flag`, `bytes`: `size` bytes.
    - `name`: a length of `size` bytes, then text of that length.
    - `text`: text up to the end of the body.
    - `counted`: a count of `size` bytes, then that many `element`s.
    - `repeated`: `element`s up to the end of the body.

    An element is a tuple of fields, or of one field without a name.
    """

    name: str
    kind: str
    size: int = 0
    element: tuple[FieldSpec, ...] = ()


def field_specs(declaration: Construct[Any, Any]) -> tuple[FieldSpec, ...]:
    """The fields of the Struct `declaration`, for programs without construct.

    Raises TypeError for a field that no `FieldSpec` describes.
    """
    struct: Any = declaration
    return tuple(_field_spec(field.subcon, field.name) for field in struct.subcons)


def _field_spec(field: Any, name: str) -> FieldSpec:
    while isinstance(field, (Renamed, Const, Enum, Rebuild)):
        field = field.subcon
    if isinstance(field, FormatField) and field.fmtstr[0] == ">":
        return FieldSpec(name, "signed" if field.fmtstr[1].islower() else "unsigned", field.length)
    if isinstance(field, Bytes) and isinstance(field.length, int):
        return FieldSpec(name, "bytes", field.length)
    if field is Flag:
        return FieldSpec(name, "flag", 1)
    inner: Any = getattr(field, "subcon", None)
    if isinstance(field, StringEncoded) and inner is GreedyBytes:
        return FieldSpec(name, "text")
    if isinstance(field, StringEncoded) and isinstance(inner, Prefixed):
        return FieldSpec(name, "name", inner.lengthfield.sizeof())
    if isinstance(field, GreedyRange):
        return FieldSpec(name, "repeated", 0, _element(inner))
    if isinstance(field, FocusedSeq):
        count, items = field.subcons
        return FieldSpec(
            name, "counted", _field_spec(count, "").size, _element(_array_element(items))
        )
    raise TypeError(f"{field!r} is of no kind that a FieldSpec describes")


def _array_element(array: Any) -> Any:
    """The element of a Renamed Array."""
    return array.subcon.subcon


def _element(field: Any) -> tuple[FieldSpec, ...]:
    return field_specs(field) if isinstance(field, Struct) else (_field_spec(field, ""),)
