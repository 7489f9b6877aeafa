"""Text in lines."""

from __future__ import annotations

import pytest

from ether_shell.drawing.layout import explained, fitted, pairs, rows_of, wrapped
from ether_shell.drawing.style import coloured


@pytest.mark.parametrize(
    ("lines", "rows", "shown"),
    [
        (["a", "b"], 3, ["a", "b"]),
        (["a", "b"], 10, ["a", "b"]),
        (["a", "b", "c", "d"], 4, ["a", "b", "… 2 more lines than the window has"]),
        (["x" * 25, "b", "c"], 5, ["x" * 25, "… 2 more lines than the window has"]),
    ],
)
def test_a_frame_leaves_a_row_free(lines: list[str], rows: int, shown: list[str]) -> None:
    assert fitted(lines, 10, rows) == shown


def test_colour_takes_no_columns() -> None:
    assert rows_of([coloured("name", "x" * 10), ""], 10) == 2


def test_lines_end_between_words() -> None:
    assert wrapped("three short words", 11, "- ", "  ") == ["- three", "  short", "  words"]
    assert wrapped("a-very-long-word stays", 5) == ["a-very-long-word", "stays"]


def test_names_are_as_wide_as_the_longest() -> None:
    assert list(pairs({"a": "1", "long": "2"})) == ["a     1", "long  2"]
    assert list(pairs({})) == []


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (40, ["  ab  what it does and how it does it"]),
        (32, ["  ab  what it does and how it", "      does it"]),
        (24, ["  ab", "      what it does and", "      how it does it"]),
    ],
)
def test_an_explanation_goes_below_where_there_is_no_room(columns: int, lines: list[str]) -> None:
    rows = [("ab", "what it does and how it does it")]
    assert list(explained(rows, ["ab"], columns)) == lines
