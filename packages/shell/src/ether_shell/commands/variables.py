"""Commands about variables: let, unset.

Rule: a variable is a number, mostly a handle; `$_` is set by the shell alone.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from ether_shell.context import Context
from ether_shell.language.binding import bind
from ether_shell.language.declaration import Argument, Command, Example, Result, Results
from ether_shell.language.grammar import word
from ether_shell.language.values import EQUALS, LINE, SIZE, VARIABLE, Line
from ether_shell.problems import Misuse
from ether_shell.session import LAST


@dataclass(frozen=True, slots=True)
class Variables(Result):
    """What `$name` stands for, by name."""

    variables: dict[str, int]


def let(context: Context, name: str | None, equals: str | None, command: Line | None) -> Results:
    """Name what a command gives, or a number; without arguments, tell all names."""
    variables = context.session.variables
    if name is None:
        yield Variables(dict(variables))
        return
    if equals is not None and command is None:
        raise Misuse(f"= needs something behind it: let {name} = alloc 4096, or = 7")
    if command is None:
        if name not in variables:
            raise Misuse(f"${name} is not set: let {name} = alloc 4096, or = 7")
        yield Variables({name: variables[name]})
        return
    if name == LAST:
        raise Misuse("$_ is set by the shell itself")
    if context.catalogue.find(command.text.split()[0]) is None:
        variables[name] = _number(context, command)
        yield Variables({name: variables[name]})
        return
    variables[name] = yield from _run(context, command)


def _number(context: Context, line: Line) -> int:
    try:
        value: int = SIZE.parse(word(line.text), context.session.variables)
    except ValueError:
        first = line.text.split()[0]
        raise Misuse(f"{first!r} is neither a number nor a command", line.at) from None
    return value


def _run(context: Context, line: Line) -> Generator[Result, None, int]:
    """Carry `line` out; gives the number that is the gist of its last result."""
    try:
        bound = bind(context.catalogue, line.text, context.session.variables)
    except Misuse as error:
        raise Misuse(str(error), None if error.at is None else error.at + line.at) from None
    assert bound is not None  # a token of it was there
    if not bound.command.gives:
        raise Misuse(f"{bound.command.name} gives no number to keep", line.at)
    number = 0
    for result in bound.command.run(context, **bound.values):
        number = getattr(result, bound.command.gives)
        yield result
    return number


def unset(context: Context, name: list[str]) -> Results:
    """Forget variables."""
    variables = context.session.variables
    for each in name:
        if each not in variables:
            raise Misuse(f"${each} is not set")
    for each in name:
        variables.pop(each, None)
    yield Variables(dict(variables))


LET: Final = Command(
    "let",
    "name a handle or a number: $a from then on",
    let,
    (
        Argument("name", VARIABLE, "letters, digits and _", required=False),
        Argument("equals", EQUALS, "between a name and what it stands for", required=False),
        Argument(
            "command",
            LINE,
            "alloc, load or add, or a number",
            required=False,
            rest=True,
            suits=lambda command: bool(command.gives),
        ),
    ),
    examples=(
        Example("let a = alloc 4096", "write $a hello"),
        Example("let half = 2KiB", "read $_ 16 --at $half"),
        Example("let", "all there are, and $_"),
    ),
    detail="A variable stands wherever a handle, a size or a number may. If the server comes "
    "back with other blocks, all are forgotten.",
    changes=True,
)
UNSET: Final = Command(
    "unset",
    "forget variables",
    unset,
    (Argument("name", VARIABLE, "one or more", repeated=True),),
    examples=(Example("unset _", "no last handle any more"),),
    local=True,
)
