"""One line: bind it to a command, run the handler, show its results, report its errors.

Rule: the caller gets an `Outcome`; no exception that a command causes reaches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from ether_protocol import EtherError
from ether_shell.commands.comparing import keep_shown
from ether_shell.commands.help import Leave
from ether_shell.language.binding import Bound, bind
from ether_shell.language.declaration import Result, Results, ShellCommand
from ether_shell.language.grammar import scan
from ether_shell.problems import (
    INCOMPLETE,
    ExitStatus,
    Failure,
    Incomplete,
    PartlySaved,
    PartlyWritten,
    UsageError,
    classify,
    point_at,
    without_surrogates,
)
from ether_shell.session.context import Context
from ether_shell.views import json_lines

from .output import OutputStreams

_REPORTED = (
    EtherError,
    UsageError,
    Incomplete,
    PartlyWritten,
    PartlySaved,
    KeyboardInterrupt,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a line ended, and whether the shell ends with it."""

    status: ExitStatus = ExitStatus.OK
    leave: bool = False


class LineRunner:
    """Runs lines; if `interactive`, it also looks after the connection and the list of blocks."""

    def __init__(
        self, context: Context, output: OutputStreams, *, as_json: bool, interactive: bool
    ) -> None:
        self.session = context.session
        self._context = context
        self._output = output
        self._as_json = as_json
        self._interactive = interactive

    def run(self, line: str, where: str = "") -> Outcome:
        """Run `line`; error messages begin with `where`.

        At a prompt an empty line runs the command that continues the last one, if there is one.
        """
        continues = self._interactive and not line.strip()
        if continues:
            line = self._context.next_line
        self._context.next_line = ""
        bound: Bound | None = None
        self._context.used_client = False
        try:
            bound = self._bind(line)
            if bound is None:
                return Outcome()
            if self._uses_server(bound.command):
                generation = self.session.generation
                self.session.probe()
                if continues and generation != self.session.generation:
                    return Outcome()  # the handle may mean another block now
                # The connection may be a new one, and $_ a block of the server before.
                bound = self._bind(line) or bound
            return self._execute(bound)
        except _REPORTED as error:
            changes = bound is not None and bound.command.changes
            secret = self._secret_of(line) if bound is None else ""
            if secret and isinstance(error, UsageError):
                error = UsageError(secret)  # the words of the line, and the line, are not repeated
            failure = classify(error, changes=changes, sent=self._context.used_client)
            if failure is None:
                raise
            self.report(failure, line, where, bound.command.name if bound else _first_word(line))
            self._recover(failure)
            return Outcome(failure.status)

    def _secret_of(self, line: str) -> str:
        """What to say of a wrong line that may hold a secret; empty for other lines."""
        found = [self._context.catalogue.find(each) for each in line.split()]
        first, *others = found or [None]
        if first is None:
            return ""
        nested = others if any(argument.rest for argument in first.arguments) else []
        return next((each.secret for each in (first, *nested) if each and each.secret), "")

    def _recover(self, failure: Failure) -> None:
        """At a prompt, connect again after an interrupt that closed the connection."""
        if not self._interactive or failure.status is not ExitStatus.INTERRUPTED:
            return
        if self._context.used_client and not self.session.connected:
            self.session.reconnect()

    def _bind(self, line: str) -> Bound | None:
        return bind(self._context.catalogue, line, self.session.variables)

    def _uses_server(self, command: ShellCommand) -> bool:
        return self._interactive and not command.local

    def _execute(self, bound: Bound) -> Outcome:
        command = bound.command
        leave = False
        try:
            for result in self._shown(command, command.run(self._context, **bound.values)):
                leave = leave or isinstance(result, Leave)
            if not command.local:
                self.session.settle()
        finally:
            if command.changes and self._uses_server(command):
                self.session.refresh()
        return Outcome(leave=leave)

    def _shown(self, command: ShellCommand, results: Results) -> Iterator[Result]:
        """Show the results one by one; a Ctrl-C meanwhile is raised in the handler."""
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

    def _show(self, command: ShellCommand, result: Result) -> None:
        if self._as_json:
            self._output.line(json_lines.success(command.name, result))
        else:
            self._output.show(result)
        if self._context.limits_output:
            keep_shown(self._context, result)

    def report(
        self, failure: Failure, line: str = "", where: str = "", command: str | None = None
    ) -> None:
        """Write an error message, with a caret under the place in the line."""
        failure = replace(failure, message=without_surrogates(failure.message))
        command = None if command is None else without_surrogates(command)
        if self._as_json:
            self._output.line(json_lines.failure(command, failure))
            return
        text = f"{where}{failure.message}"
        if self._interactive and failure.status is ExitStatus.INTERRUPTED:
            text = f"\n{text}"  # the terminal has written ^C into the current line
        refused = failure.status is ExitStatus.REFUSED and failure.name != INCOMPLETE
        if refused and failure.name not in text:
            text += f" ({failure.name})"  # its name in docs/protocol.md
        if failure.at is not None:
            text += "\n" + point_at(line, failure.at)
        self._output.problem(text)


def _first_word(line: str) -> str | None:
    tokens = scan(line).tokens
    return tokens[0].text if tokens else None
