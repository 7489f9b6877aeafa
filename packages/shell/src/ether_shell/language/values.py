"""The kinds of value that commands take: handles, sizes, offsets, bytes.

Rule: pure. A parser takes a token and returns a value, or raises ValueError with a message for
the user. A file is only named here; `session.inputs` opens it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ether_protocol import parse_size

from .declaration import CompletionSource, Kind, Variables, did_you_mean
from .grammar import Form, Token, word

_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_U64: Final = 2**64 - 1
_MIN_I64: Final = -(2**63)
_MAX_I64: Final = 2**63 - 1
_WORD_BYTES: Final = 8
_LEAST_SECONDS: Final = 0.05
_MOST_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class FromFile:
    """The bytes of a file, or of standard input for the path `-`; `at` is for a caret."""

    path: str
    at: int


@dataclass(frozen=True, slots=True)
class BlockAddress:
    """A place in a block: `7+0x10` is offset 16 of block 7."""

    handle: int
    offset: int

    def __str__(self) -> str:
        return f"{self.handle}+{self.offset:#x}" if self.offset else f"{self.handle}"


@dataclass(frozen=True, slots=True)
class NestedLine:
    """A command line within a line; it begins at index `at`."""

    text: str
    at: int


Data = bytes | FromFile
"""The value of a DATA argument."""


def _bare(token: Token, what: str) -> str:
    if token.form is not Form.WORD:
        raise ValueError(f"{token.text} is not {what}")
    return token.text


def _variable(text: str, variables: Variables) -> int | None:
    """The value of `$name`, None where `text` is not a variable."""
    if not text.startswith("$"):
        return None
    if text[1:] in variables:
        return variables[text[1:]]
    if text == "$_":
        raise ValueError("there is no last handle yet: alloc makes one")
    raise ValueError(f"{text} is not set")


def _whole(text: str, what: str, least: int, most: int) -> int:
    """A whole number, decimal or `0x…`, with a sign where `least` is below 0."""
    digits = text.replace("_", "")
    unsigned = digits[1:] if digits[:1] in ("-", "+") and least < 0 else digits
    try:
        if not unsigned.isascii() or not unsigned.isalnum():
            raise ValueError
        value = int(digits, 16 if unsigned.lower().startswith("0x") else 10)
    except ValueError:
        raise ValueError(f"{text!r} is not {what}") from None
    if not least <= value <= most:
        raise ValueError(f"{text} is not {what}: it lies outside {least} to {most}")
    return value


def _number(text: str, variables: Variables, what: str, least: int, most: int) -> int:
    """A whole number, or a variable that has one."""
    value = _variable(text, variables)
    if value is None:
        return _whole(text, what, least, most)
    if not least <= value <= most:
        raise ValueError(f"{text} is {value} and not {what}: it lies outside {least} to {most}")
    return value


def _handle(token: Token, variables: Variables) -> int:
    return _number(_bare(token, "a handle"), variables, "a handle", 1, _MAX_U64)


def _place(token: Token, variables: Variables) -> BlockAddress:
    handle, plus, offset = _bare(token, "an address, HANDLE+OFFSET").partition("+")
    at = _size(word(offset), variables) if plus else 0
    return BlockAddress(_handle(word(handle), variables), at)


def _size(token: Token, variables: Variables) -> int:
    text = _bare(token, "a number of bytes")
    known = _variable(text, variables)
    if known is not None:
        return known
    value = parse_size(text)
    if value > _MAX_U64:
        raise ValueError(f"{text} is more bytes than 64 bits can count")
    return value


def _signed(token: Token, variables: Variables) -> int:
    return _number(_bare(token, "a number"), variables, "a number", _MIN_I64, _MAX_I64)


def _data(token: Token, _: Variables) -> Data:
    if token.form is Form.FILE:
        return FromFile(token.path, token.start)
    return token.data


def _literal(token: Token, what: str) -> bytes:
    if token.form is Form.FILE:
        raise ValueError(f"{token.text} is a file, and this is {what}: only write takes files")
    return token.data


def _byte(token: Token, variables: Variables) -> int:
    if token.form is Form.WORD and (token.text[:1].isdigit() or len(token.data) != 1):
        return _number(token.text, variables, "a byte, such as 255, 0xff, hex:ff or z", 0, 255)
    data = _literal(token, "one byte")
    if len(data) != 1:
        raise ValueError(f"{token.text} is {len(data)} bytes, and this is one")
    return data[0]


def _word(token: Token, variables: Variables) -> bytes:
    if token.form is Form.WORD:
        what = "a number or a literal of 8 bytes"
        value = _number(token.text, variables, what, 0, _MAX_U64)
        return value.to_bytes(_WORD_BYTES, "big")
    data = _literal(token, "8 bytes")
    if len(data) != _WORD_BYTES:
        raise ValueError(f"{token.text} is {len(data)} bytes, and this is {_WORD_BYTES}")
    return data


def _seconds(token: Token, _: Variables) -> float:
    text = _bare(token, "a number of seconds")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number of seconds") from None
    if not _LEAST_SECONDS <= value <= _MOST_SECONDS:
        raise ValueError(f"{text} s is not between {_LEAST_SECONDS} s and a day")
    return value


def _count(token: Token, variables: Variables) -> int:
    return _number(_bare(token, "a count"), variables, "a count", 1, _MAX_I64)


def _snapshot(token: Token, _: Variables) -> int:
    if token.form is not Form.FILE or not token.path.isascii() or not token.path.isdigit():
        raise ValueError(f"{token.text} is not a snapshot, such as @1")
    return int(token.path)


def _line(token: Token, _: Variables) -> NestedLine:
    return NestedLine(token.text, token.start)


def _path(token: Token, _: Variables) -> FromFile:
    if token.form is Form.FILE:
        return FromFile(token.path, token.start)
    path = token.data.decode("utf-8", "surrogateescape")
    if not path or "\0" in path:
        raise ValueError(f"{token.text} is not the name of a file")
    return FromFile(path, token.start)


def _name(token: Token, _: Variables) -> str:
    return _bare(token, "the name of a command")


HANDLE: Final = Kind(_handle, completes_from=CompletionSource.HANDLES)
ADDRESS: Final = Kind(_place, completes_from=CompletionSource.HANDLES)
SIZE: Final = Kind(_size, completes_from=CompletionSource.NUMBERS)
SIGNED: Final = Kind(_signed, completes_from=CompletionSource.NUMBERS)
BYTE: Final = Kind(_byte, completes_from=CompletionSource.NUMBERS)
WORD: Final = Kind(_word, completes_from=CompletionSource.NUMBERS)
SECONDS: Final = Kind(_seconds)
SNAPSHOT: Final = Kind(_snapshot, prefixes=(("@", "the number of a snapshot: @1"),))
COUNT: Final = Kind(_count, completes_from=CompletionSource.NUMBERS)
LINE: Final = Kind(_line, completes_from=CompletionSource.COMMANDS)
PATH: Final = Kind(_path, completes_from=CompletionSource.PATHS)
COMMAND_NAME: Final = Kind(_name, completes_from=CompletionSource.COMMANDS)
DATA: Final = Kind(
    _data,
    prefixes=(
        ('"', 'text with escapes: "a\\x00\\n"'),
        ("hex:", "hex digits: hex:dead beef"),
        ("b64:", "base64: b64:3q2+7w=="),
        ("@", "the bytes of a file: @picture.png"),
    ),
)


def _variable_name(token: Token, _: Variables) -> str:
    name = _bare(token, "a name").removeprefix("$")
    if not _VARIABLE_NAME.fullmatch(name):
        raise ValueError(f"{token.text!r} is not a name: letters, digits and _, no digit first")
    return name


def choice(*words: tuple[str, str]) -> Kind:
    """One of `words`, each with its meaning."""
    return Kind(_chooser(tuple(word for word, _ in words)), words=words)


def _chooser(known: tuple[str, ...]) -> Callable[[Token, Variables], str]:
    def parse(token: Token, _: Variables) -> str:
        text = _bare(token, f"one of {', '.join(known)}")
        if text.lower() in known:
            return text.lower()
        guess = did_you_mean(text.lower(), known)
        raise ValueError(f"{text!r} is not one of {', '.join(known)}{guess}")

    return parse


VARIABLE: Final = Kind(_variable_name, completes_from=CompletionSource.NAMES)
EQUALS: Final = choice(("=", "the value comes next"))
