"""The replies of one round of the event loop: kept together and sent at its end, or sooner.

Rule: replies leave a connection in the order in which they were put here, by
whichever method; what is put behind the batch has the batch sent first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from ether_daemon.engine.reply_buffer import BATCH_BYTES, ReplyBuffer
from ether_daemon.service.principal import PrincipalCounters
from ether_daemon.stores.future import Future
from ether_protocol.wire.messages import Buffer

from .busy_poll import BusyPoll
from .send_queue import Piece, SendQueue

MAX_BATCHED = 64
"""So many clients' replies are sent before the round ends: of more sockets than that the
processor's cache has forgotten the first by then."""

log = logging.getLogger("etherd")


class Recipient(Protocol):
    """What is needed here of a connection."""

    send_queue: SendQueue
    counters: PrincipalCounters

    def not_taken(self) -> None:
        """The client does not take its replies: ask it for no more."""

    def abort(self) -> None:
        """Close now."""


class SendBatch:
    """Rounds of the event loop, from the first arrival until `busy_poll` lets it sleep.

    A reply that is sent while its client sleeps has to wake it.  Sent one
    behind the other, at the end, all but the first find their clients' machine
    awake; Redis does the same.
    """

    __slots__ = (
        "_alone",
        "_busy_poll",
        "_entries",
        "_sent",
        "arrivals",
        "replies",
        "rounds",
        "under_way",
    )

    def __init__(self, replies: ReplyBuffer, busy_poll: BusyPoll) -> None:
        self.replies = replies
        self.arrivals = 0
        """Counted by connections: how often they were given something to do."""
        self.rounds = 0
        """How many rounds are over."""
        self.under_way = False
        """Whether this round's end will be seen; else whatever arrives has to `begin`."""
        self._busy_poll = busy_poll
        self._entries: list[tuple[Recipient, int]] = []  # whose replies end where in the buffer
        self._sent = 0  # how many were sent in this round
        self._alone = False  # in the last round with any there was one

    def begin(self) -> None:
        """Something has arrived after a sleep."""
        # A round that could not be scheduled, for want of memory, is none: the next one may be.
        asyncio.get_running_loop().call_soon(self._end)
        self.under_way = True
        self._busy_poll.begin(self.arrivals)

    def answered(self, recipient: Recipient, filled: int) -> None:
        """The fast path has put replies into the buffer, which is now `filled` up to there."""
        self._entries.append((recipient, filled))
        self.replies.filled = filled
        if filled > BATCH_BYTES or len(self._entries) >= MAX_BATCHED:
            self.send()

    def answered_within_turn(self, recipient: Recipient, filled: int) -> None:
        """The same where replies of this very recipient may stand last: they leave together."""
        entries = self._entries
        if entries and entries[-1][0] is recipient:
            entries.pop()
        self.answered(recipient, filled)

    def end_turn(self) -> None:
        """A turn is over: where one client is about, its replies need not wait for others."""
        if self._alone and not self._sent and len(self._entries) == 1:
            self.send()

    def put(self, recipient: Recipient, header: bytes, payload: Buffer) -> None:
        """Add a reply whose payload is at most MAX_BODY_BYTES long."""
        entries = self._entries
        filled = self.replies.put(header, payload)
        if entries and entries[-1][0] is recipient:
            entries[-1] = recipient, filled
        else:
            entries.append((recipient, filled))
        if filled > BATCH_BYTES or len(entries) >= MAX_BATCHED:
            self.send()

    def put_pieces(self, recipient: Recipient, pieces: list[Piece]) -> None:
        """Add a reply whose payload is long or is taken piece by piece."""
        self.send()
        recipient.send_queue.send_pieces(pieces)

    def put_later(
        self,
        recipient: Recipient,
        answer: Future[list[Piece]],
        settled: Callable[[], object],
        held_bytes: int,
        expected_bytes: int = 0,
    ) -> None:
        """Keep the place of a reply that comes later (see `SendQueue.send_later`)."""
        self.send()
        recipient.send_queue.send_later(answer, settled, held_bytes, expected_bytes)

    def all_sent(self, recipient: Recipient) -> bool:
        """Send what is here, and say whether that was all that `recipient` is due."""
        self.send()
        return recipient.send_queue.empty

    def forget(self, recipient: Recipient) -> None:
        """The connection is gone: let go of what it was due."""
        self.send()
        recipient.send_queue.cancel()

    def send(self) -> None:
        """Send what is here."""
        entries = self._entries
        if not entries:
            return
        self._entries = []
        self._sent += len(entries)
        view = self.replies.view
        self.replies.filled = start = 0
        for recipient, end in entries:
            try:
                recipient.counters.bytes_out += end - start
                if not recipient.send_queue.send(view[start:end]):
                    recipient.not_taken()
            except Exception:
                log.exception("Replies could not be sent")
                recipient.abort()
            start = end

    def wipe(self) -> bool:
        """Let nothing remain of what was sent; returns whether nothing waits to be."""
        self.replies.wipe()
        return not self._entries

    def _end(self) -> None:
        self.under_way = False  # whatever happens, the next arrival begins anew
        self.rounds += 1
        self.send()
        if self._sent:
            self._alone = self._sent == 1
            self._sent = 0
        if self._busy_poll.goes_on(self.arrivals):
            asyncio.get_running_loop().call_soon(self._end)
            self.under_way = True
