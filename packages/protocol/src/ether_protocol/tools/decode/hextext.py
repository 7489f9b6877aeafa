"""Hexadecimal text, as people and hex dumps write it, to bytes.

Rule: no guessing; text that can be read in two ways is refused with its line number.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_COLON_LINE = re.compile(r"([0-9a-f]+):\s+(.*)", re.I | re.ASCII)
_DUMP_LINE = re.compile(r"([0-9a-f]{4,16})(?:\s+(.*))?", re.I | re.ASCII)
_TOKEN = re.compile(r"(?:0x)?([0-9a-f]*)", re.I | re.ASCII)
_WORD = re.compile(r"[0-9a-f]{4}", re.I | re.ASCII)
_MAX_REPEATED_BYTES = 64 * 1024 * 1024


class HexError(ValueError):
    """The text is not hexadecimal; the message says where and why."""


def parse_hex(text: str) -> bytes:
    """The bytes that `text` stands for: bare digits, `0x` before them, or a hex dump.

    Bytes stand in the order of the text.  Dumps are those of `xxd` and of
    `hexdump -C`, with their offsets, text columns and `*` for repeated lines.
    Raises HexError.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line]
    if not lines:
        raise HexError("there is nothing in it")
    first = lines[0][1]
    if _COLON_LINE.fullmatch(first):
        return _dump(lines, _COLON_LINE, _before_gap)
    # No message begins with zeros: they are the offset in the first line of a dump.
    if (match := _DUMP_LINE.fullmatch(first)) and match[2] and not int(match[1], 16):
        if all(map(_WORD.fullmatch, match[2].split())):
            raise HexError(
                "line 1: these may be words of either byte order; use xxd or hexdump -C instead"
            )
        return _dump(lines, _DUMP_LINE, _before_bar)
    return b"".join(_digits(number, line) for number, line in lines)


def _before_gap(columns: str) -> str:
    """The columns before the text of `xxd`, which follows two spaces."""
    return re.split(r"\s\s", columns, maxsplit=1)[0]


def _before_bar(columns: str) -> str:
    """The columns before the text of `hexdump -C`, which follows a bar."""
    return columns.partition("|")[0]


def _dump(
    lines: list[tuple[int, str]], pattern: re.Pattern[str], digits_of: Callable[[str], str]
) -> bytes:
    data = bytearray()
    begin: int | None = None
    last = b""
    repeated = False
    for number, line in lines:
        if line == "*" and last:
            repeated = True
            continue
        match = pattern.fullmatch(line)
        if match is None:
            raise HexError(f"line {number}: this is not a line of a hex dump")
        offset = int(match[1], 16)
        begin = offset if begin is None else begin
        missing = offset - begin - len(data)
        if repeated and 0 < missing <= _MAX_REPEATED_BYTES and missing % len(last) == 0:
            data += last * (missing // len(last))
        elif missing:
            raise HexError(f"line {number}: its offset is not where the line before it ends")
        repeated = False
        last = _digits(number, digits_of(match[2] or ""))
        data += last
    return bytes(data)


def _digits(number: int, line: str) -> bytes:
    data = bytearray()
    for token in re.split(r"[\s,]+", line):
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise HexError(f"line {number}: {token[:20]!r} is not hexadecimal")
        if len(match[1]) % 2:
            raise HexError(f"line {number}: {token[:20]!r} has an odd number of digits")
        data += bytes.fromhex(match[1])
    return bytes(data)
