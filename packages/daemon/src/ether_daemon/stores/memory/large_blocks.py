"""Large blocks: one anonymous mapping each.

Rule: nothing here takes longer for a gibibyte than for a mebibyte.  Mappings
grow by moving pages, and what must be wiped is wiped a step at a time.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator

from ether_daemon.net.buffer_pool import Arrival
from ether_daemon.stores.contract import Defer
from ether_protocol.wire.errors import NoMemory

from .dirty_ranges import Stale
from .wiping import WIPE_STEP_BYTES, reserve, wipe_in_steps


class Mapping:
    """A block in memory of its own.  `memory` may for a while be longer than `size`."""

    __slots__ = ("_stale", "_waiting", "memory", "readings", "size")

    def __init__(self, size: int) -> None:
        self.memory = _reserve_or_refuse(size)
        self.size = size
        self.readings: list[MappingReading] = []
        self._stale = Stale(self.memory)
        self._waiting: Defer | None = None  # freed, but for what readings need

    @property
    def at_rest(self) -> bool:
        """Whether any range of `memory` may be read and changed as it stands."""
        return not (self.readings or self._stale)

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
        """Before `[start:end]` changes, have every reading that still needs it keep a copy.

        Ranges that overlap are copied once, however many clients asked for them.
        """
        for readings in _overlapping(self.readings, start, end):
            first, last = readings[0].next, max(reading.end for reading in readings)
            copy = memoryview(self.memory[first:last])
            for reading in readings:
                reading.keep(copy[reading.next - first : reading.end - first])
                self.readings.remove(reading)

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
        """Wipe the block and unmap it, a step at a time.

        What readings still need stays until they have had it: copying it for
        all of them could take long.  Nobody else gets that memory.
        """
        self._stale.forget()
        self.size = len(self.memory)
        defer(self._unmap(defer))

    def let_go(self, reading: MappingReading) -> None:
        """`reading` needs this memory no more."""
        self.readings.remove(reading)
        if not self.readings and self._waiting is not None:
            self._waiting(self._unmap(self._waiting))

    def _unmap(self, defer: Defer) -> Iterator[None]:
        self._waiting = None
        done = 0
        for readings in _overlapping(self.readings, 0, len(self.memory)):
            # They go on in the meantime, and one may have passed another.
            next_needed = min(reading.next for reading in readings)
            yield from wipe_in_steps(self.memory, done, next_needed)
            done = max(reading.end for reading in readings)
        yield from wipe_in_steps(self.memory, done, len(self.memory))
        if self.readings:
            self._waiting = defer
            return
        if done:
            yield from wipe_in_steps(self.memory, 0, done)
        self.memory.close()


class MappingReading:
    """A long range of a mapping on its way out (see `store.Reading`).

    It copies nothing until a piece is taken, unless the block is about to
    change under it: then it keeps the bytes as they were.
    """

    __slots__ = ("_kept", "_mapping", "end", "next")

    def __init__(self, mapping: Mapping, start: int, end: int) -> None:
        self.next = start
        self.end = end
        self._mapping = mapping
        self._kept: memoryview | None = None
        mapping.readings.append(self)

    def __len__(self) -> int:
        return self.end - self.next

    def take(self, limit: int) -> bytes:
        count = min(limit, len(self))
        if self._kept is not None:
            piece = bytes(self._kept[:count])
        else:
            piece = self._mapping.memory[self.next : self.next + count]
        self._taken(count)
        return piece

    def hand(self, give: Callable[[memoryview], int]) -> None:
        if self._kept is not None:
            count = give(self._kept)
        else:
            with memoryview(self._mapping.memory) as memory, memory[self.next : self.end] as rest:
                count = give(rest)
        self._taken(count)

    def cancel(self) -> None:
        self._taken(len(self))

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
            self._mapping.let_go(self)


def _overlapping(
    readings: list[MappingReading], start: int, end: int
) -> Iterator[list[MappingReading]]:
    """The readings that still need a part of `[start:end]`, those that overlap together."""
    needed = [reading for reading in readings if reading.next < end and start < reading.end]
    together: list[MappingReading] = []
    last = 0
    for reading in sorted(needed, key=lambda reading: reading.next):
        if together and reading.next > last:
            yield together
            together = []
        together.append(reading)
        last = max(last, reading.end)
    if together:
        yield together


def _reserve_or_refuse(size: int) -> mmap.mmap:
    try:
        return reserve(size)
    except (OSError, OverflowError, ValueError):
        raise NoMemory(f"the machine has no room for {size} bytes") from None
