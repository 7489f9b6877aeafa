"""How help looks."""

from __future__ import annotations

import pytest

from ether_shell.commands import help
from ether_shell.commands.catalogue import COMMANDS
from ether_shell.language.declaration import Result, ShellCommand
from ether_shell.views.registry import render
from ether_shell.views.renderer import Note, View

PIPE, TERMINAL = View(), View(terminal=True)


@pytest.mark.parametrize(
    ("result", "terminal", "pipe"),
    [
        (help.Leave(), [], []),
    ],
)
def test_what_is_written(
    result: Result, terminal: list[str | bytes | Note], pipe: list[str | bytes | Note]
) -> None:
    assert list(render(result, TERMINAL)) == terminal
    assert list(render(result, PIPE)) == pipe


def test_help_has_a_line_for_each_command_within_eighty_columns() -> None:
    lines = [str(line) for line in render(help.Manual(COMMANDS.sections), PIPE)]
    for command in COMMANDS.commands:
        assert any(line.strip().startswith(command.name) for line in lines)
    assert max(map(len, lines)) < 80


@pytest.mark.parametrize(
    "topic", [None, *COMMANDS.commands], ids=lambda topic: topic and topic.name
)
def test_help_on_a_narrow_terminal_ends_its_lines_between_words(topic: ShellCommand | None) -> None:
    manual = help.Manual(COMMANDS.sections, topic)
    narrow = [str(line) for line in render(manual, View(terminal=True, columns=40))]
    wide = [str(line) for line in render(manual, View(terminal=True, columns=500))]
    assert " ".join(narrow).split() == " ".join(wide).split()
    unbroken = [f"  {example.line}" for example in topic.examples] if topic else []
    assert max(len(line) for line in narrow if line not in unbroken) <= 40


@pytest.mark.parametrize("topic", COMMANDS.commands, ids=lambda topic: topic.name)
def test_help_on_a_command_names_all_its_parts(topic: ShellCommand) -> None:
    text = "\n".join(str(line) for line in render(help.Manual((), topic), PIPE))
    assert text.startswith(topic.usage)
    for part in topic.parts:
        assert part.help in text
    for example in topic.examples:
        assert example.line in text
