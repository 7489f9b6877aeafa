"""Commands about the shell itself: help, quit.

Rule: they need no server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_shell.context import Context
from ether_shell.language.declaration import Argument, Command, Example, Result, Results, Section
from ether_shell.language.values import COMMAND_NAME
from ether_shell.problems import Misuse


@dataclass(frozen=True, slots=True)
class Manual(Result):
    """Help on one command, or on all."""

    sections: tuple[Section, ...]
    topic: Command | None = None


@dataclass(frozen=True, slots=True)
class Leave(Result):
    """The shell is to end."""


def help_(context: Context, command: str | None) -> Results:
    """What commands there are, or what one does."""
    catalogue = context.catalogue
    topic = catalogue.find(command) if command is not None else None
    if command is not None and topic is None:
        raise Misuse(catalogue.unknown(command))
    yield Manual(catalogue.sections, topic)


def leave(_: Context) -> Results:
    """End the shell."""
    yield Leave()


HELP: Final = Command(
    "help",
    "this list, or all about one command",
    help_,
    (Argument("command", COMMAND_NAME, "which one", required=False),),
    examples=(Example("help read", "all about read"),),
    aliases=("?",),
    local=True,
)
QUIT: Final = Command(
    "quit",
    "leave; blocks stay, but session blocks",
    leave,
    aliases=("exit",),
    local=True,
)
