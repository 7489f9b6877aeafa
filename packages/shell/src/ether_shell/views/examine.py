"""How memory looks as values: offset, the values of a row, and a glyph for each byte.

    00000010  68 65 6c 6c 6f 00 0a ff  00 00 00 00 00 00 00 00  │hello⋄_×⋄⋄⋄⋄⋄⋄⋄⋄│
    00000020>00000001  00000000                                  │•⋄⋄⋄⋄⋄⋄⋄│

Rule: pure, and lazy. Changes are painted, and marked with a sign for those who see no colours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from ether_shell.commands.examine import LONGEST_STRING_BYTES, Strings, Values
from ether_shell.drawing.byte_classes import CHANGED_SIGN, glyphs, role
from ether_shell.drawing.byte_rows import ByteRow, RangeEnd, RepeatedRows, cut
from ether_shell.drawing.hex_rows import gap_line
from ether_shell.language.escapes import escape, quote
from ether_shell.operations.ranges import DataPart, Gap

from .renderer import Note, Renderer, Renderers, Rendering, View, encoded

_ROWS_BYTES: Final = (16, 8, 4, 2, 1)
_GROUP_BYTES: Final = 8
_OFFSET_COLUMNS: Final = 9
_EDGE_COLUMNS: Final = 4
"""Two blanks before the glyphs, and a line on both sides of them."""


def _character(value: int, _: int) -> str:
    if value == ord("'"):
        return r"'\''"
    shown = escape(bytes([value]).decode("ascii", "surrogateescape"), keep='"')
    return f"'{shown}'"


_WRITTEN: Final[dict[str, Callable[[int, int], str]]] = {
    "x": lambda value, unit: f"{value:0{unit * 2}x}",
    "d": lambda value, _: f"{value}",
    "u": lambda value, _: f"{value}",
    "t": lambda value, unit: f"{value:0{unit * 8}b}",
    "c": _character,
}
"""How a value of `unit` bytes is written, by the letter of the format."""


def _widest(letter: str, unit: int) -> int:
    """The most columns that a value of `unit` bytes takes."""
    if letter == "c":
        return len("'\\x00'")
    least = -(1 << unit * 8 - 1) if letter == "d" else (1 << unit * 8) - 1
    return len(_WRITTEN[letter](least, unit))


class _RowLayout:
    """How the rows of one result are laid out."""

    def __init__(self, result: Values, view: View) -> None:
        self._result, self._paint = result, view.paint
        self._unit = result.format.unit_bytes
        self._letter = result.format.letter
        self._column = _widest(self._letter, self._unit)
        fitting = [
            each
            for each in _ROWS_BYTES
            if each >= self._unit
            and _OFFSET_COLUMNS + self._columns(each) + _EDGE_COLUMNS + each <= view.columns
        ]
        self.row_bytes = fitting[0] if fitting else self._unit
        self._width = self._columns(min(self.row_bytes, max(self._unit, result.size)))

    def _columns(self, size: int) -> int:
        """The columns of the values of a row, each with its sign."""
        values = (size + self._unit - 1) // self._unit
        return values * (self._column + 1) + (size - 1) // _GROUP_BYTES

    def line(self, row: ByteRow) -> str:
        values: list[str] = []
        for at in range(0, len(row.data), self._unit):
            if at and at % _GROUP_BYTES == 0:
                values.append(" ")
            values.append(self._value(row.offset + at, row.data[at : at + self._unit]))
        blank = " " * (self._width - self._columns(len(row.data)))
        text = glyphs(row.data, self._paint, row.offset, self._result.changed)
        offset = self._paint("offset", f"{row.offset:08x}")
        return f"{offset} {''.join(values)}{blank}  │{text}│"

    def _value(self, offset: int, data: bytes) -> str:
        if len(data) < self._unit:  # the block ends within this value
            return " " + "·" * self._column
        value = int.from_bytes(
            data, "big" if self._result.big else "little", signed=self._letter == "d"
        )
        text = _WRITTEN[self._letter](value, self._unit).rjust(self._column)
        if any(at in self._result.changed for at in range(offset, offset + self._unit)):
            return CHANGED_SIGN + self._paint("changed", text)
        if self._unit > 1:
            return " " + (text if value else self._paint("null", text))
        return " " + self._paint(role(data[0]), text)


def _values(result: Values, view: View) -> Rendering:
    layout = _RowLayout(result, view)
    end = result.offset + result.size
    for row in cut(
        result.parts, layout.row_bytes, squeezed=result.squeezed, changed=result.changed
    ):
        match row:
            case ByteRow():
                yield layout.line(row)
            case RepeatedRows():
                yield "*"
            case Gap():
                yield gap_line(row, view.paint)
            case RangeEnd():
                yield view.paint("offset", f"{row.offset:08x}")
    if result.size < result.format.size:
        yield Note(f"the block ends at {end:#x}")


def _values_json(result: Values) -> dict[str, Any]:
    unit, signed = result.format.unit_bytes, result.format.letter == "d"
    data = b"".join([part.data for part in result.parts if isinstance(part, DataPart)])
    whole = len(data) // unit * unit
    return {
        "handle": result.handle,
        "offset": result.offset,
        "size": len(data),
        "unit": unit,
        "values": [
            int.from_bytes(data[at : at + unit], "big" if result.big else "little", signed=signed)
            for at in range(0, whole, unit)
        ],
    }


def _strings(result: Strings, view: View) -> Rendering:
    for piece in _pieces(result):
        more = "…" if len(piece.data) == LONGEST_STRING_BYTES else ""
        offset = view.paint("offset", f"{piece.offset:08x}")
        yield f"{offset}  {view.paint('printable', quote(piece.data))}{more}"
    if not result.size:
        yield Note(f"the block ends at {result.offset:#x}")


def _strings_json(result: Strings) -> dict[str, Any]:
    strings = [{"offset": piece.offset, "data": encoded(piece.data)} for piece in _pieces(result)]
    return {
        "handle": result.handle,
        "offset": result.offset,
        "size": result.size,
        "strings": strings,
    }


def _pieces(result: Strings) -> Iterator[DataPart]:
    return (part for part in result.parts if isinstance(part, DataPart))


RENDERERS: Final[Renderers] = {
    Values: Renderer(_values, _values_json),
    Strings: Renderer(_strings, _strings_json),
}
