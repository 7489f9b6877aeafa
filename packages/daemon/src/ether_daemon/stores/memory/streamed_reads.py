"""Streamed reads of large blocks, and the copies they keep of what has changed.

Rule: a read copies nothing until a piece is taken, unless the block changes under
it; then what changes is copied once for all reads that still need it, in parts
that lie at multiples of PART_BYTES.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from typing import Protocol

from ether_daemon.stores.contract import MemoryAccount
from ether_protocol.wire.errors import NoMemory

from .wiping import reserve

PART_BYTES = 256 * 1024
"""What is copied at least where a byte changes, unless fewer are needed."""


class ReadBlock(Protocol):
    """What a read needs of its block."""

    memory: mmap.mmap
    freed: bool
    streamed_reads: list[MemoryRead]

    def leave(self, read: MemoryRead) -> None:
        """`read` needs the block's memory no more."""


class KeptPart:
    """A copy of a part of a block, shared by the reads that were to have it."""

    __slots__ = ("_account", "_sharers", "memory", "start")

    def __init__(self, account: MemoryAccount, source: mmap.mmap, start: int, end: int) -> None:
        """Copy `source[start:end]`, which is charged already; raises NoMemory."""
        try:
            self.memory = reserve(end - start)
        except (OSError, OverflowError, ValueError):
            raise NoMemory(f"the machine has no room for a copy of {end - start} bytes") from None
        with memoryview(source) as view, view[start:end] as part:
            self.memory[:] = part
        self.start = start
        self._account = account
        self._sharers = 0

    def share(self) -> None:
        """One more read keeps it."""
        self._sharers += 1

    def drop(self) -> None:
        """One read less does; the last one gives the memory back."""
        self._sharers -= 1
        if not self._sharers:
            size = len(self.memory)
            self.memory.close()
            self._account.refund(size)


class MemoryRead:
    """A streamed read of a large block (see `contract.StreamedRead`)."""

    __slots__ = ("_block", "_copied_bytes", "_over", "_parts", "_watchers", "end", "next")

    def __init__(self, block: ReadBlock, start: int, end: int) -> None:
        self.next = start
        self.end = end
        self._block: ReadBlock = block
        self._parts: dict[int, KeptPart] = {}  # by their number in the block
        self._copied_bytes = 0
        self._over: list[Callable[[], None]] = []
        self._watchers: list[Callable[[], None]] = []
        block.streamed_reads.append(self)

    def __len__(self) -> int:
        return self.end - self.next

    @property
    def kept_bytes(self) -> int:
        if self._block.freed and not self.needs_nothing:
            return len(self)
        return self._copied_bytes

    @property
    def needs_nothing(self) -> bool:
        """Whether all that is left to be taken is copied, or nothing is left."""
        if self.next >= self.end:
            return True
        return len(self._parts) == (self.end - 1) // PART_BYTES - self.next // PART_BYTES + 1

    def take(self, limit: int) -> bytes:
        stop = self.next + min(limit, len(self))
        if not self._parts:
            piece = self._block.memory[self.next : stop]
        else:
            piece = b"".join(memory[a:b] for memory, a, b in self._places(self.next, stop))
        self._taken(stop - self.next)
        return piece

    def hand(self, give: Callable[[memoryview], int]) -> None:
        if not len(self):
            return
        memory, start, end = next(self._places(self.next, self.end))
        with memoryview(memory) as view, view[start:end] as rest:
            count = give(rest)
        self._taken(count)

    def cancel(self) -> None:
        self._taken(len(self))

    def when_over(self, callback: Callable[[], None]) -> None:
        if len(self):
            self._over.append(callback)
        else:
            callback()

    def when_kept_changes(self, callback: Callable[[], None]) -> None:
        self._watchers.append(callback)

    def missing(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """The parts, with where each starts and ends, that it needs of `[start:end]`, uncopied."""
        first, last = max(start, self.next), min(end, self.end)
        if first >= last:
            return
        for number in range(first // PART_BYTES, (last - 1) // PART_BYTES + 1):
            if number not in self._parts:
                base = number * PART_BYTES
                yield number, max(base, self.next), min(base + PART_BYTES, self.end)

    def keep(self, number: int, part: KeptPart) -> None:
        """From now on that part may change in the block."""
        part.share()
        self._parts[number] = part
        self._copied_bytes += len(part.memory)

    def kept_has_changed(self) -> None:
        """Tell those who want to know."""
        for callback in self._watchers:
            callback()

    def _places(self, start: int, end: int) -> Iterator[tuple[mmap.mmap, int, int]]:
        """Where the bytes of `[start:end]` stand, in runs that lie together."""
        parts = self._parts
        while start < end:
            number = start // PART_BYTES
            stop = min(end, (number + 1) * PART_BYTES)
            part = parts.get(number)
            if part is not None:
                yield part.memory, start - part.start, stop - part.start
            else:
                while stop < end and stop // PART_BYTES not in parts:
                    stop = min(end, stop + PART_BYTES)
                yield self._block.memory, start, stop
            start = stop

    def _taken(self, count: int) -> None:
        if not count:
            return
        kept = self.kept_bytes
        needed_block = not self.needs_nothing
        first = self.next // PART_BYTES
        self.next += count
        if self._parts:
            beyond = self.next // PART_BYTES if len(self) else (self.end - 1) // PART_BYTES + 1
            for number in range(first, beyond):
                part = self._parts.pop(number, None)
                if part is not None:
                    self._copied_bytes -= len(part.memory)
                    part.drop()
        if needed_block and self.needs_nothing:
            self._block.leave(self)
        if self._watchers and self.kept_bytes != kept:
            self.kept_has_changed()
        if not len(self):
            callbacks, self._over, self._watchers = self._over, [], []
            for callback in callbacks:
                callback()


def preserve(
    reads: list[MemoryRead],
    memory: mmap.mmap,
    span: tuple[int, int],
    account: MemoryAccount,
    *,
    for_now: bool = False,
) -> None:
    """Before `span` of `memory` changes, copy what `reads` still need of it; raises NoMemory.

    `for_now` as in `MemoryAccount.hold_for_now`.  Reads whose rest is copied
    then leave the list.
    """
    needed: dict[int, list[MemoryRead]] = {}
    bounds: dict[int, tuple[int, int]] = {}
    for read in reads:
        for number, start, end in read.missing(*span):
            first, last = bounds.get(number, (start, end))
            bounds[number] = min(first, start), max(last, end)
            needed.setdefault(number, []).append(read)
    if not needed:
        return
    size = sum(end - start for start, end in bounds.values())
    (account.hold_for_now if for_now else account.charge)(size)
    made: dict[int, KeptPart] = {}
    try:
        for number, (start, end) in bounds.items():
            made[number] = KeptPart(account, memory, start, end)
    except BaseException:
        for part in made.values():
            part.memory.close()
        account.refund(size)
        raise
    changed: dict[MemoryRead, None] = {}
    for number, sharers in needed.items():
        for read in sharers:
            read.keep(number, made[number])
            changed[read] = None
    reads[:] = [read for read in reads if not read.needs_nothing]
    for read in changed:
        read.kept_has_changed()


def overlapping(reads: list[MemoryRead], start: int, end: int) -> Iterator[list[MemoryRead]]:
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
