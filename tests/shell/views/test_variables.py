"""How variables look."""

from __future__ import annotations

from ether_shell.commands.variables import VariableList
from ether_shell.views.registry import as_json, render
from ether_shell.views.renderer import Note, View


def test_names_and_values() -> None:
    variables = VariableList({"_": 7, "half": 2048})
    assert list(render(variables, View())) == ["$_     7", "$half  2048"]
    assert as_json(variables) == {"variables": {"_": 7, "half": 2048}}


def test_only_a_terminal_is_told_that_there_are_none() -> None:
    assert list(render(VariableList({}), View(terminal=True))) == [Note("no variables")]
    assert list(render(VariableList({}), View())) == []
