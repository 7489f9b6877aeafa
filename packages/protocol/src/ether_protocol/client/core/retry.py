"""How often, and after which pauses, a client tries to connect again.

Rule: numbers only; `reconnect` decides what is tried, and a client waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a client tries to connect again for one request.

    The first attempt is made at once, because a connection that broke while
    it was idle needs no pause.  Each later pause is twice the one before it.

    Args:
        attempts: The most new connections for one request.
        first_delay: The pause before the second attempt, in seconds.
        longest_delay: The longest pause, in seconds.

    See "What a client does with a fault" in docs/protocol.md.
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
