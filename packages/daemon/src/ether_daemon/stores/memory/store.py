"""The store that keeps blocks in this process's memory and answers at once.

Rule: small blocks live in slabs, large ones in mappings of their own, and no
caller can tell them apart.  A growing block whose old tail is still being wiped
is the one thing that is answered later.
"""

from __future__ import annotations

import mmap

from ether_daemon.stores.contract import (
    UNLIMITED,
    Defer,
    Identity,
    MemoryAccount,
    Ref,
    RefColumns,
    StoreContents,
    StreamedRead,
    TakeablePayload,
)
from ether_daemon.stores.future import Answer, after
from ether_protocol.wire.messages import Buffer

from .compaction import Compaction
from .large_blocks import LargeBlock
from .slabs import MAX_SMALL_BYTES, SIZE_BITS, SIZE_MASK, Slabs
from .streamed_reads import MemoryRead

LARGE_REF = 1 << 62
"""A ref below this is a place in the slabs; one above it numbers a large block."""

MAX_PIECE_BYTES = 256 * 1024
"""A longer range of a large block is read out piece by piece."""

_FILL_BYTES = 64 * 1024
_WORD_BYTES = 8
_WORD_MASK = (1 << 64) - 1


class MemoryStore:
    """Blocks in memory; see `contract.Store` for what each method promises.

    `capacity_bytes` is the most that blocks may take together; work in steps
    is left with `defer`, and what is held is charged to `account`.
    """

    outlives_process = False

    def __init__(
        self, capacity_bytes: int, defer: Defer, account: MemoryAccount = UNLIMITED
    ) -> None:
        self._account = account
        self._slabs = Slabs(capacity_bytes, self._account)
        self._compaction = Compaction(self._slabs, self._account, defer)
        self._next_large = LARGE_REF
        self._defer = defer
        self.large: dict[Ref, LargeBlock] = {}
        """The large blocks; public, as `arena` is, for the fast path."""
        self.arena = self._slabs.arena
        """The memory of small blocks, in which the fast path finds its way by refs."""
        self.arena_view = self._slabs.view

    def watch(self, refs: RefColumns) -> None:
        """Know where refs are kept, to move blocks together when memory is short."""
        self._compaction.watched.append(refs)

    def reclaim(self, lacking: int) -> None:
        """Begin to move small blocks together, if that may free so many bytes."""
        self._compaction.begin(lacking)

    def open(self) -> StoreContents:
        return StoreContents()

    def allocate(self, size: int, identity: Identity) -> Ref:  # noqa: ARG002 - of the contract
        return self._allocate(size)

    def release(self, ref: Ref) -> None:
        if ref < LARGE_REF:
            self._slabs.release(ref)
        else:
            self.large[ref].release(self._defer)
            del self.large[ref]

    def resize(self, ref: Ref, size: int) -> Answer[Ref]:
        if ref >= LARGE_REF and size > MAX_SMALL_BYTES:
            return after(self.large[ref].resize(size, self._defer), lambda _: ref)
        made = self._allocate(size)
        try:
            self.copy(ref, 0, made, 0, min(size, self._size(ref)))
            self.release(ref)
        except BaseException:
            self.release(made)
            raise
        return made

    def read(self, ref: Ref, offset: int, size: int) -> memoryview | bytearray | StreamedRead:
        if ref < LARGE_REF:
            start = (ref >> SIZE_BITS) + offset
            return self.arena_view[start : start + size]
        block = self.large[ref]
        if size > MAX_PIECE_BYTES:
            return MemoryRead(block, offset, offset + size)
        # No view: nothing may stand in the way of what resizes or unmaps it.
        with memoryview(block.memory) as view, view[offset : offset + size] as span:
            return bytearray(span)

    def write(
        self, ref: Ref, offset: int, data: Buffer, payload: TakeablePayload | None = None
    ) -> None:
        if payload is not None and ref >= LARGE_REF and self.large[ref].exchange(payload):
            return
        size = len(data)
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
        memory, start = self._to_change(target, offset, size)
        source_memory, source_start = self._place(source, source_offset)
        if memory is source_memory:
            memory.move(start, source_start, size)
            return
        with memoryview(source_memory) as view, view[source_start : source_start + size] as span:
            memory[start : start + size] = span

    def compare_swap(self, ref: Ref, offset: int, expected: bytes, desired: bytes) -> bytes:
        memory, start = self._place(ref, offset)
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
        for block in self.large.values():
            block.memory.close()
        self.large.clear()
        self._slabs.close()

    def _allocate(self, size: int) -> Ref:
        if size <= MAX_SMALL_BYTES:
            return self._slabs.allocate(size)
        ref = self._next_large + 1
        self.large[ref] = LargeBlock(size, self._account)
        self._next_large = ref
        return ref

    def _size(self, ref: Ref) -> int:
        return ref & SIZE_MASK if ref < LARGE_REF else self.large[ref].size

    def _to_change(self, ref: Ref, offset: int, size: int) -> tuple[mmap.mmap, int]:
        """The memory to change `size` bytes in, and where they start; reads keep what was there."""
        if ref >= LARGE_REF and (block := self.large[ref]).streamed_reads:
            block.preserve(offset, offset + size)
        return self._place(ref, offset)

    def _place(self, ref: Ref, offset: int) -> tuple[mmap.mmap, int]:
        """The memory where the block is, and where in it `offset` is."""
        if ref < LARGE_REF:
            return self.arena, (ref >> SIZE_BITS) + offset
        return self.large[ref].memory, offset
