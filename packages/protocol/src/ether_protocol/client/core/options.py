"""How a client connects: the options of `connect`, `connect_async` and `Pool`.

Rule: checked once, when they are made, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from .retry import DEFAULT_RETRY, Retry
from .tracing import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectOptions:
    """What `connect` describes; times are in seconds.

    Raises ValueError for a time at which every attempt would end before it began.
    """

    name: str = ""
    connect_timeout: float = 5.0
    timeout: float | None = 30.0
    retry: Retry | None = DEFAULT_RETRY
    trace: Trace | None = None

    def __post_init__(self) -> None:
        for name, seconds in (
            ("connect_timeout", self.connect_timeout),
            ("timeout", self.timeout),
        ):
            if seconds is not None and not 0 < seconds < inf:
                raise ValueError(f"{name} is a number of seconds above 0, not {seconds!r}")

    @property
    def asks_hello(self) -> bool:
        """Whether a connection begins with HELLO: only a client that comes back needs it."""
        return self.retry is not None

    def pauses(self) -> Iterator[float]:
        """The pause before each attempt to connect again, in seconds."""
        return iter(()) if self.retry is None else self.retry.delays()
