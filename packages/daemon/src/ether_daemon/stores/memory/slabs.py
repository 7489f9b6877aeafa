"""Small blocks: one reserved range of memory, cut into slabs of equal slots.

Rule: a slot that no block has reads as zeros.  A place is one integer, the
block's offset in the arena and its size, so that a million blocks need no
million objects.
"""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Iterator

from ether_protocol.wire.errors import NoMemory

from .wiping import reserve, wipe

SLAB_BYTES = 1024 * 1024
MAX_SMALL_BYTES = 256 * 1024
"""The largest block that lives in a slab."""

SIZE_BITS = 20
SIZE_MASK = (1 << SIZE_BITS) - 1

_GRAIN_BYTES = 16
_PAGE_ALIGNED_BYTES = 16 * 1024
_LEAST_ARENA_BYTES = 16 * SLAB_BYTES
_MOST_ARENA_BYTES = 1 << 42  # 4 TiB: a place must be less than 2**62


def _slot_sizes() -> Iterator[int]:
    """16 … 256 by 16, then eight steps a doubling; whole pages from 16 KiB on."""
    size = _GRAIN_BYTES
    while size <= MAX_SMALL_BYTES:
        yield size
        step = max(_GRAIN_BYTES, 1 << (size.bit_length() - 4))
        size += max(step, 4096) if size >= _PAGE_ALIGNED_BYTES else step


SLOT_BYTES = tuple(_slot_sizes())
_KIND_OF_GRAINS = bytes(
    bisect_left(SLOT_BYTES, grains * _GRAIN_BYTES)
    for grains in range(MAX_SMALL_BYTES // _GRAIN_BYTES + 1)
)


class _Slab:
    """A mebibyte of slots of one kind."""

    __slots__ = ("base", "capacity", "free", "fresh", "kind", "live", "slot_bytes")

    def __init__(self, base: int, kind: int) -> None:
        self.base = base
        self.kind = kind
        self.slot_bytes = SLOT_BYTES[kind]
        self.capacity = SLAB_BYTES // self.slot_bytes
        self.live = 0
        self.fresh = 0
        self.free = array("H")


class Slabs:
    """Blocks of up to MAX_SMALL_BYTES, of `capacity_bytes` together, in one arena."""

    def __init__(self, capacity_bytes: int) -> None:
        self.arena = _reserve_arena(capacity_bytes)
        self.view = memoryview(self.arena)
        self._slabs: list[_Slab | None] = []
        self._vacant: list[int] = []
        self._current: list[_Slab | None] = [None] * len(SLOT_BYTES)
        self._partial: list[dict[int, _Slab]] = [{} for _ in SLOT_BYTES]

    def allocate(self, size: int) -> int:
        """The place of a zeroed block of `size` bytes; raises NoMemory."""
        kind = _KIND_OF_GRAINS[(size + _GRAIN_BYTES - 1) // _GRAIN_BYTES]
        slab = self._current[kind]
        if slab is None or slab.live == slab.capacity:
            slab = self._current[kind] = self._slab_with_room(kind)
        if slab.free:
            slot = slab.free.pop()
        else:
            slot = slab.fresh
            slab.fresh += 1
        slab.live += 1
        return (slab.base + slot * slab.slot_bytes) << SIZE_BITS | size

    def release(self, place: int) -> None:
        """Wipe the block at `place` and take its slot back."""
        start = place >> SIZE_BITS
        wipe(self.arena, start, start + (place & SIZE_MASK))
        number = start // SLAB_BYTES
        slab = self._slabs[number]
        if slab is None:
            raise ValueError(f"no block is at {place:#x}")
        if slab.live == slab.capacity:
            self._partial[slab.kind][number] = slab
        slab.live -= 1
        slab.free.append((start - slab.base) // slab.slot_bytes)
        if not slab.live and slab is not self._current[slab.kind]:
            self._vacate(number, slab)

    def close(self) -> None:
        """Give the whole arena back; the kernel wipes it."""
        self.view.release()
        self.arena.close()

    def _slab_with_room(self, kind: int) -> _Slab:
        partial = self._partial[kind]
        while partial:
            _, slab = partial.popitem()
            if slab.live < slab.capacity:
                return slab
        if self._vacant:
            number = self._vacant.pop()
        else:
            number = len(self._slabs)
            if (number + 1) * SLAB_BYTES > len(self.arena):
                raise NoMemory("the room for small blocks is used up")
            self._slabs.append(None)
        slab = self._slabs[number] = _Slab(number * SLAB_BYTES, kind)
        return slab

    def _vacate(self, number: int, slab: _Slab) -> None:
        """Give an empty slab's pages back and let any kind of slot have its place."""
        self._partial[slab.kind].pop(number, None)
        self._slabs[number] = None
        self._vacant.append(number)
        wipe(self.arena, slab.base, slab.base + SLAB_BYTES)


def _reserve_arena(capacity_bytes: int) -> mmap.mmap:
    # Address space costs nothing, and blocks use up more of it than their own
    # bytes: up to a quarter of a slab is lost between slots, and where blocks
    # were freed here and there, slabs of one kind have room that another needs.
    size = min(2 * capacity_bytes + len(SLOT_BYTES) * SLAB_BYTES, _MOST_ARENA_BYTES)
    size -= size % SLAB_BYTES
    while True:
        try:
            return reserve(size, sparse=True)
        except OSError:
            # A machine that commits strictly, or a ulimit: take what there is.
            size = size // 2 // SLAB_BYTES * SLAB_BYTES
            if size < _LEAST_ARENA_BYTES:
                raise
