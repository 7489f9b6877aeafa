"""The end of each round of the event loop: what was answered in it goes out together.

Rule: replies to one connection leave in the order in which they were left
here, and whoever sends by another way has these sent first.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from ether_daemon.engine.reply_buffer import GATHERED_BYTES, Replies

from .busy_poll import IdlePoll

MAX_GATHERED = 64
"""So many clients' replies are sent before the round ends: of more sockets than that the
processor's cache has forgotten the first by then."""

log = logging.getLogger("etherd")


class Answered(Protocol):
    """What is needed here of a session."""

    def send_gathered(self, replies: memoryview) -> None:
        """Send `replies`, whose memory is another's after this."""

    def abort(self) -> None:
        """Close now."""


class Traffic(Protocol):
    """What is needed here of the server."""

    replies: Replies
    bytes_in: int
    bytes_out: int


class Rounds:
    """Rounds of the event loop, from the first arrival until `idle_poll` lets it sleep.

    A reply that is sent while its client sleeps has to wake it.  Sent one
    behind the other, at the end, all but the first find their clients' machine
    awake; Redis does the same.
    """

    __slots__ = ("_idle_poll", "_traffic", "_waiting", "under_way")

    def __init__(self, traffic: Traffic, idle_poll: IdlePoll) -> None:
        self._traffic = traffic
        self._idle_poll = idle_poll
        self._waiting: list[tuple[Answered, int]] = []
        self.under_way = False
        """Whether this round's end will be seen; else whatever arrives has to `begin`."""

    def begin(self) -> None:
        """Something has arrived after a sleep."""
        self.under_way = True
        self._idle_poll.begin(self._traffic.bytes_in)
        asyncio.get_running_loop().call_soon(self._end)

    def answer(self, session: Answered, filled: int) -> None:
        """Leave replies to be sent: those behind the last ones left, up to `filled`."""
        self._waiting.append((session, filled))
        self._traffic.replies.filled = filled
        if filled > GATHERED_BYTES or len(self._waiting) >= MAX_GATHERED:
            self.send()

    def send(self) -> None:
        """Send what was left here."""
        waiting = self._waiting
        if not waiting:
            return
        self._waiting = []
        replies = self._traffic.replies
        replies.filled = start = 0
        for session, end in waiting:
            try:
                session.send_gathered(replies.view[start:end])
            except Exception:
                log.exception("Replies could not be sent")
                session.abort()
            start = end
        self._traffic.bytes_out += start

    def _end(self) -> None:
        self.under_way = False  # whatever happens, the next arrival begins anew
        self.send()
        if self._idle_poll.goes_on(self._traffic.bytes_in):
            self.under_way = True
            asyncio.get_running_loop().call_soon(self._end)
