"""Text in lines: wrapped paragraphs, names with explanations, lines that fit into a window.

Rule: pure; text is broken between words only, so that a long word may exceed a line.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from .style import without_colour

_LEAST_BESIDE = 24
"""With fewer columns beside its name, an explanation goes below it."""


def wrapped(text: str, columns: int, first: str = "", rest: str = "") -> list[str]:
    """`text` in lines of at most `columns`, broken between words; a long word stays whole."""
    return textwrap.wrap(
        text,
        columns,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def rows_of(lines: Iterable[str], columns: int) -> int:
    """The number of terminal rows that `lines` take."""
    return sum(max(1, -(-len(without_colour(line)) // columns)) for line in lines)


def fitted(lines: Sequence[str], columns: int, rows: int) -> list[str]:
    """As many of `lines` as leave one of `rows` free; the last one tells how many are missing."""
    if rows_of(lines, columns) < rows:
        return list(lines)
    shown = list(lines)
    while shown and rows_of(shown, columns) > rows - 2:
        shown.pop()
    return [*shown, f"… {len(lines) - len(shown)} more lines than the window has"]


def pairs(rows: dict[str, str]) -> Iterator[str]:
    """One name and its value per line."""
    width = max(map(len, rows), default=0)
    for name, value in rows.items():
        yield f"{name:<{width}}  {value}"


def explained(
    rows: list[tuple[str, str]], painted: list[str], columns: int, width: int = 0
) -> Iterator[str]:
    """Names with explanations beside them or, where that is too narrow, below.

    `painted` are the names in colour; their column is at least `width` wide.
    """
    width = max(width, *(len(name) for name, _ in rows))
    beside = columns - width - 4
    below = beside < _LEAST_BESIDE and any(len(text) > beside for _, text in rows)
    indent = " " * (6 if below else width + 4)
    for (name, text), shown in zip(rows, painted, strict=True):
        lines = wrapped(text, columns, indent, indent)
        if below:
            yield f"  {shown}"
        else:
            lines[0] = f"  {shown}{lines[0][2 + len(name) :]}"
        yield from lines
