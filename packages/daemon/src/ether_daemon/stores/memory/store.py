"""The store that keeps blocks in this process's memory and answers at once.

Rule: every range is checked here, once, before a byte moves.  Small blocks
live in slabs, large ones in mappings; no caller can tell them apart.
"""

from __future__ import annotations

import mmap

from ether_daemon.net.buffer_pool import Spares
from ether_daemon.stores.contract import Defer, Reading, Ref, check_range
from ether_protocol.wire.errors import NotFound, OutOfRange
from ether_protocol.wire.messages import Buffer

from .large_blocks import Mapping, MappingReading
from .slabs import MAX_SMALL_BYTES, SIZE_BITS, SIZE_MASK, Slabs

LARGE_REF = 1 << 63
"""A ref below this is a place in the slabs; one above it numbers a mapping."""

MAX_PIECE_BYTES = 256 * 1024
"""A longer range of a large block is read out piece by piece."""

_FILL_BYTES = 64 * 1024
_WORD_BYTES = 8
_WORD_MASK = (1 << 64) - 1


class MemoryStore:
    """Blocks in memory; see `store.Store` for what each method promises.

    `capacity_bytes` is the most that blocks may take together; chores are left
    with `defer`; long payloads arrive in `spares`.
    """

    def __init__(self, capacity_bytes: int, defer: Defer, spares: Spares | None = None) -> None:
        self._slabs = Slabs(capacity_bytes)
        self.large: dict[Ref, Mapping] = {}
        """The large blocks; public, as `arena` is, for the fast path."""
        self._next_large = LARGE_REF
        self._defer = defer
        self._spares = spares or Spares()
        self.arena = self._slabs.arena
        """The memory of small blocks, in which the fast path finds its way by refs."""
        self.arena_view = self._slabs.view

    def allocate(self, size: int) -> Ref:
        if size <= MAX_SMALL_BYTES:
            return self._slabs.allocate(size)
        mapping = Mapping(size)
        self._next_large += 1
        self.large[self._next_large] = mapping
        return self._next_large

    def release(self, ref: Ref) -> None:
        if ref < LARGE_REF:
            self._slabs.release(ref)
        else:
            self._mapping(ref).release(self._defer)
            del self.large[ref]

    def resize(self, ref: Ref, size: int) -> Ref:
        if ref >= LARGE_REF and size > MAX_SMALL_BYTES:
            self._mapping(ref).resize(size, self._defer)
            return ref
        made = self.allocate(size)
        self.copy(ref, 0, made, 0, min(size, self.size(ref)))
        self.release(ref)
        return made

    def size(self, ref: Ref) -> int:
        return ref & SIZE_MASK if ref < LARGE_REF else self._mapping(ref).size

    def read(self, ref: Ref, offset: int, size: int) -> bytes | Reading:
        block_size = self.size(ref)
        if offset > block_size:
            raise OutOfRange(f"offset {offset} is past the end of {block_size} bytes")
        size = min(size, block_size - offset)
        if ref < LARGE_REF:
            start = (ref >> SIZE_BITS) + offset
            return self.arena[start : start + size]
        mapping = self._mapping(ref)
        memory = mapping.place(offset, offset + size)
        if size > MAX_PIECE_BYTES:
            return MappingReading(mapping, offset, offset + size)
        return memory[offset : offset + size]

    def write(self, ref: Ref, offset: int, data: Buffer) -> None:
        size = len(data)
        if ref >= LARGE_REF and not offset and self._exchanged(ref, data):
            return
        memory, start = self._to_change(ref, offset, size)
        memory[start : start + size] = data

    def fill(self, ref: Ref, offset: int, size: int, byte: int) -> None:
        memory, start = self._to_change(ref, offset, size)
        pattern = memoryview(bytes([byte]) * min(size, _FILL_BYTES))
        end = start + size
        while start < end:
            step = min(len(pattern), end - start)
            memory[start : start + step] = pattern[:step]
            start += step

    def copy(self, source: Ref, source_offset: int, target: Ref, offset: int, size: int) -> None:
        check_range(self.size(source), source_offset, size)
        memory, start = self._to_change(target, offset, size)
        source_memory, source_start = self._place(source, source_offset, size)
        if memory is source_memory:
            memory.move(start, source_start, size)
            return
        with memoryview(source_memory) as view, view[source_start : source_start + size] as span:
            memory[start : start + size] = span

    def compare_swap(self, ref: Ref, offset: int, expected: bytes, desired: bytes) -> bytes:
        check_range(self.size(ref), offset, _WORD_BYTES)
        memory, start = self._place(ref, offset, _WORD_BYTES)
        found = memory[start : start + _WORD_BYTES]
        if found == expected:
            self.write(ref, offset, desired)
        return found

    def fetch_add(self, ref: Ref, offset: int, delta: int) -> int:
        memory, start = self._to_change(ref, offset, _WORD_BYTES)
        found = int.from_bytes(memory[start : start + _WORD_BYTES], "big")
        added = (found + delta) & _WORD_MASK
        memory[start : start + _WORD_BYTES] = added.to_bytes(_WORD_BYTES, "big")
        return found

    def close(self) -> None:
        for mapping in self.large.values():
            mapping.memory.close()
        self.large.clear()
        self._slabs.close()

    def _exchanged(self, ref: Ref, data: Buffer) -> bool:
        """A whole block need not be copied where `data` arrived in memory of the right size."""
        arrived = self._spares.arrived
        if arrived is None or data is not arrived.payload:
            return False
        return self._mapping(ref).exchange(arrived)

    def _to_change(self, ref: Ref, offset: int, size: int) -> tuple[mmap.mmap, int]:
        """The memory to change `size` bytes in, and where they start, all checks made."""
        check_range(self.size(ref), offset, size)
        if ref >= LARGE_REF and (mapping := self._mapping(ref)).readings:
            mapping.settle(offset, offset + size)
        return self._place(ref, offset, size)

    def _place(self, ref: Ref, offset: int, size: int) -> tuple[mmap.mmap, int]:
        """The memory where those bytes are, and where in it they start."""
        if ref < LARGE_REF:
            return self.arena, (ref >> SIZE_BITS) + offset
        return self._mapping(ref).place(offset, offset + size), offset

    def _mapping(self, ref: Ref) -> Mapping:
        mapping = self.large.get(ref)
        if mapping is None:
            raise NotFound("the block is gone")
        return mapping
