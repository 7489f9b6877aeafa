"""Busy polling: whether to look for more at once when all is done, or to sleep.

Rule: a decision from counts and times; it calls nothing and waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

FUTILE_POLLS = 8
"""So many polls in a row without an arrival show that clients don't answer that fast."""

POLLS_SKIPPED = 256
"""How many are then skipped before it is tried again."""


class BusyPoll:
    """Polls that follow an arrival.

    To be woken costs more than to serve a short request, so a client that asks
    again at once is served sooner, and for no more processor time, by a server
    that has not gone to sleep (docs/performance.md).  A poll lasts until
    nothing has come for `seconds`; with 0 there is none.  `clock` gives
    seconds.
    """

    __slots__ = ("_arrived", "_clock", "_futile", "_seconds", "_skipped", "_until", "_useful")

    def __init__(self, seconds: float, clock: Callable[[], float] = perf_counter) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until = 0.0
        self._arrived = 0
        self._useful = False
        self._futile = 0
        self._skipped = 0

    def begin(self, arrived: int) -> None:
        """Something has come, after which there are `arrived` of whatever is counted."""
        self._arrived = arrived
        self._useful = False
        if self._skipped:
            self._skipped -= 1
            self._until = 0.0
        else:
            self._until = self._clock() + self._seconds if self._seconds else 0.0

    def goes_on(self, arrived: int) -> bool:
        """Whether to look again at once, `arrived` being the count now."""
        if not self._until:
            return False
        now = self._clock()
        if arrived != self._arrived:
            self._arrived = arrived
            self._until = now + self._seconds
            self._useful = True
            return True
        if now < self._until:
            return True
        self._ended()
        return False

    def _ended(self) -> None:
        self._futile = 0 if self._useful else self._futile + 1
        if self._futile == FUTILE_POLLS:
            self._futile = 0
            self._skipped = POLLS_SKIPPED
