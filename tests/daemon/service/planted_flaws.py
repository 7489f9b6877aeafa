"""Flaws that `service.blocks` had or could have, to be put back while a model looks.

Rule: each is a method in place of another, and breaks one rule.  They are made of
private parts, since nothing public lets anybody break a rule.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ether_daemon.service.blocks import Blocks, SessionBlocks
from ether_daemon.service.handle_table import HandleTable
from ether_daemon.stores.contract import Identity, Ref, StoredBlock, StreamedRead, TakeablePayload
from ether_daemon.stores.future import Answer, Future, T, after
from ether_protocol.wire.bodies import BlockInfo
from ether_protocol.wire.messages import Buffer


def attended(blocks: Blocks, handles: tuple[int, ...], answer: Answer[T]) -> Answer[T]:
    """What a request that is passed to the store is followed by."""
    if isinstance(answer, Future):
        blocks._queues.attend(handles, answer)
    return answer


def write_overtakes(
    self: Blocks, handle: int, offset: int, data: Buffer, payload: TakeablePayload | None = None
) -> Answer[None]:
    """A WRITE behind a REALLOC does not wait for it."""
    return attended(self, (handle,), self._write(handle, offset, data, payload))


def free_forgets_first(self: Blocks, handle: int) -> Answer[int]:
    """A FREE forgets the handle and gives its bytes back before the store has answered."""
    ref = self.table.ref(handle)
    self._remove(handle)
    return after(self._store.release(ref), lambda _: handle)


def realloc_accounts_first(self: Blocks, handle: int, size: int) -> Answer[int]:
    """A REALLOC accounts for the new size before the store has answered."""
    ref, old_size = self.table.ref(handle), self.table.size(handle)
    if size > old_size:
        self.quota.check_growth(size - old_size, size)
    self.quota.resize_block(old_size, size)

    def replace(ref: Ref) -> int:
        self.table.replace(handle, ref, size)
        return size

    return after(self._store.resize(ref, size), replace)


def realloc_resizes_first(self: Blocks, handle: int, size: int) -> Answer[int]:
    """A REALLOC has the table say the new size before the store has answered."""
    ref, old_size = self.table.ref(handle), self.table.size(handle)
    if size > old_size:
        self.quota.check_growth(size - old_size, size)
    answer = self._store.resize(ref, size)
    self._replace(handle, ref, size)

    def replace(ref: Ref) -> int:
        self.table.replace(handle, ref, size)
        return size

    return after(answer, replace)


def no_room_is_held(self: Blocks, answer: Future[Ref], blocks: int, more: int) -> None:
    """What is under way is not held against the limits."""


def session_blocks_of_the_ended_are_kept(
    self: Blocks, identity: Identity, ref: Ref, size: int, owner: SessionBlocks | None
) -> int:
    """A SESSION block is kept whose ALLOC is answered after its connection has ended."""
    self.table.put(identity.handle, ref, size, identity.flags, identity.created_ms)
    self._queues.made(identity.handle)
    self.quota.add_block(size)
    if owner is not None:
        owner.add(identity.handle)
        self._owners[identity.handle] = owner
    return identity.handle


def copy_in_the_order_of_its_source(
    self: Blocks, source: int, source_offset: int, target: int, offset: int, size: int
) -> Answer[None]:
    """A COPY waits for what came before it about one of its blocks only."""
    start = partial(self._copy, source, source_offset, target, offset, size)
    if self._queues.must_wait(source):
        return self._queues.wait((source,), start)
    return attended(self, (source, target), start())


def copy_in_the_order_of_its_target(
    self: Blocks, source: int, source_offset: int, target: int, offset: int, size: int
) -> Answer[None]:
    """The same with the other of its blocks."""
    start = partial(self._copy, source, source_offset, target, offset, size)
    if self._queues.must_wait(target):
        return self._queues.wait((target,), start)
    return attended(self, (source, target), start())


def info_overtakes(self: Blocks, handle: int) -> Answer[BlockInfo]:
    """An INFO does not wait for a FREE or a REALLOC."""
    return self.table.info(handle)


def read_overtakes(
    self: Blocks, handle: int, offset: int, size: int
) -> Answer[Buffer | StreamedRead]:
    """A READ does not wait for a FREE or a REALLOC."""
    return attended(self, (handle,), self._read(handle, offset, size))


def nothing_is_attended(self: HandleTable, handle: int) -> None:
    """The fast path may overtake everything."""


def streams_are_not_attended(
    self: Blocks, handle: int, data: Buffer | StreamedRead
) -> Buffer | StreamedRead:
    """The fast path may write under a streamed read."""
    return data


def adopted_session_blocks_are_kept(self: Blocks, block: StoredBlock) -> None:
    """A SESSION block outlives the process of its connection."""
    identity, ref, size = block
    self.table.put(identity.handle, ref, size, identity.flags, identity.created_ms)
    self.quota.add_block(size)


SEEN, UNSEEN = True, False
"""Whether clients can see it without a fast path."""

FLAWS: dict[str, tuple[type, str, Any, bool]] = {
    "write overtakes": (Blocks, "write", write_overtakes, SEEN),
    "free forgets first": (Blocks, "_free", free_forgets_first, SEEN),
    "realloc accounts first": (Blocks, "_realloc", realloc_accounts_first, SEEN),
    "realloc resizes first": (Blocks, "_realloc", realloc_resizes_first, SEEN),
    "alloc and realloc hold no room": (Blocks, "_hold", no_room_is_held, SEEN),
    "session block kept": (Blocks, "_add", session_blocks_of_the_ended_are_kept, SEEN),
    "copy in its source's order": (Blocks, "copy", copy_in_the_order_of_its_source, SEEN),
    "copy in its target's order": (Blocks, "copy", copy_in_the_order_of_its_target, SEEN),
    "info overtakes": (Blocks, "info", info_overtakes, SEEN),
    "read overtakes": (Blocks, "read", read_overtakes, SEEN),
    "nothing is attended": (HandleTable, "attend", nothing_is_attended, UNSEEN),
    "streams are not attended": (Blocks, "_attend", streams_are_not_attended, UNSEEN),
    "adopted session block kept": (Blocks, "adopt", adopted_session_blocks_are_kept, SEEN),
}
