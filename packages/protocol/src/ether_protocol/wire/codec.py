"""Headers to bytes and back, at the speed of `struct`.

Rule: the two header formats written here are those of `schema`, and a test
holds them equal.  They are written out because `schema` needs construct,
which takes longer to import than all the rest of a client.
"""

from __future__ import annotations

import struct
from operator import index
from typing import Final, SupportsIndex

from .constants import MAGIC, MAX_PAYLOAD_BYTES, VERSION_1, VERSION_2, Command, command_name
from .errors import LocalProtocolError
from .messages import Buffer, Message, byte_view

# Magic, version, command, flags, handle, size, then:
HEADER_V1_FORMAT: Final = ">LBBHQLL"  # reserved
HEADER_V2_FORMAT: Final = ">LBBHQQQLL"  # offset, request id, length

_V1 = struct.Struct(HEADER_V1_FORMAT)
_V2 = struct.Struct(HEADER_V2_FORMAT)

HEADER_BYTES: Final = {VERSION_1: _V1.size, VERSION_2: _V2.size}
"""The length of each version's header: 24 and 40."""

# Magic, version, command and flags are the first eight bytes of a header, so
# that one comparison of integers recognises the most frequent messages.
_V2_WORDS_FORMAT = ">Q" + HEADER_V2_FORMAT[5:]
HEADER_V2_WORDS: Final = struct.Struct(_V2_WORDS_FORMAT)
"""The version 2 header as (command word, handle, size, offset, request id, length)."""

HEADER_V1_WORDS: Final = struct.Struct(">Q" + HEADER_V1_FORMAT[5:])
"""The version 1 header as (command word, handle, size, reserved)."""

HEADER_V2_FRONT: Final = struct.Struct(_V2_WORDS_FORMAT[:5])
"""The start of `HEADER_V2_WORDS`: command word, handle, size, offset."""


def header_v2_behind_front(length: int) -> struct.Struct:
    """The format of (packed `HEADER_V2_FRONT`, request id, length, payload of `length` bytes)."""
    return struct.Struct(f">{HEADER_V2_FRONT.size}s{_V2_WORDS_FORMAT[5:]}{length}s")


V1_WITH_PAYLOAD = frozenset({Command.WRITE, Command.OK})
"""The messages of version 1 whose `size` bytes of payload follow the header."""


def header_v1_with_payload(length: int) -> struct.Struct:
    """The format of `HEADER_V1_WORDS` and a payload of `length` bytes."""
    return struct.Struct(f"{HEADER_V1_WORDS.format}{length}s")


def command_word(command: int, flags: int = 0, version: int = VERSION_2) -> int:
    """The first eight bytes of a header, magic to flags, as one integer."""
    header = _V1.pack(MAGIC, version, command, flags, 0, 0, 0)
    return int.from_bytes(header[:8], "big")


def decode_header(data: Buffer, start: int, version: int) -> tuple[Message, int]:
    """Read the header of `version` at `start`; the caller has checked magic, version and length.

    Returns the message without its payload, and how many payload bytes follow.
    """
    if version == VERSION_2:
        _, _, command, flags, handle, size, offset, request_id, length = _V2.unpack_from(
            data, start
        )
        return Message(command, handle, size, offset, b"", flags, request_id), length
    _, _, command, flags, handle, size, code = _V1.unpack_from(data, start)
    length = size if command in V1_WITH_PAYLOAD else 0
    return Message(command, handle, size, version=VERSION_1, flags=flags, code=code), length


def encode_header(message: Message, length: int) -> bytes:
    """The header of `message` with `length` payload bytes to follow.

    Raises LocalProtocolError for a value that does not fit its field.
    """
    if message.version not in HEADER_BYTES:
        raise LocalProtocolError(f"there is no version {message.version}")
    try:
        if message.version == VERSION_2:
            return _V2.pack(
                MAGIC,
                VERSION_2,
                message.command,
                message.flags,
                message.handle,
                message.size,
                message.offset,
                message.request_id,
                length,
            )
        return _encode_v1(message, length)
    except struct.error:
        raise LocalProtocolError(
            f"{message}: {describe_bad_value(message.handle, message.size, message.offset)}"
        ) from None


def describe_bad_value(handle: object, size: object, offset: object) -> str:
    """Which of these values does not fit a header, and why, in words."""
    for name, value in (("handle", handle), ("size", size), ("offset", offset)):
        if not isinstance(value, SupportsIndex):
            return f"{name} is a whole number, not {value!r}"
        if index(value) < 0:
            return f"{name} can't be below 0"
    return "a value does not fit its field"


def _encode_v1(message: Message, length: int) -> bytes:
    if message.offset:
        raise LocalProtocolError(f"{message}: version 1 has no offset")
    if message.command in V1_WITH_PAYLOAD:
        size = length
    elif message.is_reply:
        size = 0
    else:
        size = message.size
    return _V1.pack(
        MAGIC, VERSION_1, message.command, message.flags, message.handle, size, message.code
    )


def encode(message: Message) -> bytes:
    """The bytes of `message`, header and payload.

    Raises LocalProtocolError if it has no form on the wire.
    """
    payload = byte_view(message.payload)
    check_payload(message, len(payload))
    header = encode_header(message, len(payload))
    return b"".join((header, payload)) if len(payload) else header


def check_payload(message: Message, length: int) -> None:
    """Raise LocalProtocolError if `message` can't carry `length` payload bytes."""
    if length > MAX_PAYLOAD_BYTES:
        raise LocalProtocolError(f"{message}: {length} payload bytes are more than a message holds")
    if length and message.version == VERSION_1 and message.command not in V1_WITH_PAYLOAD:
        raise LocalProtocolError(
            f"{message}: in version 1 a {command_name(message.command)} has no payload"
        )
