"""How much is received at a time of a client that sends without an end.

Rule: decisions from counts and times; no socket and no buffer is known here.
"""

from __future__ import annotations

from enum import Enum, auto

SHORT_REPLIES_BYTES = 64 * 1024
"""A buffer that is answered by so much held short requests, which take longest for their bytes."""

SHORT_SECONDS = 0.001
"""So did one that took longer than this."""

LONG_REPLIES_BYTES = 8 * 1024
LONG_SECONDS = 0.00015
"""A small buffer with fewer replies than that, in less time than this, held long requests."""

ROUND_SECONDS = 0.003
"""After this long of full buffers the rest of a client's bytes are read in the next round."""

FLOOD_SECONDS = 0.25
"""A client that fills no buffer for so long has stopped to flood."""


class Pace(Enum):
    """What to do about a buffer that was full."""

    READ_ON = auto()
    """Have more read at once: long messages are soon dealt with."""
    PAUSE = auto()
    """Read on in the next round of the event loop."""
    PAUSE_AND_LEND_LESS = auto()
    """The same, and receive little at a time from now on."""
    LEND_ALL = auto()
    """The flood is over: read on, as much at a time as of others."""


class FloodPacing:
    """What one connection has sent lately, as far as it filled the buffer that it was lent.

    The transport fills up to 32 buffers of one socket before it looks at anybody
    else's.  That is how long transfers are fast, and how a flood of short
    requests would hold up all others.
    """

    __slots__ = ("_began", "_lends_less", "_round", "_until")

    def __init__(self) -> None:
        self._round = -1
        self._began = 0.0
        self._until = 0.0
        self._lends_less = False

    def full(self, now: float, round_number: int, replies_bytes: int, seconds: float) -> Pace:
        """A full buffer was dealt with at `now`, in this round.

        It was answered by `replies_bytes`, or took `seconds`, whichever is known; else 0.
        """
        if self._lends_less:
            # One turn that the machine interrupted may have looked like short requests.
            long_ones = replies_bytes < LONG_REPLIES_BYTES and seconds < LONG_SECONDS
            if now > self._until or long_ones:
                self._lends_less = False
                return Pace.LEND_ALL
            self._until = now + FLOOD_SECONDS
            return Pace.PAUSE
        if replies_bytes >= SHORT_REPLIES_BYTES or seconds > SHORT_SECONDS:
            self._lends_less = True
            self._until = now + FLOOD_SECONDS
            return Pace.PAUSE_AND_LEND_LESS
        if round_number != self._round:
            self._round, self._began = round_number, now
            return Pace.READ_ON
        return Pace.PAUSE if now - self._began > ROUND_SECONDS else Pace.READ_ON
