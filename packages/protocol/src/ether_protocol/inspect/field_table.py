"""Fields as a table for people: offset, bytes, name, value.

Rule: formatting only; `dissect` finds the fields.
"""

from __future__ import annotations

from collections.abc import Iterable

from .field import Field

_BYTES_IN_CELL = 8
_HEADINGS = ("offset", "bytes", "name", "value")


def format_fields(fields: Iterable[Field]) -> str:
    """Format fields as a table of text.

    Args:
        fields: As `dissect` returns them.

    Returns:
        A line of headings and one line per field, which shows the field's
        first 8 bytes.
    """
    rows = [_HEADINGS, *map(_row, fields)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(_line(row, widths) for row in rows)


def _row(field: Field) -> tuple[str, str, str, str]:
    shown = field.data[:_BYTES_IN_CELL].hex(" ").upper()
    more = " …" if len(field.data) > _BYTES_IN_CELL else ""
    return str(field.offset), shown + more, field.name, str(field.value)


def _line(row: tuple[str, str, str, str], widths: list[int]) -> str:
    offset, data, name, value = row
    cells = (offset.rjust(widths[0]), data.ljust(widths[1]), name.ljust(widths[2]), value)
    return "  ".join(cells).rstrip()
