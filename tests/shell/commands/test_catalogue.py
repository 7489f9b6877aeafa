"""What every declaration keeps, whichever command it is."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from ether_shell.commands.catalogue import COMMANDS, FOREIGN_NAMES
from ether_shell.language.binding import bind
from ether_shell.language.declaration import Example, ShellCommand
from harness import Etherd
from shell.conftest import Talk

COMMAND = pytest.mark.parametrize("command", COMMANDS.commands, ids=lambda c: c.name)


@COMMAND
def test_a_handler_takes_the_context_and_what_its_command_declares(command: ShellCommand) -> None:
    _, *keywords = inspect.signature(command.run).parameters
    declared = [part.parameter for part in command.parts]
    assert keywords == declared


@COMMAND
def test_a_command_explains_itself(command: ShellCommand) -> None:
    assert command.summary
    assert all(part.help for part in command.parts)
    assert command.examples or command.name == "quit"
    assert [a.required for a in command.arguments] == sorted(
        (a.required for a in command.arguments), reverse=True
    )


def test_what_a_command_is_called_elsewhere_is_no_name_here() -> None:
    assert not FOREIGN_NAMES.keys() & set(COMMANDS.names)
    assert set(FOREIGN_NAMES.values()) <= {command.name for command in COMMANDS.commands}


def test_no_name_is_given_twice() -> None:
    names = [name for c in COMMANDS.commands for name in (c.name, *c.aliases)]
    assert len(names) == len(set(names))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etherd]:
    daemon = Etherd(tmp_path_factory.mktemp("examples"))
    yield daemon
    daemon.stop()


@pytest.mark.parametrize(
    ("command", "example"),
    [(c, e) for c in COMMANDS.commands for e in c.examples],
    ids=lambda value: value.line if isinstance(value, Example) else "",
)
def test_every_example_in_the_help_runs(
    talk: Talk,
    daemon: Etherd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: ShellCommand,
    example: Example,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("block.bin").write_bytes(b"a file")
    shell = talk(daemon.address, interactive=True)
    for line in ("alloc 4096", "snap $_", "write $_ seen", "snap $_"):
        assert shell.run(line).status == 0
    assert shell.run(example.line).status == 0
    assert bind(COMMANDS, example.line, {"_": 1}).command is command  # type: ignore[union-attr]  # it just ran
