"""How transfers between files and blocks look."""

from __future__ import annotations

import pytest

from ether_shell.commands.files import Dumped, Loaded
from ether_shell.language.declaration import Result
from ether_shell.views.registry import as_json, render
from ether_shell.views.renderer import Note, View

PIPE, TERMINAL = View(), View(terminal=True)


@pytest.mark.parametrize(
    ("result", "terminal", "pipe"),
    [
        (
            Loaded(7, 2, 5, "abc", False, "f"),
            [Note("loaded 5 B at 2 in 7"), Note("sha256 abc")],
            [Note("loaded 5 B at 2 in 7"), Note("sha256 abc")],
        ),
        (
            Loaded(7, 0, 5, "abc", True, "f"),
            [Note("loaded 5 B at 0 in 7, which is new"), Note("sha256 abc")],
            ["7", Note("loaded 5 B at 0 in 7, which is new"), Note("sha256 abc")],
        ),
        (
            Dumped(7, 2, 5, "abc", "f"),
            [Note("dumped 5 B from 2 in 7 to f"), Note("sha256 abc")],
            [Note("dumped 5 B from 2 in 7 to f"), "abc  f"],
        ),
    ],
)
def test_what_is_written(
    result: Result, terminal: list[str | Note], pipe: list[str | Note]
) -> None:
    assert list(render(result, TERMINAL)) == terminal
    assert list(render(result, PIPE)) == pipe


def test_a_name_is_safe_to_show() -> None:
    dumped = Dumped(7, 0, 5, "abc", "a\x1b[2J\udcff")
    assert list(render(dumped, PIPE))[1] == "abc  a\\e[2J\\xff"
    assert as_json(dumped)["path"] == "a\\e[2J\\xff"
