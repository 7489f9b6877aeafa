"""Help, made from the declarations of commands.

Rule: pure; the pages know nothing that is not declared, except the note on DATA and `$_`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ether_shell.language.declaration import Section, ShellCommand

from .layout import explained, wrapped
from .style import Paint, plain

_COLUMNS = 80
_WIDEST = 78
"""The most columns of running text."""


def overview(
    sections: tuple[Section, ...], paint: Paint = plain, columns: int = _COLUMNS
) -> Iterator[str]:
    """One line per command, without its options."""
    width = max(len(command.brief) for section in sections for command in section.commands)
    for section in sections:
        yield paint("heading", section.title)
        rows = [(command.brief, command.summary) for command in section.commands]
        names = [
            paint("name", command.name) + command.brief[len(command.name) :]
            for command in section.commands
        ]
        yield from explained(rows, names, columns, width)
    yield ""
    for text in (
        'DATA is "text\\x00" with escapes, a bare word, hex:dead beef, b64:… or @file.',
        "$_ is the last handle. Numbers may be written 0x10, sizes 64KiB.",
        "help COMMAND shows options and examples.",
    ):
        yield from wrapped(text, columns)


def page(command: ShellCommand, paint: Paint = plain, columns: int = _COLUMNS) -> Iterator[str]:
    """Everything about one command."""
    yield from (paint("heading", line) for line in wrapped(command.usage, columns, rest="    "))
    yield from wrapped(command.summary, columns, "  ", "  ")
    if command.detail:
        yield ""
        yield from wrapped(command.detail, min(columns, _WIDEST), "  ", "  ")
    rows = [(argument.usage.strip("[]"), argument.help) for argument in command.arguments]
    if command.suffix is not None:
        rows.insert(0, (f"/{command.suffix.value}", command.suffix.help))
    for option in command.options:
        rows.append((option.usage.strip("[]"), option.help))
    if rows:
        yield ""
        yield from explained(rows, [paint("name", name) for name, _ in rows], columns)
    if command.examples:
        yield ""
        examples = [(example.line, f"# {example.why}") for example in command.examples]
        yield from explained(examples, [line for line, _ in examples], columns)
    if command.aliases:
        yield ""
        yield f"  Also: {', '.join(command.aliases)}"
