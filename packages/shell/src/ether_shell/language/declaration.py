"""What a command is: its name, arguments, options, help, examples and handler.

Rule: data only.  Parsing, completion, hints and help all read a `Command`;
none of them knows any command by name.
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
"""What `$name` stands for; `_` is the last handle."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command gives back, as plain values.

    How it looks is decided by its type, in `views`; unless it says otherwise
    there, its fields are, in their order, the keys of its JSON line.
    """


Results = Generator[Result, None, None]
"""A handler is a generator of these; what it does goes on as they are taken.

A Ctrl-C while one is shown is raised in the handler, at its `yield`.
"""

Handler = Callable[..., Results]
"""Called with the context and one keyword for each argument and option."""


class Live(Enum):
    """What completion offers that is not known in advance."""

    NOTHING = "nothing"
    HANDLES = "handles"
    COMMANDS = "commands"
    PATHS = "paths"
    NAMES = "names of variables"
    NUMBERS = "variables where a number may stand"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    `parse` turns a token into the value, or raises ValueError with a sentence.
    `words` are (text, meaning) that completion offers, `beginnings` likewise
    where more must be typed behind the text.
    """

    parse: Callable[[Token, Variables], Any]
    words: tuple[tuple[str, str], ...] = ()
    beginnings: tuple[tuple[str, str], ...] = ()
    live: Live = Live.NOTHING


@dataclass(frozen=True, slots=True)
class Argument:
    """A value that is known by its place.

    A `repeated` one takes all words that are left, a `rest` the line as it
    stands from there on, which is a line of its own.  Where it names a
    command, `suits` says which ones it may be.
    """

    name: str
    kind: Kind
    help: str
    required: bool = True
    repeated: bool = False
    rest: bool = False
    suits: Callable[[Command], bool] = lambda _: True

    @property
    def parameter(self) -> str:
        """The keyword under which the handler gets it."""
        return _parameter(self.name)

    @property
    def usage(self) -> str:
        """As it stands in a usage line: `HANDLE`, `[LENGTH]`, `HANDLE…`."""
        name = self.name.upper() + ("…" if self.repeated or self.rest else "")
        if len(self.kind.words) == 1:
            name = self.kind.words[0][0]
        return name if self.required else f"[{name}]"


@dataclass(frozen=True, slots=True)
class Option:
    """A value that is known by its name, `--at 16`, or a switch where `kind` is None.

    A `lasting` switch makes its command go on until it is stopped.
    One that stands `instead` of the arguments makes them unnecessary.
    """

    name: str
    help: str
    kind: Kind | None = None
    value: str = "N"
    default: Any = None
    lasting: bool = False
    instead: bool = False

    @property
    def flag(self) -> str:
        """As it is typed: `--at`."""
        return f"--{self.name}"

    @property
    def parameter(self) -> str:
        """The keyword under which the handler gets it."""
        return _parameter(self.name)

    @property
    def usage(self) -> str:
        """As it stands in a usage line: `[--at N]`."""
        return f"[{self.flag} {self.value}]" if self.kind else f"[{self.flag}]"


@dataclass(frozen=True, slots=True)
class Example:
    """A line that can be typed as it stands when `$_` is a block, and why one would."""

    line: str
    why: str


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the shell.

    A `suffix` is an option that stands behind a slash of the name: `x/32xb`.
    `changes` says that it changes something on the server, so that it is not
    repeated by itself and cached handles are fetched anew; `local` that it
    needs no server, `lasting` that it goes on until it is stopped.
    `gives` names the field of its last result that `let` keeps.
    """

    name: str
    summary: str
    run: Handler
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    examples: tuple[Example, ...] = ()
    detail: str = ""
    aliases: tuple[str, ...] = ()
    suffix: Option | None = None
    changes: bool = False
    local: bool = False
    lasting: bool = False
    gives: str = ""

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
        """All that its handler gets a keyword for."""
        return (*((self.suffix,) if self.suffix else ()), *self.arguments, *self.options)

    def option(self, flag: str) -> Option | None:
        """The option typed as `flag`."""
        return next((option for option in self.options if option.flag == flag), None)


class Section:
    """Commands that belong together, under a title."""

    def __init__(self, title: str, *commands: Command) -> None:
        self.title = title
        self.commands = commands


class Catalogue:
    """All commands, by section and by name.

    `elsewhere` are the names that other programs have for what some of them do.
    """

    def __init__(self, *sections: Section, elsewhere: Mapping[str, str] | None = None) -> None:
        self.sections = sections
        self._elsewhere = elsewhere or {}
        self.commands = tuple(command for section in sections for command in section.commands)
        self._by_name = {
            name: command for command in self.commands for name in (command.name, *command.aliases)
        }

    def find(self, name: str) -> Command | None:
        """The command called `name`, in capitals or not, with a suffix if it takes one."""
        word, slash, _ = name.lower().partition("/")
        command = self._by_name.get(word)
        return None if slash and command is not None and command.suffix is None else command

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and alias."""
        return tuple(self._by_name)

    def unknown(self, name: str) -> str:
        """The sentence for a word that is no command."""
        word = name.lower()
        if word in self._elsewhere:
            return f"unknown command {name!r}: did you mean {self._elsewhere[word]}?"
        return f"unknown command {name!r}" + (did_you_mean(word, self.names) or "; help lists them")


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """`: did you mean alloc?` where one of the `known` words is close, else nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f": did you mean {close[0]}?" if close else ""


def _parameter(name: str) -> str:
    name = name.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name
