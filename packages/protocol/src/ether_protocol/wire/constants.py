"""The words and numbers of the protocol: commands, error codes, flags, limits.

Rule: every number that both ends of a connection must agree on stands here
and nowhere else.  Nothing in this file does anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, IntFlag
from types import MappingProxyType
from typing import Final

MAGIC: Final = 0xE7E7E7E7
MAGIC_BYTES: Final = MAGIC.to_bytes(4, "big")
DEFAULT_PORT: Final = 9999

VERSION_1: Final = 1
VERSION_2: Final = 2

MAX_PAYLOAD_BYTES: Final = 16 * 1024 * 1024
"""Most payload bytes of one message, and most bytes one READ, FILL or COPY touches."""

MAX_PING_BYTES: Final = 4096
MAX_NAME_BYTES: Final = 255
MAX_TOKEN_BYTES: Final = 4096
MAX_LIST_ENTRIES: Final = 4096
"""Most (handle, size) pairs that one LIST reply holds; ask again from the last one."""

MAX_SIZE: Final = 2**64 - 1
MAX_REQUEST_ID: Final = 2**32 - 1


class Command(IntEnum):
    """What a message asks for, or answers with (docs/protocol.md, "Commands")."""

    PING = 0x01
    PONG = 0x02
    HELLO = 0x03
    AUTH = 0x04
    STATS = 0x05
    ALLOC = 0x10
    FREE = 0x11
    REALLOC = 0x12
    INFO = 0x13
    LIST = 0x14
    WRITE = 0x20
    READ = 0x21
    FILL = 0x22
    COPY = 0x23
    COMPARE_SWAP = 0x24
    FETCH_ADD = 0x25
    OK = 0xF0
    ERROR = 0xFF


class ErrorCode(IntEnum):
    """Why a server refused (docs/protocol.md, "Error codes").  1–7 are the seed's numbers."""

    NO_MEMORY = 1
    INVALID = 2
    CORRUPT = 3
    OVERFLOW = 4
    NETWORK = 5
    TIMEOUT = 6
    NOT_FOUND = 7
    UNAUTHENTICATED = 8
    FORBIDDEN = 9
    QUOTA = 10
    TOO_LARGE = 11
    UNSUPPORTED = 12
    BUSY = 13


class AllocFlag(IntFlag):
    """Flags of an ALLOC request; INFO gives them back."""

    SESSION = 0x0001
    """The block is freed and wiped when the connection that made it ends."""


REPLIES: Final = frozenset({Command.PONG, Command.OK, Command.ERROR})

V1_COMMANDS: Final = frozenset(
    {Command.PING, Command.ALLOC, Command.FREE, Command.WRITE, Command.READ}
)

REPEATABLE: Final = frozenset(
    {Command.PING, Command.HELLO, Command.STATS, Command.INFO, Command.LIST, Command.READ}
)
"""Requests that change nothing, so that a client may send them again after a lost connection."""

KNOWN_FLAGS: Final = MappingProxyType({Command.ALLOC: int(AllocFlag.SESSION)})
"""Flag bits a version 2 request may carry; every bit that is not here is UNSUPPORTED."""

SESSION_BLOCKS: Final = "session-blocks"
"""The feature by which HELLO says that ALLOC knows the flag SESSION."""

OPTIONAL_FEATURES: Final[Mapping[int, str]] = MappingProxyType(
    {
        Command.REALLOC: "realloc",
        Command.FILL: "fill",
        Command.COPY: "copy",
        Command.COMPARE_SWAP: "compare-swap",
        Command.FETCH_ADD: "fetch-add",
        Command.LIST: "list",
    }
)
"""Commands that a server has only if its HELLO names them (docs/protocol.md, "Commands")."""

PAYLOAD_LIMITS: Final = MappingProxyType(
    {
        Command.PING: MAX_PING_BYTES,
        Command.HELLO: MAX_NAME_BYTES,
        Command.AUTH: MAX_TOKEN_BYTES,
        Command.WRITE: MAX_PAYLOAD_BYTES,
        Command.FILL: 1,
        Command.COPY: 16,
        Command.COMPARE_SWAP: 16,
        Command.FETCH_ADD: 8,
    }
)
"""Most payload bytes of each version 2 request; a payload where none belongs is dropped."""


def command_name(command: int) -> str:
    """The name of `command`, or its number in hex where it has none."""
    try:
        return Command(command).name
    except ValueError:
        return f"0x{command:02X}"
