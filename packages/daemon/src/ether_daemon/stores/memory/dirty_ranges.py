"""What was cut off a large block and is not wiped yet.

Rule: a stale byte is wiped before anybody sees it again, so that a block may
grow while its old tail is still being wiped.
"""

from __future__ import annotations

import mmap

from .wiping import PAGE_BYTES, WIPE_STEP_BYTES, wipe

_CHUNK_BYTES = 1024 * 1024
"""Ranges are cut along these, so that they stay few however they are used."""


class Stale:
    """The stale ranges of one mapping, in ascending order."""

    __slots__ = ("_memory", "_ranges")

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._ranges: list[tuple[int, int]] = []

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def add(self, start: int, end: int) -> None:
        """The block ends at `start` now, and used to end at `end`."""
        last = max([end, *(stop for _, stop in self._ranges[-1:])])
        kept = [(begin, min(stop, start)) for begin, stop in self._ranges if begin < start]
        self._ranges = [*kept, (start, last)]

    def wipe(self, start: int, end: int) -> None:
        """Wipe whatever is stale in `[start:end]`, which is about to be used."""
        first = start // _CHUNK_BYTES * _CHUNK_BYTES
        last = -(-end // _CHUNK_BYTES) * _CHUNK_BYTES
        left: list[tuple[int, int]] = []
        for begin, stop in self._ranges:
            low, high = max(begin, first), min(stop, last)
            if low >= high:
                left.append((begin, stop))
                continue
            wipe(self._memory, low, high)
            left += [(a, b) for a, b in ((begin, low), (high, stop)) if a < b]
        self._ranges = left

    def wipe_step(self) -> None:
        """Wipe about a millisecond's worth."""
        start, end = self._ranges.pop(0)
        stop = min(end, (start + WIPE_STEP_BYTES) // PAGE_BYTES * PAGE_BYTES)
        wipe(self._memory, start, stop)
        if stop < end:
            self._ranges.insert(0, (stop, end))

    def forget(self) -> None:
        """Somebody else wipes it all."""
        self._ranges.clear()
