"""A conversation with a user: connect, read and run lines, offer to clean up at the end.

Rule: the order of these steps is decided here; how a line is read is decided in `terminal`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final

from ether_protocol import EtherError
from ether_shell import PROGRAM
from ether_shell.commands.catalogue import COMMANDS
from ether_shell.drawing.style import is_dumb
from ether_shell.execution.line_runner import LineRunner
from ether_shell.execution.output import OutputStreams
from ether_shell.problems import ExitStatus, classify
from ether_shell.session.context import Context
from ether_shell.terminal import repl
from ether_shell.terminal.leaving import offer_to_free

from .options import ShellOptions

CONNECTING_NOTICE_SECONDS: Final = 0.5
"""After this long without a connection the user is told what the shell waits for."""


def run(
    options: ShellOptions, runner: LineRunner, context: Context, output: OutputStreams
) -> ExitStatus:
    """Talk to the user until they leave; returns the exit status."""
    failed = _connect(runner, output)
    session = context.session
    if failed is None:
        server = f"{session.hello.name} {session.hello.version}" if session.hello else "a server"
        output.paragraph(
            f"Connected to {server} at {session.address}. help lists commands, Ctrl-D leaves."
        )
    elif failed is not ExitStatus.REFUSED or session.has_token:
        return failed  # else the user can give a token at the prompt
    read_line = _reader(options, context, output)
    ask = repl.ask if options.asks else None
    repl.converse(runner, read_line, lambda: offer_to_free(context, ask, output.note))
    return ExitStatus.OK


def _connect(runner: LineRunner, output: OutputStreams) -> ExitStatus | None:
    """Connect; returns the exit status where that fails."""
    session = runner.session
    notice = threading.Timer(
        CONNECTING_NOTICE_SECONDS, output.note, (f"connecting to {session.address} …",)
    )
    notice.daemon = True
    notice.start()
    try:
        session.start()
    except EtherError as error:
        failure = classify(error, changes=False)
        assert failure is not None  # it knows every EtherError
        runner.report(failure, where=f"{PROGRAM}: ")
        return failure.status
    finally:
        notice.cancel()
    return None


def _reader(options: ShellOptions, context: Context, output: OutputStreams) -> Callable[[], str]:
    """The function that asks for a line: plain, or with prompt_toolkit."""
    if options.plain or not output.terminal or is_dumb(os.environ):
        return repl.plain_reader(context.session)
    from ether_shell.terminal.prompt import prompt_reader

    return prompt_reader(
        context.session, COMMANDS, options.prompt, next_line=lambda: context.next_line
    )
