"""The account of the whole server: what blocks take, what the store holds, and who waits for it.

Rule: memory is charged from before it is held until it is back with the system,
and whoever lacks only what is on its way back waits, the first one first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from ether_daemon.stores.contract import Defer, RoomToCome, Work
from ether_daemon.stores.future import Answer, Future, T
from ether_protocol.wire.errors import NoMemory

from .quota import BLOCK_OVERHEAD_BYTES, Limits, Quota

MAX_WAITING = 10_000
"""Most requests that may wait for memory."""


class _Waiting:
    """A request that lacks only memory that is on its way back."""

    __slots__ = ("answer", "blocks", "more", "quota", "reclaimed", "start")

    def __init__(
        self, quota: Quota, blocks: int, more: int, start: Callable[[], Answer[Any]]
    ) -> None:
        self.quota = quota
        self.blocks = blocks
        self.more = more
        self.start = start
        self.reclaimed = False  # memory was moved together for it, and need not be again
        self.answer: Future[Any] = Future()


class ServerAccount(Quota):
    """All principals' blocks together, and the memory that the store holds for them.

    The store's figure counts where it is more than the sum of the blocks' sizes:
    whole slabs, freed memory that is not wiped yet, copies that slow readers are owed.
    """

    __slots__ = (
        "_defer",
        "_first",
        "_reclaim",
        "_settling",
        "_waiting",
        "returning_bytes",
        "stored_bytes",
    )

    def __init__(self, limits: Limits, defer: Defer) -> None:
        """`defer` is where requests that need wait no longer are started, one a step."""
        super().__init__(limits)
        self.stored_bytes = 0
        """What the store holds."""
        self.returning_bytes = 0
        """How much of that is certain to be back soon."""
        self._defer = defer
        self._reclaim: Callable[[int], None] = _nothing_to_reclaim
        self._waiting: deque[_Waiting] = deque()
        self._first: _Waiting | None = None  # the one that is being started
        self._settling = False

    @property
    def waiting(self) -> int:
        """How many requests wait for memory."""
        return len(self._waiting)

    def reclaim_with(self, reclaim: Callable[[int], None]) -> None:
        """Have `reclaim` called with how many bytes are lacking, to begin work that frees some.

        What it then expects back is what the request may wait for.
        """
        self._reclaim = reclaim

    def check_block(self, size: int) -> None:
        """Raise NoMemory or RoomToCome unless a block of `size` bytes may be made.

        What the store needs for it, it charges itself.
        """
        limits = self.limits
        blocks = self.blocks + self.held_blocks
        if limits.max_handles and blocks >= limits.max_handles:
            raise self._too_many()
        rest = limits.max_memory_bytes - self.held_bytes - (blocks + 1) * BLOCK_OVERHEAD_BYTES
        if self.used_bytes + size > rest:
            raise self._does_not_fit(size)
        if self.stored_bytes > rest:
            raise self._refused(self.stored_bytes - rest, size)

    # What the store says (`stores.contract.MemoryAccount`)

    @property
    def room(self) -> int:
        """How many bytes the store may still hold."""
        return (
            self.limits.max_memory_bytes
            - self.stored_bytes
            - self.held_bytes
            - (self.blocks + self.held_blocks) * BLOCK_OVERHEAD_BYTES
        )

    def charge(self, size: int) -> None:
        """Hold `size` bytes from now on; raises NoMemory or RoomToCome."""
        lacking = size - self.room
        if lacking > 0:
            raise self._refused(lacking, size)
        self.stored_bytes += size

    def hold_for_now(self, size: int) -> None:
        """Hold `size` bytes beyond the limit, for a step."""
        self.stored_bytes += size

    def expect(self, size: int) -> None:
        """`size` bytes more are on their way back."""
        self.returning_bytes += size
        if size < 0:
            self._settle_soon()

    def refund(self, size: int, expected: int = 0) -> None:
        """`size` bytes are back."""
        self.stored_bytes -= size
        self.returning_bytes -= expected
        self._settle_soon()

    # Who waits

    def wait(
        self, quota: Quota, blocks: int, more: int, start: Callable[[], Answer[T]]
    ) -> Future[T]:
        """Have `start` called, which raised RoomToCome, when it may be done; raises NoMemory.

        Until then `blocks` and `more` bytes are held of `quota`, and of this account.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise NoMemory(f"{MAX_WAITING} requests wait for memory, and no more may")
        waiting = _Waiting(quota, blocks, more, start)
        self._waiting.append(waiting)
        quota.hold(blocks, more)
        self._settle_soon()
        return waiting.answer

    def _settle_soon(self) -> None:
        if self._waiting and not self._settling:
            self._settling = True
            self._defer(self._settle())

    def _settle(self) -> Work:
        """Start those whose memory is there, in their order."""
        failure: Exception | None = None
        try:
            while self._waiting:
                first = self._first = self._waiting[0]
                first.quota.let_go(first.blocks, first.more)
                try:
                    answer = first.start()
                except RoomToCome:
                    first.quota.hold(first.blocks, first.more)
                    break
                except Exception as error:
                    self._waiting.popleft()
                    failure = _settled(first.answer.set_exception, error) or failure
                else:
                    self._waiting.popleft()
                    failure = _settled(first.answer.follow, answer) or failure
                finally:
                    self._first = None
                yield
        finally:
            self._settling = False
        if failure is not None:
            raise failure

    # Refusals

    def _refused(self, lacking: int, size: int) -> NoMemory:
        """Whether a request that lacks so many bytes may wait for them."""
        first = self._first
        if lacking > self.returning_bytes and (first is None or not first.reclaimed):
            self._reclaim(lacking - self.returning_bytes)
            if first is not None:
                first.reclaimed = True  # or it could go on for ever, and help nobody
        text = (
            f"{size} bytes do not fit: {self.stored_bytes} of "
            f"{self.limits.max_memory_bytes} bytes are held"
        )
        return RoomToCome(text) if lacking <= self.returning_bytes else NoMemory(text)


def _settled(settle: Callable[[Any], None], value: object) -> Exception | None:
    """Settle a future, and return what one of its callbacks raised."""
    try:
        settle(value)
    except Exception as raised:
        return raised
    return None


def _nothing_to_reclaim(lacking: int) -> None:
    """There is no store that could give memory back."""
