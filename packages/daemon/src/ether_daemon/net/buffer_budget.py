"""One budget for what all connections together make the daemon keep in buffers.

Rule: whatever is kept for a client is charged in the step that begins to keep
it.  Where the budget is exceeded, the connection that keeps most is closed, and
nobody else notices.
"""

from __future__ import annotations

import logging
from typing import Protocol

from .buffer_pool import BufferPool

log = logging.getLogger("etherd")

LEAST_BUFFER_BYTES = 32 * 1024 * 1024
"""Less than this, and one client could not send or fetch the longest payload."""

_UNIT_BITS = 12  # an account of less than one unit is never the largest
_FRACTION_BITS = 2


class Consumer(Protocol):
    """What is needed here of a connection."""

    peer: str

    def cut_off(self, why: str) -> None:
        """Close soon, whatever is under way, and let go of what was received at once."""


class BufferAccount:
    """What is kept for one connection."""

    __slots__ = ("_budget", "_consumer", "_open", "_rank", "_received", "_to_send")

    def __init__(self, budget: BufferBudget, consumer: Consumer) -> None:
        self._budget = budget
        self._consumer = consumer
        self._received = 0
        self._to_send = 0
        self._rank = 0
        self._open = True

    @property
    def held_bytes(self) -> int:
        """All that is kept."""
        return self._received + self._to_send

    @property
    def consumer(self) -> Consumer:
        """Whose account it is."""
        return self._consumer

    def receiving(self, held: int) -> None:
        """So much of requests is kept now."""
        if self._open and held != self._received:
            change, self._received = held - self._received, held
            self._changed(change)

    def sending(self, held: int) -> None:
        """So much of replies is kept now, and of requests that wait for theirs."""
        if self._open and held != self._to_send:
            change, self._to_send = held - self._to_send, held
            self._changed(change)

    def close(self) -> None:
        """The connection keeps nothing any more: forget it, since it knows this."""
        if self._open:
            self.receiving(0)
            self.sending(0)
            self._open = False
            del self._consumer

    def _changed(self, change: int) -> None:
        rank = rank_of(self.held_bytes)
        if rank != self._rank:
            self._budget.move(self, self._rank, rank)
            self._rank = rank
        self._budget.add(change)


class BufferBudget:
    """The accounts of all connections, and the pool of buffers that wait for the next payload.

    Accounts are kept by rank, so that the largest, to within a quarter, is at
    hand however many there are.
    """

    __slots__ = ("_pool", "_ranks", "closed", "held_bytes", "limit_bytes")

    def __init__(self, limit_bytes: int, pool: BufferPool) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        """What is kept for connections; the pool holds its own beside it."""
        self.closed = 0
        """How many connections were ever closed because they kept most."""
        self._pool = pool
        self._ranks: dict[int, dict[BufferAccount, None]] = {}

    def account(self, consumer: Consumer) -> BufferAccount:
        """An account for a new connection."""
        return BufferAccount(self, consumer)

    def add(self, change: int) -> None:
        """An account has changed by so much: make room if that is too much."""
        self.held_bytes += change
        if change > 0 and self.held_bytes + self._pool.pooled_bytes > self.limit_bytes:
            self._make_room()

    def move(self, account: BufferAccount, old: int, new: int) -> None:
        """An account has come to another rank."""
        if old:
            of_this_rank = self._ranks[old]
            del of_this_rank[account]
            if not of_this_rank:
                del self._ranks[old]
        if new:
            self._ranks.setdefault(new, {})[account] = None

    def _make_room(self) -> None:
        while self.held_bytes + self._pool.pooled_bytes > self.limit_bytes:
            if self._pool.drop():
                continue
            if not self._ranks:
                return
            largest = next(iter(self._ranks[max(self._ranks)]))
            held, consumer = largest.held_bytes, largest.consumer
            largest.close()
            self.closed += 1
            consumer.cut_off(
                f"it keeps {held} bytes of buffers, more than the others, "
                f"and all together may keep {self.limit_bytes} (--max-buffers)"
            )


def rank_of(held: int) -> int:
    """The rank of an account: higher for more, the same within a quarter; 0 for next to nothing."""
    units = held >> _UNIT_BITS
    length = units.bit_length()
    if length <= _FRACTION_BITS:
        return units
    return (length << _FRACTION_BITS) | (units >> (length - 1 - _FRACTION_BITS) & 3)
