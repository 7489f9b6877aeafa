"""Large blocks: one anonymous mapping each.

Rule: nothing here takes longer for a gibibyte than for a mebibyte.  Mappings
grow by moving pages, and what must be wiped is wiped a step at a time.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator

from ether_protocol.errors import NoMemory

from .spares import Arrival
from .stale import Stale
from .store import Defer
from .wiping import WIPE_STEP_BYTES, reserve, wipe_in_steps


class Mapping:
    """A block in memory of its own.  `memory` may for a while be longer than `size`."""

    __slots__ = ("_stale", "memory", "readings", "size")

    def __init__(self, size: int) -> None:
        self.memory = _reserve_or_refuse(size)
        self.size = size
        self.readings: list[MappingReading] = []
        self._stale = Stale(self.memory)

    def place(self, start: int, end: int) -> mmap.mmap:
        """The memory, `[start:end]` of which may be used."""
        if self._stale:
            self._stale.wipe(start, end)
        return self.memory

    def exchange(self, arrived: Arrival) -> bool:
        """Take over the memory of a payload that is the whole block; False if it is not."""
        whole = self.size == len(self.memory) == arrived.length
        if not whole or self.readings or self._stale:
            return False
        self.memory = arrived.exchange(self.memory)
        self._stale = Stale(self.memory)
        return True

    def settle(self, start: int, end: int) -> None:
        """Before `[start:end]` changes, have every reading that still needs it keep a copy."""
        copies: dict[tuple[int, int], memoryview] = {}
        for reading in list(self.readings):
            reading.keep_if_in(start, end, copies)

    def resize(self, size: int, defer: Defer) -> None:
        """Grow, or shrink and have a long tail wiped a step at a time; raises NoMemory."""
        if size > len(self.memory):
            try:
                self.memory.resize(size)
            except (OSError, MemoryError, OverflowError, ValueError):
                raise NoMemory(f"the machine has no room for {size} bytes") from None
        if size < self.size:
            self._cut(size, self.size, defer)
        self.size = size

    def _cut(self, size: int, end: int, defer: Defer) -> None:
        self.settle(size, end)
        under_way = bool(self._stale)
        self._stale.add(size, end)
        if under_way:
            return
        if end - size > WIPE_STEP_BYTES:
            defer(self._wipe_tail())
        else:
            self._stale.wipe(size, end)
            self.memory.resize(size)

    def _wipe_tail(self) -> Iterator[None]:
        while self._stale:
            self._stale.wipe_step()
            yield
        if not self.memory.closed and self.size < len(self.memory):
            self.memory.resize(self.size)

    def release(self, defer: Defer) -> None:
        """Wipe the block and unmap it, a step at a time."""
        self.settle(0, self.size)
        self._stale.forget()
        self.size = len(self.memory)
        defer(self._unmap())

    def _unmap(self) -> Iterator[None]:
        yield from wipe_in_steps(self.memory, 0, len(self.memory))
        self.memory.close()


class MappingReading:
    """A long range of a mapping on its way out (see `store.Reading`).

    It copies nothing until a piece is taken, unless the block is about to
    change under it: then it keeps the bytes as they were.
    """

    __slots__ = ("_end", "_kept", "_mapping", "_next", "_start")

    def __init__(self, mapping: Mapping, start: int, end: int) -> None:
        self._mapping = mapping
        self._start = start
        self._next = start
        self._end = end
        self._kept: memoryview | None = None
        mapping.readings.append(self)

    def __len__(self) -> int:
        return self._end - self._next

    def take(self, limit: int) -> bytes:
        start = self._next
        stop = min(self._end, start + limit)
        self._next = stop
        if self._kept is not None:
            piece = bytes(self._kept[start - self._start : stop - self._start])
        else:
            piece = self._mapping.memory[start:stop]
        if stop == self._end:
            self.cancel()
        return piece

    def hand(self, give: Callable[[memoryview], int]) -> None:
        if self._kept is not None:
            self._next += give(self._kept[self._next - self._start :])
        else:
            with memoryview(self._mapping.memory) as memory, memory[self._next : self._end] as rest:
                self._next += give(rest)
        if self._next == self._end:
            self.cancel()

    def cancel(self) -> None:
        self._next = self._end
        if self._kept is None and self in self._mapping.readings:
            self._mapping.readings.remove(self)
        self._kept = None

    def keep_if_in(self, start: int, end: int, copies: dict[tuple[int, int], memoryview]) -> None:
        """Copy the range if `[start:end]` touches what is left; equal ranges share one copy."""
        if start >= self._end or end <= self._next:
            return
        key = (self._start, self._end)
        if key not in copies:
            copies[key] = memoryview(self._mapping.memory[self._start : self._end])
        self._kept = copies[key]
        self._mapping.readings.remove(self)


def _reserve_or_refuse(size: int) -> mmap.mmap:
    try:
        return reserve(size)
    except (OSError, OverflowError, ValueError):
        raise NoMemory(f"the machine has no room for {size} bytes") from None
