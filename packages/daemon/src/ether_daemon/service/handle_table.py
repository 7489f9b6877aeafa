"""From handles to blocks: a row of three numbers for each, however many there are.

Rule: handles count 1, 2, 3 … and none is given out twice.  `pages` is public
because the fast path looks a handle up in it without a call.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TypeAlias

from ether_daemon.stores.contract import MAX_REF, UNLIMITED, MemoryAccount, Ref, Work
from ether_protocol.wire.bodies import BlockInfo
from ether_protocol.wire.errors import NoMemory, NotFound

PAGE_BITS = 8
SLOT_MASK = (1 << PAGE_BITS) - 1

ATTENDED = 1 << 63
"""Set in a row's ref while more than plain bytes is at stake for its block.

A request that waits or is not answered yet, or a streamed read under way: the
fast path leaves such a block to the slow path.  No store's ref is so large, so
that a look-up which does not know of the bit finds nothing.
"""

# A page holds three columns (refs; sizes; times of creation with the flags above
# them), its count of live handles and what it is charged.  Once few handles of a
# page live on, a dict with the same keys takes the array's place: a look-up reads the same in both.
_SIZE = 1 << PAGE_BITS
_CREATED = 2 << PAGE_BITS
_LIVE = 3 << PAGE_BITS
_COST = _LIVE + 1
_EMPTY_PAGE = bytes(8 * (_COST + 1))
_PAGE_COST = 6_400
_ROW_COST = 320  # of a page that is a dict; a row of the smallest takes 260 bytes, measured
_SPARSE = 16
_STEP_COST = 1024 * 1024  # in bytes moved, which are as dear as
_LOOKED_AT_COST = 16 * 1024  # a page looked at, or
_MOVED_COST = 4 * 1024  # a block moved
_FLAGS_SHIFT = 48
_CREATED_MASK = (1 << _FLAGS_SHIFT) - 1

Page: TypeAlias = "array[int] | dict[int, int]"


class HandleTable:
    """One principal's handles."""

    def __init__(self, account: MemoryAccount = UNLIMITED) -> None:
        """`account` is charged for every page but the first."""
        self.pages: dict[int, Page] = {}
        self._account = account
        self._next = 1
        self._live = 0
        self._last_page = -1

    def __len__(self) -> int:
        return self._live

    def reserve(self) -> int:
        """The next handle; it is nobody's until `put`.  Raises NoMemory or RoomToCome.

        There is a page for it then, unless all others in that are gone before the `put`.
        """
        handle = self._next
        if handle >> PAGE_BITS > self._last_page:
            self._new_page(handle >> PAGE_BITS, self._account.charge)
        self._next = handle + 1
        return handle

    def give_back(self, handle: int) -> None:
        """`handle` was not given to anybody after all; if it was the last, it is the next."""
        if handle == self._next - 1:
            self._next = handle

    def skip_to(self, last: int) -> None:
        """Never give out a handle up to `last` again."""
        self._next = max(self._next, last + 1)

    def put(self, handle: int, ref: Ref, size: int, flags: int, created_ms: int) -> None:
        """Have `handle`, which was reserved, mean a block from now on."""
        page = self.pages.get(handle >> PAGE_BITS) or self._new_page(
            handle >> PAGE_BITS, self._account.hold_for_now
        )
        slot = handle & SLOT_MASK
        if created_ms != created_ms & _CREATED_MASK:
            created_ms = 0  # before 1970, or after all clocks
        page[slot | _SIZE] = size
        page[slot | _CREATED] = flags << _FLAGS_SHIFT | created_ms
        page[slot] = ref
        page[_LIVE] += 1
        self._live += 1

    def ref(self, handle: int) -> Ref:
        """The ref under `handle`; raises NotFound."""
        try:
            ref = self.pages[handle >> PAGE_BITS][handle & SLOT_MASK]
        except KeyError:
            ref = 0
        if not ref:
            raise NotFound(f"no block has handle {handle}")
        return ref & MAX_REF

    def locate(self, handle: int) -> tuple[Ref, int]:
        """Ref and size of the block under `handle`; raises NotFound."""
        try:
            page, slot = self.pages[handle >> PAGE_BITS], handle & SLOT_MASK
            ref, size = page[slot], page[slot | _SIZE]
        except KeyError:
            ref = size = 0
        if not ref:
            raise NotFound(f"no block has handle {handle}")
        return ref & MAX_REF, size

    def has(self, handle: int) -> bool:
        """Whether `handle` lives."""
        page = self.pages.get(handle >> PAGE_BITS)
        if page is None:
            return False
        slot = handle & SLOT_MASK
        return bool(page.get(slot) if isinstance(page, dict) else page[slot])

    def size(self, handle: int) -> int:
        """The size of the block under `handle`, which lives."""
        return self.pages[handle >> PAGE_BITS][handle & SLOT_MASK | _SIZE]

    def info(self, handle: int) -> BlockInfo:
        """Size, flags and time of creation of the block under `handle`; raises NotFound."""
        _, size = self.locate(handle)
        created = self.pages[handle >> PAGE_BITS][handle & SLOT_MASK | _CREATED]
        return BlockInfo(size, created >> _FLAGS_SHIFT, created & _CREATED_MASK)

    def replace(self, handle: int, ref: Ref, size: int) -> None:
        """Have `handle`, which lives, mean another ref and size."""
        page, slot = self.pages[handle >> PAGE_BITS], handle & SLOT_MASK
        page[slot] = page[slot] & ATTENDED | ref
        page[slot | _SIZE] = size

    def attended(self, handle: int) -> bool:
        """Whether `handle`, which lives, has its ATTENDED bit set."""
        return bool(self.pages[handle >> PAGE_BITS][handle & SLOT_MASK] & ATTENDED)

    def attend(self, handle: int) -> None:
        """Set the ATTENDED bit of `handle`, which lives."""
        self.pages[handle >> PAGE_BITS][handle & SLOT_MASK] |= ATTENDED

    def unattend(self, handle: int) -> None:
        """Clear the ATTENDED bit of `handle`, if it lives."""
        if self.has(handle):
            self.pages[handle >> PAGE_BITS][handle & SLOT_MASK] &= MAX_REF

    def remove(self, handle: int) -> None:
        """Forget `handle`, which lives."""
        number, slot = handle >> PAGE_BITS, handle & SLOT_MASK
        page = self.pages[number]
        page[slot] = page[slot | _SIZE] = page[slot | _CREATED] = 0
        page[_LIVE] -= 1
        self._live -= 1
        if number < self._next >> PAGE_BITS and page[_LIVE] <= _SPARSE:
            with suppress(MemoryError):  # then it stays as large as it is
                self._shrink(number, page)

    def items(self, after: int = 0) -> Iterator[tuple[int, int]]:
        """(handle, size) of every live handle above `after`, ascending."""
        first = (after + 1) >> PAGE_BITS
        for number, page in self.pages.items():
            if number < first:
                continue
            base = number << PAGE_BITS
            for slot in _slots(page):
                if page[slot] and base + slot > after:
                    yield base + slot, page[slot | _SIZE]

    def relocate(
        self, choose: Callable[[Sequence[Ref]], list[int]], move: Callable[[Ref], Ref]
    ) -> Work:
        """Have blocks moved (see `RefColumns`); a step moves a megabyte at most, or looks at pages.

        What comes between the steps may change any row.
        """
        work = 0
        for number in [*self.pages]:
            work += _LOOKED_AT_COST
            page = self.pages.get(number)
            if page is None:
                continue
            slots = _slots(page)
            refs = page[:_SIZE] if isinstance(page, array) else [page[slot] for slot in slots]
            for position in choose(refs):
                ref, slot = refs[position], slots[position]
                page = self.pages.get(number)
                if page is None:
                    break
                if (page.get(slot) if isinstance(page, dict) else page[slot]) != ref:
                    continue
                try:
                    page[slot] = move(ref)
                except (NoMemory, MemoryError):
                    continue
                work += _MOVED_COST + page[slot | _SIZE]
                if work > _STEP_COST:
                    work = 0
                    yield
            if work > _STEP_COST:
                work = 0
                yield

    def _new_page(self, number: int, charge: Callable[[int], None]) -> Page:
        page: Page = array("Q", _EMPTY_PAGE)
        if number:
            charge(_PAGE_COST)
            page[_COST] = _PAGE_COST
        self.pages[number] = page
        if number < self._last_page:
            # A block that was answered late: a dict keeps the order in which pages came.
            in_order = sorted(self.pages.items())
            self.pages.clear()
            self.pages.update(in_order)
        self._last_page = max(self._last_page, number)
        return page

    def _shrink(self, number: int, page: Page) -> None:
        """Keep a full page's last handles small: dropped at none, rewritten at 16, 8, 4, 2, 1."""
        live, cost = page[_LIVE], page[_COST]
        if not live:
            del self.pages[number]
            self._account.refund(cost)
        elif not live & (live - 1):
            kept = [slot for slot in _slots(page) if page[slot]]
            columns = [slot | column for column in (0, _SIZE, _CREATED) for slot in kept]
            small = {key: page[key] for key in [*columns, _LIVE]}
            small[_COST] = min(cost, live * _ROW_COST)
            self.pages[number] = small
            self._account.refund(cost - small[_COST])


def _slots(page: Page) -> list[int] | range:
    if isinstance(page, dict):
        return sorted(key for key in page if key < _SIZE)
    return range(_SIZE)
