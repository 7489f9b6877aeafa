"""Lines without a user: `-c`, `-f` and a pipe.

Rule: the first line that fails ends the script, and its status is that of the script. A line
is run as soon as it has been read, so the other end of a pipe may wait for its result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ether_shell.execution.line_runner import LineRunner
from ether_shell.problems import ExitStatus

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """A line, and where it comes from, as an error message begins."""

    text: str
    where: str


def of_commands(commands: Iterable[str], program: str) -> Iterator[ScriptLine]:
    """The lines given with `-c`."""
    texts = [line for command in commands for line in command.splitlines()]
    for number, text in enumerate(texts, 1):
        where = f"{program}: " if len(texts) == 1 else f"{program}: command {number}: "
        yield ScriptLine(text, where)


def of_file(lines: Iterable[bytes], name: str) -> Iterator[ScriptLine]:
    """The lines of a file; bytes that are not UTF-8 stay what they are."""
    for number, raw in enumerate(lines, 1):
        text = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if number == 1:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        yield ScriptLine(text, f"{name}:{number}: ")


def run(runner: LineRunner, lines: Iterable[ScriptLine]) -> ExitStatus:
    """Run `lines`; returns the exit status."""
    for line in lines:
        outcome = runner.run(line.text, line.where)
        if outcome.leave or outcome.status:
            return outcome.status
    return ExitStatus.OK
