"""One line, carried out: bind it, run it, show what comes back, judge what goes wrong.

Rule: whoever reads lines, from a person or from a script, gets an `Outcome`
and never an exception that a command is to blame for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from ether_protocol import EtherError
from ether_shell.commands.comparing import keep_shown
from ether_shell.commands.guide import Leave
from ether_shell.language.binding import Bound, bind
from ether_shell.language.declaration import Command, Result, Results
from ether_shell.language.grammar import scan

from .context import Context
from .output import Output
from .problems import (
    INCOMPLETE,
    ExitStatus,
    Failure,
    Incomplete,
    Misuse,
    PartlySaved,
    PartlyWritten,
    judge,
    point_at,
    without_surrogates,
)
from .views import jsonlines

_JUDGED = (
    EtherError,
    Misuse,
    Incomplete,
    PartlyWritten,
    PartlySaved,
    KeyboardInterrupt,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a line ended, and whether the shell is to end with it."""

    status: ExitStatus = ExitStatus.OK
    leave: bool = False


class Shell:
    """Runs lines.  An `interactive` one looks after its connection and its view of the blocks."""

    def __init__(
        self, context: Context, output: Output, *, as_json: bool, interactive: bool
    ) -> None:
        self.session = context.session
        self._context = context
        self._output = output
        self._as_json = as_json
        self._interactive = interactive

    def run(self, line: str, where: str = "") -> Outcome:
        """Carry out `line`; `where` says in an error message where it came from.

        For a person an empty line goes on with what the last command shows piece by piece.
        """
        goes_on = self._interactive and not line.strip()
        if goes_on:
            line = self._context.next_line
        self._context.next_line = ""
        bound: Bound | None = None
        self._context.asked = False
        try:
            bound = self._bind(line)
            if bound is None:
                return Outcome()
            if self._attends(bound.command):
                era = self.session.era
                self.session.probe()
                if goes_on and era != self.session.era:
                    return Outcome()  # there is another block now where this one was
                # Another connection may lead to another server, where $_ is someone else's block.
                bound = self._bind(line) or bound
            return self._carry_out(bound)
        except _JUDGED as error:
            changes = bound is not None and bound.command.changes
            failure = judge(error, changes=changes, sent=self._context.asked)
            if failure is None:
                raise
            self.report(failure, line, where, bound.command.name if bound else _first_word(line))
            self._recover(failure)
            return Outcome(failure.status)

    def _recover(self, failure: Failure) -> None:
        """An interrupt in flight has cost a person the connection: have another one."""
        if not self._interactive or failure.status is not ExitStatus.INTERRUPTED:
            return
        if self._context.asked and not self.session.connected:
            self.session.reconnect()

    def _bind(self, line: str) -> Bound | None:
        return bind(self._context.catalogue, line, self.session.variables)

    def _attends(self, command: Command) -> bool:
        return self._interactive and not command.local

    def _carry_out(self, bound: Bound) -> Outcome:
        command = bound.command
        leave = False
        try:
            for result in self._shown(command, command.run(self._context, **bound.values)):
                leave = leave or isinstance(result, Leave)
            if not command.local:
                self.session.settle()
        finally:
            if command.changes and self._attends(command):
                self.session.refresh()
        return Outcome(leave=leave)

    def _shown(self, command: Command, results: Results) -> Iterator[Result]:
        """The results, each once it was shown; a Ctrl-C meanwhile is the handler's to answer."""
        with closing(results):
            result = next(results, None)
            while result is not None:
                try:
                    self._show(command, result)
                    yield result
                except KeyboardInterrupt as interrupt:
                    try:
                        result = results.throw(interrupt)
                    except StopIteration:
                        return
                else:
                    result = next(results, None)

    def _show(self, command: Command, result: Result) -> None:
        if self._as_json:
            self._output.line(jsonlines.success(command.name, result))
        else:
            self._output.show(result)
        if self._context.guarded:
            keep_shown(self._context, result)

    def report(
        self, failure: Failure, line: str = "", where: str = "", command: str | None = None
    ) -> None:
        """Say what went wrong, with a caret under the spot that is to blame."""
        failure = replace(failure, message=without_surrogates(failure.message))
        command = None if command is None else without_surrogates(command)
        if self._as_json:
            self._output.line(jsonlines.failure(command, failure))
            return
        text = f"{where}{failure.message}"
        if self._interactive and failure.status is ExitStatus.INTERRUPTED:
            text = f"\n{text}"  # the terminal has put ^C at the end of some line
        refused = failure.status is ExitStatus.REFUSED and failure.name != INCOMPLETE
        if refused and failure.name not in text:
            text += f" ({failure.name})"  # as docs/protocol.md calls it
        if failure.at is not None:
            text += "\n" + point_at(line, failure.at)
        self._output.problem(text)


def _first_word(line: str) -> str | None:
    tokens = scan(line).tokens
    return tokens[0].text if tokens else None
