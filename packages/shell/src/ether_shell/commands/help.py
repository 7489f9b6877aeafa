"""Commands about the shell itself: help, quit.

Rule: they need no server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_shell.language.declaration import (
    Argument,
    Example,
    Result,
    Results,
    Section,
    ShellCommand,
)
from ether_shell.language.values import COMMAND_NAME
from ether_shell.problems import UsageError
from ether_shell.session.context import Context


@dataclass(frozen=True, slots=True)
class Manual(Result):
    """Help on one command, or on all."""

    sections: tuple[Section, ...]
    topic: ShellCommand | None = None


@dataclass(frozen=True, slots=True)
class Leave(Result):
    """The shell is to end."""


def help_(context: Context, command: str | None) -> Results:
    """List the commands, or explain one."""
    catalogue = context.catalogue
    topic = catalogue.find(command) if command is not None else None
    if command is not None and topic is None:
        raise UsageError(catalogue.unknown(command))
    yield Manual(catalogue.sections, topic)


def leave(_: Context) -> Results:
    """RangeEnd the shell."""
    yield Leave()


HELP: Final = ShellCommand(
    "help",
    "this list, or help on one command",
    help_,
    (Argument("command", COMMAND_NAME, "which command", required=False),),
    examples=(Example("help read", "help on read"),),
    aliases=("?",),
    local=True,
)
QUIT: Final = ShellCommand(
    "quit",
    "leave; blocks stay, except session blocks",
    leave,
    aliases=("exit",),
    local=True,
)
