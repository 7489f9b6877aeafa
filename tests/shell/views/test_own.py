"""How the result of undo looks."""

from __future__ import annotations

from ether_shell.commands.own import Undone
from ether_shell.views.registry import as_json, render
from ether_shell.views.renderer import Note, View


def test_undo() -> None:
    undone = Undone(7, 2, 5)
    assert list(render(undone, View())) == [Note("5 B at 2 in 7 are as they were")]
    assert as_json(undone) == {"handle": 7, "offset": 2, "size": 5}
