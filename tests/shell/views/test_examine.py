"""Memory as values, as it is seen."""

from __future__ import annotations

import pytest

from ether_shell.commands.examine import Strings, Values
from ether_shell.drawing.style import coloured
from ether_shell.language.formats import parse_format
from ether_shell.operations.ranges import DataPart, Gap, Part
from ether_shell.views.registry import render
from ether_shell.views.renderer import Note, View

HELLO = b"hello world\n\x01\xff\x80\x00"


def values(
    format: str,
    *parts: Part,
    big: bool = False,
    squeezed: bool = True,
    changed: frozenset[int] = frozenset(),
) -> Values:
    size = sum(len(part.data) if isinstance(part, DataPart) else part.size for part in parts)
    offset = parts[0].offset
    return Values(1, offset, size, parts, parse_format(format), big, squeezed, changed=changed)


@pytest.mark.parametrize(
    ("result", "lines"),
    [
        (
            values("16xb", DataPart(0x10, HELLO)),
            ["00000010  68 65 6c 6c 6f 20 77 6f  72 6c 64 0a 01 ff 80 00  │hello world_•××⋄│"],
        ),
        (
            values("4dw", DataPart(0, HELLO)),
            ["00000000   1819043176  1870078063    174353522     8453889  │hello world_•××⋄│"],
        ),
        (
            values("2xg", DataPart(0, HELLO), big=True),
            ["00000000  68656c6c6f20776f  726c640a01ff8000  │hello world_•××⋄│"],
        ),
        (values("2ub", DataPart(0, b"\xff\x01")), ["00000000  255   1  │×•│"]),
        (values("2db", DataPart(0, b"\xff\x01")), ["00000000    -1    1  │×•│"]),
        (values("tb", DataPart(1, b"e")), ["00000001  01100101  │e│"]),
        (
            values("5c", DataPart(0, b"a'\n\x01\xff")),
            ["00000000     'a'   '\\''   '\\n' '\\x01' '\\xff'  │a'_•×│"],
        ),
        (
            values("2xw", DataPart(0, b"\1\0\0\0\2\0")),
            ["00000000  00000001 ········  │•⋄⋄⋄•⋄│", Note("the block ends at 0x6")],
        ),
        (values("xb", DataPart(4, b"")), [Note("the block ends at 0x4")]),
        (
            values("40xb", DataPart(0, bytes(40))),
            [
                "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  │⋄⋄⋄⋄⋄⋄⋄⋄⋄⋄⋄⋄⋄⋄⋄⋄│",
                "*",
                "00000020  00 00 00 00 00 00 00 00                           │⋄⋄⋄⋄⋄⋄⋄⋄│",
            ],
        ),
        (
            values(
                "32tb", DataPart(0, bytes(16)), Gap(16, 8), DataPart(24, bytes(8)), squeezed=False
            ),
            [
                "00000000  00000000 00000000 00000000 00000000  │⋄⋄⋄⋄│",
                "00000004  00000000 00000000 00000000 00000000  │⋄⋄⋄⋄│",
                "00000008  00000000 00000000 00000000 00000000  │⋄⋄⋄⋄│",
                "0000000c  00000000 00000000 00000000 00000000  │⋄⋄⋄⋄│",
                "… 8 bytes left out, from offset 0x10 on; --all shows them, dump saves them",
                "00000018  00000000 00000000 00000000 00000000  │⋄⋄⋄⋄│",
                "0000001c  00000000 00000000 00000000 00000000  │⋄⋄⋄⋄│",
            ],
        ),
        (
            values("4xb", DataPart(0, b"abcd"), changed=frozenset({1, 2})),
            ["00000000  61>62>63 64  │abcd│"],
        ),
        (
            values("2xh", DataPart(0, b"abcd"), changed=frozenset({3})),
            ["00000000  6261>6463  │abcd│"],
        ),
    ],
)
def test_values_in_rows(result: Values, lines: list[str | Note]) -> None:
    assert list(render(result, View(columns=60 if result.format.letter == "t" else 80))) == lines


def test_a_row_with_a_change_is_never_left_out() -> None:
    data = DataPart(0, bytes(48))
    shown = list(render(values("48xb", data, changed=frozenset({40})), View()))
    assert [str(line)[:8] for line in shown] == ["00000000", "*", "00000020"]


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
@pytest.mark.parametrize("format", ["99xb", "99dw", "99ug", "99th", "99c"])
def test_rows_are_as_long_as_the_terminal_is_wide(format: str, columns: int) -> None:
    result = values(format, DataPart(0, bytes(range(99))))
    lines = [str(line) for line in render(result, View(columns=columns))]
    narrowest = {"99xb": 17, "99dw": 29, "99ug": 42, "99th": 33, "99c": 21}[format]
    assert max(len(line) for line in lines[:-1]) <= max(columns, narrowest)
    text = "".join(line.split("│")[1] for line in lines if line.count("│") > 1)
    assert len(text) == len(set(range(99)))


def test_kinds_of_byte_have_colours() -> None:
    result = values("5xb", DataPart(0, b"a \x01\xff\0"))
    shown = "".join(map(str, render(result, View(paint=coloured))))
    for code in ("36m61", "32m20", "35m01", "33mff", "90m00", "36ma", "35m•", "33m×", "90m⋄"):
        assert f"\x1b[{code}" in shown


def test_strings_stand_below_each_other() -> None:
    strings = Strings(
        1, 0, 206, (DataPart(0, b"a\x1bb"), DataPart(4, b""), DataPart(5, b"x" * 200))
    )
    assert list(render(strings, View())) == [
        '00000000  "a\\eb"',
        '00000004  ""',
        f'00000005  "{"x" * 200}"…',
    ]
