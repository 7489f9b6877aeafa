"""Help, made from what commands declare.

Rule: pure, and nothing is said here of any one command.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from .declaration import Command
from .style import Paint, plain

_COLUMNS = 80
_WIDEST = 78
"""Prose is not set wider than this."""

_LEAST_BESIDE = 24
"""With fewer columns beside its name, what is said of a thing stands below it."""


def wrapped(text: str, columns: int, first: str = "", rest: str = "") -> list[str]:
    """`text` in lines of at most `columns` that end between words; a long word stays whole."""
    return textwrap.wrap(
        text,
        columns,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def overview(
    commands: tuple[Command, ...], paint: Paint = plain, columns: int = _COLUMNS
) -> Iterator[str]:
    """One line a command, without its options."""
    rows = [(command.brief, command.summary) for command in commands]
    names = [
        paint("name", command.name) + command.brief[len(command.name) :] for command in commands
    ]
    yield from _table(rows, names, columns)
    yield ""
    for text in (
        'DATA is "text\\x00" with escapes, a bare word, hex:dead beef, b64:… or @file.',
        "$_ is the last handle. Numbers may be 0x10, sizes 64KiB.",
        "help COMMAND has options and examples.",
    ):
        yield from wrapped(text, columns)


def page(command: Command, paint: Paint = plain, columns: int = _COLUMNS) -> Iterator[str]:
    """All about one command."""
    yield from (paint("heading", line) for line in wrapped(command.usage, columns, rest="    "))
    yield from wrapped(command.summary, columns, "  ", "  ")
    if command.detail:
        yield ""
        yield from wrapped(command.detail, min(columns, _WIDEST), "  ", "  ")
    rows = [(argument.usage.strip("[]"), argument.help) for argument in command.arguments]
    for option in command.options:
        rows.append((option.usage.strip("[]"), option.help))
    if rows:
        yield ""
        yield from _table(rows, [paint("name", name) for name, _ in rows], columns)
    if command.examples:
        yield ""
        examples = [(example.line, f"# {example.why}") for example in command.examples]
        yield from _table(examples, [line for line, _ in examples], columns)
    if command.aliases:
        yield ""
        yield f"  Also: {', '.join(command.aliases)}"


def _table(rows: list[tuple[str, str]], painted: list[str], columns: int) -> Iterator[str]:
    """Names and what is said of each, beside it or, where that is too narrow, below."""
    width = max(len(name) for name, _ in rows)
    beside = columns - width - 4
    below = beside < _LEAST_BESIDE and any(len(text) > beside for _, text in rows)
    indent = " " * (6 if below else width + 4)
    for (name, text), shown in zip(rows, painted, strict=True):
        lines = wrapped(text, columns, indent, indent)
        if below:
            yield f"  {shown}"
        else:
            lines[0] = f"  {shown}{lines[0][2 + len(name) :]}"
        yield from lines
