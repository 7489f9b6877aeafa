"""How bytes look that were read."""

from __future__ import annotations

import pytest

from ether_shell.commands import reading
from ether_shell.language.declaration import Result
from ether_shell.operations.ranges import DataPart, Gap
from ether_shell.views.registry import render
from ether_shell.views.renderer import Note, View

PIPE, TERMINAL = View(), View(terminal=True)


PIECES = (DataPart(0, b"h\x1bi"),)


def block(form: str) -> Result:
    return reading.Bytes(1, 0, 3, PIECES, form)


@pytest.mark.parametrize(
    ("result", "terminal", "pipe"),
    [
        (
            block("hex"),
            ["00000000  68 1b 69                                          |h.i|"],
            ["00000000  68 1b 69                                          |h.i|"],
        ),
        (block("text"), [b"h\\ei", b"\n"], [b"h\x1bi", b"\n"]),
        (
            block("raw"),
            [
                b"h\\ei",
                b"\n",
                Note("escaped, because this is a terminal: raw bytes go to a pipe or a file"),
            ],
            [b"h\x1bi"],
        ),
        (block("base64"), [b"aBtp", b"\n"], [b"aBtp", b"\n"]),
    ],
)
def test_what_is_written(
    result: Result, terminal: list[str | bytes | Note], pipe: list[str | bytes | Note]
) -> None:
    assert list(render(result, TERMINAL)) == terminal
    assert list(render(result, PIPE)) == pipe


def test_base64_names_what_it_leaves_out() -> None:
    parts = (DataPart(0, b"abc"), Gap(3, 100_000), DataPart(100_003, b"def"))
    said = list(render(reading.Bytes(1, 0, 100_006, parts, "base64"), TERMINAL))
    assert said[0] == b"YWJj"
    assert "100,000 bytes left out" in str(said[1])
    assert said[2:] == [b"ZGVm", b"\n"]
