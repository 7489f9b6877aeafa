"""Large blocks: one anonymous mapping each.

Rule: no step here takes longer for a gibibyte than for a mebibyte.  Mappings
grow by moving pages, and memory is wiped a step at a time; bytes beyond a
block's size are never seen before they are wiped.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator

from ether_daemon.stores.contract import Defer, TakeablePayload, Work
from ether_daemon.stores.future import Answer, Future
from ether_protocol.wire.errors import NoMemory

from .wiping import PAGE_BYTES, WIPE_STEP_BYTES, reserve, wipe, wipe_in_steps

_STEPS_AT_ONCE = 2
"""So many wiping steps a request does itself before it leaves the rest for later."""


class LargeBlock:
    """A block in memory of its own: `memory[:size]`.

    What was cut off and is not wiped yet lies behind it: `memory[size:]`.
    """

    __slots__ = ("_freed", "_growth", "_trimming", "memory", "size", "streamed_reads")

    def __init__(self, size: int) -> None:
        """Raises NoMemory."""
        self.memory = _reserve_or_refuse(size)
        self.size = size
        self.streamed_reads: list[MemoryRead] = []
        self._trimming = False
        self._growth: tuple[int, Future[None]] | None = None
        self._freed: Defer | None = None  # freed, but for what streamed reads need

    def exchange(self, payload: TakeablePayload) -> bool:
        """Take over the memory of a payload that is the whole block; False if it is not."""
        whole = self.size == len(self.memory) == payload.length
        if not whole or self.streamed_reads:
            return False
        self.memory = payload.take(self.memory)
        return True

    def preserve(self, start: int, end: int) -> None:
        """Before `[start:end]` changes, copy what streamed reads still need of it.

        Ranges that overlap are copied once, however many clients asked for them.
        """
        for reads in _overlapping(self.streamed_reads, start, end):
            first, last = reads[0].next, max(read.end for read in reads)
            copy = memoryview(self.memory[first:last])
            for read in reads:
                read.keep(copy[read.next - first : read.end - first])
                self.streamed_reads.remove(read)

    def resize(self, size: int, defer: Defer) -> Answer[None]:
        """Grow or shrink; raises NoMemory.

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
        self.size = len(self.memory)
        defer(self._unmap(defer))

    def leave(self, read: MemoryRead) -> None:
        """`read` needs this memory no more."""
        self.streamed_reads.remove(read)
        if not self.streamed_reads and self._freed is not None:
            self._freed(self._unmap(self._freed))

    def _grow(self, size: int) -> None:
        try:
            self.memory.resize(size)
        except (OSError, MemoryError, OverflowError, ValueError):
            raise NoMemory(f"the machine has no room for {size} bytes") from None
        self.size = size

    def _shrink(self, size: int, defer: Defer) -> None:
        self.preserve(size, self.size)
        self.size = size
        for _ in range(_STEPS_AT_ONCE):
            if len(self.memory) > size:
                self._trim_step()
        if len(self.memory) > size and not self._trimming:
            self._trimming = True
            defer(self._trim())

    def _trim(self) -> Work:
        try:
            while not self.memory.closed and len(self.memory) > self.size:
                self._trim_step()
                yield
        finally:  # whatever went wrong, nobody waits for it for ever
            self._trimming = False
            growth, self._growth = self._growth, None
            if growth is not None:
                self._grow_at_last(*growth)

    def _grow_at_last(self, size: int, answer: Future[None]) -> None:
        try:
            if len(self.memory) > self.size:
                raise NoMemory("what was cut off the block before could not be wiped")
            self._grow(size)
        except NoMemory as error:
            answer.set_exception(error)
        else:
            answer.set_result(None)

    def _trim_step(self) -> None:
        """Wipe and give back the last part of what was cut off."""
        end = len(self.memory)
        # The kernel's pages are cut where the steps are: keep them whole.
        start = max(self.size, (end - WIPE_STEP_BYTES) // PAGE_BYTES * PAGE_BYTES)
        wipe(self.memory, start, end)
        self.memory.resize(start)

    def _unmap(self, defer: Defer) -> Work:
        self._freed = None
        done = 0
        for reads in _overlapping(self.streamed_reads, 0, len(self.memory)):
            # They go on in the meantime, and one may have passed another.
            next_needed = min(read.next for read in reads)
            yield from wipe_in_steps(self.memory, done, next_needed)
            done = max(read.end for read in reads)
        yield from wipe_in_steps(self.memory, done, len(self.memory))
        if self.streamed_reads:
            self._freed = defer
            return
        if done:
            yield from wipe_in_steps(self.memory, 0, done)
        self.memory.close()


class MemoryRead:
    """A streamed read of a large block (see `contract.StreamedRead`).

    It copies nothing until a piece is taken, unless the block is about to
    change under it: then it keeps the bytes as they were.
    """

    __slots__ = ("_block", "_kept", "_over", "end", "next")

    def __init__(self, block: LargeBlock, start: int, end: int) -> None:
        self.next = start
        self.end = end
        self._block = block
        self._kept: memoryview | None = None
        self._over: list[Callable[[], None]] = []
        block.streamed_reads.append(self)

    def __len__(self) -> int:
        return self.end - self.next

    @property
    def copied_bytes(self) -> int:
        """How much memory its copy takes, shared with other reads or not; 0 while it has none."""
        return 0 if self._kept is None else memoryview(self._kept.obj).nbytes

    def take(self, limit: int) -> bytes:
        count = min(limit, len(self))
        if self._kept is not None:
            piece = bytes(self._kept[:count])
        else:
            piece = self._block.memory[self.next : self.next + count]
        self._taken(count)
        return piece

    def hand(self, give: Callable[[memoryview], int]) -> None:
        if self._kept is not None:
            count = give(self._kept)
        else:
            with memoryview(self._block.memory) as memory, memory[self.next : self.end] as rest:
                count = give(rest)
        self._taken(count)

    def cancel(self) -> None:
        self._taken(len(self))

    def when_over(self, callback: Callable[[], None]) -> None:
        if len(self):
            self._over.append(callback)
        else:
            callback()

    def keep(self, rest: memoryview) -> None:
        """From now on what is left is in `rest`, and the block may change."""
        self._kept = rest

    def _taken(self, count: int) -> None:
        if not len(self):
            return
        self.next += count
        if self._kept is not None:
            self._kept = self._kept[count:] if len(self) else None
        elif not len(self):
            self._block.leave(self)
        if not len(self):
            callbacks, self._over = self._over, []
            for callback in callbacks:
                callback()


def _overlapping(reads: list[MemoryRead], start: int, end: int) -> Iterator[list[MemoryRead]]:
    """The reads that still need a part of `[start:end]`, those that overlap together."""
    needed = [read for read in reads if read.next < end and start < read.end]
    together: list[MemoryRead] = []
    last = 0
    for read in sorted(needed, key=lambda read: read.next):
        if together and read.next > last:
            yield together
            together = []
        together.append(read)
        last = max(last, read.end)
    if together:
        yield together


def _reserve_or_refuse(size: int) -> mmap.mmap:
    try:
        return reserve(size)
    except (OSError, OverflowError, ValueError):
        raise NoMemory(f"the machine has no room for {size} bytes") from None
