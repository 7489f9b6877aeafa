"""Bytes in rows."""

from __future__ import annotations

import pytest

from ether_shell.drawing.byte_rows import ByteRow, RangeEnd, RepeatedRows, cut
from ether_shell.operations.ranges import DataPart, Gap, Part

A, B = b"aaaa", b"bbbb"


@pytest.mark.parametrize(
    ("parts", "rows"),
    [
        ([], []),
        ([DataPart(8, b"")], []),
        ([DataPart(8, A + b"b")], [ByteRow(8, A), ByteRow(12, b"b")]),
        ([DataPart(0, A + B + A)], [ByteRow(0, A), ByteRow(4, B), ByteRow(8, A)]),
        ([DataPart(0, A * 3 + B)], [ByteRow(0, A), RepeatedRows(), ByteRow(12, B)]),
        ([DataPart(0, A * 3)], [ByteRow(0, A), RepeatedRows(), RangeEnd(12)]),
        ([DataPart(0, A), DataPart(4, A)], [ByteRow(0, A), RepeatedRows(), RangeEnd(8)]),
        ([DataPart(0, A), Gap(4, 8), DataPart(12, A)], [ByteRow(0, A), Gap(4, 8), ByteRow(12, A)]),
    ],
)
def test_rows_that_repeat_are_left_out(
    parts: list[Part], rows: list[ByteRow | RepeatedRows | RangeEnd | Gap]
) -> None:
    assert list(cut(parts, 4)) == rows


def test_all_rows_where_none_is_to_be_left_out() -> None:
    assert list(cut([DataPart(0, A * 2)], 4, squeezed=False)) == [ByteRow(0, A), ByteRow(4, A)]


def test_a_changed_row_is_never_left_out() -> None:
    rows = list(cut([DataPart(0, A * 3)], 4, changed={5}))
    assert rows == [ByteRow(0, A), ByteRow(4, A), RepeatedRows(), RangeEnd(12)]
