"""The command line of `ether-shell`: arguments in, exit status out.

Rule: click is used only in this package. Flags become `ShellOptions` here, and whatever ends
the program becomes an exit status; what happens in between is the business of `app`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Final

import click

from ether_protocol import parse_address
from ether_shell import PROGRAM, __version__
from ether_shell.app.composition import run
from ether_shell.app.options import ShellOptions
from ether_shell.commands.catalogue import COMMANDS
from ether_shell.locations import config_file
from ether_shell.problems import ExitStatus, Failure
from ether_shell.settings import Access, Profile
from ether_shell.views import json_lines

from . import completion_scripts
from .config import BadConfig, Config, load_config

TOKEN_FILE: Final = "ETHER_TOKEN_FILE"
"""The environment variable that names the file of the token, where nothing else does."""

_LONGEST_TIMEOUT_SECONDS = 1_000_000.0

_EPILOG = """\b
Exit status:
  0    success
  1    the server refused a request
  2    wrong usage: an option, a command or a literal
  3    no connection, or not to an etherd
  4    outcome unknown: the connection ended before the answer
  130  interrupted
  141  the reader of the output closed it

Without -c and -f a terminal gets a prompt; any other standard input is a script.
"""


def _profile(config: Config, address: str | None, name: str | None) -> Profile:
    """The server to connect to; a profile takes precedence over a host of the same name."""
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
        raise click.UsageError(f"Invalid value for ADDRESS: {error}") from None


def _with_access(server: Profile, given: Access) -> Profile:
    """`server` with what was `given` on the command line, then its own, then the environment's."""
    from_environment = Access(token_file=os.environ.get(TOKEN_FILE) or None)
    access = given.or_else(server.access).or_else(from_environment)
    return replace(server, access=access)


def _print_completion(context: click.Context, _: click.Parameter, shell: str | None) -> None:
    if shell is not None:
        click.echo(completion_scripts.script(shell, context.command, COMMANDS), nl=False)
        context.exit()


def _seconds(_: click.Context, __: click.Parameter, value: float) -> float:
    if not 0 < value <= _LONGEST_TIMEOUT_SECONDS:  # false for nan too
        limit = f"{_LONGEST_TIMEOUT_SECONDS:,.0f}"
        raise click.BadParameter(f"{value:g} is not between 0 and {limit}")
    return value


@click.command(PROGRAM, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("address", required=False, metavar="[ADDRESS | PROFILE]")
@click.option("--profile", metavar="NAME", help="A server named in shell.toml.")
@click.option("-c", "--command", "commands", multiple=True, help="Run COMMAND; may be repeated.")
@click.option(
    "-f",
    "--file",
    type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True),
    help="Run the lines of a file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option("--plain", is_flag=True, help="No colours, menu, toolbar or redrawing.")
@click.option("-y", "--yes", is_flag=True, help="Answer yes to every question.")
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
    "--token-file",
    type=click.Path(),
    metavar="FILE",
    help=f"The file that holds the token, if the server wants one. [default: ${TOKEN_FILE}]",
)
@click.option(
    "--tls-ca",
    type=click.Path(),
    metavar="FILE",
    help="For ethers://: the authorities to trust, not the system's.",
)
@click.option(
    "--tls-cert", type=click.Path(), metavar="FILE", help="For ethers://: a certificate to show."
)
@click.option("--tls-key", type=click.Path(), metavar="FILE", help="The key of --tls-cert.")
@click.option(
    "--tls-insecure",
    is_flag=True,
    help="For ethers://: accept any certificate. Anybody on the way can read and change all.",
)
@click.option(
    "--completion",
    type=click.Choice(tuple(completion_scripts.SHELLS)),
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
    token_file: str | None,
    tls_ca: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    tls_insecure: bool,
) -> ExitStatus:
    """Use remote memory by hand: connect to the Ether server at HOST:PORT (localhost:9999).

    ethers://HOST:PORT is a server that speaks TLS, /PATH the Unix socket of one. A PROFILE names
    a server in $XDG_CONFIG_HOME/ether/shell.toml.
    """
    if commands and file is not None:
        raise click.UsageError("-c and -f exclude each other")
    try:
        config = load_config(config_file())
    except BadConfig as error:
        raise click.UsageError(str(error)) from None
    access = Access(token_file, tls_ca, tls_cert, tls_key, tls_insecure)
    server = _with_access(_profile(config, address, profile), access)
    options = ShellOptions(server, config.prompt, commands, file, as_json, plain, yes, timeout)
    return _run_guarded(options)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, `sys.argv` unless `arguments` are given, and exit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _reopen_closed_streams()
    try:
        status = ether_shell.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        status = _report_usage_error(error.format_message(), as_json="--json" in arguments)
    except click.Abort:
        status = ExitStatus.INTERRUPTED
    except OSError as error:
        status = _unwritable(error)
    sys.exit(status)


def _reopen_closed_streams() -> None:
    """Replace streams that the caller closed, as in `<&-` and `2>&-`, by /dev/null."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115 - open until the process ends
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - open until the process ends


def _report_usage_error(message: str, *, as_json: bool) -> ExitStatus:
    """Print in one line what is wrong with the command line."""
    failure = Failure(ExitStatus.USAGE, "USAGE", " ".join(message.split()))
    click.echo(f"{PROGRAM}: {failure.message}", err=True)
    if as_json:
        click.echo(json_lines.failure(None, failure))
    return failure.status


def _run_guarded(options: ShellOptions) -> ExitStatus:
    """Run; an interrupt, a closed pipe and a full disk become exit statuses."""
    if sys.stdout is None:
        click.echo(f"{PROGRAM}: standard output is closed", err=True)
        return ExitStatus.REFUSED
    try:
        return run(options)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return ExitStatus.READER_GONE
    except OSError as error:
        return _unwritable(error)


def _unwritable(error: OSError) -> ExitStatus:
    _discard_output()
    click.echo(f"{PROGRAM}: {error.strerror or error}", err=True)
    return ExitStatus.REFUSED


def _discard_output() -> None:
    """Point standard output at /dev/null, so that the interpreter's last flush can't fail."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
