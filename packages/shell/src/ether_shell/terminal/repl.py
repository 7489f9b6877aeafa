"""The conversation with a person: a line, its answer, the next line.

Rule: short.  How a line is read is the reader's business and what it does the
shell's; here is only what Ctrl-C and Ctrl-D mean between lines.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from ether_shell.session import Session
from ether_shell.shell import Shell

from .statusline import prompt_text


def converse(
    shell: Shell, read_line: Callable[[], str], farewell: Callable[[], None] = lambda: None
) -> None:
    """Carry out lines until the person leaves, and then say `farewell`."""
    while True:
        try:
            if not _carry_out(shell, read_line()):
                break
        except KeyboardInterrupt:
            continue
        except EOFError:
            break
    farewell()


def _carry_out(shell: Shell, text: str) -> bool:
    """Run what was typed, or the lines that were pasted up to one that fails; False to leave."""
    # A blank line goes on where the last command ended, but not among lines that were pasted.
    for line in [line for line in text.splitlines() if line.strip()] or [""]:
        outcome = shell.run(line)
        if outcome.leave:
            return False
        if outcome.status:
            break
    return True


def plain_reader(session: Session) -> Callable[[], str]:
    """A reader without menu, toolbar or redraw, for dumb terminals and screen readers."""

    def read_line() -> str:
        # The prompt is no data: where only the output is a pipe it must not go there.
        _say(prompt_text(session))
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            _say("\n")
            raise
        if not line:
            _say("\n")
            raise EOFError
        return line

    return read_line


def ask(question: str) -> bool:
    """Ask a person, who answers with yes or with anything else."""
    _say(f"{question} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
