"""How the results of write, fill and copy look."""

from __future__ import annotations

import pytest

from ether_shell.commands import writing
from ether_shell.language.declaration import Result
from ether_shell.views.registry import render
from ether_shell.views.renderer import Note, View

PIPE, TERMINAL = View(), View(terminal=True)


@pytest.mark.parametrize(
    ("result", "terminal", "pipe"),
    [
        (writing.Written(7, 2, 5), [Note("wrote 5 B at 2 in 7")], [Note("wrote 5 B at 2 in 7")]),
    ],
)
def test_what_is_written(
    result: Result, terminal: list[str | bytes | Note], pipe: list[str | bytes | Note]
) -> None:
    assert list(render(result, TERMINAL)) == terminal
    assert list(render(result, PIPE)) == pipe
