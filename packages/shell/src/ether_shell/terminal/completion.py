"""What Tab offers: commands, options, existing handles, files, the forms of a literal.

Rule: the server is never asked. Handles come from the session's cache, file names from
`paths`, everything else from the declarations. `candidates` is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from ether_protocol import format_size
from ether_shell.language.binding import Assignment, assign
from ether_shell.language.declaration import (
    Catalogue,
    CompletionSource,
    Kind,
    ShellCommand,
    Variables,
)
from ether_shell.language.grammar import Form, Token, scan
from ether_shell.session.session import ShellSession

from .paths import paths


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that may be inserted at the cursor, and what it means.

    A space follows a `whole` one, but not the beginning of a literal.
    """

    text: str
    meaning: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What is known without asking the server: block sizes by handle, variables, files."""

    sizes: Mapping[int, int] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    paths: Callable[[str], list[str]] = lambda _: []


def candidates(line: str, catalogue: Catalogue, known: KnownNames) -> tuple[str, list[Candidate]]:
    """The word at the end of `line` that would be replaced, and what may replace it."""
    result = scan(line)
    tokens = result.tokens
    end = tokens[-1].end if tokens else 0
    if line[end:].strip() == "@":
        return "@", _files("@", "", known)
    if result.problem is not None or line[end:].strip():
        return "", []  # in an unfinished literal, or in a comment
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
    return typed, [candidate for candidate in found if candidate.text.lower().startswith(low)]


def _at(
    tokens: list[Token], typed: str, catalogue: Catalogue, known: KnownNames
) -> Iterator[Candidate]:
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
        if due.kind.completes_from is CompletionSource.COMMANDS:
            yield from _commands(each for each in catalogue.commands if due.accepts(each))
        yield from _values(due.kind, typed, assignment, known)
    if typed.startswith("-") or not any(a.required for a in assignment.missing):
        yield from _options(command, assignment)


def _commands(commands: Iterable[ShellCommand]) -> Iterator[Candidate]:
    return (Candidate(command.name, command.summary) for command in commands)


def _options(command: ShellCommand, assignment: Assignment) -> Iterator[Candidate]:
    used = {option.name for option, _ in assignment.options}
    for option in command.options:
        if option.name not in used:
            yield Candidate(option.flag, option.help)


def _values(
    kind: Kind, typed: str, assignment: Assignment, known: KnownNames
) -> Iterator[Candidate]:
    if kind.completes_from is CompletionSource.HANDLES:
        yield from _handles(assignment, known)
    if kind.completes_from is CompletionSource.NAMES:
        yield from _variables("$" if typed.startswith("$") else "", known.variables, known.sizes)
    if kind.completes_from is CompletionSource.NUMBERS and typed.startswith("$"):
        yield from _variables("$", known.variables, {})
    if kind.completes_from is CompletionSource.PATHS:
        yield from _files("", typed, known)
    yield from (Candidate(text, meaning) for text, meaning in kind.words)
    yield from (Candidate(text, meaning, whole=False) for text, meaning in kind.prefixes)


def _files(mark: str, typed: str, known: KnownNames) -> list[Candidate]:
    """Files behind a `mark`; after a folder the user goes on typing."""
    return [
        Candidate(mark + path, "folder" if path.endswith("/") else "file", not path.endswith("/"))
        for path in known.paths(typed)
    ]


def _handles(assignment: Assignment, known: KnownNames) -> Iterator[Candidate]:
    # A block may be named again as another argument, but not twice as the same one.
    taken = {
        token.text
        for argument, token in assignment.arguments
        if argument.repeated or argument in assignment.missing
    }
    for handle, size in known.sizes.items():
        if str(handle) not in taken:
            yield Candidate(str(handle), format_size(size))
    yield from _variables("$", known.variables, known.sizes)


def _variables(mark: str, variables: Variables, handles: Container[int]) -> Iterator[Candidate]:
    for name, value in variables.items():
        yield Candidate(f"{mark}{name}", f"handle {value}" if value in handles else f"{value:,}")


class ShellCompleter(Completer):
    """`candidates` for prompt_toolkit."""

    def __init__(self, catalogue: Catalogue, session: ShellSession) -> None:
        self._catalogue = catalogue
        self._session = session

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterable[Completion]:
        """The candidates for the word at the cursor."""
        known = KnownNames(self._session.blocks.sizes, self._session.variables, paths)
        typed, found = candidates(document.text_before_cursor, self._catalogue, known)
        spaced = document.current_char.isspace()
        for candidate in found:
            yield Completion(
                candidate.text + (" " if candidate.whole and not spaced else ""),
                -len(typed),
                display=candidate.text,
                display_meta=candidate.meaning,
            )
