"""The `etherd` command: flags, environment and file into `Settings`, and an exit status.

Rule: nothing is decided here about serving; what goes wrong before that is
told in one line on stderr.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import click

from ether_daemon import __version__
from ether_daemon.app import banner
from ether_daemon.app.resources import memory_bytes, processors
from ether_daemon.net.buffer_budget import LEAST_BUFFER_BYTES
from ether_daemon.settings import UNIX_MODE, CannotStart, LogSettings, Settings, TlsSettings
from ether_protocol.wire.constants import DEFAULT_PORT, MAX_SIZE
from ether_protocol.wire.sizes import parse_size

from . import config, logging_setup
from .activation import passed_sockets
from .daemonize import Background
from .new_token import token
from .outlet import STDOUT, Outlet
from .pidfile import PidFile, PidFileTaken

STATUS_FAILED = 1
STATUS_USAGE = 2

_MEMORY_SHARE = 0.75
_LEAST_MEMORY_BYTES = 16 * 1024
"""A page of the handle table, which each 256 blocks begin, and something for the blocks."""
_BUFFER_SHARE = 0.125
_BUFFER_BYTES = 256 * 1024 * 1024
_MOST_IDLE_SECONDS = 10_000_000
_LAST_WORDS_SECONDS = 1.0  # for a slow reader of what is printed at the end
_IDLE_POLL_US = 50
_MOST_IDLE_POLL_US = 10_000
_PORT = click.IntRange(0, 65535)
_PATH = click.Path(readable=False, path_type=Path)  # whether it serves shows when it is opened
_NOT_IN_FILE = ("config", "port_argument", "version", "help")


def _size(ctx: click.Context, option: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    try:
        size = parse_size(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, option) from None
    least = LEAST_BUFFER_BYTES if option.name == "max_buffers" else _LEAST_MEMORY_BYTES
    if size < least:
        raise click.BadParameter(f"the least is {least} bytes", ctx, option)
    if size > MAX_SIZE:
        raise click.BadParameter(f"the most is {MAX_SIZE} bytes", ctx, option)
    return size


def _buffer_bytes() -> int:
    """The default: enough for sixteen of the longest messages, and little of the machine."""
    return max(LEAST_BUFFER_BYTES, min(_BUFFER_BYTES, int(memory_bytes() * _BUFFER_SHARE)))


def _idle_poll_us() -> int:
    """The default: no polling where it would take the one processor from the clients."""
    return _IDLE_POLL_US if processors() >= 2 else 0


def _mode(ctx: click.Context, option: click.Parameter, value: str) -> int:
    if not re.fullmatch("0?[0-7]{3}", value):
        raise click.BadParameter(f"{value!r} is no mode of a file, such as 0660", ctx, option)
    return int(value, 8)


def _load_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    if path is not None:
        ctx.obj = path
        known = [p for p in ctx.command.params if p.name and p.name not in _NOT_IN_FILE]
        repeatable = [str(p.name) for p in known if getattr(p, "multiple", False)]
        ctx.default_map = config.load(path, [str(p.name) for p in known], repeatable)
    return path


@click.command(
    context_settings={
        "auto_envvar_prefix": "ETHERD",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    epilog=(
        "Every option can also be set by an environment variable (ETHERD_PORT, …) or in the "
        'TOML file (port = 9999, max-memory = "64MiB"). A flag beats the environment, '
        "which beats the file. Exit status: 0 stopped cleanly, 1 could not run, 2 wrong usage."
    ),
)
@click.argument("port_argument", metavar="[PORT]", required=False, type=_PORT)
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=_PORT,
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to listen on, the same as PORT; 0 takes a free one.",
)
@click.option("--no-tcp", is_flag=True, help="Listen on no TCP port.")
@click.option(
    "--unix",
    type=_PATH,
    multiple=True,
    metavar="PATH",
    help="Listen on a Unix socket as well; may be given several times.",
)
@click.option(
    "--unix-mode",
    type=click.UNPROCESSED,
    callback=_mode,
    default=f"{UNIX_MODE:04o}",
    show_default=True,
    metavar="MODE",
    help="The mode of the files of Unix sockets: who may connect.",
)
@click.option(
    "--tls-cert",
    type=_PATH,
    help="Speak TLS 1.3 on the port, with the certificate in this PEM file.",
)
@click.option(
    "--tls-key", type=_PATH, help="Its key, where that is not in the same file; without a password."
)
@click.option(
    "--tls-port",
    type=_PORT,
    help="Speak TLS on this port instead, and plain Ether on --port.",
)
@click.option(
    "--tls-ca",
    type=_PATH,
    help="Ask clients for a certificate that one of those in this PEM file has signed.",
)
@click.option(
    "--config",
    type=_PATH,
    is_eager=True,
    expose_value=False,
    callback=_load_config,
    help="Settings as TOML.",
)
@click.option(
    "--max-memory",
    type=click.UNPROCESSED,
    callback=_size,
    metavar="SIZE",
    help="Most bytes that blocks may take, such as 64MiB. "
    "[default: 75 % of the machine or its cgroup]",
)
@click.option(
    "--max-buffers",
    type=click.UNPROCESSED,
    callback=_size,
    metavar="SIZE",
    help="Most bytes of requests and replies on their way, of all clients together; whoever "
    "keeps most is closed first. [default: 256MiB, or 12.5 % of the machine if that is less]",
)
@click.option(
    "--max-handles",
    type=click.IntRange(0, MAX_SIZE),
    default=0,
    metavar="N",
    help="Most blocks there may be; 0 for any number. [default: 0]",
)
@click.option(
    "--max-clients",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Most connections at a time.",
)
@click.option(
    "--idle-timeout",
    type=click.IntRange(0, _MOST_IDLE_SECONDS),
    default=0,
    metavar="SECONDS",
    help="Close connections with nothing to do for so long; 0 for never. [default: 0]",
)
@click.option(
    "--idle-poll",
    type=click.IntRange(0, _MOST_IDLE_POLL_US),
    metavar="MICROSECONDS",
    help="How long to look for the next request before sleeping. "
    f"[default: {_IDLE_POLL_US}, or 0 with less than two processors]",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Serve clients on other machines although there is no authentication.",
)
@click.option(
    "--auth-file",
    type=_PATH,
    help="Serve those whom this TOML file names, each with blocks of its own; "
    "etherd token NAME makes an entry for it.",
)
@click.option(
    "--log-level",
    type=click.Choice(logging_setup.LEVELS, case_sensitive=False),
    default="info",
    show_default=True,
    help="Least important lines to log; debug logs each request.",
)
@click.option(
    "--log-format",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How log lines look.",
)
@click.option("--log-file", type=_PATH, help="Log here instead of to stderr.")
@click.option("--daemon", is_flag=True, help="Run in the background.")
@click.option("--pid-file", type=_PATH, help="Write the process id here while it runs.")
@click.version_option(
    __version__, "--version", message="etherd %(version)s", allow_from_autoenv=False
)
def etherd(
    port_argument: int | None,
    host: str,
    port: int,
    no_tcp: bool,
    unix: tuple[Path, ...],
    unix_mode: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_port: int | None,
    tls_ca: Path | None,
    max_memory: int | None,
    max_buffers: int | None,
    max_handles: int,
    max_clients: int,
    idle_timeout: int,
    idle_poll: int | None,
    insecure: bool,
    auth_file: Path | None,
    log_level: str,
    log_format: str,
    log_file: Path | None,
    daemon: bool,
    pid_file: Path | None,
) -> int:
    """Serve memory: zeroed blocks of bytes under opaque handles, to any number of clients.

    Listens on PORT, or on 9999.
    """
    passed = tuple(passed_sockets(os.environ, os.getpid()))
    source = click.get_current_context().get_parameter_source("port")
    if port_argument is not None:
        if source is click.core.ParameterSource.COMMANDLINE and port != port_argument:
            raise click.UsageError(f"the port is given twice: {port_argument} and {port}")
        port = port_argument
    elif passed and source is click.core.ParameterSource.DEFAULT:
        no_tcp = True
    if no_tcp and not unix and not passed:
        raise click.UsageError("with --no-tcp there is nothing to listen on: give --unix PATH")
    settings = Settings(
        max_memory_bytes=max_memory or int(memory_bytes() * _MEMORY_SHARE),
        host=host.removeprefix("[").removesuffix("]"),
        port=port,
        max_buffer_bytes=max_buffers or _buffer_bytes(),
        tcp=not no_tcp,
        unix=tuple(dict.fromkeys(path.absolute() for path in unix)),
        unix_mode=unix_mode,
        tls=_tls_settings(tls_cert, tls_key, tls_ca, tls_port, no_tcp and not passed),
        max_handles=max_handles,
        max_clients=max_clients,
        idle_seconds=idle_timeout,
        busy_poll_seconds=(_idle_poll_us() if idle_poll is None else idle_poll) / 1e6,
        insecure=insecure,
        auth_file=auth_file and auth_file.absolute(),
        passed=passed,
        log=LogSettings(log_level, log_format, log_file and log_file.absolute()),
    )
    return _run(settings, daemon, pid_file and pid_file.absolute())


def main(arguments: list[str] | None = None) -> None:
    """The entry point of the `etherd` command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] == ["token"]:
            status = token.main(arguments[1:], prog_name="etherd token", standalone_mode=False)
        else:
            status = etherd.main(arguments, prog_name="etherd", standalone_mode=False)
    except click.ClickException as error:
        status = _say(f"{error.format_message()}{_origin(error)}", STATUS_USAGE)
    except config.BadSetting as error:
        status = _say(str(error), STATUS_USAGE)
    except config.ConfigError as error:
        status = _say(str(error), STATUS_FAILED)
    except CannotStart as error:
        status = _say(str(error), STATUS_FAILED)
    except FileNotFoundError as error:
        if error.filename is not None:
            raise
        status = _say("the working directory was removed: start from another", STATUS_FAILED)
    except click.Abort:
        status = 130
    sys.exit(status)


def _run(settings: Settings, daemon: bool, pid_file: Path | None) -> int:
    # The event loop is not needed to say what is wrong with a flag.
    from ether_daemon.app import server

    background = Background() if daemon else None
    screen = Outlet(STDOUT)
    claimed: PidFile | None = None

    def say(text: str) -> None:
        # Nobody may read it any more; that is no reason to stop serving, or to wait.
        screen.write(f"{text}\n".encode("utf-8", "backslashreplace"))

    def ready(text: str) -> None:
        nonlocal screen, claimed
        if pid_file is not None:
            claimed = PidFile(pid_file)
        if background is None:
            say(text)
        else:
            background.started(banner.in_background(text, os.getpid()))
            # stdout and stderr lead nowhere now, and nothing else may keep them open.
            screen.close()
            screen = Outlet(STDOUT)
            with suppress(OSError):
                logging_setup.configure(settings.log)

    try:
        logging_setup.configure(settings.log)
        return server.run(settings, say, ready)
    except (OSError, CannotStart, PidFileTaken) as error:
        line = _why(error)
        if background is not None:
            background.failed(f"etherd: {line}")
            return STATUS_FAILED
        return _say(line, STATUS_FAILED)
    except MemoryError as error:
        line = str(error) or "there is not enough memory to go on"
        if background is not None:
            background.failed(f"etherd: {line}")
        return _say(line, STATUS_FAILED)
    finally:
        screen.finish(_LAST_WORDS_SECONDS)
        if claimed is not None:
            claimed.release()


def _tls_settings(
    certificate: Path | None, key: Path | None, ca: Path | None, port: int | None, no_tcp: bool
) -> TlsSettings | None:
    if certificate is None:
        for option, value in (("key", key), ("ca", ca), ("port", port)):
            if value is not None:
                raise click.UsageError(f"--tls-{option} needs --tls-cert")
        return None
    if no_tcp:
        raise click.UsageError("--tls-cert is for a TCP port, and --no-tcp is given")
    return TlsSettings(certificate.absolute(), key and key.absolute(), ca and ca.absolute(), port)


def _why(error: OSError | CannotStart | PidFileTaken) -> str:
    """One line for what kept the server from starting."""
    if not isinstance(error, OSError):
        return str(error)
    reason = os.strerror(error.errno) if error.errno else error.strerror or str(error)
    return reason if error.filename is None else f"can't write {error.filename}: {reason}"


def _origin(error: click.ClickException) -> str:
    """Where a bad value came from, if not from the command line."""
    if not isinstance(error, click.BadParameter) or not error.ctx or not error.param:
        return ""
    source = error.ctx.get_parameter_source(error.param.name or "")
    if source is click.core.ParameterSource.DEFAULT_MAP:
        return f" (in {error.ctx.obj})"
    if source is click.core.ParameterSource.ENVIRONMENT:
        return f" (from ETHERD_{(error.param.name or '').upper()})"
    return ""


def _say(line: str, status: int) -> int:
    print(f"etherd: {line}", file=sys.stderr)
    return status
