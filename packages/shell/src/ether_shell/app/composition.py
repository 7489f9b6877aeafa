"""The parts put together: a shell for a user at a terminal, or for a script.

Rule: which parts there are is decided here; what they do is decided in them. Modules that
import prompt_toolkit are imported only for a terminal, so that `-c` starts quickly.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

from ether_shell import PROGRAM
from ether_shell.commands.catalogue import COMMANDS
from ether_shell.execution.line_runner import LineRunner
from ether_shell.execution.output import OutputStreams
from ether_shell.language.declaration import Result
from ether_shell.problems import ExitStatus
from ether_shell.session.context import Context, FullScreen
from ether_shell.session.inputs import Inputs
from ether_shell.session.session import ShellSession
from ether_shell.terminal import repl

from . import conversation, script
from .options import ShellOptions


def run(options: ShellOptions) -> ExitStatus:
    """Run the shell and return the exit status.

    Raises OSError where the output can't be written, and KeyboardInterrupt.
    """
    output = OutputStreams(sys.stdout, sys.stderr, os.environ, colour=not options.plain)
    server = options.profile
    session = ShellSession(
        server.address,
        options.timeout,
        output.note,
        name=server.name,
        production=server.production,
        access=server.access,
    )
    context = Context(
        session,
        COMMANDS,
        _inputs(options),
        limits_output=output.terminal and not options.as_json,
        ask_secret=repl.ask_secret if options.interactive else None,
        confirm=repl.ask if options.asks else lambda _: True,
        interactive=options.interactive,
        unattended=not options.interactive and not options.yes,
        progress=output.progress,
        on_message=output.message,
        full_screen=_full_screen(options, session, output),
    )
    if server.access.tls_insecure:
        output.note(
            f"the certificate of {server.address} is not verified (--tls-insecure):"
            " anybody on the way can read and change everything"
        )
    runner = LineRunner(context, output, as_json=options.as_json, interactive=options.interactive)
    try:
        if options.interactive:
            return conversation.run(options, runner, context, output)
        return script.run(runner, _lines(options))
    finally:
        session.close()


def _full_screen(
    options: ShellOptions, session: ShellSession, output: OutputStreams
) -> FullScreen | None:
    if options.as_json or not output.redraws or not sys.stdin.isatty():
        return None

    def show(fetch: Callable[[], Result], seconds: float) -> None:
        from ether_shell.terminal import fullscreen

        with output.holding_notes():
            fullscreen.FullScreenDisplay(fetch, seconds, lambda: output.view).run(session.close)

    return show


def _inputs(options: ShellOptions) -> Inputs:
    if options.interactive:
        return Inputs(None, "@- is this terminal: name a file, @file")
    if options.commands or options.file not in (None, "-"):
        return Inputs(sys.stdin.buffer)
    return Inputs(None, "@- is the script itself: name a file, @file")


def _lines(options: ShellOptions) -> Iterator[script.ScriptLine]:
    if options.commands:
        yield from script.of_commands(options.commands, PROGRAM)
    elif options.file in (None, "-"):
        yield from script.of_file(sys.stdin.buffer, "standard input")
    else:
        assert options.file is not None  # that is the case above
        with open(options.file, "rb") as lines:
            yield from script.of_file(lines, options.file)
