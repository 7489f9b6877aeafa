"""The loop of a conversation: a line, its results, the next line; and a prompt without redrawing.

Rule: what Ctrl-C and Ctrl-D mean between lines is decided here; what a line does is not. The
prompt and its questions go to standard error, so that output into a pipe is data only.
"""

from __future__ import annotations

import contextlib
import getpass
import signal
import sys
import warnings
from collections.abc import Callable, Iterator

from ether_shell.execution.line_runner import LineRunner
from ether_shell.problems import UsageError
from ether_shell.session.session import ShellSession

from .statusline import prompt_text


def converse(
    runner: LineRunner, read_line: Callable[[], str], on_leave: Callable[[], None] = lambda: None
) -> None:
    """Run lines until the user leaves, and then call `on_leave`."""
    while True:
        try:
            if not _run_lines(runner, read_line()):
                break
        except KeyboardInterrupt:
            continue
        except EOFError:
            break
    on_leave()


def _run_lines(runner: LineRunner, text: str) -> bool:
    """Run a typed line, or pasted lines until one fails; returns False to leave."""
    # An empty line continues the last command, but not among pasted lines.
    for line in [line for line in text.splitlines() if line.strip()] or [""]:
        outcome = runner.run(line)
        if outcome.leave:
            return False
        if outcome.status:
            break
    return True


def plain_reader(session: ShellSession) -> Callable[[], str]:
    """A reader without menu, toolbar and redrawing, for dumb terminals and screen readers."""

    def read_line() -> str:
        try:
            # A Ctrl-C may come as soon as the prompt is to be seen.
            _write(prompt_text(session))
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            _write("\n")
            raise
        if not line:
            _write("\n")
            raise EOFError
        return line

    return read_line


def ask(question: str) -> bool:
    """Ask the user; any answer but y or yes is a no."""
    _write(f"{question} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def ask_secret(question: str) -> str:
    """Ask the user for text that is not shown while it is typed; empty for Ctrl-D.

    Raises UsageError where the terminal would show it.
    """
    with _not_stopped(), warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(question, sys.stderr).strip()
        except EOFError:
            return ""
        except getpass.GetPassWarning:
            raise UsageError("this terminal would show what is typed") from None


@contextlib.contextmanager
def _not_stopped() -> Iterator[None]:
    """Ctrl-Z does nothing: coming back from it, the terminal would show what is typed."""
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
