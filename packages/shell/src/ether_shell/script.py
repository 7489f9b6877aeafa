"""Commands without a person: `-c`, `-f` and a pipe.

Rule: the first line that fails ends the script, and its status is the
script's.  A line is run as soon as it is there, so a pipe may be a dialogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .problems import ExitStatus
from .shell import Shell

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and where it stands, as an error message begins."""

    text: str
    where: str


def of_commands(commands: Iterable[str], program: str) -> Iterator[Line]:
    """The lines given with `-c`."""
    texts = [line for command in commands for line in command.splitlines()]
    for number, text in enumerate(texts, 1):
        yield Line(text, f"{program}: " if len(texts) == 1 else f"{program}: command {number}: ")


def of_file(lines: Iterable[bytes], name: str) -> Iterator[Line]:
    """The lines of a file; bytes that are no UTF-8 stay the bytes they are."""
    for number, raw in enumerate(lines, 1):
        text = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if number == 1:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        yield Line(text, f"{name}:{number}: ")


def run(shell: Shell, lines: Iterable[Line]) -> ExitStatus:
    """Carry out `lines` and return the status to exit with."""
    for line in lines:
        outcome = shell.run(line.text, line.where)
        if outcome.leave or outcome.status:
            return outcome.status
    return ExitStatus.OK
