"""Commands about the server itself: ping, hello, stats.

Rule: they change nothing, and are not about any block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_shell.language.declaration import Example, Result, Results, ShellCommand
from ether_shell.session.context import Context


@dataclass(frozen=True, slots=True)
class Pong(Result):
    """The server answered within `ms` milliseconds."""

    ms: float


@dataclass(frozen=True, slots=True)
class ServerIdentity(Result):
    """What the server says about itself."""

    server: str
    version: str
    max_payload_bytes: int
    max_memory_bytes: int
    max_handles: int
    auth_needed: bool
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counters(Result):
    """The server's counters by name."""

    stats: dict[str, int]


def ping(context: Context) -> Results:
    """Measure a round trip."""
    yield Pong(context.session.ping())


def hello(context: Context) -> Results:
    """Ask the server for its name, version and limits."""
    said = context.client.hello()
    yield ServerIdentity(
        said.name,
        said.version,
        said.max_payload_bytes,
        said.max_memory_bytes,
        said.max_handles,
        said.auth_needed,
        said.features,
    )


def stats(context: Context) -> Results:
    """Fetch the server's counters."""
    yield Counters(context.client.stats())


PING: Final = ShellCommand(
    "ping",
    "does the server answer, and how fast?",
    ping,
    examples=(Example("ping", "the round trip in milliseconds"),),
)
HELLO: Final = ShellCommand(
    "hello",
    "the server's name, version and limits",
    hello,
    examples=(Example("hello", "which server is this?"),),
)
STATS: Final = ShellCommand(
    "stats",
    "the server's counters",
    stats,
    examples=(Example("stats", "how full and how busy is it?"),),
)
