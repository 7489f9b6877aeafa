"""One principal's blocks by handle: whether they may be made, and what is asked of the store.

Rule: a handle that is not in this principal's table is NotFound, even if another
principal has it; ranges are checked here, once, before the store is asked; table,
quota and ownership change when the store has answered, and not before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice

from ether_daemon.stores.contract import (
    Defer,
    Identity,
    Ref,
    RoomToCome,
    Store,
    StoredBlock,
    StreamedRead,
    TakeablePayload,
)
from ether_daemon.stores.future import Answer, Future, T, after
from ether_protocol.wire.bodies import BlockInfo
from ether_protocol.wire.constants import AllocFlag
from ether_protocol.wire.errors import InvalidRequest, NoMemory, NotFound, OutOfRange
from ether_protocol.wire.messages import Buffer

from .block_queue import BlockQueues
from .handle_table import HandleTable
from .quota import Quota
from .server_account import ServerAccount

log = logging.getLogger("etherd")

_NS_PER_MS = 1_000_000
_WORD_BYTES = 8
_FREED_A_STEP = 64


class SessionBlocks:
    """The blocks that are freed when one connection ends."""

    __slots__ = ("_handles", "ended")

    def __init__(self) -> None:
        self._handles: set[int] | None = None  # most connections have none
        self.ended = False
        """The connection is gone: a block that is made for it now is freed at once."""

    @property
    def handles(self) -> set[int]:
        """Those that live."""
        return set(self._handles or ())

    def __bool__(self) -> bool:
        """Whether there are any; this takes no memory."""
        return bool(self._handles)

    def take(self) -> set[int]:
        """All of them, which are the caller's now; this takes no memory."""
        handles, self._handles = self._handles, None
        return handles or set()

    def add(self, handle: int) -> None:
        """A block was made for the connection."""
        if self._handles is None:
            self._handles = set()
        self._handles.add(handle)

    def discard(self, handle: int) -> None:
        """A block is gone, whoever freed it."""
        if self._handles is not None:
            self._handles.discard(handle)


class Blocks:
    """One principal's blocks.

    Every method takes handles, offsets and sizes as they came from the wire
    and raises NotFound, OutOfRange, NoMemory, QuotaExceeded or InvalidRequest,
    at once or by the answer that comes later.
    """

    def __init__(self, principal: str, store: Store, quota: Quota, defer: Defer) -> None:
        """`defer` is where long work is left, to be done step by step between requests."""
        whole = quota.whole
        self.table = HandleTable(whole) if isinstance(whole, ServerAccount) else HandleTable()
        self.quota = quota
        self._principal = principal
        self._store = store
        self._queues = BlockQueues(self.table, defer)
        self._under_way = self._queues.under_way
        self._owners: dict[int, SessionBlocks] = {}

    @property
    def under_way(self) -> int:
        """How many blocks have a request or a streamed read under way."""
        return len(self._under_way)

    # Blocks

    def alloc(
        self,
        size: int,
        owner: SessionBlocks | None = None,
        asker: SessionBlocks | None = None,
        *,
        retried: bool = False,
    ) -> Answer[int]:
        """A handle for `size` zeroed bytes; with an `owner` it is a SESSION block.

        It waits for memory that is on its way back, unless it is `retried`, until
        the connection of `asker` ends.
        """
        _check_size(size)
        try:
            self.quota.check_block(size)
            flags = AllocFlag.SESSION if owner is not None else 0
            handle = self.table.reserve()
            identity = Identity(self._principal, handle, flags, time.time_ns() // _NS_PER_MS)
            try:
                ref = self._store.allocate(size, identity)
            except BaseException:
                self.table.give_back(handle)
                raise
        except RoomToCome as error:
            if retried:
                raise
            start = partial(self._alloc_at_last, size, owner, asker)
            return self._wait_for_memory(1, size, start, error)
        if isinstance(ref, Future):
            self._hold(ref, 1, size)
            return ref.then(lambda ref: self._add(identity, ref, size, owner))
        return self._add(identity, ref, size, owner)

    def free(self, handle: int) -> Answer[int]:
        """Wipe the block; returns its handle."""
        if self._under_way and self._queues.must_wait(handle):
            return self._queues.wait((handle,), partial(self._free, handle), changes=True)
        return self._started_change(handle, self._free(handle))

    def realloc(self, handle: int, size: int) -> Answer[int]:
        """Resize the block; returns its new size."""
        _check_size(size)
        if self._under_way and self._queues.must_wait(handle):
            return self._queues.wait((handle,), partial(self._realloc, handle, size), changes=True)
        return self._started_change(handle, self._realloc(handle, size))

    def adopt(self, block: StoredBlock) -> None:
        """Take in a block that the store held when it opened, whatever the limits are.

        A SESSION block is freed at once: its connection ended with the process before.
        """
        identity, ref, size = block
        self.table.skip_to(identity.handle)
        self.table.put(identity.handle, ref, size, identity.flags, identity.created_ms)
        self.quota.add_block(size)
        if identity.flags & AllocFlag.SESSION:
            self._free_unasked(identity.handle)

    def end_session(self, owner: SessionBlocks) -> Iterator[None]:
        """The connection of `owner` has ended: free its blocks, a few at a time."""
        owner.ended = True
        return self._free_session(owner)

    def _free_session(self, owner: SessionBlocks) -> Iterator[None]:
        # There may be no memory for a copy of the set.
        handles, count = owner.take(), 0
        while handles:
            count += 1
            if self.table.has(handle := handles.pop()):
                self._free_unasked(handle)
            if count % _FREED_A_STEP == 0:
                yield

    def free_all(self) -> Iterator[None]:
        """Free every block, a few at a time."""
        return self.free_in_steps([handle for handle, _ in self.table.items()])

    def free_in_steps(self, handles: Iterable[int]) -> Iterator[None]:
        """Free those of `handles` that still live, a few at a time."""
        for count, handle in enumerate(handles, 1):
            if self.table.has(handle):
                self._free_unasked(handle)
            if count % _FREED_A_STEP == 0:
                yield

    # What is known of them

    def info(self, handle: int) -> Answer[BlockInfo]:
        """Size, flags and time of creation."""
        return self._in_turn(handle, self.table.info, handle)

    def list(self, after: int, limit: int) -> list[tuple[int, int]]:
        """(handle, size) of at most `limit` blocks above the handle `after`."""
        return [*islice(self.table.items(after), limit)]

    # Bytes

    def read(self, handle: int, offset: int, size: int) -> Answer[Buffer | StreamedRead]:
        """At most `size` bytes from `offset`; a view is lent until the next request.

        What is no view is the caller's, to be wiped where it is a bytearray.
        """
        if self._under_way and self._queues.must_wait(handle):
            return self._queues.wait((handle,), partial(self._read_copy, handle, offset, size))
        data = self._read(handle, offset, size)
        if isinstance(data, Future):
            self._queues.attend((handle,), data)
        return data

    def write(
        self, handle: int, offset: int, data: Buffer, payload: TakeablePayload | None = None
    ) -> Answer[None]:
        """Put `data` at `offset`; see `Store.write` for `payload`."""
        if self._under_way and self._queues.must_wait(handle):
            return self._wait_to_write(handle, offset, data)
        answer = self._write(handle, offset, data, payload)
        if isinstance(answer, Future):
            self._queues.attend((handle,), answer)
        return answer

    def fill(self, handle: int, offset: int, size: int, byte: int) -> Answer[None]:
        """Set `size` bytes from `offset` to `byte`."""
        return self._in_turn(handle, self._fill, handle, offset, size, byte)

    def copy(
        self, source: int, source_offset: int, target: int, offset: int, size: int
    ) -> Answer[None]:
        """Copy `size` bytes between two blocks of this principal, or within one."""
        handles = (source, target)
        start = partial(self._copy, source, source_offset, target, offset, size)
        if self._under_way and self._queues.must_wait(*handles):
            return self._queues.wait(handles, start)
        answer = start()
        if isinstance(answer, Future):
            self._queues.attend(handles, answer)
        return answer

    def compare_swap(
        self, handle: int, offset: int, expected: bytes, desired: bytes
    ) -> Answer[bytes]:
        """Swap 8 bytes if `expected` stand there; returns what stood there."""
        return self._in_turn(handle, self._compare_swap, handle, offset, expected, desired)

    def fetch_add(self, handle: int, offset: int, delta: int) -> Answer[int]:
        """Add to the u64 at `offset`; returns what stood there."""
        return self._in_turn(handle, self._fetch_add, handle, offset, delta)

    # Each of them, when its turn has come

    def _alloc_at_last(
        self, size: int, owner: SessionBlocks | None, asker: SessionBlocks | None
    ) -> Answer[int]:
        if asker is not None and asker.ended:
            raise NoMemory("the connection ended before there was memory")
        return self.alloc(size, owner, retried=True)

    def _free(self, handle: int) -> Answer[int]:
        released = self._store.release(self.table.ref(handle))
        if isinstance(released, Future):
            return released.then(lambda _: self._remove(handle))
        return self._remove(handle)

    def _realloc(self, handle: int, size: int) -> Answer[int]:
        try:
            return self._resize(handle, size)
        except RoomToCome as error:
            more = max(0, size - self.table.size(handle))
            return self._wait_for_memory(0, more, partial(self._resize, handle, size), error)

    def _resize(self, handle: int, size: int) -> Answer[int]:
        ref = self.table.ref(handle)
        more = size - self.table.size(handle)
        if more > 0:
            self.quota.check_growth(more, size)
        resized = self._store.resize(ref, size)
        if isinstance(resized, Future):
            self._hold(resized, 0, max(0, more))
        return after(resized, lambda ref: self._replace(handle, ref, size))

    def _read_copy(self, handle: int, offset: int, size: int) -> Answer[Buffer | StreamedRead]:
        """The same for one who looks at it later."""
        data = self._read(handle, offset, size)
        return bytearray(data) if isinstance(data, memoryview) else data

    def _read(self, handle: int, offset: int, size: int) -> Answer[Buffer | StreamedRead]:
        ref, block_size = self.table.locate(handle)
        if offset > block_size:
            raise OutOfRange(f"offset {offset} is past the end of {block_size} bytes")
        data = self._store.read(ref, offset, min(size, block_size - offset))
        if isinstance(data, Future):
            return data.then(lambda data: self._attend(handle, data))
        return self._attend(handle, data)

    def _write(
        self, handle: int, offset: int, data: Buffer, payload: TakeablePayload | None
    ) -> Answer[None]:
        ref = self._ref_of_range(handle, offset, len(data))
        return self._store.write(ref, offset, data, payload)

    def _fill(self, handle: int, offset: int, size: int, byte: int) -> Answer[None]:
        return self._store.fill(self._ref_of_range(handle, offset, size), offset, size, byte)

    def _copy(
        self, source: int, source_offset: int, target: int, offset: int, size: int
    ) -> Answer[None]:
        self.table.ref(target)  # a block that is not there is told before a range that is not
        source_ref = self._ref_of_range(source, source_offset, size)
        target_ref = self._ref_of_range(target, offset, size)
        return self._store.copy(source_ref, source_offset, target_ref, offset, size)

    def _compare_swap(
        self, handle: int, offset: int, expected: bytes, desired: bytes
    ) -> Answer[bytes]:
        ref = self._ref_of_range(handle, offset, _WORD_BYTES)
        return self._store.compare_swap(ref, offset, expected, desired)

    def _fetch_add(self, handle: int, offset: int, delta: int) -> Answer[int]:
        return self._store.fetch_add(self._ref_of_range(handle, offset, _WORD_BYTES), offset, delta)

    def _wait_to_write(self, handle: int, offset: int, data: Buffer) -> Future[None]:
        """Keep `data`, which is only lent, until its turn has come; it is charged until then."""
        size = len(data)
        self.quota.check_growth(size, size)
        self.quota.hold(0, size)
        kept = bytearray(data)

        def start() -> Answer[None]:
            self.quota.let_go(0, size)
            try:
                return self._write(handle, offset, kept, None)
            finally:
                kept[:] = bytes(size)  # which the store was only lent

        return self._queues.wait((handle,), start)

    def _ref_of_range(self, handle: int, offset: int, size: int) -> Ref:
        """The block's ref; raises NotFound, or OutOfRange where the range is not inside it."""
        ref, block_size = self.table.locate(handle)
        # Subtracting can't wrap around, not even in a twin of this written in C.
        if offset > block_size or size > block_size - offset:
            raise OutOfRange(f"{size} bytes at offset {offset} are not inside {block_size} bytes")
        return ref

    # What an answer changes

    def _add(self, identity: Identity, ref: Ref, size: int, owner: SessionBlocks | None) -> int:
        handle = identity.handle
        try:
            self.table.put(handle, ref, size, identity.flags, identity.created_ms)
            if self._under_way:
                self._queues.made(handle)
            if owner is not None:
                owner.add(handle)
                self._owners[handle] = owner
            self.quota.add_block(size)
        except BaseException:
            self._undo(handle, ref)
            raise
        if owner is not None and owner.ended:
            self._free_unasked(handle)
        return handle

    def _undo(self, handle: int, ref: Ref) -> None:
        """There was no memory for what is noted of a block: it was never made."""
        if self.table.has(handle):
            self.table.remove(handle)
        self._disown(handle)
        self.table.give_back(handle)
        self._store.release(ref)

    def _remove(self, handle: int) -> int:
        self.quota.remove_block(self.table.size(handle))
        self.table.remove(handle)
        if self._owners:
            self._disown(handle)
        return handle

    def _disown(self, handle: int) -> None:
        owner = self._owners.pop(handle, None)
        if owner is not None:
            owner.discard(handle)

    def _replace(self, handle: int, ref: Ref, size: int) -> int:
        self.quota.resize_block(self.table.size(handle), size)
        self.table.replace(handle, ref, size)
        return size

    def _attend(self, handle: int, data: Buffer | StreamedRead) -> Buffer | StreamedRead:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            try:
                self._queues.stream(handle, data)
            except BaseException:
                data.cancel()
                raise
        return data

    def _wait_for_memory(
        self, blocks: int, more: int, start: Callable[[], Answer[int]], error: RoomToCome
    ) -> Future[int]:
        """Have `start` called, which raised `error`, when memory is back; it holds room till then.

        Raises NoMemory where too many wait.
        """
        account = self.quota.whole
        if not isinstance(account, ServerAccount):
            raise error
        return account.wait(self.quota, blocks, more, start)

    def _hold(self, answer: Future[Ref], blocks: int, more: int) -> None:
        """Keep room for what was checked until the store has answered."""
        self.quota.hold(blocks, more)
        answer.add_done_callback(lambda: self.quota.let_go(blocks, more))

    def _free_unasked(self, handle: int) -> None:
        """Free a block for nobody who could be told that it failed."""
        try:
            answer = self.free(handle)
        except Exception:
            log.exception("Block %d could not be freed", handle)
            return
        if isinstance(answer, Future):
            answer.add_done_callback(lambda: _log_failure(handle, answer))

    # The order of requests

    def _in_turn(self, handle: int, start: Callable[..., Answer[T]], *values: object) -> Answer[T]:
        """Call `start` now, or when the requests before it are answered that it has to wait for."""
        if self._under_way and self._queues.must_wait(handle):
            return self._queues.wait((handle,), partial(start, *values))
        answer = start(*values)
        if isinstance(answer, Future):
            self._queues.attend((handle,), answer)
        return answer

    def _started_change(self, handle: int, answer: Answer[int]) -> Answer[int]:
        """A FREE or a REALLOC was passed on: the next requests have to wait for its answer."""
        if isinstance(answer, Future):
            self._queues.attend((handle,), answer, changes=True)
        return answer


def _log_failure(handle: int, answer: Future[int]) -> None:
    try:
        answer.result()
    except NotFound:
        pass  # a FREE that was under way has freed it
    except Exception:
        log.exception("Block %d could not be freed", handle)


def _check_size(size: int) -> None:
    if not size:
        raise InvalidRequest("a block has at least 1 byte")
