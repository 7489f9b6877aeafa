"""How often, and after which pauses, a client tries to connect again.

Rule: numbers only; who sleeps, and what may be sent a second time, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """At most `attempts` new connections for one request; each pause is twice the last.

    `first_delay` and `longest_delay` are in seconds.  The first attempt is made
    at once: a connection that broke while nobody used it costs no pause.
    """

    attempts: int = 5
    first_delay: float = 0.05
    longest_delay: float = 1.0

    def delays(self) -> Iterator[float]:
        """The pause in seconds before each attempt."""
        delay = 0.0
        for _ in range(self.attempts):
            yield delay
            delay = min(self.longest_delay, delay * 2 or self.first_delay)


DEFAULT_RETRY = Retry()
