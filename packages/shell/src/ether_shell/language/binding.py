"""From a line to a command and its values.

Rule: pure.  `assign` decides which token belongs to which argument and never
raises, so that completion and hints can ask it about half a line; `bind` is
strict and says what is wrong and where.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ether_shell.problems import Misuse, Unfinished

from .declaration import Argument, Catalogue, Command, Option, Variables, did_you_mean
from .grammar import Form, Token, is_hex, joined, spanning, tokenize, word

_GROUPED = ': hex digits with spaces go in quotes here, hex:"de ad"'


@dataclass(frozen=True, slots=True)
class Bound:
    """A command and the keywords for its handler."""

    command: Command
    values: dict[str, Any]


@dataclass(slots=True)
class Assignment:
    """Which token went where.

    `missing` are the arguments without one, `pending` is an option that still
    waits for its value, `rest` are the tokens of a line within the line,
    `problem` is the first thing that is wrong.
    """

    arguments: list[tuple[Argument, Token]] = field(default_factory=list)
    options: list[tuple[Option, Token | None]] = field(default_factory=list)
    missing: list[Argument] = field(default_factory=list)
    pending: Option | None = None
    rest: list[Token] = field(default_factory=list)
    problem: Misuse | None = None


def is_flag(token: Token) -> bool:
    """Whether `token` names an option."""
    return token.form is Form.WORD and token.text.startswith("--") and len(token.text) > 2


def assign(command: Command, tokens: list[Token]) -> Assignment:
    """Give each of `tokens`, those behind the command's name, its place."""
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
        except Misuse as error:
            grown, problem = None, error
        if problem is not None and result.problem is None:
            result.problem = problem
        previous = grown or token
    return result


def _grown(
    command: Command, previous: Token | None, token: Token, result: Assignment
) -> Token | None:
    """`previous` with `token` joined to it, where it is a `hex:` that is the last argument."""
    if previous is None or not previous.growing or not is_hex(token) or not result.arguments:
        return None
    argument, last = result.arguments[-1]
    if last is not previous or argument is not command.arguments[-1]:
        return None
    grown = joined(previous, token)
    result.arguments[-1] = (argument, grown)
    return grown


def _place(command: Command, token: Token, result: Assignment) -> Misuse | None:
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
        return Misuse(f"{command.name} takes no {token.text!r}{hint}", token.start)
    argument = result.missing[0]
    if argument.rest:
        result.rest.append(token)
        token = word(token.text, token.start)
    result.arguments.append((argument, token))
    if not argument.repeated:
        del result.missing[0]
    return None


def _place_option(command: Command, token: Token, result: Assignment) -> Misuse | None:
    flag, equals, _ = token.text.partition("=")
    option = command.option(flag)
    if option is None:
        known = tuple(known.flag for known in command.options)
        return Misuse(
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
            return Misuse(f"{flag} takes no value", token.start + len(flag))
    return Misuse(f"{flag} stands here twice", token.start) if again else None


def _ends_in_data(command: Command) -> bool:
    return bool(command.arguments and command.arguments[-1].kind.beginnings)


def _needs_value(option: Option, at: int) -> Misuse:
    return Unfinished(f"{option.flag} needs a value: {option.flag} {option.value}", at)


def bind(catalogue: Catalogue, line: str, variables: Variables) -> Bound | None:
    """The command that `line` is, with its values; None for an empty line or a comment.

    Raises Misuse with the spot.
    """
    tokens = tokenize(line)
    if not tokens:
        return None
    first, *rest = tokens
    if first.form is not Form.WORD:
        raise Misuse("a line begins with a command; help lists them", first.start)
    command = catalogue.find(first.text)
    if command is None:
        raise Misuse(catalogue.unknown(first.text), first.start)
    assignment = assign(command, rest)
    if assignment.problem is not None:
        raise assignment.problem
    # A word that is wrong is worth saying before one that is missing.
    values = _suffix(command, first, variables) | _values(command, assignment, variables)
    end = tokens[-1].end
    if assignment.pending is not None:
        raise _needs_value(assignment.pending, end)
    given = {argument.name for argument, _ in assignment.arguments}
    instead = any(option.instead for option, _ in assignment.options)
    for argument in assignment.missing:
        if argument.required and not instead and argument.name not in given:
            raise Unfinished(f"{argument.name.upper()} is missing: {command.usage}", end)
    return Bound(command, values)


def _suffix(command: Command, first: Token, variables: Variables) -> dict[str, Any]:
    if command.suffix is None:
        return {}
    name, _, text = first.text.partition("/")
    value = command.suffix.default
    if text:
        value = _parse(command.suffix, first.tail(len(name) + 1), variables)
    return {command.suffix.parameter: value}


def _values(command: Command, assignment: Assignment, variables: Variables) -> dict[str, Any]:
    values: dict[str, Any] = {
        argument.parameter: [] if argument.repeated else None for argument in command.arguments
    }
    for option in command.options:
        values[option.parameter] = option.default if option.kind else False
    tokens = [token for _, token in assignment.arguments]
    for index, (argument, token) in enumerate(assignment.arguments):
        try:
            value = _parse(argument, token, variables)
        except Misuse as error:
            if _looks_grouped(tokens[max(0, index - 1) : index + 2]):
                raise Misuse(f"{error}{_GROUPED}", error.at) from None
            raise
        if argument.repeated:
            values[argument.parameter].append(value)
        else:
            values[argument.parameter] = value
    for option, given in assignment.options:
        values[option.parameter] = _parse(option, given, variables) if given else True
    return values


def _looks_grouped(neighbours: list[Token]) -> bool:
    """Whether a bare `hex:` stands before a word of digits, as if that went on with it."""
    return any(a.growing and is_hex(b) for a, b in pairwise(neighbours))


def _parse(declared: Argument | Option, token: Token, variables: Variables) -> Any:
    assert declared.kind is not None  # a switch has no token
    try:
        return declared.kind.parse(token, variables)
    except ValueError as error:
        raise Misuse(str(error), token.start) from None
