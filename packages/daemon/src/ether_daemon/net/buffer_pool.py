"""Memory in which long payloads arrive, kept for a moment so that the next one finds it ready.

Rule: a buffer is seen by nobody before it is full of new bytes, and goes back
to the kernel, which wipes it, when nothing has wanted it for a tick.
"""

from __future__ import annotations

import mmap

from ether_daemon.stores.memory.wiping import reserve

MAX_POOLED_BYTES = 64 * 1024 * 1024

_Buffers = dict[int, list[mmap.mmap]]


class BufferPool:
    """Mappings of exactly the sizes that were wanted lately."""

    __slots__ = ("_fresh", "_idle", "pooled_bytes")

    def __init__(self) -> None:
        self._fresh: _Buffers = {}
        self._idle: _Buffers = {}
        self.pooled_bytes = 0
        """How much memory waits to be taken."""

    def take(self, size: int) -> mmap.mmap:
        """A mapping of `size` bytes with anything in it; raises OSError."""
        for buffers in (self._fresh, self._idle):
            of_this_size = buffers.get(size)
            if of_this_size:
                memory = of_this_size.pop()
                if not of_this_size:
                    del buffers[size]
                self.pooled_bytes -= size
                return memory
        # Its pages exist only once bytes arrive in them.
        return reserve(size)

    def give(self, memory: mmap.mmap) -> None:
        """Keep `memory`, which nobody else uses any more, for a while."""
        size = len(memory)
        if size <= MAX_POOLED_BYTES - self.pooled_bytes:
            self._fresh.setdefault(size, []).append(memory)
            self.pooled_bytes += size

    def drop(self) -> bool:
        """Let go of one buffer at once; returns whether there was one."""
        for buffers in (self._idle, self._fresh):
            if buffers:
                size, of_this_size = buffers.popitem()
                of_this_size.pop()
                self.pooled_bytes -= size
                if of_this_size:
                    buffers[size] = of_this_size
                return True
        return False

    def tick(self) -> None:
        """Let go of what was not wanted since the last tick."""
        self.pooled_bytes -= sum(size * len(unwanted) for size, unwanted in self._idle.items())
        self._idle, self._fresh = self._fresh, {}


class PooledPayload:
    """One long payload's memory while it fills, and while it is lent out.

    See `Payload` of the receiver, and `TakeablePayload` of the stores.
    """

    __slots__ = ("_filled", "_memory", "_pool", "_resident", "_view", "length")

    def __init__(self, pool: BufferPool, length: int) -> None:
        """Raises OSError where the machine has no room for `length` bytes."""
        self._pool = pool
        pooled = pool.pooled_bytes
        self._memory = pool.take(length)
        self._resident = pooled - pool.pooled_bytes  # of one that was used before, all
        self._view = memoryview(self._memory)
        self._filled = 0
        self.length = length

    @property
    def missing(self) -> int:
        """How many bytes are still to come."""
        return self.length - self._filled

    @property
    def held_bytes(self) -> int:
        """How much memory this takes: a buffer of the pool all of it, a new one what has come."""
        return self._resident or self._filled

    def room(self) -> memoryview:
        """Where the next bytes belong."""
        return self._view[self._filled :]

    def filled(self, count: int) -> None:
        """`count` bytes now stand at the start of what `room` returned."""
        self._filled += count

    def take_in(self, data: memoryview) -> int:
        """Copy in as much of `data` as belongs to the payload; returns how many bytes."""
        count = min(len(data), self.missing)
        self._view[self._filled : self._filled + count] = data[:count]
        self._filled += count
        return count

    def value(self) -> memoryview:
        """The payload, until `take` or `release`."""
        return self._view

    def take(self, replacement: mmap.mmap) -> mmap.mmap:
        """Give the full memory away for good; the pool has `replacement` instead."""
        self._view.release()
        taken, self._memory = self._memory, replacement
        return taken

    def release(self) -> None:
        """Nobody looks at the payload any more."""
        self._view.release()
        self._pool.give(self._memory)
