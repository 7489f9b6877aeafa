"""From handles to refs: sixteen bytes a block, however many there are.

Rule: handles count 1, 2, 3 … and none is given out twice.  `pages` is public
because the fast path looks a handle up in it without a call.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import TypeAlias

from ether_daemon.stores.contract import Ref
from ether_protocol.wire.errors import NotFound

PAGE_BITS = 8
SLOT_MASK = (1 << PAGE_BITS) - 1

# A page holds two columns, refs and times of creation, and its count of live
# handles.  Once few handles of a page live on, a dict with the same keys takes
# the array's place: a lookup reads the same in both.
_CREATED = 1 << PAGE_BITS
_LIVE = 2 << PAGE_BITS
_EMPTY_PAGE = bytes(8 * (_LIVE + 1))
_SPARSE = 16

Page: TypeAlias = "array[int] | dict[int, int]"


class HandleTable:
    """One principal's handles."""

    def __init__(self) -> None:
        self.pages: dict[int, Page] = {}
        self._next = 1
        self._live = 0

    def __len__(self) -> int:
        return self._live

    def add(self, ref: Ref, created_ms: int) -> int:
        """A new handle for `ref`."""
        handle = self._next
        self._next += 1
        number, slot = handle >> PAGE_BITS, handle & SLOT_MASK
        page = self.pages.get(number)
        if page is None:
            page = self.pages[number] = array("Q", _EMPTY_PAGE)
        page[slot] = ref
        page[slot | _CREATED] = created_ms
        page[_LIVE] += 1
        self._live += 1
        return handle

    def ref(self, handle: int) -> Ref:
        """The ref under `handle`; raises NotFound."""
        try:
            ref = self.pages[handle >> PAGE_BITS][handle & SLOT_MASK]
        except KeyError:
            ref = 0
        if not ref:
            raise NotFound(f"no block has handle {handle}")
        return ref

    def has(self, handle: int) -> bool:
        """Whether `handle` lives."""
        page = self.pages.get(handle >> PAGE_BITS)
        if page is None:
            return False
        slot = handle & SLOT_MASK
        return bool(page.get(slot) if isinstance(page, dict) else page[slot])

    def created_ms(self, handle: int) -> int:
        """When `handle`, which lives, was given out, in ms since 1970 UTC."""
        return self.pages[handle >> PAGE_BITS][handle & SLOT_MASK | _CREATED]

    def replace(self, handle: int, ref: Ref) -> None:
        """Have `handle`, which lives, mean another ref."""
        self.pages[handle >> PAGE_BITS][handle & SLOT_MASK] = ref

    def remove(self, handle: int) -> Ref:
        """Forget `handle` and return what it meant; raises NotFound."""
        ref = self.ref(handle)
        number, slot = handle >> PAGE_BITS, handle & SLOT_MASK
        page = self.pages[number]
        page[slot] = page[slot | _CREATED] = 0
        page[_LIVE] -= 1
        self._live -= 1
        if number < self._next >> PAGE_BITS and page[_LIVE] <= _SPARSE:
            self._shrink(number, page)
        return ref

    def items(self, after: int = 0) -> Iterator[tuple[int, Ref]]:
        """(handle, ref) of every live handle above `after`, ascending."""
        first = (after + 1) >> PAGE_BITS
        # Pages are made in ascending order and a dict keeps it.
        for number, page in self.pages.items():
            if number < first:
                continue
            base = number << PAGE_BITS
            for slot in _slots(page):
                if page[slot] and base + slot > after:
                    yield base + slot, page[slot]

    def _shrink(self, number: int, page: Page) -> None:
        """Keep a full page's last handles small: dropped at none, rewritten at 16, 8, 4, 2, 1."""
        live = page[_LIVE]
        if not live:
            del self.pages[number]
        elif not live & (live - 1):
            kept = [slot for slot in _slots(page) if page[slot]]
            columns = [slot | column for column in (0, _CREATED) for slot in kept]
            self.pages[number] = {key: page[key] for key in [*columns, _LIVE]}


def _slots(page: Page) -> list[int] | range:
    if isinstance(page, dict):
        return sorted(key for key in page if key < _CREATED)
    return range(_CREATED)
