"""Where each request begins and ends in the bytes that a server receives.

Rule: decisions only, and for the server's side only: a client reads replies
with `codec` alone.  `RequestFramer` looks at bytes that the caller holds,
stores none and sends nothing; it checks every length before anybody relies on
it (docs/protocol.md, "Bad input").
"""

from __future__ import annotations

from dataclasses import dataclass

from .codec import HEADER_BYTES, decode_header
from .constants import (
    KNOWN_FLAGS,
    MAGIC_BYTES,
    MAX_PAYLOAD_BYTES,
    PAYLOAD_LIMITS,
    REPLIES,
    V1_COMMANDS,
    VERSION_1,
    Command,
    ErrorCode,
    command_name,
)
from .messages import Buffer, Message

_VERSION_AT = len(MAGIC_BYTES)
FILLER_COMMANDS = frozenset({Command.ALLOC, Command.READ})
"""The requests after which the original C client sends filler."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not carried out; after a `fatal` one the connection must be closed."""

    code: ErrorCode
    text: str
    fatal: bool = False


@dataclass(slots=True)
class RequestHead:
    """A request as far as its header tells: `message` has no payload yet.

    The header takes `used` bytes.  After it come `length` bytes: the payload,
    or, if `discard` is set, bytes to drop as they arrive.
    """

    message: Message
    used: int
    length: int = 0
    discard: bool = False
    refusal: Refusal | None = None


@dataclass(slots=True)
class Filler:
    """`length` bytes that belong to no message: drop them as they arrive."""

    length: int


class RequestFramer:
    """Finds the requests of one connection, of either version, with or without filler."""

    __slots__ = ("_possible_filler", "sends_filler", "version")

    def __init__(self) -> None:
        self.version: int = VERSION_1
        """The version last seen, in which an ERROR about bytes without one is sent."""
        self.sends_filler: bool = False
        """Whether filler stands behind each version 1 ALLOC and READ."""
        self._possible_filler = 0

    def expect_filler(self, length: int) -> None:
        """Note that messages of the version last seen were read elsewhere.

        `length` is how much filler may follow the last of them, 0 for none.
        """
        self._possible_filler = length

    def parse_head(self, data: Buffer, start: int, end: int) -> RequestHead | Filler | None:
        """What `data[start:end]` begins with; None if more bytes are needed."""
        have = end - start
        if have <= 0:
            return None
        seen = data[start : start + _VERSION_AT] if have >= _VERSION_AT else data[start:end]
        if seen != MAGIC_BYTES and seen != MAGIC_BYTES[: len(seen)]:
            return self._without_magic(seen[0])
        if have <= _VERSION_AT:
            return None
        version = data[start + _VERSION_AT]
        header_bytes = HEADER_BYTES.get(version, HEADER_BYTES[VERSION_1])
        if have < header_bytes:
            return None
        if version not in HEADER_BYTES:
            self._possible_filler = 0
            unsupported = Refusal(ErrorCode.UNSUPPORTED, f"version {version} is not spoken here")
            return RequestHead(Message(0, version=self.version), header_bytes, refusal=unsupported)
        self.version = version
        message, length = decode_header(data, start, version)
        if version == VERSION_1:
            return self._version_1(message, length, header_bytes)
        self._possible_filler = 0
        refusal = _refusal_v2(message, length)
        discard = length > 0 and (refusal is not None or message.command not in PAYLOAD_LIMITS)
        return RequestHead(message, header_bytes, length, discard, refusal)

    def _without_magic(self, first: int) -> RequestHead | Filler:
        length, self._possible_filler = self._possible_filler, 0
        if length and first != MAGIC_BYTES[0]:
            self.sends_filler = True
            return Filler(length)
        refusal = Refusal(ErrorCode.CORRUPT, "these bytes are not the Ether protocol", fatal=True)
        return RequestHead(Message(0, version=self.version), 0, refusal=refusal)

    def _version_1(self, message: Message, length: int, used: int) -> RequestHead:
        self._possible_filler = 0
        message.flags = message.code = 0  # "sent 0, ignored", whatever was sent
        if message.command in FILLER_COMMANDS:
            if self.sends_filler:
                return RequestHead(message, used, message.size, True, _refusal_v1(message))
            self._possible_filler = message.size
        if message.command != Command.WRITE:
            length = 0
        refusal = _refusal_v1(message)
        return RequestHead(message, used, length, refusal is not None, refusal)


def _refusal_v1(message: Message) -> Refusal | None:
    if message.command not in V1_COMMANDS:
        return Refusal(
            ErrorCode.UNSUPPORTED, f"{command_name(message.command)} is not in version 1"
        )
    if message.size > MAX_PAYLOAD_BYTES and message.command not in (Command.PING, Command.FREE):
        return Refusal(
            ErrorCode.TOO_LARGE,
            f"{message.size} bytes are more than {MAX_PAYLOAD_BYTES}",
            fatal=message.command == Command.WRITE,
        )
    return None


def _refusal_v2(message: Message, length: int) -> Refusal | None:
    if length > MAX_PAYLOAD_BYTES:
        return Refusal(
            ErrorCode.TOO_LARGE,
            f"a payload of {length} bytes is more than {MAX_PAYLOAD_BYTES}",
            fatal=True,
        )
    if message.command not in _REQUESTS:
        return Refusal(
            ErrorCode.UNSUPPORTED, f"command {command_name(message.command)} is no request"
        )
    if message.flags and (unknown := message.flags & ~_known_flags(message.command)):
        name = command_name(message.command)
        return Refusal(ErrorCode.UNSUPPORTED, f"{name}: flags 0x{unknown:04X} are unknown")
    if length and length > (limit := _payload_limit(message.command)):
        name = command_name(message.command)
        text = f"{name}: a payload of {length} bytes is more than {limit}"
        return Refusal(ErrorCode.TOO_LARGE, text)
    return None


def _known_flags(command: int) -> int:
    return KNOWN_FLAGS.get(Command(command), 0)


def _payload_limit(command: int) -> int:
    return PAYLOAD_LIMITS.get(Command(command), MAX_PAYLOAD_BYTES)


_REQUESTS = frozenset(Command) - REPLIES
