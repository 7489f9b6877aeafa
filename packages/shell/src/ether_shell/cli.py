"""The command line of `ether-shell`: which server, which lines, which manner.

Rule: flags and exit statuses are decided here; prompt_toolkit is imported
only for a person, so that `-c` starts quickly.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import click

from ether_protocol import Address, EtherError, parse_address

from . import __version__, repl, script
from .catalogue import COMMANDS
from .context import Context
from .inputs import Inputs
from .output import Output
from .problems import ExitStatus, judge
from .session import Session
from .shell import Shell
from .style import is_dumb

PROGRAM = "ether-shell"

_EPILOG = """\b
Exit status:
  0    all well
  1    the server refused
  2    wrong usage: a flag, a command or a literal
  3    no connection
  4    outcome unknown: the connection ended before the answer
  130  interrupted
  141  the reader of the output went away

Without -c and -f a terminal gets a prompt; any other standard input is a script.
"""


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What the flags say."""

    address: Address
    commands: tuple[str, ...]
    file: str | None
    as_json: bool
    plain: bool
    yes: bool
    timeout: float

    @property
    def interactive(self) -> bool:
        return not self.commands and self.file is None and sys.stdin.isatty()


def _address(_: click.Context, __: click.Parameter, value: str) -> Address:
    try:
        return parse_address(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(PROGRAM, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("address", default="localhost", callback=_address, metavar="[HOST[:PORT] | PORT]")
@click.option("-c", "--command", "commands", multiple=True, help="Run COMMAND; may be repeated.")
@click.option(
    "-f",
    "--file",
    type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True),
    help="Run the lines of a file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--plain", is_flag=True, help="No colour, menu, toolbar or redraw.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before freeing several blocks.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait for an answer.",
)
@click.version_option(__version__, prog_name=PROGRAM)
def main(
    address: Address,
    commands: tuple[str, ...],
    file: str | None,
    as_json: bool,
    plain: bool,
    yes: bool,
    timeout: float,
) -> None:
    """Remote memory by hand: talk to the Ether server at HOST:PORT (localhost:9999)."""
    if commands and file is not None:
        raise click.UsageError("-c and -f exclude each other")
    wishes = _Wishes(address, commands, file, as_json, plain, yes, timeout)
    sys.exit(_guarded(wishes))


def _guarded(wishes: _Wishes) -> ExitStatus:
    """Run, and end in an orderly way where the terminal or a pipe goes away or says stop."""
    try:
        return _run(wishes)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return ExitStatus.READER_GONE
    except OSError as error:
        _forget_output()
        click.echo(f"{PROGRAM}: {error.strerror or error}", err=True)
        return ExitStatus.REFUSED


def _forget_output() -> None:
    """Point both streams at nothing, so that the interpreter's last flush has nobody to miss."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _run(wishes: _Wishes) -> ExitStatus:
    output = Output(sys.stdout, sys.stderr, os.environ, colour=not wishes.plain)
    session = Session(wishes.address, wishes.timeout, output.note)
    context = Context(
        session,
        COMMANDS,
        _inputs(wishes),
        guarded=output.terminal and not wishes.as_json,
        confirm=repl.ask if wishes.interactive and not wishes.yes else lambda _: True,
    )
    shell = Shell(context, output, as_json=wishes.as_json, interactive=wishes.interactive)
    try:
        if wishes.interactive:
            return _converse(wishes, shell, output)
        return script.run(shell, _lines(wishes))
    finally:
        session.close()


def _inputs(wishes: _Wishes) -> Inputs:
    if wishes.interactive:
        return Inputs(None, "@- is this terminal: name a file, @file")
    if wishes.commands or wishes.file not in (None, "-"):
        return Inputs(sys.stdin.buffer)
    return Inputs(None, "@- is the script itself: name a file, @file")


def _lines(wishes: _Wishes) -> Iterator[script.Line]:
    if wishes.commands:
        yield from script.of_commands(wishes.commands, PROGRAM)
    elif wishes.file in (None, "-"):
        yield from script.of_file(sys.stdin.buffer, "standard input")
    else:
        assert wishes.file is not None  # or it would be the case above
        with open(wishes.file, "rb") as lines:
            yield from script.of_file(lines, wishes.file)


def _converse(wishes: _Wishes, shell: Shell, output: Output) -> ExitStatus:
    session = shell.session
    try:
        session.greet()
    except EtherError as error:
        failure = judge(error, changes=False)
        assert failure is not None  # every EtherError is in its table
        shell.report(failure, where=f"{PROGRAM}: ")
        return failure.status
    name = f"{session.hello.name} {session.hello.version}" if session.hello else "a server"
    output.note(f"Connected to {name} at {session.address}. help lists commands, Ctrl-D leaves.")
    if wishes.plain or not output.terminal or is_dumb(os.environ):
        repl.converse(shell, repl.plain_reader(session))
    else:
        from .prompt import prompt_reader

        repl.converse(shell, prompt_reader(session, COMMANDS))
    return ExitStatus.OK
