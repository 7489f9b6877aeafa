r"""The grammar of a line, and of bytes within it: text in, tokens with their positions out.

    write 7 "text\x00\n"     quoted, with escapes; '…' is the same
    write 7 hello            a bare word means its UTF-8
    write 7 hex:dead beef    hex digits; see below
    write 7 b64:3q2+7w==     base64
    write 7 @picture.png     the bytes of a file; @- is standard input
    read $_ --at 16          $_ is the last handle; # begins a comment

Quotes, as in `hex:"…"`, `b64:"…"` and `@"…"`, mark the end of the literal. A bare `hex:` is one
word here. Only `binding` knows whether it is the last argument of a command, to which the
following words of digits belong; it puts them together with `joined`.

Rule: pure. No file is opened and no word is interpreted here: `binding` decides which words are
commands and numbers.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from ether_shell.problems import Unfinished, UsageError

from .escapes import CODED, SIMPLE

STANDARD_INPUT = "-"
"""The path in `@-`."""

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"\S+")
_HEX_DIGITS = re.compile(r"[0-9A-Fa-f]+")
_HEX_WORD = re.compile(r"\s+([0-9A-Fa-f]+)(?=\s|$)")
_NOT_HEX = re.compile(r"[^0-9A-Fa-f\s]")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
_PLAIN = re.compile(r"""[^"'\\]+""")


class Form(Enum):
    """The form of a token."""

    WORD = "word"
    BYTES = "bytes"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Token:
    """One word or literal: `text` is its part of the line, from index `start` on.

    `data` has the bytes of a literal, or the UTF-8 of a bare word; a FILE has a `path` instead.
    A `growing` one is a bare `hex:`, to which words of digits may be joined.
    """

    form: Form
    text: str
    start: int
    data: bytes = b""
    path: str = ""
    growing: bool = False

    @property
    def end(self) -> int:
        """The index behind the token's last character."""
        return self.start + len(self.text)

    def tail(self, count: int) -> Token:
        """A bare word without its first `count` characters."""
        return word(self.text[count:], self.start + count)


@dataclass(frozen=True, slots=True)
class Scan:
    """The tokens of a line, up to its end or to the `problem` that stopped the scan."""

    tokens: list[Token]
    problem: UsageError | None = None


def word(text: str, start: int = 0) -> Token:
    """The token for a bare word."""
    return Token(Form.WORD, text, start, text.encode("utf-8", "surrogateescape"))


def is_hex(token: Token) -> bool:
    """Whether `token` is a bare word of hex digits."""
    return token.form is Form.WORD and _HEX_DIGITS.fullmatch(token.text) is not None


def joined(group: Token, more: Token) -> Token:
    """A `growing` group joined with the next word of digits; raises UsageError for an odd digit."""
    gap = " " * (more.start - group.end)
    data = group.data + _hex_bytes(more.start, more.text)
    return replace(group, text=f"{group.text}{gap}{more.text}", data=data)


def spanning(first: Token, last: Token) -> Token:
    """The line from `first` to `last` as one bare word; white space becomes blanks."""
    gap = " " * (last.start - first.end)
    return word(f"{first.text}{gap}{last.text}", first.start)


def scan(line: str) -> Scan:
    """The tokens of `line` up to the first that is wrong; never raises."""
    tokens: list[Token] = []
    at = _skip(line, 0)
    while at < len(line) and line[at] != "#":
        try:
            tokens.append(_token(line, at))
        except UsageError as problem:
            return Scan(tokens, problem)
        at = _skip(line, tokens[-1].end)
    return Scan(tokens)


def tokenize(line: str) -> list[Token]:
    """The tokens of `line`. Raises UsageError for a wrong literal, with its place in the line."""
    result = scan(line)
    if result.problem is not None:
        raise result.problem
    return result.tokens


def _skip(line: str, at: int) -> int:
    match = _SPACE.match(line, at)
    return match.end() if match else at


def _token(line: str, at: int) -> Token:
    for prefix, read in _LITERALS.items():
        if line.startswith(prefix, at):
            return read(line, at, at + len(prefix))
    match = _WORD.match(line, at)
    assert match is not None  # `at` is at no space and before the end
    return word(match.group(), at)


def _quoted(line: str, start: int, inside: int) -> Token:
    data, end = _until_quote(line, inside - 1)
    return Token(Form.BYTES, line[start:end], start, data)


def _until_quote(line: str, opening: int) -> tuple[bytes, int]:
    """The bytes from the quote at `opening` to the closing one, and the index after that."""
    mark = line[opening]
    data = bytearray()
    at = opening + 1
    while at < len(line):
        character = line[at]
        if character == mark:
            _need_space(line, at + 1)
            return bytes(data), at + 1
        if character == "\\":
            step, at = _escape(line, at)
            data += step
            continue
        match = _PLAIN.match(line, at)
        text = match.group() if match else character
        data += text.encode("utf-8", "surrogateescape")
        at += len(text)
    raise Unfinished(f"this {mark} has no closing {mark}", opening)


def _need_space(line: str, at: int) -> None:
    if at < len(line) and not line[at].isspace():
        raise UsageError("a space must follow a closing quote", at)


def _escape(line: str, at: int) -> tuple[bytes, int]:
    letter = line[at + 1 : at + 2]
    if letter in CODED:
        count = CODED[letter]
        digits = line[at + 2 : at + 2 + count]
        if len(digits) < count or _NOT_HEX.search(digits) or any(c.isspace() for c in digits):
            at_the_end = len(digits) < count and not _NOT_HEX.search(digits)
            kind = Unfinished if at_the_end else UsageError
            raise kind(f"\\{letter} must be followed by {count} hex digits", at)
        value = int(digits, 16)
        if letter == "x":
            return bytes([value]), at + 2 + count
        try:
            return chr(value).encode(), at + 2 + count
        except UnicodeEncodeError:
            raise UsageError(
                f"\\u{digits} is half a character: write its UTF-8 as \\xNN", at
            ) from None
    if letter and letter in SIMPLE:
        return bytes([SIMPLE[letter]]), at + 2
    known = " ".join(f"\\{name}" for name in SIMPLE)
    kind = UsageError if letter else Unfinished
    raise kind(f"unknown escape \\{letter}: there are {known} \\xNN \\uNNNN", at)


def _body(line: str, start: int, inside: int, what: str) -> tuple[str, int, int]:
    """What follows a prefix, quoted or not: the text, its index, and the index after it."""
    if line[inside : inside + 1] in ('"', "'"):
        mark = line[inside]
        closing = line.find(mark, inside + 1)
        if closing < 0:
            raise Unfinished(f"this {mark} has no closing {mark}", inside)
        _need_space(line, closing + 1)
        return line[inside + 1 : closing], inside + 1, closing + 1
    match = _WORD.match(line, inside)
    if match is None:
        raise Unfinished(f"{line[start:inside]} must be followed by {what}", start)
    return match.group(), inside, match.end()


def _hex(line: str, start: int, inside: int) -> Token:
    # `hex: dead`: a space may come before the digits.
    if match := _HEX_WORD.match(line, inside):
        text, first, end = match.group(1), match.start(1), match.end()
    else:
        text, first, end = _body(line, start, inside, "hex digits")
    growing = line[first - 1] not in "\"'"
    return Token(Form.BYTES, line[start:end], start, _hex_bytes(first, text), growing=growing)


def _hex_bytes(first: int, text: str) -> bytes:
    if wrong := _NOT_HEX.search(text):
        raise UsageError(f"{wrong.group()!r} is not a hex digit", first + wrong.start())
    for match in _WORD.finditer(text):
        if len(match.group()) % 2:
            raise Unfinished("hex digits come in pairs: one is missing", first + match.end() - 1)
    return bytes.fromhex(text)


def _base64(line: str, start: int, inside: int) -> Token:
    text, first, end = _body(line, start, inside, "base64")
    if wrong := _NOT_BASE64.search(text):
        raise UsageError(f"{wrong.group()!r} is not a base64 digit", first + wrong.start())
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Unfinished("base64 comes in groups of four: this ends inside one", end - 1) from None
    return Token(Form.BYTES, line[start:end], start, data)


def _file(line: str, start: int, inside: int) -> Token:
    path, _, end = _body(line, start, inside, "a file name, or - for standard input,")
    return Token(Form.FILE, line[start:end], start, path=path)


_LITERALS: dict[str, Callable[[str, int, int], Token]] = {
    '"': _quoted,
    "'": _quoted,
    "hex:": _hex,
    "b64:": _base64,
    "@": _file,
}
"""The prefix of a literal, and the function that reads it.

Called with the line, the index of the literal, and the index after the prefix.
"""
