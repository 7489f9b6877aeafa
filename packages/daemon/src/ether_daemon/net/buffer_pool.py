"""Memory in which long payloads arrive, kept for a moment so that the next one finds it ready.

Rule: a spare is seen by nobody before it is full of new bytes, and goes back
to the kernel, which wipes it, when nothing has wanted it for a tick.
"""

from __future__ import annotations

import mmap

from ether_daemon.stores.memory.wiping import reserve

MAX_SPARE_BYTES = 64 * 1024 * 1024

_Kept = dict[int, list[mmap.mmap]]


class Spares:
    """Mappings of exactly the sizes that were wanted lately."""

    __slots__ = ("_bytes", "_fresh", "_idle", "arrived")

    def __init__(self) -> None:
        self._fresh: _Kept = {}
        self._idle: _Kept = {}
        self._bytes = 0
        self.arrived: Arrival | None = None
        """The payload that is being dealt with just now, for a store to keep its memory."""

    def take(self, size: int) -> mmap.mmap:
        """A mapping of `size` bytes with anything in it; raises OSError."""
        for kept in (self._fresh, self._idle):
            of_this_size = kept.get(size)
            if of_this_size:
                self._bytes -= size
                return of_this_size.pop()
        # Its pages exist only once bytes arrive in them.
        return reserve(size)

    def give(self, memory: mmap.mmap) -> None:
        """Keep `memory`, which nobody else uses any more, for a while."""
        size = len(memory)
        if size <= MAX_SPARE_BYTES - self._bytes:
            self._fresh.setdefault(size, []).append(memory)
            self._bytes += size

    def tick(self) -> None:
        """Let go of what was not wanted since the last tick."""
        self._bytes -= sum(size * len(unwanted) for size, unwanted in self._idle.items())
        self._idle, self._fresh = self._fresh, {}


class Arrival:
    """One long payload's memory while it fills."""

    __slots__ = ("_memory", "_spares", "filled", "length", "payload")

    def __init__(self, spares: Spares, length: int) -> None:
        """Raises OSError where the machine has no room for `length` bytes."""
        self._spares = spares
        self._memory = spares.take(length)
        self.payload = memoryview(self._memory)
        self.length = length
        self.filled = 0

    def begin(self, data: memoryview) -> None:
        """Put in what came together with the header."""
        self.filled = len(data)
        self.payload[: self.filled] = data

    def room(self) -> memoryview:
        """Where the bytes still to come belong."""
        return self.payload[self.filled :]

    def exchange(self, memory: mmap.mmap) -> mmap.mmap:
        """Give the full memory away for good, and take `memory` for the next payload.

        `payload` can't be looked at after that.
        """
        self.payload.release()
        mine, self._memory = self._memory, memory
        return mine

    def close(self) -> None:
        """Nobody looks at the payload any more."""
        self.payload.release()
        self._spares.give(self._memory)
