"""Hints: what a line still lacks, as faint text behind the cursor.

Rule: pure; only the declaration of the command is consulted.
"""

from __future__ import annotations

from ether_shell.language.binding import assign
from ether_shell.language.declaration import Argument, Catalogue
from ether_shell.language.grammar import Form, Token, scan


def hint(line: str, catalogue: Catalogue) -> str:
    """The usage of the arguments that `line` still lacks, with a space in front where needed."""
    result = scan(line)
    if result.problem is not None or not result.tokens:
        return ""
    behind = line[result.tokens[-1].end :]
    words = [] if behind.strip() else _lacking(result.tokens, catalogue)
    return ("" if behind or not words else " ") + " ".join(words)


def _lacking(tokens: list[Token], catalogue: Catalogue) -> list[str]:
    first, *rest = tokens
    command = catalogue.find(first.text) if first.form is Form.WORD else None
    if command is None:
        return []
    assignment = assign(command, rest)
    if assignment.rest:
        return _lacking(assignment.rest, catalogue)
    if assignment.problem is not None:
        return []
    given = [argument.name for argument, _ in assignment.arguments]
    used = [option.name for option, _ in assignment.options]
    words = [_still(argument, given) for argument in assignment.missing]
    words += [o.usage for o in command.options if o.name not in used and o != assignment.pending]
    if assignment.pending is not None:
        words.insert(0, assignment.pending.value)
    return words


def _still(argument: Argument, given: list[str]) -> str:
    """The usage of a missing argument; a repeated one that was given once is optional."""
    again = argument.repeated and argument.name in given
    return f"[{argument.usage}]" if again and argument.required else argument.usage
