"""What is known to be wrong in a line while it is typed, and how long its literal is.

Rule: pure, and patient: what more typing may still mend is not wrong yet.
"""

from __future__ import annotations

from ether_protocol import format_size
from ether_shell.language.binding import assign, bind
from ether_shell.language.declaration import Catalogue, Variables
from ether_shell.language.grammar import Form, Scan, scan
from ether_shell.problems import Misuse, Unfinished


def complaint(line: str, catalogue: Catalogue, variables: Variables) -> str:
    """What is wrong with the words of `line` that are finished, nothing where they are well."""
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
    except Misuse as error:
        return str(error)
    return ""


def literal_length(line: str, catalogue: Catalogue) -> str:
    """How many bytes the DATA in `line` is, such as `DATA 13 B`; nothing where there is none."""
    tokens = _closed(line).tokens
    command = catalogue.find(tokens[0].text) if tokens else None
    if command is None:
        return ""
    given = assign(command, tokens[1:])
    for argument, token in given.arguments:
        if argument.kind.beginnings and token.form is not Form.FILE:
            return f"{argument.name.upper()} {format_size(len(token.data))}"
    return ""


def _closed(line: str) -> Scan:
    """The tokens of `line`, one that is not finished closed with the quote it began with."""
    result = scan(line)
    if isinstance(result.problem, Unfinished):
        for quote in "\"'":
            closed = scan(line + quote)
            if closed.problem is None:
                return closed
    return result
