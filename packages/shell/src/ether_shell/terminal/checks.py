"""Checks of a line while it is typed: what is certainly wrong, and how long its literal is.

Rule: pure. Nothing is reported that more typing may still make right.
"""

from __future__ import annotations

from ether_protocol import format_size
from ether_shell.language.binding import assign, bind
from ether_shell.language.declaration import Catalogue, Variables
from ether_shell.language.grammar import Form, Scan, scan
from ether_shell.problems import Unfinished, UsageError


def complaint(line: str, catalogue: Catalogue, variables: Variables) -> str:
    """What is wrong with the finished words of `line`; empty where nothing is."""
    result = scan(line)
    if result.problem is not None and not isinstance(result.problem, Unfinished):
        return str(result.problem)
    tokens = result.tokens
    end = tokens[-1].end if tokens else 0
    if result.problem is None and tokens and end == len(line):
        end = tokens[-2].end if len(tokens) > 1 else 0
    try:
        bind(catalogue, line[:end], variables)
    except Unfinished:
        return ""
    except UsageError as error:
        return str(error)
    return ""


def literal_length(line: str, catalogue: Catalogue) -> str:
    """The length of the DATA in `line`, such as `DATA 13 B`; empty where there is none."""
    tokens = _closed(line).tokens
    command = catalogue.find(tokens[0].text) if tokens else None
    if command is None:
        return ""
    given = assign(command, tokens[1:])
    for argument, token in given.arguments:
        if argument.kind.prefixes and token.form is not Form.FILE:
            return f"{argument.name.upper()} {format_size(len(token.data))}"
    return ""


def _closed(line: str) -> Scan:
    """The tokens of `line`; an unfinished quoted one is closed with its own quote."""
    result = scan(line)
    if isinstance(result.problem, Unfinished):
        for quote in "\"'":
            closed = scan(line + quote)
            if closed.problem is None:
                return closed
    return result
