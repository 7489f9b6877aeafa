"""What Tab offers: commands, options, live handles, the forms of a literal.

Rule: the server is never asked.  Handles come from the session's cache, names
of files from `paths`, everything else from the declarations; `offers` is pure,
the completer merely hands it on.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from ether_protocol import format_size
from ether_shell.language.binding import Assignment, assign
from ether_shell.language.declaration import Catalogue, Command, Kind, Live, Variables
from ether_shell.language.grammar import Form, Token, scan
from ether_shell.session import Session

from .paths import paths


@dataclass(frozen=True, slots=True)
class Offer:
    """A word that may stand at the cursor, and what it means.

    A `whole` one wants a space behind it, the beginning of a literal does not.
    """

    text: str
    meaning: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """What is known without asking the server: sizes of blocks by handle, variables, files."""

    sizes: Mapping[int, int] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    paths: Callable[[str], list[str]] = lambda _: []


def offers(line: str, catalogue: Catalogue, known: Known) -> tuple[str, list[Offer]]:
    """The word at the end of `line` that would be replaced, and what could stand there."""
    result = scan(line)
    tokens = result.tokens
    end = tokens[-1].end if tokens else 0
    if line[end:].strip() == "@":
        return "@", _files("@", "", known)
    if result.problem is not None or line[end:].strip():
        return "", []  # inside a literal that is not finished, or in a comment
    typed = ""
    if tokens and end == len(line):
        last = tokens.pop()
        if last.form is Form.FILE and last.text == f"@{last.path}":
            return last.text, _files("@", last.path, known)
        if last.form is not Form.WORD:
            return "", []
        typed = last.text
    found = _at(tokens, typed, catalogue, known)
    low = typed.lower()
    return typed, [offer for offer in found if offer.text.lower().startswith(low)]


def _at(tokens: list[Token], typed: str, catalogue: Catalogue, known: Known) -> Iterator[Offer]:
    if not tokens:
        yield from _commands(catalogue.commands)
        return
    command = catalogue.find(tokens[0].text)
    if command is None:
        return
    assignment = assign(command, tokens[1:])
    if assignment.rest:
        yield from _at(assignment.rest, typed, catalogue, known)
        return
    if assignment.pending is not None:
        if assignment.pending.kind is not None:
            yield from _values(assignment.pending.kind, typed, assignment, known)
        return
    if assignment.missing and not typed.startswith("--"):
        due = assignment.missing[0]
        if due.kind.live is Live.COMMANDS:
            yield from _commands(each for each in catalogue.commands if due.suits(each))
        yield from _values(due.kind, typed, assignment, known)
    if typed.startswith("-") or not any(a.required for a in assignment.missing):
        yield from _options(command, assignment)


def _commands(commands: Iterable[Command]) -> Iterator[Offer]:
    return (Offer(command.name, command.summary) for command in commands)


def _options(command: Command, assignment: Assignment) -> Iterator[Offer]:
    used = {option.name for option, _ in assignment.options}
    for option in command.options:
        if option.name not in used:
            yield Offer(option.flag, option.help)


def _values(kind: Kind, typed: str, assignment: Assignment, known: Known) -> Iterator[Offer]:
    if kind.live is Live.HANDLES:
        yield from _handles(assignment, known)
    if kind.live is Live.NAMES:
        yield from _variables("$" if typed.startswith("$") else "", known.variables, known.sizes)
    if kind.live is Live.NUMBERS and typed.startswith("$"):
        yield from _variables("$", known.variables, {})
    if kind.live is Live.PATHS:
        yield from _files("", typed, known)
    yield from (Offer(text, meaning) for text, meaning in kind.words)
    yield from (Offer(text, meaning, whole=False) for text, meaning in kind.beginnings)


def _files(mark: str, typed: str, known: Known) -> list[Offer]:
    """Files behind a `mark`; behind a folder more is to be typed."""
    return [
        Offer(mark + path, "folder" if path.endswith("/") else "file", not path.endswith("/"))
        for path in known.paths(typed)
    ]


def _handles(assignment: Assignment, known: Known) -> Iterator[Offer]:
    # A block that was named may be named again as another argument, not as the same one.
    taken = {
        token.text
        for argument, token in assignment.arguments
        if argument.repeated or argument in assignment.missing
    }
    for handle, size in known.sizes.items():
        if str(handle) not in taken:
            yield Offer(str(handle), format_size(size))
    yield from _variables("$", known.variables, known.sizes)


def _variables(mark: str, variables: Variables, handles: Container[int]) -> Iterator[Offer]:
    for name, value in variables.items():
        yield Offer(f"{mark}{name}", f"handle {value}" if value in handles else f"{value:,}")


class ShellCompleter(Completer):
    """`offers`, for prompt_toolkit."""

    def __init__(self, catalogue: Catalogue, session: Session) -> None:
        self._catalogue = catalogue
        self._session = session

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterable[Completion]:
        """What may stand at the cursor."""
        known = Known(self._session.blocks.sizes, self._session.variables, paths)
        typed, found = offers(document.text_before_cursor, self._catalogue, known)
        spaced = document.current_char.isspace()
        for offer in found:
            yield Completion(
                offer.text + (" " if offer.whole and not spaced else ""),
                -len(typed),
                display=offer.text,
                display_meta=offer.meaning,
            )
