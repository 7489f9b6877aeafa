"""One message as a list of fields: which of its bytes are which field, and their values.

Rule: no input raises.  What does not parse becomes a field named `undecoded`
with the reason, and the bytes of a secret are in no field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ether_protocol.wire import schema
from ether_protocol.wire.codec import HEADER_BYTES, decode_header, encode_header
from ether_protocol.wire.constants import (
    MAGIC_BYTES,
    MAX_LIST_ENTRIES,
    VERSION_1,
    AllocFlag,
    Command,
    ErrorCode,
    command_name,
)
from ether_protocol.wire.errors import LocalProtocolError
from ether_protocol.wire.messages import Buffer, Message, byte_view

from .field import Field as Field  # handed on, too

KEPT_BYTES = 256
"""Most bytes that one field keeps; its value says how many there were."""

MAX_BODY_FIELDS = 4 * MAX_LIST_ENTRIES
"""Most fields of one body: twice as many as the longest valid body has."""

SECRET = frozenset({Command.AUTH})
"""Commands whose payload is never shown."""

_SHOWN_CHARACTERS = 80
_SHOWN_PAYLOAD_BYTES = 16

_Formats = Mapping[str, Callable[[Any], int | str]]
"""How to format the values of the fields with these names."""


def dissect(message: Message, answers: int = 0) -> list[Field]:
    """Split a message into its fields.

    Args:
        message: A request or a reply.
        answers: The command that an OK reply answers, which decides what its
            body is.  0: the body is shown as plain bytes.

    Returns:
        The fields of header and body in their order.  A message that has no
        form on the wire is one field named `undecoded`.  The token of an AUTH
        is not shown.

    See "Headers" and "Commands" in docs/protocol.md.
    """
    payload = byte_view(message.payload)
    try:
        header = encode_header(message, len(payload))
    except LocalProtocolError as error:
        return [Field(0, b"", "undecoded", f"this has no form on the wire: {error}")]
    return [*_header(header, message), *_payload(message, payload, len(payload), answers)]


def dissect_bytes(data: Buffer, answers: int = 0) -> list[Field]:
    """Split the bytes of a message into its fields.

    Args:
        data: The bytes, from the magic on.
        answers: The command that an OK reply answers; see `dissect`.

    Returns:
        The fields in their order.  Bytes that do not parse, and bytes after the
        message, are the last field, named `undecoded`, whose value is the reason.

    See "Headers" and "Commands" in docs/protocol.md.
    """
    view = byte_view(data)
    seen = bytes(view[: len(MAGIC_BYTES)])
    if not seen or seen != MAGIC_BYTES[: len(seen)]:
        return [_undecoded(0, view, "no magic where a header is due")]
    version = view[len(MAGIC_BYTES)] if len(view) > len(MAGIC_BYTES) else VERSION_1
    if version not in HEADER_BYTES:
        return [_undecoded(0, view, f"there is no version {version}")]
    start = HEADER_BYTES[version]
    if len(view) < start:
        reason = f"the header ends after {len(view)} of {start} bytes"
        return list(_body(schema.HEADERS[version], view, 0, _HEADER_FORMATS, reason))
    message, length = decode_header(view, 0, version)
    fields = list(_header(bytes(view[:start]), message))
    fields += _payload(message, view[start : start + length], length, answers)
    if len(view) > start + length:
        rest = view[start + length :]
        reason = f"{_bytes(len(rest))} behind the message"
        # Bytes after an AUTH may be the rest of a token whose length was wrong.
        kept = rest[:0] if message.command in SECRET else rest
        fields.append(_undecoded(start + length, kept, reason))
    return fields


def _header(header: bytes, message: Message) -> Iterator[Field]:
    v1_error = message.version == VERSION_1 and message.command == Command.ERROR
    formats = _V1_ERROR_FORMATS if v1_error else _HEADER_FORMATS
    return _body(schema.HEADERS[message.version], memoryview(header), 0, formats, "")


def _payload(message: Message, payload: memoryview, length: int, answers: int) -> Iterator[Field]:
    """The fields after the header, which announced `length` payload bytes."""
    start = HEADER_BYTES[message.version]
    if not length:
        return
    if message.command in SECRET:
        yield Field(start, b"", "payload", f"{_count(payload, length)}, not shown")
        return
    declaration = _declaration(message, answers)
    if declaration is None:
        value = f"{_count(payload, length)} {_text(payload)}"
        yield Field(start, bytes(payload[:KEPT_BYTES]), "payload", value)
        return
    missing = f"the body ends after {len(payload):,} of {length:,} bytes"
    yield from _body(
        declaration, payload, start, _BODY_FORMATS, missing if len(payload) < length else ""
    )


def _declaration(message: Message, answers: int) -> Any:
    """The body's declaration; None for plain bytes, as are all bodies of version 1."""
    if message.version == VERSION_1:
        return None
    if message.command == Command.ERROR:
        return schema.ERROR_REPLY
    bodies, command = schema.REQUEST_BODIES, message.command
    if command == Command.OK:
        bodies, command = schema.REPLY_BODIES, answers
    return {int(key): body for key, body in bodies.items()}.get(command)


def _body(
    declaration: Any,
    data: memoryview,
    start: int,
    formats: _Formats,
    incomplete: str,
) -> Iterator[Field]:
    """The values in `data`, which begins at `start` of its message.

    `incomplete` is the reason to give if `data` does not parse, "" to find it out.
    """
    end, count, reason = 0, 0, incomplete
    try:
        for parsed in schema.parse_values(declaration, bytes(data)):
            if count == MAX_BODY_FIELDS:
                reason = f"more than {count:,} fields"
                break
            last_name = parsed.name.rpartition(".")[2]
            value = formats.get(last_name, _plain)(parsed.value)
            yield Field(start + parsed.offset, parsed.data[:KEPT_BYTES], parsed.name, value)
            end, count = parsed.offset + len(parsed.data), count + 1
    except (schema.DeclarationError, UnicodeDecodeError) as error:
        schema.reraise_interrupt(error)
        reason = reason or f"this does not parse: {str(error).splitlines()[-1]}"
    rest = data[end:]
    if reason or len(rest):
        reason = reason or f"{_bytes(len(rest))} behind the body's last field"
        yield _undecoded(start + end, rest, reason)


def _undecoded(offset: int, data: memoryview, reason: str) -> Field:
    return Field(offset, bytes(data[:KEPT_BYTES]), "undecoded", reason)


def _count(payload: memoryview, length: int) -> str:
    return (f"{len(payload):,} of " if len(payload) < length else "") + _bytes(length)


def _bytes(count: int) -> str:
    return f"{count:,} byte" + "s" * (count != 1)


def _text(payload: memoryview) -> str:
    """The first bytes as in the right column of a hex dump."""
    shown = bytes(payload[:_SHOWN_PAYLOAD_BYTES])
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in shown)
    return f"|{text}|" + ("…" if len(payload) > len(shown) else "")


def _plain(value: Any) -> int | str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return int(value)
    if isinstance(value, bytes):
        return value.hex().upper()
    # repr escapes control characters, which must not reach a terminal.
    text = repr(str(value[:_SHOWN_CHARACTERS]))
    return text if len(value) <= _SHOWN_CHARACTERS else f"{text}… {len(value):,} characters"


def _magic(value: int) -> str:
    return f"0x{value:08X}"


def _command(value: Any) -> str:
    return command_name(int(value))


def _code(value: Any) -> int | str:
    code = int(value)
    return f"{code} {ErrorCode(code).name}" if code in _CODES else code


def _flags(value: int) -> int | str:
    names = [flag.name or "" for flag in AllocFlag if flag & value]
    return " ".join([f"0x{value:04X}", *names]) if value else 0


def _time(milliseconds: int) -> int | str:
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return milliseconds
    return f"{milliseconds} {moment.isoformat(' ', 'milliseconds')}"


_CODES = frozenset(int(code) for code in ErrorCode)
_HEADER_FORMATS: _Formats = {"magic": _magic, "command": _command, "flags": _flags}
_V1_ERROR_FORMATS: _Formats = {**_HEADER_FORMATS, "reserved": _code}
_BODY_FORMATS: _Formats = {"code": _code, "flags": _flags, "created_ms": _time}
