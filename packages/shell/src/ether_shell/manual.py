"""Help, made from what commands declare.

Rule: pure, and nothing is said here of any one command.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from .declaration import Command
from .style import Paint, plain

_WIDTH = 78


def overview(commands: tuple[Command, ...], paint: Paint = plain) -> Iterator[str]:
    """One line a command, without its options."""
    width = max(len(command.brief) for command in commands)
    for command in commands:
        arguments = command.brief[len(command.name) :].ljust(width - len(command.name))
        yield f"  {paint('name', command.name)}{arguments}  {command.summary}"
    yield ""
    yield 'DATA is "text\\x00" with escapes, a bare word, hex:dead beef, b64:… or @file.'
    yield "$_ is the last handle. Numbers may be 0x10, sizes 64KiB."
    yield "help COMMAND has options and examples."


def page(command: Command, paint: Paint = plain) -> Iterator[str]:
    """All about one command."""
    yield paint("heading", command.usage)
    yield f"  {command.summary}"
    if command.detail:
        yield ""
        yield from textwrap.wrap(
            command.detail, _WIDTH, initial_indent="  ", subsequent_indent="  "
        )
    rows = [(argument.usage.strip("[]"), argument.help) for argument in command.arguments]
    for option in command.options:
        rows.append((option.usage.strip("[]"), option.help))
    if rows:
        yield ""
        width = max(len(name) for name, _ in rows)
        yield from (f"  {paint('name', name.ljust(width))}  {text}" for name, text in rows)
    if command.examples:
        yield ""
        width = max(len(example.line) for example in command.examples)
        yield from (f"  {example.line:<{width}}  # {example.why}" for example in command.examples)
    if command.aliases:
        yield ""
        yield f"  Also: {', '.join(command.aliases)}"
