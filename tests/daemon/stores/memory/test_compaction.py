from __future__ import annotations

import pytest

from daemon.deferred_list import DeferredList
from ether_daemon.service.blocks import Blocks
from ether_daemon.service.principal import Principal
from ether_daemon.service.quota import NO_LIMITS, Limits, Quota
from ether_daemon.service.server_account import ServerAccount
from ether_daemon.stores.future import Answer, Future
from ether_daemon.stores.memory.slabs import SLAB_BYTES, SLOT_BYTES
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import NoMemory

KIB = 1024
MIB = 1024 * KIB


class SmallServer:
    """The blocks of two principals in a memory store, with a limit."""

    def __init__(self, limit: int) -> None:
        self.deferred = DeferredList()
        self.account = ServerAccount(Limits(limit), self.deferred.append)
        self.store = MemoryStore(limit, self.deferred.append, self.account)
        self.account.reclaim_with(self.store.reclaim)
        self.ada, self.bob = self.blocks("ada"), self.blocks("bob")

    def blocks(self, name: str) -> Blocks:
        quota = Quota(NO_LIMITS, self.account)
        blocks = Principal(name, self.store, quota, self.deferred.append).blocks
        self.store.watch(blocks.table)
        return blocks

    def answered(self, answer: Answer[int]) -> int:
        while isinstance(answer, Future) and not answer.done():
            assert self.deferred
            self.deferred.step()
        return answer.result() if isinstance(answer, Future) else answer

    def alloc(self, blocks: Blocks, size: int) -> int:
        return self.answered(blocks.alloc(size))

    def fill_up(self, blocks: Blocks, size: int) -> list[int]:
        """Allocate until there is no memory, each block marked by its handle."""
        handles = []
        try:
            while True:
                handles.append(handle := self.alloc(blocks, size))
                blocks.write(handle, 0, marked(handle, size))
        except NoMemory:
            return handles

    def thin_out(self, blocks: Blocks, handles: list[int], every: int) -> list[int]:
        """Free all but one of so many."""
        kept = handles[::every]
        for handle in set(handles) - set(kept):
            blocks.free(handle)
        return kept


def marked(handle: int, size: int) -> bytes:
    return handle.to_bytes(8, "big")[-size:]


def check(blocks: Blocks, handles: list[int], size: int) -> None:
    """Each block holds what was written into it, and zeros."""
    for handle in handles:
        mark = marked(handle, size)
        assert blocks.read(handle, 0, size) == mark + bytes(size - len(mark))


@pytest.mark.parametrize("size", [4000, 16 * KIB, 100_000, 200_000])
def test_what_is_left_of_sparse_slabs_is_moved_together_for_another_size(size: int) -> None:
    server = SmallServer(8 * MIB)
    handles = server.fill_up(server.ada, size)
    kept = server.thin_out(server.ada, handles, SLAB_BYTES // size)
    assert server.account.stored_bytes > 4 * MIB

    large = server.alloc(server.bob, 5 * MIB)
    check(server.ada, kept, size)
    server.bob.fill(large, 0, 5 * MIB, 1)
    check(server.ada, kept, size)
    server.deferred.finish()
    assert server.account.stored_bytes <= 8 * MIB
    assert server.account.returning_bytes == server.account.waiting == 0


def test_no_size_is_denied_by_few_blocks_of_the_others() -> None:
    server = SmallServer(24 * MIB)
    kept: dict[int, list[int]] = {}
    for size in SLOT_BYTES[-60::3]:
        handles = server.fill_up(server.ada, size)
        kept[size] = server.thin_out(server.ada, handles, max(2, SLAB_BYTES // size))
        assert server.account.stored_bytes <= 24 * MIB
    for size in SLOT_BYTES:
        server.bob.free(server.alloc(server.bob, size))
    for size, handles in kept.items():
        check(server.ada, handles, size)


def test_a_full_slab_of_each_size_that_has_emptied_is_given_up() -> None:
    server = SmallServer(100 * MIB)
    for size in SLOT_BYTES[-50:]:
        for handle in [server.alloc(server.ada, size) for _ in range(SLAB_BYTES // size)]:
            server.ada.free(handle)
    assert server.account.used_bytes == 0
    server.alloc(server.bob, 99 * MIB)


def test_blocks_that_are_attended_stay_where_they_are() -> None:
    server = SmallServer(8 * MIB)
    handles = server.fill_up(server.ada, 16 * KIB)
    kept = server.thin_out(server.ada, handles, 128)
    table = server.ada.table
    places = {handle: table.ref(handle) for handle in kept}
    for handle in kept[::2]:
        table.attend(handle)

    with pytest.raises(NoMemory):
        server.alloc(server.bob, 7 * MIB)
    server.deferred.finish()
    assert all(table.ref(handle) == places[handle] for handle in kept[::2])
    assert any(table.ref(handle) != places[handle] for handle in kept)
    check(server.ada, kept, 16 * KIB)
    for handle in kept[::2]:
        table.unattend(handle)
    server.alloc(server.bob, 7 * MIB)
    check(server.ada, kept, 16 * KIB)


def test_it_is_not_begun_where_it_can_not_help() -> None:
    server = SmallServer(4 * MIB)
    handles = server.fill_up(server.ada, 4000)
    server.thin_out(server.ada, handles, 2)
    assert server.deferred == []
    with pytest.raises(NoMemory):
        server.bob.alloc(3 * MIB)
    assert server.deferred == []


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8])
def test_blocks_come_and_go_while_others_are_moved(steps: int) -> None:
    server = SmallServer(8 * MIB)
    handles = server.fill_up(server.ada, 1000)
    kept = server.thin_out(server.ada, handles, 200)
    large = server.bob.alloc(4 * MIB)
    assert isinstance(large, Future)
    while server.deferred:
        for _ in range(steps):
            server.deferred.step()
        server.ada.free(kept.pop())
        new = server.ada.alloc(1000)
        if isinstance(new, int):
            server.ada.write(new, 0, marked(new, 1000))
            kept.insert(0, new)
    assert large.done()
    check(server.ada, kept, 1000)
    assert server.ada.read(server.alloc(server.ada, 1000), 0, 1000) == bytes(1000)


def test_what_is_moved_leaves_nothing_behind() -> None:
    server = SmallServer(8 * MIB)
    handles = server.fill_up(server.ada, 16 * KIB)
    for handle in handles:
        server.ada.fill(handle, 0, 16 * KIB, 0xAA)
    kept = server.thin_out(server.ada, handles, 128)
    server.alloc(server.bob, 6 * MIB)
    assert server.store.arena[:].count(b"\xaa") == len(kept) * 16 * KIB
