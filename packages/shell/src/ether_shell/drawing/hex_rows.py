"""Bytes as hex: offset, two groups of eight bytes (one if narrow), and printable ASCII.

    00000000  68 65 6c 6c 6f 00 00 00  00 00 00 00 00 00 00 00  |hello...........|
    00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
    *
    00000400

Rule: pure, and lazy: parts in, lines out, and no more than one part is held. As in hexdump,
rows that repeat the one above become `*`; if they are the last, a line with the end follows.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Final

from ether_shell.operations.ranges import Gap, Part

from .byte_classes import CHANGED_SIGN
from .byte_rows import ByteRow, RangeEnd, RepeatedRows, cut
from .style import Paint, plain

ROW_BYTES: Final = 16
_GROUP_BYTES: Final = 8
_NARROWER = ((78, 16), (45, 8), (0, 4))
"""From this many columns on, a row has this many bytes."""

_ASCII = "".join([chr(b) if 0x20 <= b < 0x7F else "." for b in range(256)])


def row_bytes(columns: int) -> int:
    """The bytes per row for lines of `columns`."""
    return next(count for least, count in _NARROWER if columns >= least)


def rows(
    parts: Iterable[Part],
    paint: Paint = plain,
    each: int = ROW_BYTES,
    changed: Container[int] = frozenset(),
) -> Iterator[str]:
    """The lines for `parts`, which are whole rows except for the last.

    A row has `each` bytes; those at the offsets `changed` are marked.
    """
    for row in cut(parts, each, changed=changed):
        match row:
            case ByteRow():
                yield _row(row, each, paint, changed)
            case RepeatedRows():
                yield "*"
            case Gap():
                yield gap_line(row, paint)
            case RangeEnd():
                yield paint("offset", f"{row.offset:08x}")


def gap_line(gap: Gap, paint: Paint = plain) -> str:
    """The line in place of bytes that were left out."""
    text = f"… {gap.size:,} bytes left out, from offset {gap.offset:#x} on"
    return paint("gap", f"{text}; --all shows them, dump saves them")


def _row(row: ByteRow, each: int, paint: Paint, changed: Container[int]) -> str:
    blank = " " * (_columns(each) - _columns(len(row.data)))
    text = row.data.decode("latin-1").translate(_ASCII)
    if changed:
        digits = _marked(row, paint, changed) + blank
    else:
        groups = [
            row.data[at : at + _GROUP_BYTES].hex(" ")
            for at in range(0, len(row.data), _GROUP_BYTES)
        ]
        digits = " " + "  ".join(groups) + blank
        if not any(row.data):
            digits, text = paint("zero", digits), paint("zero", text)
    return f"{paint('offset', f'{row.offset:08x}')} {digits}  |{text}|"


def _columns(count: int) -> int:
    """The columns of `count` bytes, each with the blank or sign before it."""
    return count * 3 + max(0, count - 1) // _GROUP_BYTES


def _marked(row: ByteRow, paint: Paint, changed: Container[int]) -> str:
    """The digits of a row, with a sign before those of a changed byte."""
    digits = []
    for at, byte in enumerate(row.data):
        digits.append(" " if at and at % _GROUP_BYTES == 0 else "")
        if row.offset + at in changed:
            digits.append(CHANGED_SIGN + paint("changed", f"{byte:02x}"))
        else:
            digits.append(f" {byte:02x}")
    return "".join(digits)
