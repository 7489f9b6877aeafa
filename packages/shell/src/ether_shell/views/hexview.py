"""The hex view: offset, two groups of eight bytes (one if narrow), and what prints as ASCII.

    00000000  68 65 6c 6c 6f 00 00 00  00 00 00 00 00 00 00 00  |hello...........|
    00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
    *
    00000400

Rule: pure, and lazy: parts in, lines out, and never more than one part held.
A row that repeats the one above goes to `*`, as in hexdump; the last line then
tells where the range ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ether_shell.commands.ranges import Gap, Part

from .style import Paint, plain

ROW_BYTES: Final = 16
_GROUP_BYTES: Final = 8
_NARROWER = ((78, 16), (45, 8), (0, 4))
"""From so many columns on, a row has so many bytes."""

_ASCII = "".join([chr(b) if 0x20 <= b < 0x7F else "." for b in range(256)])


def row_bytes(columns: int) -> int:
    """How many bytes a row has where a line has `columns`."""
    return next(count for least, count in _NARROWER if columns >= least)


def rows(parts: Iterable[Part], paint: Paint = plain, each: int = ROW_BYTES) -> Iterator[str]:
    """The lines that show `parts`, which follow each other and are whole rows but for the last.

    A row has `each` bytes.
    """
    previous: bytes | None = None
    squeezed = False
    end = 0
    for part in parts:
        if isinstance(part, Gap):
            yield gap_line(part, paint)
            previous, squeezed = None, False
            continue
        for start in range(0, len(part.data), each):
            row = part.data[start : start + each]
            end = part.offset + start + len(row)
            if row == previous:
                if not squeezed:
                    yield "*"
                squeezed = True
                continue
            previous, squeezed = row, False
            yield _row(part.offset + start, row, each, paint)
    if squeezed:
        yield paint("offset", f"{end:08x}")


def gap_line(gap: Gap, paint: Paint = plain) -> str:
    """The line that stands for bytes left out."""
    return paint("gap", f"… {gap.size:,} bytes left out, from offset {gap.offset:#x} on; --all …")


def _row(offset: int, row: bytes, each: int, paint: Paint) -> str:
    groups = [row[at : at + _GROUP_BYTES].hex(" ") for at in range(0, len(row), _GROUP_BYTES)]
    digits = "  ".join(groups).ljust(each * 3 - 1 + (each - 1) // _GROUP_BYTES)
    text = row.decode("latin-1").translate(_ASCII)
    if not any(row):
        digits, text = paint("zero", digits), paint("zero", text)
    return f"{paint('offset', f'{offset:08x}')}  {digits}  |{text}|"
