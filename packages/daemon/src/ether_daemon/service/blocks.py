"""Blocks by handle: whose they are, whether they may be made, and what is asked of the store.

Rule: a handle that is not in this principal's table is NotFound, whoever else
may have it.  Nothing here knows the wire, an event loop, or what memory is
made of.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from ether_daemon.stores.contract import Answer, Reading, Ref, Store
from ether_daemon.stores.future import Later, after
from ether_protocol.wire.bodies import BlockInfo
from ether_protocol.wire.constants import AllocFlag
from ether_protocol.wire.errors import InvalidRequest
from ether_protocol.wire.messages import Buffer

from .handle_table import HandleTable
from .quota import Ledger

_Blocks = list[tuple[int, int]]
_Change = Callable[[], Answer[int]]
_NS_PER_MS = 1_000_000


class Handles:
    """One principal's blocks.

    Every method takes handles, offsets and sizes as they came from the wire
    and raises NotFound, OutOfRange, NoMemory or InvalidRequest.
    """

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self.table = HandleTable()
        self._store = store
        self._ledger = ledger
        self._owners: dict[int, set[int]] = {}
        self._changing: dict[int, deque[tuple[_Change, Later[int]]]] = {}

    def alloc(self, size: int, owner: set[int] | None = None) -> Answer[int]:
        """A handle for `size` zeroed bytes; a SESSION block is noted in its `owner`'s set."""
        _check_size(size)
        self._ledger.charge(size)
        try:
            ref = self._store.allocate(size)
        except Exception:
            self._ledger.cancel(size)
            raise
        if isinstance(ref, Later):
            _if_it_fails(ref, lambda: self._ledger.cancel(size))
        return after(ref, lambda ref: self._add(ref, owner))

    def free(self, handle: int) -> Answer[int]:
        """Wipe the block; returns its handle."""
        return self._one_by_one(handle, lambda: self._free(handle))

    def realloc(self, handle: int, size: int) -> Answer[int]:
        """Resize the block; returns its new size."""
        _check_size(size)
        return self._one_by_one(handle, lambda: self._realloc(handle, size))

    def info(self, handle: int) -> BlockInfo:
        """Size, flags and time of creation."""
        size = self._store.size(self.table.ref(handle))
        flags = AllocFlag.SESSION if handle in self._owners else 0
        return BlockInfo(size, flags, self.table.created_ms(handle))

    def list(self, after: int, limit: int) -> _Blocks:
        """(handle, size) of at most `limit` blocks above the handle `after`."""
        return [(h, self._store.size(ref)) for h, ref in islice(self.table.items(after), limit)]

    def read(self, handle: int, offset: int, size: int) -> Answer[bytes | Reading]:
        """At most `size` bytes from `offset`."""
        return self._store.read(self.table.ref(handle), offset, size)

    def write(self, handle: int, offset: int, data: Buffer) -> Answer[None]:
        """Put `data` at `offset`."""
        return self._store.write(self.table.ref(handle), offset, data)

    def fill(self, handle: int, offset: int, size: int, byte: int) -> Answer[None]:
        """Set `size` bytes from `offset` to `byte`."""
        return self._store.fill(self.table.ref(handle), offset, size, byte)

    def copy(
        self, source: int, source_offset: int, target: int, offset: int, size: int
    ) -> Answer[None]:
        """Copy `size` bytes between two blocks of this principal, or within one."""
        target_ref = self.table.ref(target)
        return self._store.copy(self.table.ref(source), source_offset, target_ref, offset, size)

    def compare_swap(
        self, handle: int, offset: int, expected: bytes, desired: bytes
    ) -> Answer[bytes]:
        """Swap 8 bytes if `expected` stand there; what stood there."""
        return self._store.compare_swap(self.table.ref(handle), offset, expected, desired)

    def fetch_add(self, handle: int, offset: int, delta: int) -> Answer[int]:
        """Add to the u64 at `offset`; what stood there."""
        return self._store.fetch_add(self.table.ref(handle), offset, delta)

    def free_in_steps(self, handles: Iterable[int]) -> Iterator[None]:
        """Free those of `handles` that still live, a few at a time."""
        for count, handle in enumerate(handles):
            if self.table.has(handle):
                self.free(handle)
            if count % 64 == 63:
                yield

    def free_all(self) -> Iterator[None]:
        """Free every block, a few at a time."""
        return self.free_in_steps([handle for handle, _ in self.table.items()])

    def _add(self, ref: Ref, owner: set[int] | None) -> int:
        handle = self.table.add(ref, time.time_ns() // _NS_PER_MS)
        if owner is not None:
            owner.add(handle)
            self._owners[handle] = owner
        return handle

    def _free(self, handle: int) -> Answer[int]:
        ref = self.table.remove(handle)
        owner = self._owners.pop(handle, None)
        if owner is not None:
            owner.discard(handle)
        self._ledger.refund(self._store.size(ref))
        return after(self._store.release(ref), lambda _: handle)

    def _realloc(self, handle: int, size: int) -> Answer[int]:
        ref = self.table.ref(handle)
        old_size = self._store.size(ref)
        self._ledger.recharge(old_size, size)
        try:
            resized = self._store.resize(ref, size)
        except Exception:
            self._ledger.cancel_recharge(old_size, size)
            raise
        if isinstance(resized, Later):
            _if_it_fails(resized, lambda: self._ledger.cancel_recharge(old_size, size))
        return after(resized, lambda ref: self._replace(handle, ref, size))

    def _replace(self, handle: int, ref: Ref, size: int) -> int:
        self.table.replace(handle, ref)
        return size

    def _one_by_one(self, handle: int, change: _Change) -> Answer[int]:
        """Make `change` once those of the same block that came before it are made."""
        if handle in self._changing:
            made: Later[int] = Later()
            self._changing[handle].append((change, made))
            return made
        answer = change()
        if isinstance(answer, Later):
            self._changing[handle] = deque()
            answer.when_settled(lambda: self._go_on(handle))
        return answer

    def _go_on(self, handle: int) -> None:
        """A change is made: make those that waited for it, up to the next that comes later."""
        waiting = self._changing[handle]
        while waiting:
            change, made = waiting.popleft()
            try:
                answer = change()
            except Exception as error:
                made.fail(error)
                continue
            made.follow(answer)
            if isinstance(answer, Later) and not answer.settled:
                answer.when_settled(lambda: self._go_on(handle))
                return
        del self._changing[handle]


def _if_it_fails(answer: Later[Ref], undo: Callable[[], None]) -> None:
    def settled() -> None:
        try:
            answer.result()
        except Exception:
            undo()

    answer.when_settled(settled)


def _check_size(size: int) -> None:
    if not size:
        raise InvalidRequest("a block has at least 1 byte")
