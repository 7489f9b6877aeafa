"""Commands about the server itself: ping, hello, stats.

Rule: they change nothing, and know nothing of any block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ether_shell.context import Context
from ether_shell.language.declaration import Command, Example, Result, Results


@dataclass(frozen=True, slots=True)
class Pong(Result):
    """The server answered within `ms` milliseconds."""

    ms: float


@dataclass(frozen=True, slots=True)
class Greeting(Result):
    """What the server says of itself."""

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
    """There and back."""
    yield Pong(context.session.ping())


def hello(context: Context) -> Results:
    """What the server is."""
    said = context.client.hello()
    yield Greeting(
        said.name,
        said.version,
        said.max_payload_bytes,
        said.max_memory_bytes,
        said.max_handles,
        said.auth_needed,
        said.features,
    )


def stats(context: Context) -> Results:
    """The server's counters."""
    yield Counters(context.client.stats())


PING: Final = Command(
    "ping",
    "does the server answer, and how fast?",
    ping,
    examples=(Example("ping", "there and back, in milliseconds"),),
)
HELLO: Final = Command(
    "hello",
    "the server's name, version and limits",
    hello,
    examples=(Example("hello", "what am I talking to?"),),
)
STATS: Final = Command(
    "stats",
    "the server's counters",
    stats,
    examples=(Example("stats", "how full is it, how busy?"),),
)
