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

from ether_daemon.stores.contract import UNLIMITED, MemoryAccount
from ether_protocol.wire.errors import NoMemory

from .wiping import reserve, wipe

SLAB_BYTES = 1024 * 1024
MAX_SMALL_BYTES = 256 * 1024
"""The largest block that lives in a slab."""

SIZE_BITS = 20
SIZE_MASK = (1 << SIZE_BITS) - 1

_GRAIN_BYTES = 16
_PAGE_ALIGNED_BYTES = 16 * 1024
_SLOT_OVERHEAD_BYTES = array("H").itemsize
"""What a slot takes in its slab's list of free ones."""

_MOST_READY_BYTES = 64 * 1024
"""Most that is charged at once for slots that no block has yet."""

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


class Slab:
    """A mebibyte of slots of one kind, of which the first `ready` are charged."""

    __slots__ = (
        "base",
        "capacity",
        "charged",
        "free",
        "fresh",
        "kind",
        "live",
        "mark",
        "ready",
        "slot_bytes",
    )

    def __init__(self, base: int, kind: int) -> None:
        self.base = base
        self.kind = kind
        self.slot_bytes = SLOT_BYTES[kind]
        self.capacity = SLAB_BYTES // self.slot_bytes
        self.charged = 0
        """Bytes of the account."""
        self.ready = 0
        self.live = 0
        """How many slots have a block."""
        self.mark = 0
        """A number of live slots that is to be noticed: half of all, or none."""
        self.fresh = 0
        """Slots from here on were never used."""
        self.free = array("H")
        """Slots below `fresh` that have none."""

    @property
    def number(self) -> int:
        """Which slab of the arena it is."""
        return self.base // SLAB_BYTES

    @property
    def slot_cost(self) -> int:
        """What a slot is charged."""
        return self.slot_bytes + _SLOT_OVERHEAD_BYTES

    @property
    def has_room(self) -> bool:
        """Whether a charged slot is free."""
        return bool(self.free) or self.fresh < self.ready


_NO_SLAB = Slab(0, 0)  # which never has room


class Slabs:
    """Blocks of up to MAX_SMALL_BYTES, of `capacity_bytes` together, in one arena."""

    def __init__(self, capacity_bytes: int, account: MemoryAccount = UNLIMITED) -> None:
        self.arena = _reserve_arena(capacity_bytes)
        self.view = memoryview(self.arena)
        self.slabs: list[Slab | None] = []
        """By number; None where no kind has the place."""
        self.closing: set[int] = set()
        """The numbers of slabs in which no block is put, since they are being emptied."""
        self._account = account
        self._vacant: list[int] = []
        self._sparse: dict[int, Slab] = {}  # some that are more than half full, too
        self._current = [_NO_SLAB] * len(SLOT_BYTES)
        self._partial: list[dict[int, Slab]] = [{} for _ in SLOT_BYTES]
        self._growing: list[dict[int, Slab]] = [{} for _ in SLOT_BYTES]

    def allocate(self, size: int) -> int:
        """The place of a zeroed block of `size` bytes; raises NoMemory or RoomToCome."""
        kind = _KIND_OF_GRAINS[(size + _GRAIN_BYTES - 1) // _GRAIN_BYTES]
        slab = self._current[kind]
        if slab.free:
            slot = slab.free.pop()
        else:
            if slab.fresh == slab.ready:
                slab = self._with_room(kind)
                if slab.free:
                    slab.live += 1
                    return (slab.base + slab.free.pop() * slab.slot_bytes) << SIZE_BITS | size
            slot = slab.fresh
            slab.fresh = slot + 1
        slab.live += 1
        return (slab.base + slot * slab.slot_bytes) << SIZE_BITS | size

    def release(self, place: int) -> None:
        """Wipe the block at `place` and take its slot back."""
        start = place >> SIZE_BITS
        number = start // SLAB_BYTES
        slab = self.slabs[number]
        if slab is None:
            raise ValueError(f"no block is at {place:#x}")
        free = slab.free
        if not free and slab.fresh == slab.ready:
            self._partial[slab.kind][number] = slab
        free.append((start - slab.base) // slab.slot_bytes)
        try:
            wipe(self.arena, start, start + (place & SIZE_MASK))
        except BaseException:
            free.pop()
            raise
        slab.live -= 1
        if slab.live == slab.mark:
            self._at_mark(slab)

    def sparse(self) -> list[Slab]:
        """The slabs that are half full at most."""
        for slab in [*self._sparse.values()]:
            half = slab.capacity // 2
            if slab.live > half:
                del self._sparse[slab.number]
                slab.mark = half
        return [*self._sparse.values()]

    def close_slab(self, slab: Slab) -> None:
        """Put no more blocks into `slab`; its place is anybody's once it is empty."""
        self.closing.add(slab.number)
        self._partial[slab.kind].pop(slab.number, None)
        self._growing[slab.kind].pop(slab.number, None)
        if self._current[slab.kind] is slab:
            self._current[slab.kind] = _NO_SLAB
        if not slab.live:
            self._vacate(slab.number, slab)

    def reopen_slab(self, slab: Slab) -> None:
        """Put blocks into `slab` again, if it is still there."""
        self.closing.discard(slab.number)
        if self.slabs[slab.number] is slab:
            self._partial[slab.kind][slab.number] = slab
            if slab.ready < slab.capacity:
                self._growing[slab.kind][slab.number] = slab

    def withhold(self, slab: Slab, kept: int) -> list[int]:
        """Give blocks only the first `kept` slots of `slab` now; returns the other free ones."""
        others = [slot for slot in slab.free if slot >= kept]
        slab.free = array("H", [slot for slot in slab.free if slot < kept])
        slab.ready = max(slab.fresh, kept)
        self._growing[slab.kind].pop(slab.number, None)
        return others

    def cut(self, slab: Slab, kept: int, withheld: list[int]) -> None:
        """Take `withheld` back, and give back what lies behind the first `kept` slots, if free."""
        if self.slabs[slab.number] is not slab:
            return
        cost, step = slab.slot_cost, slab.slot_bytes
        slab.free.extend(withheld)
        slab.ready = slab.charged // cost
        self._partial[slab.kind][slab.number] = slab
        self._growing[slab.kind][slab.number] = slab
        low = array("H", [slot for slot in slab.free if slot < kept])
        fresh = min(slab.fresh, kept)
        if fresh - len(low) != slab.live:
            return  # a block lies behind
        wipe(self.arena, slab.base + fresh * step, slab.base + slab.fresh * step)
        slab.free, slab.fresh, slab.ready = low, fresh, kept
        given_back = slab.charged - kept * cost
        slab.charged -= given_back
        self._account.refund(given_back)

    def close(self) -> None:
        """Give the whole arena back; the kernel wipes it."""
        self.view.release()
        self.arena.close()

    def _with_room(self, kind: int) -> Slab:
        """Make a slab with room the current one: one with free slots, or with more, or new."""
        partial, growing = self._partial[kind], self._growing[kind]
        while partial:
            number, slab = partial.popitem()
            if slab.has_room and number not in self.closing:
                self._current[kind] = slab
                return slab
        while growing:
            number, slab = next(iter(growing.items()))
            if self.slabs[number] is slab and slab.ready < slab.capacity:
                self._get_ready(slab)
                self._current[kind] = slab
                return slab
            del growing[number]
        slab = self._new_slab(kind)
        self._current[kind] = slab
        return slab

    def _new_slab(self, kind: int) -> Slab:
        number = self._vacant[-1] if self._vacant else len(self.slabs)
        if (number + 1) * SLAB_BYTES > len(self.arena):
            raise NoMemory("the room for small blocks is used up")
        slab = Slab(number * SLAB_BYTES, kind)
        self._get_ready(slab)
        try:
            self._sparse[number] = self._growing[kind][number] = slab
            if number == len(self.slabs):
                self.slabs.append(slab)
            else:
                self.slabs[number] = slab
                self._vacant.pop()
        except BaseException:
            self._sparse.pop(number, None)
            self._growing[kind].pop(number, None)
            self._account.refund(slab.charged)
            raise
        return slab

    def _get_ready(self, slab: Slab) -> None:
        """Charge more slots: as many as there are, a step at most, one at least."""
        cost = slab.slot_cost
        more = min(max(1, slab.ready), max(1, _MOST_READY_BYTES // cost))
        more = min(more, slab.capacity - slab.ready, max(1, self._account.room // cost))
        self._account.charge(more * cost)
        slab.charged += more * cost
        slab.ready += more

    def _at_mark(self, slab: Slab) -> None:
        """So many slots are live that it matters."""
        if slab.mark:
            slab.mark = 0
            self._sparse[slab.number] = slab
        elif slab is not self._current[slab.kind]:
            self._vacate(slab.number, slab)

    def _vacate(self, number: int, slab: Slab) -> None:
        """Give an empty slab's pages back and let any kind of slot have its place."""
        self._vacant.append(number)
        self._partial[slab.kind].pop(number, None)
        self._growing[slab.kind].pop(number, None)
        self._sparse.pop(number, None)
        self.closing.discard(number)
        self.slabs[number] = None
        wipe(self.arena, slab.base, slab.base + SLAB_BYTES)
        self._account.refund(slab.charged)


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
