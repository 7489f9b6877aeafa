"""A Ctrl-C that waits for the request in flight.

Rule: the first one only sets a flag, so that the connection is kept; a second one, for a
server that does not answer, interrupts at once.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class StopRequest:
    """Whether the user wants to stop; while `idle` there is no request in flight."""

    requested: bool = False
    idle: bool = False

    def sleep(self, seconds: float) -> None:
        """Sleep; raises KeyboardInterrupt as soon as the user wants to stop."""
        self.idle = True
        try:
            time.sleep(seconds)
        finally:
            self.idle = False


@contextmanager
def deferred_interrupt() -> Iterator[StopRequest]:
    """Within this context a first Ctrl-C only sets `requested`."""
    stopping = StopRequest()

    def ask(number: int, frame: FrameType | None) -> None:
        if stopping.requested or stopping.idle:
            signal.default_int_handler(number, frame)
        stopping.requested = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGINT, before)
