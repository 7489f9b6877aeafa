"""The parts put together: a shell for a person at a terminal, or for a script.

Rule: nothing is decided here but who is at the other end; prompt_toolkit is
imported only for a person, so that `-c` starts quickly.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ether_protocol import EtherError
from ether_shell.commands.catalogue import COMMANDS
from ether_shell.language.declaration import Result
from ether_shell.terminal.farewell import farewell
from ether_shell.views.style import is_dumb

from . import PROGRAM, script
from .config import Profile, Prompt
from .context import Context, FullScreen
from .inputs import Inputs
from .output import Output
from .problems import ExitStatus, judge
from .session import Session
from .shell import Shell
from .terminal import repl

_PATIENCE_SECONDS = 0.5
"""After so long a person is told what is waited for."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person said on the command line and in `shell.toml`."""

    profile: Profile
    prompt: Prompt
    commands: tuple[str, ...]
    file: str | None
    as_json: bool
    plain: bool
    yes: bool
    timeout: float

    @property
    def interactive(self) -> bool:
        """Whether a person is going to type lines."""
        return not self.commands and self.file is None and sys.stdin.isatty()


def run(wishes: Wishes) -> ExitStatus:
    """Do what `wishes` say, and return the status to exit with.

    Raises OSError where the output can't be written, and KeyboardInterrupt.
    """
    output = Output(sys.stdout, sys.stderr, os.environ, colour=not wishes.plain)
    server = wishes.profile
    session = Session(
        server.address,
        wishes.timeout,
        output.note,
        name=server.name,
        production=server.production,
    )
    asks = wishes.interactive and not wishes.yes and wishes.prompt.questions
    context = Context(
        session,
        COMMANDS,
        _inputs(wishes),
        guarded=output.terminal and not wishes.as_json,
        confirm=repl.ask if asks else lambda _: True,
        interactive=wishes.interactive,
        unattended=not wishes.interactive and not wishes.yes,
        progress=output.progress,
        on_message=output.message,
        full_screen=_full_screen(wishes, session, output),
    )
    shell = Shell(context, output, as_json=wishes.as_json, interactive=wishes.interactive)
    try:
        if wishes.interactive:
            return _converse(wishes, shell, context, output)
        return script.run(shell, _lines(wishes))
    finally:
        session.close()


def _full_screen(wishes: Wishes, session: Session, output: Output) -> FullScreen | None:
    if wishes.as_json or not output.live or not sys.stdin.isatty():
        return None

    def show(look: Callable[[], Result], seconds: float) -> None:
        from .terminal import fullscreen

        with output.holding_notes():
            fullscreen.FullScreen(look, seconds, lambda: output.view).run(session.close)

    return show


def _inputs(wishes: Wishes) -> Inputs:
    if wishes.interactive:
        return Inputs(None, "@- is this terminal: name a file, @file")
    if wishes.commands or wishes.file not in (None, "-"):
        return Inputs(sys.stdin.buffer)
    return Inputs(None, "@- is the script itself: name a file, @file")


def _lines(wishes: Wishes) -> Iterator[script.Line]:
    if wishes.commands:
        yield from script.of_commands(wishes.commands, PROGRAM)
    elif wishes.file in (None, "-"):
        yield from script.of_file(sys.stdin.buffer, "standard input")
    else:
        assert wishes.file is not None  # or it would be the case above
        with open(wishes.file, "rb") as lines:
            yield from script.of_file(lines, wishes.file)


def _converse(wishes: Wishes, shell: Shell, context: Context, output: Output) -> ExitStatus:
    session = shell.session
    waiting = threading.Timer(
        _PATIENCE_SECONDS, output.note, (f"connecting to {session.address} …",)
    )
    waiting.daemon = True
    waiting.start()
    try:
        session.greet()
    except EtherError as error:
        failure = judge(error, changes=False)
        assert failure is not None  # every EtherError is in its table
        shell.report(failure, where=f"{PROGRAM}: ")
        return failure.status
    finally:
        waiting.cancel()
    name = f"{session.hello.name} {session.hello.version}" if session.hello else "a server"
    output.greet(f"Connected to {name} at {session.address}. help lists commands, Ctrl-D leaves.")
    if wishes.plain or not output.terminal or is_dumb(os.environ):
        read_line = repl.plain_reader(session)
    else:
        from ether_shell.terminal.prompt import prompt_reader

        read_line = prompt_reader(
            session, COMMANDS, wishes.prompt, going_on=lambda: context.next_line
        )
    ask = repl.ask if not wishes.yes and wishes.prompt.questions else None
    repl.converse(shell, read_line, lambda: farewell(context, ask, output.note))
    return ExitStatus.OK
