"""What a command declares: its name, arguments, options, help, examples and handler.

Rule: data only. Parsing, completion, hints and help are all made from a `ShellCommand`; no
decision in them depends on its name.
"""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .grammar import Token

Variables = Mapping[str, int]
"""The values of variables by name; `_` is the last handle."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command gives back, as plain values.

    How it looks is decided by its type, in `views`. The keys of its JSON line are its fields in
    their order, unless its renderer says otherwise.
    """


Results = Generator[Result, None, None]
"""A handler is a generator of results, and goes on as they are taken.

A Ctrl-C while one is shown is raised in the handler, at its `yield`.
"""

CommandHandler = Callable[..., Results]
"""Called with the context, and a keyword argument for each argument and option."""


class CompletionSource(Enum):
    """Where completion gets words that are not known in advance."""

    NOTHING = "nothing"
    HANDLES = "handles"
    COMMANDS = "commands"
    PATHS = "paths"
    NAMES = "names of variables"
    NUMBERS = "variables where a number is expected"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    `parse` turns a token into the value, or raises ValueError with a message for the user.
    `words` are (text, meaning) that completion offers; `prefixes` likewise, where more must be
    typed after the text.
    """

    parse: Callable[[Token, Variables], Any]
    words: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    completes_from: CompletionSource = CompletionSource.NOTHING


@dataclass(frozen=True, slots=True)
class Argument:
    """A value that is recognised by its position.

    A `repeated` one takes all remaining words. A `rest` takes the remaining line, which is a
    command line of its own; `accepts` tells which commands are allowed in it.
    """

    name: str
    kind: Kind
    help: str
    required: bool = True
    repeated: bool = False
    rest: bool = False
    accepts: Callable[[ShellCommand], bool] = lambda _: True

    @property
    def parameter(self) -> str:
        """The keyword of the handler."""
        return _parameter(self.name)

    @property
    def usage(self) -> str:
        """Its part of the usage line: `HANDLE`, `[LENGTH]`, `HANDLE…`."""
        name = self.name.upper() + ("…" if self.repeated or self.rest else "")
        if len(self.kind.words) == 1:
            name = self.kind.words[0][0]
        return name if self.required else f"[{name}]"


@dataclass(frozen=True, slots=True)
class Option:
    """A value that is recognised by its name, `--at 16`, or a switch where `kind` is None.

    With a `runs_until_stopped` switch the command does not end by itself. An option that
    `replaces_arguments` makes required arguments unnecessary.
    """

    name: str
    help: str
    kind: Kind | None = None
    value: str = "N"
    default: Any = None
    runs_until_stopped: bool = False
    replaces_arguments: bool = False

    @property
    def flag(self) -> str:
        """As it is typed: `--at`."""
        return f"--{self.name}"

    @property
    def parameter(self) -> str:
        """The keyword of the handler."""
        return _parameter(self.name)

    @property
    def usage(self) -> str:
        """Its part of the usage line: `[--at N]`."""
        return f"[{self.flag} {self.value}]" if self.kind else f"[{self.flag}]"


@dataclass(frozen=True, slots=True)
class Example:
    """A line that works as it is when `$_` is a block, and what it is good for."""

    line: str
    why: str


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """One command of the shell.

    A `suffix` is an option that follows the name after a slash: `x/32xb`. `changes` says that
    the command changes something on the server, so that it is never repeated by itself and the
    cached list of blocks is fetched anew; `local` that it needs no server; `runs_until_stopped`
    that it does not end by itself. `result_field` names the field of its last result that `let`
    stores. What is wrong with a line that may hold a `secret` is told with that text alone.
    """

    name: str
    summary: str
    run: CommandHandler
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    examples: tuple[Example, ...] = ()
    detail: str = ""
    aliases: tuple[str, ...] = ()
    suffix: Option | None = None
    changes: bool = False
    local: bool = False
    runs_until_stopped: bool = False
    result_field: str = ""
    secret: str = ""

    @property
    def brief(self) -> str:
        """Name and arguments: `write HANDLE DATA`."""
        name = f"{self.name}[/{self.suffix.value}]" if self.suffix else self.name
        return " ".join([name, *(argument.usage for argument in self.arguments)])

    @property
    def usage(self) -> str:
        """The whole usage line: `write HANDLE DATA [--at N]`."""
        return " ".join([self.brief, *(option.usage for option in self.options)])

    @property
    def parts(self) -> tuple[Argument | Option, ...]:
        """Everything for which the handler gets a keyword."""
        return (*((self.suffix,) if self.suffix else ()), *self.arguments, *self.options)

    def option(self, flag: str) -> Option | None:
        """The option typed as `flag`."""
        return next((option for option in self.options if option.flag == flag), None)


class Section:
    """Commands that belong together, under a title."""

    def __init__(self, title: str, *commands: ShellCommand) -> None:
        self.title = title
        self.commands = commands


class Catalogue:
    """All commands, by section and by name.

    `foreign_names` are names that other programs use for some of them.
    """

    def __init__(self, *sections: Section, foreign_names: Mapping[str, str] | None = None) -> None:
        self.sections = sections
        self._foreign_names = foreign_names or {}
        self.commands = tuple(command for section in sections for command in section.commands)
        self._by_name = {
            name: command for command in self.commands for name in (command.name, *command.aliases)
        }

    def find(self, name: str) -> ShellCommand | None:
        """The command called `name`, in any case, with a suffix if it takes one."""
        word, slash, _ = name.lower().partition("/")
        command = self._by_name.get(word)
        return None if slash and command is not None and command.suffix is None else command

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and alias."""
        return tuple(self._by_name)

    def unknown(self, name: str) -> str:
        """The error message for a word that is not a command."""
        word = name.lower()
        if word in self._foreign_names:
            return f"unknown command {name!r}: did you mean {self._foreign_names[word]}?"
        return f"unknown command {name!r}" + (did_you_mean(word, self.names) or "; help lists them")


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """`: did you mean alloc?` where one of the `known` words is similar, else empty."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f": did you mean {close[0]}?" if close else ""


def _parameter(name: str) -> str:
    name = name.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name
