"""The command line of `ether-shell`: which server, which lines, which manner.

Rule: flags become wishes here, and whatever ends the program becomes an exit
status; what is done in between is `assembly`'s.
"""

from __future__ import annotations

import os
import sys

import click

from ether_protocol import parse_address
from ether_shell.commands.catalogue import COMMANDS

from . import PROGRAM, __version__, completionscripts
from .assembly import Wishes, run
from .config import BadConfig, Config, Profile, config_path, load_config
from .problems import ExitStatus, Failure
from .views import jsonlines

_LONGEST_TIMEOUT_SECONDS = 1_000_000.0

_EPILOG = """\b
Exit status:
  0    all well
  1    the server refused
  2    wrong usage: a flag, a command or a literal
  3    no connection, or none to an etherd
  4    outcome unknown: the connection ended before the answer
  130  interrupted
  141  the reader of the output went away

Without -c and -f a terminal gets a prompt; any other standard input is a script.
"""


def _profile(config: Config, address: str | None, name: str | None) -> Profile:
    """The server that is meant; a profile's name goes before a host's."""
    if name is not None:
        if address is not None:
            raise click.UsageError("an address and --profile exclude each other")
        if name not in config.profiles:
            known = ", ".join(config.profiles) or "none"
            raise click.UsageError(f"there is no profile {name!r}; there are: {known}")
        return config.profiles[name]
    if address is not None and address in config.profiles:
        return config.profiles[address]
    try:
        return Profile(parse_address(address or "localhost"))
    except ValueError as error:
        raise click.UsageError(f"Invalid value for '[HOST[:PORT] | PORT]': {error}") from None


def _print_completion(context: click.Context, _: click.Parameter, shell: str | None) -> None:
    if shell is not None:
        click.echo(completionscripts.script(shell, context.command, COMMANDS), nl=False)
        context.exit()


def _seconds(_: click.Context, __: click.Parameter, value: float) -> float:
    if not 0 < value <= _LONGEST_TIMEOUT_SECONDS:  # as nan is not
        raise click.BadParameter(f"{value:g} is not within 0 and {_LONGEST_TIMEOUT_SECONDS:,.0f}")
    return value


@click.command(PROGRAM, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("address", required=False, metavar="[HOST[:PORT] | PORT | PROFILE]")
@click.option("--profile", metavar="NAME", help="A server named in shell.toml.")
@click.option("-c", "--command", "commands", multiple=True, help="Run COMMAND; may be repeated.")
@click.option(
    "-f",
    "--file",
    type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True),
    help="Run the lines of a file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--plain", is_flag=True, help="No colour, menu, toolbar or redraw.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: free and overwrite at a word.")
@click.option(
    "--timeout",
    type=float,
    callback=_seconds,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait for an answer.",
)
@click.option(
    "--completion",
    type=click.Choice(tuple(completionscripts.SHELLS)),
    is_eager=True,
    expose_value=False,
    callback=_print_completion,
    help="Print a completion script and exit.",
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def ether_shell(
    address: str | None,
    profile: str | None,
    commands: tuple[str, ...],
    file: str | None,
    as_json: bool,
    plain: bool,
    yes: bool,
    timeout: float,
) -> ExitStatus:
    """Remote memory by hand: talk to the Ether server at HOST:PORT (localhost:9999).

    A PROFILE names a server in $XDG_CONFIG_HOME/ether/shell.toml.
    """
    if commands and file is not None:
        raise click.UsageError("-c and -f exclude each other")
    try:
        config = load_config(config_path(os.environ))
    except BadConfig as error:
        raise click.UsageError(str(error)) from None
    server = _profile(config, address, profile)
    wishes = Wishes(server, config.prompt, commands, file, as_json, plain, yes, timeout)
    return _guarded(wishes)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, `sys.argv` unless `arguments` are given, and exit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _open_what_is_closed()
    try:
        status = ether_shell.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        status = _misused(error.format_message(), as_json="--json" in arguments)
    except click.Abort:
        status = ExitStatus.INTERRUPTED
    except OSError as error:
        status = _unwritable(error)
    sys.exit(status)


def _open_what_is_closed() -> None:
    """Whoever starts a program may have closed its streams, as in `<&-` and `2>&-`."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115 - open until the process ends
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - likewise


def _misused(message: str, *, as_json: bool) -> ExitStatus:
    """Say in one line what is wrong with the command line."""
    failure = Failure(ExitStatus.USAGE, "USAGE", " ".join(message.split()))
    click.echo(f"{PROGRAM}: {failure.message}", err=True)
    if as_json:
        click.echo(jsonlines.failure(None, failure))
    return failure.status


def _guarded(wishes: Wishes) -> ExitStatus:
    """Run, and end in an orderly way where the terminal or a pipe goes away or says stop."""
    if sys.stdout is None:
        click.echo(f"{PROGRAM}: standard output is closed", err=True)
        return ExitStatus.REFUSED
    try:
        return run(wishes)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return ExitStatus.READER_GONE
    except OSError as error:
        return _unwritable(error)


def _unwritable(error: OSError) -> ExitStatus:
    _forget_output()
    click.echo(f"{PROGRAM}: {error.strerror or error}", err=True)
    return ExitStatus.REFUSED


def _forget_output() -> None:
    """Point both streams at nothing, so that the interpreter's last flush has nobody to miss."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
