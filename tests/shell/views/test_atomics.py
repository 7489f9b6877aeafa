"""How the results of swap and add look."""

from __future__ import annotations

import pytest

from ether_shell.commands import atomics
from ether_shell.language.declaration import Result
from ether_shell.views.registry import render
from ether_shell.views.renderer import Note, View

PIPE, TERMINAL = View(), View(terminal=True)


@pytest.mark.parametrize(
    ("result", "terminal", "pipe"),
    [
        (atomics.Added(7, 0, 5, 4), ["was 5, is 4"], ["5"]),
        (
            atomics.Compared(7, 0, True, bytes(8)),
            ["swapped, 0x0000000000000000 stood there"],
            ["0x0000000000000000", Note("swapped")],
        ),
        (
            atomics.Compared(7, 0, False, b"8 bytes!"),
            ["not swapped: it is 0x3820627974657321"],
            ["0x3820627974657321", Note("not swapped")],
        ),
    ],
)
def test_what_is_written(
    result: Result, terminal: list[str | bytes | Note], pipe: list[str | bytes | Note]
) -> None:
    assert list(render(result, TERMINAL)) == terminal
    assert list(render(result, PIPE)) == pipe
