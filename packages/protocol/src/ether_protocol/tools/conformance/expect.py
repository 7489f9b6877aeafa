"""Assertions about replies.

Rule: each says in words what was expected and what was seen; text that the
server sent is printed without control characters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ether_protocol.wire import bodies
from ether_protocol.wire.constants import VERSION_1, Command, ErrorCode, command_name
from ether_protocol.wire.errors import RemoteProtocolError, ServerError
from ether_protocol.wire.messages import Buffer, Message

from .verdicts import RuleBroken

_MOST_TEXT = 80

_Body = TypeVar("_Body")


def printable(text: str) -> str:
    """`text`, shortened, its control characters replaced."""
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return shown if len(shown) <= _MOST_TEXT else shown[:_MOST_TEXT] + "…"


def error_of(reply: Message) -> ServerError | None:
    """The error in `reply`, None if it is no ERROR.

    Raises RuleBroken for an ERROR that does not parse.
    """
    if reply.command != Command.ERROR:
        return None
    try:
        return bodies.decode_error(reply)
    except RemoteProtocolError as error:
        raise RuleBroken("an ERROR with a code and UTF-8 text", printable(str(error))) from None


def code_of(reply: Message) -> int:
    """The code of an ERROR, else 0."""
    error = error_of(reply)
    return error.code if error is not None else 0


def described(reply: Message) -> str:
    """`reply` in one line; an ERROR with its code and text."""
    error = error_of(reply)
    if error is None:
        return printable(str(reply))
    text = "" if reply.version == VERSION_1 else f" ({printable(str(error))})"
    return f"ERROR {error.name}{text}"


def ok(reply: Message, **fields: int | bytes) -> Message:
    """Expect OK with these values in fields of the Message; returns the reply."""
    return _answer(reply, Command.OK, fields)


def pong(reply: Message, **fields: int | bytes) -> Message:
    """Expect PONG with these values in fields of the Message; returns the reply."""
    return _answer(reply, Command.PONG, fields)


def _answer(reply: Message, command: Command, fields: dict[str, int | bytes]) -> Message:
    if reply.command != command:
        raise RuleBroken(_words(command, fields), described(reply))
    payload = fields.get("payload")
    if isinstance(payload, bytes):
        content(reply.payload, payload)
    for name, value in fields.items():
        seen = getattr(reply, name)
        if name != "payload" and seen != value:
            raise RuleBroken(f"{command.name} with {name} {value!r}", f"{name} {seen}")
    return reply


def _words(command: int, fields: dict[str, int | bytes]) -> str:
    shown = [f"{name} {value}" for name, value in fields.items() if isinstance(value, int)]
    return f"{command_name(command)} with {', '.join(shown)}" if shown else command_name(command)


def content(seen: Buffer, expected: bytes) -> None:
    """Expect exactly these bytes."""
    if seen == expected:
        return
    if len(seen) != len(expected):
        raise RuleBroken(f"{len(expected)} bytes of payload", f"{len(seen)}")
    at = next(i for i, (a, b) in enumerate(zip(seen, expected, strict=True)) if a != b)
    raise RuleBroken(f"byte {at} to be 0x{expected[at]:02X}", f"0x{seen[at]:02X}")


def zeros(seen: Buffer, count: int) -> None:
    """Expect `count` bytes, all 0."""
    content(seen, bytes(count))


def error(reply: Message, *codes: ErrorCode) -> Message:
    """Expect ERROR with one of `codes`; returns the reply."""
    found = code_of(reply)
    if found not in codes:
        raise RuleBroken("ERROR " + " or ".join(code.name for code in codes), described(reply))
    return reply


def equal(what: str, seen: object, expected: object) -> None:
    """Expect that `seen`, which `what` names, equals `expected`."""
    if seen != expected:
        raise RuleBroken(f"{what} to be {expected}", printable(str(seen)))


def true(holds: bool, expected: str, seen: object) -> None:
    """Expect that `holds` is true."""
    if not holds:
        raise RuleBroken(expected, printable(str(seen)))


def parsed(what: str, decode: Callable[[Buffer], _Body], payload: Buffer) -> _Body:
    """Expect that `decode` parses the body `payload`; returns its value."""
    try:
        return decode(payload)
    except RemoteProtocolError as error:
        raise RuleBroken(f"a body of {what} that parses", printable(str(error))) from None
