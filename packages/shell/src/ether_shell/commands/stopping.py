"""A Ctrl-C that waits for the request under way.

Rule: the first one only asks, so that the connection stays whole; a second
one, for a server that does not answer, interrupts as ever.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Stopping:
    """Whether somebody has asked for the end.  `at_rest` nothing is under way that must not end."""

    asked: bool = False
    at_rest: bool = False

    def sleep(self, seconds: float) -> None:
        """Do nothing for so long; raises KeyboardInterrupt as soon as it is asked to stop."""
        self.at_rest = True
        try:
            time.sleep(seconds)
        finally:
            self.at_rest = False


@contextmanager
def polite_interrupt() -> Iterator[Stopping]:
    """While this lasts, a first Ctrl-C sets `asked`."""
    stopping = Stopping()

    def ask(number: int, frame: FrameType | None) -> None:
        if stopping.asked or stopping.at_rest:
            signal.default_int_handler(number, frame)
        stopping.asked = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGINT, before)
