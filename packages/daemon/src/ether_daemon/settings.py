"""How one `etherd` is to run.

Rule: plain values, decided before anything starts; `cli` alone knows where
each of them came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ether_protocol.wire.constants import DEFAULT_PORT

UNIX_MODE = 0o600
"""Who may connect to a Unix socket where nobody says otherwise: the daemon's own user."""


class CannotStart(Exception):
    """What keeps the server from starting, in one line for the person who started it."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Which log lines are written, how, and where; no file means stderr."""

    level: str = "info"
    format: str = "text"
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """What TLS needs: PEM files, and the port where it is spoken beside the plain one.

    Without `key` the certificate's file has the key, too.  `ca` has the
    certificates that those of clients are signed with.
    """

    certificate: Path
    key: Path | None = None
    ca: Path | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class PassedSocket:
    """A listening socket that was open before the daemon was; systemd gives it a name."""

    descriptor: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a flag, a variable or a configuration file can say.

    `max_memory_bytes` counts blocks and their overhead, `max_buffer_bytes` what
    is kept of requests and replies beside them.  0 `max_handles` means any
    number, 0 `idle_seconds` that clients may be idle for ever.
    `busy_poll_seconds` is how long to look for the next request before sleeping.
    `tcp` is whether `host` and `port` are listened on, `unix` which paths are.
    """

    max_memory_bytes: int
    host: str = "0.0.0.0"
    port: int = DEFAULT_PORT
    tcp: bool = True
    unix: tuple[Path, ...] = ()
    unix_mode: int = UNIX_MODE
    tls: TlsSettings | None = None
    auth_file: Path | None = None
    passed: tuple[PassedSocket, ...] = ()
    max_handles: int = 0
    max_buffer_bytes: int = 256 * 1024 * 1024
    max_clients: int = 10_000
    idle_seconds: float = 0.0
    insecure: bool = False
    busy_poll_seconds: float = 0.0
    log: LogSettings = LogSettings()
