"""Commands about variables: let, unset.

Rule: a variable is a number, usually a handle; only the shell itself sets `$_`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from ether_shell.language.binding import bind
from ether_shell.language.declaration import Argument, Example, Result, Results, ShellCommand
from ether_shell.language.grammar import word
from ether_shell.language.values import EQUALS, LINE, SIZE, VARIABLE, NestedLine
from ether_shell.problems import UsageError
from ether_shell.session.context import Context
from ether_shell.session.session import LAST


@dataclass(frozen=True, slots=True)
class VariableList(Result):
    """Variables and their values."""

    variables: dict[str, int]


def let(
    context: Context, name: str | None, equals: str | None, command: NestedLine | None
) -> Results:
    """Set a variable to the result of a command or to a number; without arguments list all."""
    variables = context.session.variables
    if name is None:
        yield VariableList(dict(variables))
        return
    if equals is not None and command is None:
        raise UsageError(f"= needs a command or a number: let {name} = alloc 4096, or = 7")
    if command is None:
        if name not in variables:
            raise UsageError(f"${name} is not set: let {name} = alloc 4096, or = 7")
        yield VariableList({name: variables[name]})
        return
    if name == LAST:
        raise UsageError("$_ is set by the shell itself")
    if context.catalogue.find(command.text.split()[0]) is None:
        variables[name] = _number(context, command)
        yield VariableList({name: variables[name]})
        return
    variables[name] = yield from _run(context, command)


def _number(context: Context, line: NestedLine) -> int:
    try:
        value: int = SIZE.parse(word(line.text), context.session.variables)
    except ValueError:
        first = line.text.split()[0]
        raise UsageError(f"{first!r} is neither a number nor a command", line.at) from None
    return value


def _run(context: Context, line: NestedLine) -> Generator[Result, None, int]:
    """Run `line`; returns the number in its last result that the command declares."""
    try:
        bound = bind(context.catalogue, line.text, context.session.variables)
    except UsageError as error:
        raise UsageError(str(error), None if error.at is None else error.at + line.at) from None
    assert bound is not None  # the line is not empty
    if not bound.command.result_field:
        raise UsageError(f"{bound.command.name} gives no number to keep", line.at)
    number = 0
    for result in bound.command.run(context, **bound.values):
        number = getattr(result, bound.command.result_field)
        yield result
    return number


def unset(context: Context, name: list[str]) -> Results:
    """Remove variables."""
    variables = context.session.variables
    for each in name:
        if each not in variables:
            raise UsageError(f"${each} is not set")
    for each in name:
        variables.pop(each, None)
    yield VariableList(dict(variables))


LET: Final = ShellCommand(
    "let",
    "set a variable to a handle or a number",
    let,
    (
        Argument("name", VARIABLE, "letters, digits and _", required=False),
        Argument("equals", EQUALS, "between the name and its value", required=False),
        Argument(
            "command",
            LINE,
            "alloc, load or add, or a number",
            required=False,
            rest=True,
            accepts=lambda command: bool(command.result_field),
        ),
    ),
    examples=(
        Example("let a = alloc 4096", "write $a hello"),
        Example("let half = 2KiB", "read $_ 16 --at $half"),
        Example("let", "list all variables, and $_"),
    ),
    detail="A variable can be used wherever a handle, a size or a number can. If the server comes "
    "back with other blocks, all variables are forgotten.",
    changes=True,
)
UNSET: Final = ShellCommand(
    "unset",
    "remove variables",
    unset,
    (Argument("name", VARIABLE, "one or more", repeated=True),),
    examples=(Example("unset _", "the last handle"),),
    local=True,
)
