"""The hex view, as it is seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_shell.drawing.hex_rows import row_bytes, rows
from ether_shell.drawing.style import coloured
from ether_shell.operations.ranges import DataPart, Gap, Part

ZERO_ROW = "  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|"


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([], []),
        ([DataPart(0, b"")], []),
        (
            [DataPart(0, b"hi")],
            ["00000000  68 69                                             |hi|"],
        ),
        (
            [DataPart(0x10, b"0123456789")],
            ["00000010  30 31 32 33 34 35 36 37  38 39                    |0123456789|"],
        ),
        (
            [DataPart(0, b"hello, world\n\x00\x7f\xff")],
            ["00000000  68 65 6c 6c 6f 2c 20 77  6f 72 6c 64 0a 00 7f ff  |hello, world....|"],
        ),
        ([DataPart(0, bytes(32))], ["00000000" + ZERO_ROW, "*", "00000020"]),
        ([DataPart(0, bytes(64))], ["00000000" + ZERO_ROW, "*", "00000040"]),
        (
            [DataPart(0, bytes(33))],
            [
                "00000000" + ZERO_ROW,
                "*",
                "00000020  00                                                |.|",
            ],
        ),
        (
            [DataPart(0, bytes(16)), DataPart(16, bytes(16)), DataPart(32, b"end")],
            [
                "00000000" + ZERO_ROW,
                "*",
                "00000020  65 6e 64                                          |end|",
            ],
        ),
        ([DataPart(2**40, bytes(16))], ["10000000000" + ZERO_ROW]),
        (
            [DataPart(0, bytes(16)), Gap(16, 70_000), DataPart(70_016, bytes(16))],
            [
                "00000000" + ZERO_ROW,
                "… 70,000 bytes left out, from offset 0x10 on; --all shows them, dump saves them",
                "00011180" + ZERO_ROW,
            ],
        ),
    ],
)
def test_rows(parts: list[Part], lines: list[str]) -> None:
    assert list(rows(parts)) == lines


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (78, "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|"),
        (77, "00000000  30 31 32 33 34 35 36 37  |01234567|"),
        (45, "00000000  30 31 32 33 34 35 36 37  |01234567|"),
        (44, "00000000  30 31 32 33  |0123|"),
        (1, "00000000  30 31 32 33  |0123|"),
    ],
)
def test_a_row_is_as_long_as_the_line_has_room(columns: int, line: str) -> None:
    data = b"0123456789abcdef" * 4
    shown = list(rows([DataPart(0, data)], each=row_bytes(columns)))
    assert shown[0] == line
    assert columns == 1 or len(line) <= columns
    short = list(rows([DataPart(0, b"0")], each=row_bytes(columns)))
    assert short[0].index("|") == line.index("|")


def test_narrow_rows_follow_each_other_across_parts() -> None:
    parts = [DataPart(0, bytes(16)), DataPart(16, b"x" * 9)]
    assert list(rows(parts, each=8)) == [
        "00000000  00 00 00 00 00 00 00 00  |........|",
        "*",
        "00000010  78 78 78 78 78 78 78 78  |xxxxxxxx|",
        "00000018  78                       |x|",
    ]


def test_a_row_is_shown_before_the_next_part_is_fetched() -> None:
    def fetched() -> Iterator[Part]:
        yield DataPart(0, b"first")
        raise AssertionError("the second part was asked for too early")

    assert next(rows(fetched())).endswith("|first|")


def test_colour_is_around_the_same_text() -> None:
    (line,) = rows([DataPart(0, b"hi")], coloured)
    assert line.startswith("\x1b[2m00000000\x1b[0m  68 69 ")


@given(st.binary())
def test_no_byte_of_a_block_reaches_the_terminal_as_a_control(data: bytes) -> None:
    assert "".join(rows([DataPart(0, data)])).isprintable() or not data
