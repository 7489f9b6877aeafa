"""The constants of the protocol: commands, error codes, flags, limits.

Rule: every number that both ends must agree on stands here and nowhere else,
except the layout of headers and bodies, which is in `schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, IntFlag
from types import MappingProxyType
from typing import Final

MAGIC: Final = 0xE7E7E7E7
MAGIC_BYTES: Final = MAGIC.to_bytes(4, "big")
DEFAULT_PORT: Final = 9999
"""The TCP port of a server where an address names none."""

VERSION_1: Final = 1
"""The version of the original server, with headers of 24 bytes."""

VERSION_2: Final = 2
"""The version of new clients, with headers of 40 bytes."""

MAX_PAYLOAD_BYTES: Final = 16 * 1024 * 1024
"""Most payload bytes of one message, and most bytes that one READ, FILL or COPY touches."""

MAX_PING_BYTES: Final = 4096
MAX_NAME_BYTES: Final = 255
MAX_TOKEN_BYTES: Final = 4096
MAX_LIST_ENTRIES: Final = 4096
"""Most (handle, size) pairs in one LIST reply."""

MAX_SIZE: Final = 2**64 - 1
MAX_REQUEST_ID: Final = 2**32 - 1


class Command(IntEnum):
    """What a message asks for, or answers with: the command byte of a header.

    See "Commands" in docs/protocol.md.
    """

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
    """Why a server refused a request; 1 to 7 are the original server's numbers.

    Each code that a server sends is raised as its own ServerError.

    See "Error codes" in docs/protocol.md.
    """

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
    """Flags of an ALLOC request; INFO returns them.

    See "What a block promises" in docs/protocol.md.
    """

    SESSION = 0x0001
    """The block is freed and wiped when the connection that allocated it ends."""


REPLIES: Final = frozenset({Command.PONG, Command.OK, Command.ERROR})

V1_COMMANDS: Final = frozenset(
    {Command.PING, Command.ALLOC, Command.FREE, Command.WRITE, Command.READ}
)

REPEATABLE: Final = frozenset(
    {Command.PING, Command.HELLO, Command.STATS, Command.INFO, Command.LIST, Command.READ}
)
"""Requests that change nothing: a client may send them again after a lost connection."""

KNOWN_FLAGS: Final = MappingProxyType({Command.ALLOC: int(AllocFlag.SESSION)})
"""Flag bits that a version 2 request may carry; any other bit is UNSUPPORTED."""

SESSION_BLOCKS: Final = "session-blocks"
"""The feature that HELLO names if ALLOC has the flag SESSION."""

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
"""Commands that a server has only if HELLO names their feature."""

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
"""Most payload bytes of each version 2 request; a payload of any other request is skipped."""


def command_name(command: int) -> str:
    """The name of `command`, or its number in hex if it has none."""
    try:
        return Command(command).name
    except ValueError:
        return f"0x{command:02X}"
