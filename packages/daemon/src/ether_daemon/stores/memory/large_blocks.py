"""Large blocks: one anonymous mapping each.

Rule: no step here takes longer for a gibibyte than for a mebibyte.  Mappings
grow by moving pages, and memory is wiped a step at a time; bytes beyond a
block's size are never seen before they are wiped, and are charged until then.
"""

from __future__ import annotations

import mmap
from contextlib import suppress

from ether_daemon.stores.contract import UNLIMITED, Defer, MemoryAccount, TakeablePayload, Work
from ether_daemon.stores.future import Answer, Future
from ether_protocol.wire.errors import NoMemory

from .streamed_reads import MemoryRead, overlapping, preserve
from .wiping import PAGE_BYTES, WIPE_STEP_BYTES, reserve, wipe, wipe_in_steps

_STEPS_AT_ONCE = 2
"""So many wiping steps a request does itself before it leaves the rest for later."""

_COPY_STEP_BYTES = 1024 * 1024
"""How much is wiped in a step where streamed reads must be left a copy of it."""


class LargeBlock:
    """A block in memory of its own: `memory[:size]`.

    What was cut off and is not wiped yet lies behind it: `memory[size:]`.
    """

    __slots__ = (
        "_account",
        "_charged",
        "_expected",
        "_growth",
        "_rests",
        "_trimming",
        "freed",
        "memory",
        "size",
        "streamed_reads",
    )

    def __init__(self, size: int, account: MemoryAccount = UNLIMITED) -> None:
        """Raises NoMemory."""
        account.charge(size)
        try:
            self.memory = _reserve_or_refuse(size)
        except BaseException:
            account.refund(size)
            raise
        self.size = size
        self.streamed_reads: list[MemoryRead] = []
        """Those that still need the memory of this block."""
        self.freed = False
        self._account = account
        self._charged = size  # what of it the account is charged for
        self._expected = 0  # how much of that deferred work is sure to give back
        self._trimming = False
        self._growth: tuple[int, Future[None]] | None = None
        self._rests: Defer | None = None  # freed, but for what streamed reads need

    def exchange(self, payload: TakeablePayload) -> bool:
        """Take over the memory of a payload that is the whole block; False if it is not."""
        whole = self.size == len(self.memory) == payload.length
        if not whole or self.streamed_reads:
            return False
        self.memory = payload.take(self.memory)
        return True

    def preserve(self, start: int, end: int) -> None:
        """Before `[start:end]` changes, copy what streamed reads need of it; raises NoMemory."""
        preserve(self.streamed_reads, self.memory, (start, end), self._account)

    def resize(self, size: int, defer: Defer) -> Answer[None]:
        """Grow or shrink; raises NoMemory or RoomToCome.

        Growing waits until what was cut off before is wiped.  Until that is
        answered, nothing else may be asked of the block but what its streamed
        reads need.
        """
        if size <= self.size:
            self._shrink(size, defer)
            return None
        for _ in range(_STEPS_AT_ONCE):
            if len(self.memory) > self.size:
                self._trim_step()
        self._account.charge(size - self.size)
        if len(self.memory) > self.size:
            self._growth = size, Future()
            return self._growth[1]
        self._grow(size)
        return None

    def release(self, defer: Defer) -> None:
        """Wipe the block and unmap it, a step at a time.

        What streamed reads still need stays until they have had it: copying it
        for all of them could take long.  Nobody else gets that memory.
        """
        before = self.size, self._expected
        self.size = len(self.memory)
        self.freed = True
        needed = sum(
            self._last_needed(reads) - reads[0].next
            for reads in overlapping(self.streamed_reads, 0, self.size)
        )
        self._expect(self._charged - needed)
        try:
            defer(self._unmap(defer))
        except BaseException:
            self.freed = False
            self.size = before[0]
            self._expect(before[1])
            raise
        for read in [*self.streamed_reads]:
            read.kept_has_changed()

    def leave(self, read: MemoryRead) -> None:
        """`read` needs this memory no more."""
        self.streamed_reads.remove(read)
        if self.freed and not self.streamed_reads:
            self._expect(self._charged)
            if self._rests is not None:
                self._rests(self._unmap(self._rests))

    def _grow(self, size: int) -> None:
        """Make it as large as was charged."""
        more = size - self.size
        try:
            self.memory.resize(size)
        except BaseException as error:
            self._account.refund(more)
            if isinstance(error, (OSError, MemoryError, OverflowError, ValueError)):
                raise NoMemory(f"the machine has no room for {size} bytes") from None
            raise
        self._charged += more
        self.size = size

    def _shrink(self, size: int, defer: Defer) -> None:
        self._expect(self._expected + self.size - size)
        self.size = size
        with suppress(NoMemory, MemoryError):  # of the copies for reads: later, then
            for _ in range(_STEPS_AT_ONCE):
                if len(self.memory) > size:
                    self._trim_step()
        if len(self.memory) > size and not self._trimming:
            self._trimming = True
            defer(self._trim())

    def _trim(self) -> Work:
        try:
            while not self.freed and len(self.memory) > self.size:
                self._trim_step()
                yield
        finally:  # whatever went wrong, nobody waits for it for ever
            self._trimming = False
            if not self.freed:
                self._expect(0)
            growth, self._growth = self._growth, None
            if growth is not None:
                self._grow_at_last(*growth)

    def _grow_at_last(self, size: int, answer: Future[None]) -> None:
        try:
            if len(self.memory) > self.size:
                self._account.refund(size - self.size)
                raise NoMemory("what was cut off the block before could not be wiped")
            self._grow(size)
        except NoMemory as error:
            answer.set_exception(error)
        else:
            answer.set_result(None)

    def _trim_step(self) -> None:
        """Wipe and give back the last part of what was cut off, and leave reads their copy."""
        end = len(self.memory)
        # The kernel's pages are cut where the steps are: keep them whole.
        start = max(self.size, (end - WIPE_STEP_BYTES) // PAGE_BYTES * PAGE_BYTES)
        if any(read.end > start for read in self.streamed_reads):
            start = max(self.size, (end - _COPY_STEP_BYTES) // PAGE_BYTES * PAGE_BYTES)
            preserve(self.streamed_reads, self.memory, (start, end), self._account, for_now=True)
        wipe(self.memory, start, end)
        self.memory.resize(start)
        self._gave_back(end - start)

    def _unmap(self, defer: Defer) -> Work:
        self._rests = None
        done = 0
        try:
            for reads in overlapping(self.streamed_reads, 0, len(self.memory)):
                # They go on in the meantime, and one may have passed another.
                yield from self._wiped(done, min(read.next for read in reads))
                done = self._last_needed(reads)
            yield from self._wiped(done, len(self.memory))
            if self.streamed_reads:
                self._rests = defer
                return
            if done:
                yield from self._wiped(0, done)
            self.memory.close()
            self._gave_back(self._charged)
        finally:  # where something went wrong, what is left never comes back
            self._expect(0)

    def _last_needed(self, reads: list[MemoryRead]) -> int:
        # What was cut off and is copied for them already is no more here.
        return min(len(self.memory), max(read.end for read in reads))

    def _wiped(self, start: int, end: int) -> Work:
        for size in wipe_in_steps(self.memory, start, end):
            self._gave_back(min(size, self._expected))  # the rest once all is unmapped
            yield

    def _expect(self, size: int) -> None:
        """So much of what is charged is on its way back."""
        more, self._expected = size - self._expected, size
        if more:
            self._account.expect(more)

    def _gave_back(self, size: int) -> None:
        """So much of it is back with the system."""
        expected = min(size, self._expected)
        self._expected -= expected
        self._charged -= size
        self._account.refund(size, expected)


def _reserve_or_refuse(size: int) -> mmap.mmap:
    try:
        return reserve(size)
    except (OSError, OverflowError, ValueError):
        raise NoMemory(f"the machine has no room for {size} bytes") from None
