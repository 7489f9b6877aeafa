"""Where a message begins and ends in the bytes a server receives, and which are refused at sight.

Rule: decisions only.  `RequestFramer` looks at bytes that somebody else holds,
believes no length before it is checked, and says what to do with what follows;
it stores no byte and answers nothing (docs/protocol.md, "Bad input").
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
FILLED = frozenset({Command.ALLOC, Command.READ})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not carried out; after a `fatal` one the stream can't be cut any more."""

    code: ErrorCode
    text: str
    fatal: bool = False


@dataclass(slots=True)
class Head:
    """What stands at the start of the bytes.

    `message` is the request without its payload.  `used` header bytes are
    done with; then `length` payload bytes are wanted, or, where `discard` is
    set, so many bytes follow that are to be dropped as they arrive.
    """

    message: Message
    used: int
    length: int = 0
    discard: bool = False
    refusal: Refusal | None = None


@dataclass(slots=True)
class Filler:
    """`length` bytes that belong to no message, to be dropped as they arrive."""

    length: int


class RequestFramer:
    """Cuts one connection's requests, either version, the original C client's habit included."""

    __slots__ = ("_due", "_fills", "version")

    def __init__(self) -> None:
        self.version: int = VERSION_1
        """The version last seen; an error about bytes that have none is sent in it."""
        self._fills = False
        self._due = 0

    @property
    def filler_may_follow(self) -> bool:
        """Whether the next bytes may be the filler of the message cut last."""
        return bool(self._due)

    def forget_filler(self) -> None:
        """Say that a message was handled elsewhere, so that no filler can stand here."""
        self._due = 0

    def head(self, data: Buffer, start: int, end: int) -> Head | Filler | None:
        """Decide what `data[start:end]` begins with; None means that more bytes are needed."""
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
            self._due = 0
            unspoken = Refusal(ErrorCode.UNSUPPORTED, f"version {version} is not spoken here")
            return Head(Message(0, version=self.version), header_bytes, refusal=unspoken)
        self.version = version
        message, length = decode_header(data, start, version)
        if version == VERSION_1:
            return self._version_1(message, length, header_bytes)
        self._due = 0
        refusal = _refusal_v2(message, length)
        discard = length > 0 and (refusal is not None or message.command not in PAYLOAD_LIMITS)
        return Head(message, header_bytes, length, discard, refusal)

    def _without_magic(self, first: int) -> Head | Filler:
        due, self._due = self._due, 0
        if due and first != MAGIC_BYTES[0]:
            self._fills = True
            return Filler(due)
        refusal = Refusal(ErrorCode.CORRUPT, "these bytes are not the Ether protocol", fatal=True)
        return Head(Message(0, version=self.version), 0, refusal=refusal)

    def _version_1(self, message: Message, length: int, used: int) -> Head:
        self._due = 0
        message.flags = message.code = 0  # "sent 0, ignored", whatever was sent
        if message.command in FILLED:
            if self._fills:
                return Head(message, used, message.size, True, _refusal_v1(message))
            self._due = message.size
        if message.command != Command.WRITE:
            length = 0
        refusal = _refusal_v1(message)
        return Head(message, used, length, refusal is not None, refusal)


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
