"""From a line to a command and its values.

Rule: pure. `assign` decides which token belongs to which argument and never raises, so that
completion and hints can use it for an unfinished line. `bind` is strict: it raises UsageError
with what is wrong, and where.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ether_shell.problems import Unfinished, UsageError

from .declaration import Argument, Catalogue, Option, ShellCommand, Variables, did_you_mean
from .grammar import Form, Token, is_hex, joined, spanning, tokenize, word

_GROUPED = ': hex digits with spaces go in quotes here, hex:"de ad"'


@dataclass(frozen=True, slots=True)
class Bound:
    """A command and the keyword arguments for its handler."""

    command: ShellCommand
    values: dict[str, Any]


@dataclass(slots=True)
class Assignment:
    """Which token belongs to which argument.

    `missing` are the arguments without a token, `pending` is an option without its value yet,
    `rest` are the tokens of a line within the line, `problem` is the first thing that is wrong.
    """

    arguments: list[tuple[Argument, Token]] = field(default_factory=list)
    options: list[tuple[Option, Token | None]] = field(default_factory=list)
    missing: list[Argument] = field(default_factory=list)
    pending: Option | None = None
    rest: list[Token] = field(default_factory=list)
    problem: UsageError | None = None


def is_flag(token: Token) -> bool:
    """Whether `token` names an option."""
    return token.form is Form.WORD and token.text.startswith("--") and len(token.text) > 2


def assign(command: ShellCommand, tokens: list[Token]) -> Assignment:
    """Assign each of `tokens`, those after the command's name, to an argument or option."""
    result = Assignment(missing=list(command.arguments))
    previous: Token | None = None
    for token in tokens:
        if result.rest:
            argument, line = result.arguments[-1]
            result.arguments[-1] = (argument, spanning(line, token))
            result.rest.append(token)
            continue
        try:
            grown = _grown(command, previous, token, result)
            problem = None if grown else _place(command, token, result)
        except UsageError as error:
            grown, problem = None, error
        if problem is not None and result.problem is None:
            result.problem = problem
        previous = grown or token
    return result


def _grown(
    command: ShellCommand, previous: Token | None, token: Token, result: Assignment
) -> Token | None:
    """`previous` joined with `token`, where it is a bare `hex:` and the last argument."""
    if previous is None or not previous.growing or not is_hex(token) or not result.arguments:
        return None
    argument, last = result.arguments[-1]
    if last is not previous or argument is not command.arguments[-1]:
        return None
    grown = joined(previous, token)
    result.arguments[-1] = (argument, grown)
    return grown


def _place(command: ShellCommand, token: Token, result: Assignment) -> UsageError | None:
    pending, result.pending = result.pending, None
    if is_flag(token):
        problem = _place_option(command, token, result)
        if pending is not None:
            return _needs_value(pending, token.start)
        return problem
    if pending is not None:
        result.options.append((pending, token))
        return None
    if not result.missing:
        hint = _GROUPED if any(t.growing for _, t in result.arguments) else ""
        if result.arguments and result.arguments[-1][1].form is Form.WORD:
            hint = ": text with spaces goes in quotes" if _ends_in_data(command) else hint
        return UsageError(f"{command.name} takes no {token.text!r}{hint}", token.start)
    argument = result.missing[0]
    if argument.rest:
        result.rest.append(token)
        token = word(token.text, token.start)
    result.arguments.append((argument, token))
    if not argument.repeated:
        del result.missing[0]
    return None


def _place_option(command: ShellCommand, token: Token, result: Assignment) -> UsageError | None:
    flag, equals, _ = token.text.partition("=")
    option = command.option(flag)
    if option is None:
        known = tuple(known.flag for known in command.options)
        return UsageError(
            f"{command.name} has no option {flag}{did_you_mean(flag, known)}", token.start
        )
    again = any(option is used for used, _ in result.options)
    if equals and option.kind is not None:
        result.options.append((option, token.tail(len(flag) + 1)))
    elif option.kind is not None:
        result.pending = option
    else:
        result.options.append((option, None))
        if equals:
            return UsageError(f"{flag} takes no value", token.start + len(flag))
    return UsageError(f"{flag} is given twice", token.start) if again else None


def _ends_in_data(command: ShellCommand) -> bool:
    return bool(command.arguments and command.arguments[-1].kind.prefixes)


def _needs_value(option: Option, at: int) -> UsageError:
    return Unfinished(f"{option.flag} needs a value: {option.flag} {option.value}", at)


def bind(catalogue: Catalogue, line: str, variables: Variables) -> Bound | None:
    """The command in `line`, with its values; None for an empty line or a comment.

    Raises UsageError with the place in the line.
    """
    tokens = tokenize(line)
    if not tokens:
        return None
    first, *rest = tokens
    if first.form is not Form.WORD:
        raise UsageError("a line begins with a command; help lists them", first.start)
    command = catalogue.find(first.text)
    if command is None:
        raise UsageError(catalogue.unknown(first.text), first.start)
    assignment = assign(command, rest)
    if assignment.problem is not None:
        raise assignment.problem
    # A wrong word is reported before a missing one.
    values = _suffix(command, first, variables) | _values(command, assignment, variables)
    end = tokens[-1].end
    if assignment.pending is not None:
        raise _needs_value(assignment.pending, end)
    given = {argument.name for argument, _ in assignment.arguments}
    instead = any(option.replaces_arguments for option, _ in assignment.options)
    for argument in assignment.missing:
        if argument.required and not instead and argument.name not in given:
            raise Unfinished(f"{argument.name.upper()} is missing: {command.usage}", end)
    return Bound(command, values)


def _suffix(command: ShellCommand, first: Token, variables: Variables) -> dict[str, Any]:
    if command.suffix is None:
        return {}
    name, _, text = first.text.partition("/")
    value = command.suffix.default
    if text:
        value = _parse(command.suffix, first.tail(len(name) + 1), variables)
    return {command.suffix.parameter: value}


def _values(command: ShellCommand, assignment: Assignment, variables: Variables) -> dict[str, Any]:
    values: dict[str, Any] = {
        argument.parameter: [] if argument.repeated else None for argument in command.arguments
    }
    for option in command.options:
        values[option.parameter] = option.default if option.kind else False
    tokens = [token for _, token in assignment.arguments]
    for index, (argument, token) in enumerate(assignment.arguments):
        try:
            value = _parse(argument, token, variables)
        except UsageError as error:
            if _looks_grouped(tokens[max(0, index - 1) : index + 2]):
                raise UsageError(f"{error}{_GROUPED}", error.at) from None
            raise
        if argument.repeated:
            values[argument.parameter].append(value)
        else:
            values[argument.parameter] = value
    for option, given in assignment.options:
        values[option.parameter] = _parse(option, given, variables) if given else True
    return values


def _looks_grouped(neighbours: list[Token]) -> bool:
    """Whether a word of digits follows a bare `hex:`, as if it belonged to it."""
    return any(a.growing and is_hex(b) for a, b in pairwise(neighbours))


def _parse(declared: Argument | Option, token: Token, variables: Variables) -> Any:
    assert declared.kind is not None  # only switches have none, and they have no token
    try:
        return declared.kind.parse(token, variables)
    except ValueError as error:
        raise UsageError(str(error), token.start) from None
