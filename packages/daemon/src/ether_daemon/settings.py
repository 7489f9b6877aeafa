"""How one `etherd` is to run.

Rule: plain values, decided before anything starts; `cli` alone knows where
each of them came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ether_protocol.wire.constants import DEFAULT_PORT


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Which log lines are written, how, and where; no file means stderr."""

    level: str = "info"
    format: str = "text"
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a flag, a variable or a configuration file can say.

    `max_memory_bytes` counts blocks and their overhead, `max_buffer_bytes` what
    is kept of requests and replies beside them.  0 `max_handles` means any
    number, 0 `idle_seconds` that clients may be idle for ever.
    `busy_poll_seconds` is how long to look for the next request before sleeping.
    """

    max_memory_bytes: int
    host: str = "0.0.0.0"
    port: int = DEFAULT_PORT
    max_handles: int = 0
    max_buffer_bytes: int = 256 * 1024 * 1024
    max_clients: int = 10_000
    idle_seconds: float = 0.0
    insecure: bool = False
    busy_poll_seconds: float = 0.0
    log: LogSettings = LogSettings()
