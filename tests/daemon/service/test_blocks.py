from __future__ import annotations

import logging
import random
import time
from typing import Any

import pytest

from daemon.deferred_list import DeferredList, at_once
from daemon.late_store import LateStore
from ether_daemon.net.buffer_pool import BufferPool, PooledPayload
from ether_daemon.service.blocks import Blocks, SessionBlocks
from ether_daemon.service.quota import BLOCK_OVERHEAD_BYTES, NO_LIMITS, Limits, Quota
from ether_daemon.stores.contract import Identity, StoredBlock, StreamedRead
from ether_daemon.stores.future import Answer, Future
from ether_daemon.stores.memory.slabs import MAX_SMALL_BYTES
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import InvalidRequest, NoMemory, NotFound, OutOfRange
from ether_protocol.wire.bodies import BlockInfo
from ether_protocol.wire.constants import AllocFlag
from ether_protocol.wire.messages import Buffer

MIB = 1024 * 1024
LIMIT = 64 * MIB
U64 = (1 << 64) - 1
SMALL, LARGE = 100, MAX_SMALL_BYTES + 100


@pytest.fixture
def quota() -> Quota:
    return Quota(Limits(LIMIT, max_handles=100))


@pytest.fixture
def deferred() -> DeferredList:
    return DeferredList()


@pytest.fixture
def blocks(quota: Quota, deferred: DeferredList) -> Blocks:
    return Blocks("anonymous", MemoryStore(LIMIT, deferred.append), quota, at_once)


def alloc(blocks: Blocks, size: int, owner: SessionBlocks | None = None) -> int:
    handle = blocks.alloc(size, owner)
    assert isinstance(handle, int)
    return handle


def info(blocks: Blocks, handle: int) -> BlockInfo:
    found = blocks.info(handle)
    assert isinstance(found, BlockInfo)
    return found


def content(data: Answer[Buffer | StreamedRead]) -> bytes:
    assert not isinstance(data, Future)
    return bytes(data) if isinstance(data, (bytes, bytearray, memoryview)) else data.take(len(data))


def account(quota: Quota) -> tuple[int, ...]:
    return (quota.blocks, quota.used_bytes, quota.allocated_bytes, quota.freed_bytes)


def held(quota: Quota) -> tuple[int, int]:
    return (quota.held_blocks, quota.held_bytes)


# Answers that are there at once


def test_blocks_by_handle(blocks: Blocks) -> None:
    assert [alloc(blocks, size) for size in (10, 20, 300_000)] == [1, 2, 3]
    blocks.write(2, 5, b"hello")
    blocks.fill(3, 299_999, 1, 0x21)
    blocks.copy(2, 5, 1, 0, 5)

    assert blocks.read(1, 0, U64) == b"hello" + bytes(5)
    assert blocks.read(3, 299_998, 9) == b"\0!"
    assert blocks.compare_swap(1, 0, b"hello\0\0\0", b"goodbye!") == b"hello\0\0\0"
    assert blocks.fetch_add(1, 2, -1) == int.from_bytes(b"odbye!\0\0", "big")
    assert blocks.list(0, 2) == [(1, 10), (2, 20)]
    assert blocks.list(2, 99) == [(3, 300_000)]
    assert blocks.list(0, 0) == []


@pytest.mark.parametrize("handle", [0, 2, 1 << 40, U64])
def test_an_unknown_handle_is_not_found_in_everything(
    blocks: Blocks, quota: Quota, handle: int
) -> None:
    alloc(blocks, 10)
    before = account(quota)
    for ask in (
        lambda: blocks.free(handle),
        lambda: blocks.realloc(handle, 5),
        lambda: blocks.info(handle),
        lambda: blocks.read(handle, 0, 1),
        lambda: blocks.write(handle, 0, b""),
        lambda: blocks.fill(handle, 0, 0, 0),
        lambda: blocks.copy(handle, 0, 1, 0, 0),
        lambda: blocks.copy(1, 0, handle, 0, 0),
        lambda: blocks.compare_swap(handle, 0, bytes(8), bytes(8)),
        lambda: blocks.fetch_add(handle, 0, 1),
    ):
        with pytest.raises(NotFound, match=f"no block has handle {handle}$"):
            ask()
    assert account(quota) == before


def test_a_freed_handle_is_not_found(blocks: Blocks, quota: Quota) -> None:
    alloc(blocks, 10)
    assert blocks.free(1) == 1
    with pytest.raises(NotFound):
        blocks.free(1)
    assert account(quota) == (0, 0, 10, 10)
    assert alloc(blocks, 10) == 2


def test_a_block_has_a_byte_at_least(blocks: Blocks, quota: Quota) -> None:
    with pytest.raises(InvalidRequest):
        blocks.alloc(0)
    alloc(blocks, 1)
    with pytest.raises(InvalidRequest):
        blocks.realloc(1, 0)
    assert account(quota) == (1, 1, 1, 0)


@pytest.mark.parametrize("size", [LIMIT, LIMIT - BLOCK_OVERHEAD_BYTES + 1, 1 << 63, U64])
def test_more_than_the_limit_is_no_memory(blocks: Blocks, quota: Quota, size: int) -> None:
    with pytest.raises(NoMemory):
        blocks.alloc(size)
    assert account(quota) == (0, 0, 0, 0)
    alloc(blocks, 100)
    with pytest.raises(NoMemory):
        blocks.realloc(1, size)
    assert account(quota) == (1, 100, 100, 0)
    assert info(blocks, 1).size == 100


def test_the_limit_of_handles(blocks: Blocks) -> None:
    for _ in range(100):
        alloc(blocks, 1)
    with pytest.raises(NoMemory):
        blocks.alloc(1)
    blocks.free(50)
    assert alloc(blocks, 1) == 101


def test_a_store_that_has_no_room_costs_nothing() -> None:
    # The limit would allow it, the machine does not.
    quota = Quota(Limits(1 << 63))
    blocks = Blocks("anonymous", MemoryStore(MIB, DeferredList().append), quota, at_once)
    alloc(blocks, 100)
    alloc(blocks, MIB)
    before = account(quota), held(quota)
    with pytest.raises(NoMemory):
        blocks.alloc(1 << 61)
    for handle in (1, 2):
        with pytest.raises(NoMemory):
            blocks.realloc(handle, 1 << 61)
    assert (account(quota), held(quota)) == before


@pytest.mark.parametrize("size", [1, 99, 100, 5000, 300_000, 40 * MIB])
def test_realloc(blocks: Blocks, quota: Quota, size: int) -> None:
    alloc(blocks, 100)
    created = info(blocks, 1).created_ms
    blocks.fill(1, 0, 100, 7)
    assert blocks.realloc(1, size) == size

    kept = min(size, 100)
    assert content(blocks.read(1, 0, 200)) == (b"\7" * kept + bytes(size - kept))[:200]
    assert (info(blocks, 1).size, info(blocks, 1).created_ms) == (size, created)
    assert quota.used_bytes == size
    blocks.free(1)
    assert quota.used_bytes == 0


def test_info(blocks: Blocks) -> None:
    before = time.time_ns() // 1_000_000
    alloc(blocks, 5)
    alloc(blocks, 6, SessionBlocks())
    assert (info(blocks, 1).size, info(blocks, 1).flags) == (5, 0)
    assert (info(blocks, 2).size, info(blocks, 2).flags) == (6, AllocFlag.SESSION)
    assert before <= info(blocks, 1).created_ms <= time.time_ns() // 1_000_000


def test_an_owner_knows_which_blocks_are_its_own(blocks: Blocks) -> None:
    one = SessionBlocks()
    other = SessionBlocks()
    for owner in (one, other, None, one):
        alloc(blocks, 5, owner)
    assert (one.handles, other.handles) == ({1, 4}, {2})

    blocks.realloc(1, 500_000)
    blocks.free(4)  # whoever frees it
    blocks.free(3)
    assert (one.handles, other.handles) == ({1}, {2})
    assert info(blocks, 1).flags == AllocFlag.SESSION


def test_freeing_in_steps_while_others_free_the_same(blocks: Blocks, quota: Quota) -> None:
    for _ in range(100):
        alloc(blocks, 5)
    steps = blocks.free_in_steps(range(1, 101))
    next(steps)
    left = [handle for handle, _ in blocks.table.items()]
    assert 0 < len(left) < 100
    for handle in left[::2]:
        blocks.free(handle)

    assert list(steps) == []
    assert account(quota) == (0, 0, 500, 500)


def test_free_all(blocks: Blocks, quota: Quota) -> None:
    for size in (1, 1000, 300_000, 20 * MIB):
        alloc(blocks, size)
    for _ in blocks.free_all():
        pass
    assert (len(blocks.table), quota.blocks, quota.used_bytes) == (0, 0, 0)


def test_principals_do_not_see_each_others_blocks(quota: Quota) -> None:
    store = MemoryStore(LIMIT, DeferredList().append)
    one, other = Blocks("one", store, quota, at_once), Blocks("other", store, quota, at_once)
    assert (alloc(one, 5), alloc(one, 6), alloc(other, 7)) == (1, 2, 1)
    with pytest.raises(NotFound, match="no block has handle 2"):
        other.read(2, 0, 1)
    assert (one.list(0, 9), other.list(0, 9)) == ([(1, 5), (2, 6)], [(1, 7)])
    assert quota.blocks == 3


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_freed_block_of_any_size_is_not_found_in_anything(blocks: Blocks, size: int) -> None:
    alloc(blocks, size)
    alloc(blocks, 10)
    blocks.free(1)
    for ask in (
        lambda: blocks.info(1),
        lambda: blocks.read(1, 0, 1),
        lambda: blocks.write(1, 0, b"x"),
        lambda: blocks.free(1),
        lambda: blocks.realloc(1, LARGE),
        lambda: blocks.copy(1, 0, 1, 0, 1),
        lambda: blocks.copy(2, 0, 1, 0, 1),
    ):
        with pytest.raises(NotFound):
            ask()


# Ranges


class TrustingStore:
    """A store that takes every range it is asked for to be inside the block."""

    outlives_process = False

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *values: self.asked.append((name, *values))


INSIDE = [
    (10, 0, 0),
    (10, 0, 10),
    (10, 10, 0),
    (10, 9, 1),
    (10, 3, 4),
    (U64, U64, 0),
    (U64, 0, U64),
]
OUTSIDE = [
    (10, 0, 11),
    (10, 11, 0),
    (10, 10, 1),
    (10, 9, 2),
    (10, U64, 1),
    (10, 1, U64),
    (10, U64, U64),
    (10, U64 - 4, 8),
    (U64, U64, 1),
]


def of_size(size: int) -> tuple[TrustingStore, Blocks]:
    """Blocks 1 and 2, the first of `size` bytes and the second as large as can be."""
    store: Any = TrustingStore()
    blocks = Blocks("anonymous", store, Quota(NO_LIMITS), at_once)
    for handle, block_size in ((1, size), (2, U64)):
        blocks.adopt(StoredBlock(Identity("anonymous", handle, 0, 0), handle, block_size))
    return store, blocks


@pytest.mark.parametrize(("block_size", "offset", "size"), INSIDE)
def test_inside(block_size: int, offset: int, size: int) -> None:
    store, blocks = of_size(block_size)
    blocks.fill(1, offset, size, 7)
    blocks.copy(1, offset, 2, 0, size)
    blocks.copy(2, 0, 1, offset, size)
    assert store.asked == [
        ("fill", 1, offset, size, 7),
        ("copy", 1, offset, 2, 0, size),
        ("copy", 2, 0, 1, offset, size),
    ]


@pytest.mark.parametrize(("block_size", "offset", "size"), OUTSIDE)
def test_outside(block_size: int, offset: int, size: int) -> None:
    store, blocks = of_size(block_size)
    asks: list[Any] = [
        lambda: blocks.fill(1, offset, size, 7),
        lambda: blocks.copy(1, offset, 2, 0, size),
        lambda: blocks.copy(2, 0, 1, offset, size),
    ]
    for ask in asks:
        with pytest.raises(OutOfRange) as error:
            ask()
        assert str(error.value) == (
            f"{size} bytes at offset {offset} are not inside {block_size} bytes"
        )
    assert store.asked == []


@pytest.mark.parametrize("block_size", [SMALL, LARGE])
@pytest.mark.parametrize(
    ("offset", "size"),
    [
        (0, 1 + LARGE),
        (1, LARGE),
        (LARGE, 1),
        (LARGE - 7, 8),
        (LARGE + 1, 0),
        (U64, 0),
        (U64, 1),
        (U64, U64),
        (0, U64),
        (1, U64),
        (1 << 63, 1 << 63),
        (LARGE - 1, U64 - LARGE + 2),
    ],
)
def test_a_range_outside_is_refused_and_changes_nothing(
    blocks: Blocks, block_size: int, offset: int, size: int
) -> None:
    # The table is written for LARGE; the same distances from the end of either block.
    if offset <= LARGE and block_size == SMALL:
        offset, size = max(0, offset - LARGE + SMALL), size
    handle, other = alloc(blocks, block_size), alloc(blocks, LARGE)
    pattern = random.Random(1).randbytes(block_size)
    blocks.write(handle, 0, pattern)
    asks: list[Any] = [
        lambda: blocks.fill(handle, offset, size, 0xFF),
        lambda: blocks.copy(other, 0, handle, offset, size),
        lambda: blocks.copy(handle, offset, other, 0, size),
        lambda: blocks.copy(handle, offset, handle, 0, size),
    ]
    if size <= LARGE + 1:
        asks.append(lambda: blocks.write(handle, offset, b"\xff" * size))
    if block_size - offset < 8:
        asks.append(lambda: blocks.compare_swap(handle, offset, bytes(8), b"\xff" * 8))
        asks.append(lambda: blocks.fetch_add(handle, offset, 1))
    if offset > block_size:
        asks.append(lambda: blocks.read(handle, offset, size))
    for ask in asks:
        with pytest.raises(OutOfRange):
            ask()
    assert content(blocks.read(handle, 0, block_size)) == pattern
    assert content(blocks.read(other, 0, LARGE)) == bytes(LARGE)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_reading_at_the_end(blocks: Blocks, size: int) -> None:
    alloc(blocks, size)
    blocks.fill(1, 0, size, 7)
    assert content(blocks.read(1, size, U64)) == b""
    assert content(blocks.read(1, size - 3, U64)) == b"\7\7\7"
    assert content(blocks.read(1, 5, 0)) == b""
    assert content(blocks.read(1, 0, U64)) == b"\7" * size
    with pytest.raises(OutOfRange, match=f"offset {size + 1} is past the end of {size} bytes"):
        blocks.read(1, size + 1, 0)


def test_a_long_payload_is_the_stores_to_take(blocks: Blocks) -> None:
    alloc(blocks, MIB)
    payload = PooledPayload(BufferPool(), MIB)
    payload.take_in(memoryview(b"\xaa" * MIB))
    blocks.write(1, 0, payload.value(), payload)
    with pytest.raises(ValueError, match="released"):
        payload.value()[:1]
    assert content(blocks.read(1, 0, MIB)) == b"\xaa" * MIB


# Streamed reads


def test_a_block_is_attended_while_it_is_streamed(blocks: Blocks) -> None:
    alloc(blocks, MIB)
    first, second = blocks.read(1, 0, MIB), blocks.read(1, 0, MIB)
    assert not isinstance(first, bytes | bytearray | memoryview | Future)
    assert not isinstance(second, bytes | bytearray | memoryview | Future)
    assert (blocks.table.attended(1), blocks.under_way) == (True, 1)
    blocks.write(1, 0, b"x")

    assert first.take(MIB) == bytes(MIB)
    assert blocks.table.attended(1)
    second.cancel()
    assert (blocks.table.attended(1), blocks.under_way) == (False, 0)
    assert content(blocks.read(1, 0, 2)) == b"x\0"


def test_a_block_may_be_freed_while_it_is_streamed(
    blocks: Blocks, deferred: DeferredList, quota: Quota
) -> None:
    alloc(blocks, MIB)
    blocks.fill(1, 0, MIB, 7)
    read = blocks.read(1, 0, MIB)
    assert not isinstance(read, bytes | bytearray | memoryview | Future)
    assert blocks.free(1) == 1
    assert (blocks.list(0, 9), account(quota)[:2], blocks.under_way) == ([], (0, 0), 1)
    deferred.finish()
    assert read.take(MIB) == b"\7" * MIB
    assert blocks.under_way == 0


# Growing where the memory store answers later


def test_what_comes_behind_a_growth_that_waits_is_in_time(
    blocks: Blocks, deferred: DeferredList, quota: Quota
) -> None:
    alloc(blocks, 60 * MIB)
    blocks.fill(1, 0, 60 * MIB, 0xAA)
    assert blocks.realloc(1, MIB) == MIB
    grown = blocks.realloc(1, 40 * MIB)
    written = blocks.write(1, 40 * MIB - 4, bytearray(b"here"))
    found = blocks.read(1, 40 * MIB - 8, 8)
    assert isinstance(grown, Future)
    assert isinstance(written, Future)
    assert isinstance(found, Future)
    assert (info_now(blocks, 1), blocks.table.attended(1)) == (MIB, True)
    # What waits to be written is charged, too.
    assert (account(quota)[:2], held(quota)) == ((1, MIB), (0, 39 * MIB + 4))

    deferred.finish()
    assert (grown.result(), written.result(), found.result()) == (
        40 * MIB,
        None,
        bytes(4) + b"here",
    )
    assert (blocks.table.attended(1), blocks.under_way) == (False, 0)
    assert (account(quota)[:2], held(quota)) == ((1, 40 * MIB), (0, 0))


def info_now(blocks: Blocks, handle: int) -> int:
    """The size in the table, whatever is under way."""
    return blocks.table.size(handle)


# What a store held when it was opened


def test_blocks_from_before_are_there_whatever_the_limits_are() -> None:
    store = LateStore()
    store.hold(Identity("anonymous", 300, 0, 77), b"from before")
    store.hold(Identity("anonymous", 2, 0, 78), b"x")
    opened = store.open()
    assert isinstance(opened, Future)
    store.go()
    quota = Quota(Limits(1, max_handles=1))
    blocks = Blocks("anonymous", store, quota, at_once)
    for block in sorted(opened.result().blocks):
        blocks.adopt(block)

    assert opened.result().last_handles == {"anonymous": 300}
    assert blocks.list(0, 9) == [(2, 1), (300, 11)]
    assert blocks.info(300) == BlockInfo(11, 0, 77)
    assert account(quota) == (2, 12, 12, 0)
    with pytest.raises(NoMemory):
        blocks.alloc(1)
    quota.limits = Limits(MIB)
    made = blocks.alloc(1)
    data = blocks.read(300, 0, U64)
    store.go_on()
    assert isinstance(made, Future)
    assert isinstance(data, Future)
    assert (made.result(), data.result()) == (301, b"from before")


def test_a_session_block_from_before_is_freed(quota: Quota) -> None:
    store = LateStore()
    store.hold(Identity("anonymous", 3, AllocFlag.SESSION, 0), b"secret")
    store.hold(Identity("anonymous", 4, 0, 0), b"x")
    opened = store.open()
    assert isinstance(opened, Future)
    store.go()
    blocks = Blocks("anonymous", store, quota, at_once)
    for block in sorted(opened.result().blocks):
        blocks.adopt(block)
    assert store.go_on() == ["release 3"]
    assert (blocks.list(0, 9), account(quota)) == ([(4, 1)], (1, 1, 7, 6))


# Answers that come later


@pytest.fixture
def late() -> LateStore:
    return LateStore()


@pytest.fixture
def slow(late: LateStore, quota: Quota) -> Blocks:
    """Block 1, of 100 bytes, in a store that answers when a test says `go`."""
    blocks = Blocks("anonymous", late, quota, at_once)
    made = blocks.alloc(100)
    late.go()
    assert isinstance(made, Future)
    assert made.result() == 1
    return blocks


def outcome(answer: Answer[Any]) -> Any:
    assert isinstance(answer, Future)
    if not answer.done():
        return "pending"
    try:
        return answer.result()
    except Exception as error:
        return type(error).__name__


def test_a_handle_is_given_out_when_the_store_has_made_the_block(
    slow: Blocks, late: LateStore, quota: Quota
) -> None:
    owner = SessionBlocks()
    made = slow.alloc(50, owner)
    assert (outcome(made), owner.handles, len(slow.table)) == ("pending", set(), 1)
    # The room is nobody else's, and not used yet.
    assert (account(quota)[:2], held(quota)) == ((1, 100), (1, 50))
    with pytest.raises(NotFound):
        slow.read(2, 0, 1)

    late.go()
    assert (outcome(made), owner.handles, info(slow, 2).size) == (2, {2}, 50)
    assert (account(quota)[:2], held(quota)) == ((2, 150), (0, 0))


def test_the_room_of_what_is_under_way_is_given_to_nobody_else(
    slow: Blocks, late: LateStore, quota: Quota
) -> None:
    quota.limits = Limits(1000 + 3 * BLOCK_OVERHEAD_BYTES)
    slow.alloc(500)
    slow.realloc(1, 300)
    with pytest.raises(NoMemory):
        slow.alloc(201)
    slow.alloc(200)
    assert len(late.unanswered) == 3
    assert (account(quota)[:2], held(quota)) == ((1, 100), (2, 900))


def test_the_limit_of_handles_counts_those_under_way(slow: Blocks, quota: Quota) -> None:
    quota.limits = Limits(LIMIT, max_handles=2)
    slow.alloc(1)
    with pytest.raises(NoMemory):
        slow.alloc(1)


def test_an_allocation_that_fails_late_costs_nothing(
    slow: Blocks, late: LateStore, quota: Quota
) -> None:
    before = account(quota)
    made = slow.alloc(50)
    late.go(fails=True)
    assert outcome(made) == "StoreFailed"
    assert (account(quota), held(quota)) == (before, (0, 0))
    assert len(slow.table) == 1
    assert slow.under_way == 0


@pytest.mark.parametrize("size", [10, 5000])
def test_a_resize_that_fails_late_leaves_the_block_and_the_account(
    slow: Blocks, late: LateStore, quota: Quota, size: int
) -> None:
    before = account(quota)
    resized = slow.realloc(1, size)
    assert (account(quota), held(quota)) == (before, (0, max(0, size - 100)))
    late.go(fails=True)
    assert outcome(resized) == "StoreFailed"
    assert (account(quota), held(quota)) == (before, (0, 0))
    assert info(slow, 1).size == 100

    freed = slow.free(1)
    late.go()
    assert (outcome(freed), quota.used_bytes, quota.blocks) == (1, 0, 0)


def test_a_shrink_gives_its_room_back_when_the_store_has_answered(
    slow: Blocks, late: LateStore, quota: Quota
) -> None:
    quota.limits = Limits(100 + 2 * BLOCK_OVERHEAD_BYTES)
    slow.realloc(1, 10)
    with pytest.raises(NoMemory):
        slow.alloc(1)
    late.go(fails=True)
    assert account(quota)[:2] == (1, 100)
    slow.realloc(1, 10)
    late.go()
    slow.alloc(90)
    late.go()
    assert account(quota)[:2] == (2, 100)


def test_a_free_that_fails_late_leaves_everything(
    slow: Blocks, late: LateStore, quota: Quota
) -> None:
    owner = SessionBlocks()
    slow.alloc(50, owner)
    late.go()
    slow.write(2, 0, b"still here")
    late.go()
    before = account(quota)

    freed = slow.free(2)
    # Nothing is given back before it is wiped.
    assert (account(quota), owner.handles, slow.list(0, 9)) == (before, {2}, [(1, 100), (2, 50)])
    late.go(fails=True)
    assert outcome(freed) == "StoreFailed"
    assert (account(quota), owner.handles, slow.list(0, 9)) == (before, {2}, [(1, 100), (2, 50)])
    found = slow.read(2, 0, 10)
    late.go()
    assert outcome(found) == b"still here"
    assert slow.under_way == 0

    freed = slow.free(2)
    late.go()
    assert (outcome(freed), owner.handles, account(quota)[:2]) == (2, set(), (1, 100))


def test_what_would_change_the_block_again_waits_its_turn(
    slow: Blocks, late: LateStore, quota: Quota
) -> None:
    answers = [slow.realloc(1, 200), slow.realloc(1, 300), slow.free(1), slow.free(1)]
    answers.append(slow.realloc(1, 5))
    diary = []
    while late.unanswered:
        assert len(late.unanswered) == 1
        late.go()
        diary.append([outcome(answer) for answer in answers])
    assert diary == [
        [200, "pending", "pending", "pending", "pending"],
        [200, 300, "pending", "pending", "pending"],
        [200, 300, 1, "NotFound", "NotFound"],
    ]
    assert account(quota) == (0, 0, 300, 300)
    assert slow.under_way == 0


def test_a_write_behind_a_resize_goes_to_the_new_block(slow: Blocks, late: LateStore) -> None:
    slow.realloc(1, 200)
    lent = bytearray(b"new end")
    written = slow.write(1, 190, lent)
    found = slow.read(1, 190, 10)
    lent[:] = bytes(7)  # it was only lent
    assert late.go_on() == ["resize 1 to 200", "write 1 [190:197]", "read 1 [190:200]"]
    assert (outcome(written), outcome(found)) == (None, b"new end" + bytes(3))


def test_a_write_that_waited_leaves_no_copy_behind(
    slow: Blocks, late: LateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Buffer] = []
    write = late.write

    def noted(ref: int, offset: int, data: Buffer, payload: None = None) -> Answer[None]:
        given.append(data)
        return write(ref, offset, data, payload)

    monkeypatch.setattr(late, "write", noted)
    slow.realloc(1, 200)
    written = slow.write(1, 190, b"secret")
    late.go_on()
    assert outcome(written) is None
    assert [bytes(data) for data in given] == [bytes(6)]


REQUESTS: list[tuple[str, Any]] = [
    ("info", lambda blocks: blocks.info(1)),
    ("read", lambda blocks: blocks.read(1, 0, 10)),
    ("write", lambda blocks: blocks.write(1, 0, b"x")),
    ("fill", lambda blocks: blocks.fill(1, 0, 10, 1)),
    ("copy from it", lambda blocks: blocks.copy(1, 0, 2, 0, 5)),
    ("copy to it", lambda blocks: blocks.copy(2, 0, 1, 0, 5)),
    ("copy within it", lambda blocks: blocks.copy(1, 0, 1, 5, 5)),
    ("compare_swap", lambda blocks: blocks.compare_swap(1, 0, bytes(8), bytes(8))),
    ("fetch_add", lambda blocks: blocks.fetch_add(1, 0, 1)),
    ("realloc", lambda blocks: blocks.realloc(1, 20)),
    ("free", lambda blocks: blocks.free(1)),
]


@pytest.mark.parametrize(("what", "ask"), REQUESTS, ids=[what for what, _ in REQUESTS])
@pytest.mark.parametrize("change", ["realloc", "free"])
@pytest.mark.parametrize("fails", [True, False])
def test_every_request_waits_for_a_change(
    slow: Blocks, late: LateStore, quota: Quota, what: str, ask: Any, change: str, fails: bool
) -> None:
    slow.alloc(30)
    late.go()
    if change == "realloc":
        slow.realloc(1, 300)
    else:
        slow.free(1)
    asked = len(late.log)
    answer = ask(slow)
    assert (outcome(answer), len(late.log)) == ("pending", asked)
    assert slow.table.attended(1)

    late.go(fails=fails)
    late.go_on()
    gone = change == "free" and not fails
    assert (outcome(answer) == "NotFound") is gone
    assert outcome(answer) != "pending"
    assert late.broken == []
    assert (slow.under_way, held(quota)) == (0, (0, 0))
    assert not any(slow.table.attended(handle) for handle, _ in slow.list(0, 9))


@pytest.mark.parametrize(("what", "ask"), REQUESTS, ids=[what for what, _ in REQUESTS])
def test_no_request_waits_for_a_write(slow: Blocks, late: LateStore, what: str, ask: Any) -> None:
    # The store carries them out in their order.
    slow.alloc(30)
    late.go()
    slow.write(1, 0, b"first")
    asked = len(late.log)
    answer = ask(slow)
    assert len(late.log) == asked + (what != "info")
    assert slow.table.attended(1)
    if what != "info":
        late.carry_out(late.unanswered[0])
        late.go(which=1)
        assert outcome(answer) not in ("pending", "NotFound")
    late.go_on()
    assert slow.under_way == 0


def test_after_a_resize_that_fails_the_others_go_on(
    slow: Blocks, late: LateStore, quota: Quota
) -> None:
    answers = [slow.realloc(1, 200), slow.realloc(1, LIMIT), slow.realloc(1, 300)]
    late.go(fails=True)
    late.go()
    assert [outcome(answer) for answer in answers] == ["StoreFailed", "NoMemory", 300]
    assert account(quota)[:2] == (1, 300)


def test_who_asks_in_the_middle_of_it_comes_last(slow: Blocks, late: LateStore) -> None:
    first = slow.realloc(1, 200)
    second = slow.realloc(1, 300)
    third: list[Answer[int]] = []
    assert isinstance(first, Future)
    first.add_done_callback(lambda: third.append(slow.realloc(1, 400)))

    assert late.go_on() == ["resize 1 to 200", "resize 1 to 300", "resize 1 to 400"]
    assert [outcome(second), outcome(third[0])] == [300, 400]


def test_other_blocks_do_not_wait(slow: Blocks, late: LateStore) -> None:
    made = slow.alloc(7)
    late.go()
    slow.realloc(1, 200)
    freed = slow.free(2)
    late.go(which=1)
    assert (outcome(made), outcome(freed)) == (2, 2)


def test_a_long_row_of_changes_does_not_nest(slow: Blocks, late: LateStore) -> None:
    answers = [slow.realloc(1, 100 + number) for number in range(3000)]
    late.go_on()
    assert [outcome(answer) for answer in answers] == [100 + number for number in range(3000)]


def test_a_long_row_of_anything_behind_a_change_does_not_nest(
    slow: Blocks, late: LateStore
) -> None:
    slow.free(1)
    answers: list[Answer[Any]] = [slow.info(1) for _ in range(3000)]
    answers += [slow.realloc(1, 5) for _ in range(3000)]
    late.go_on()
    assert {outcome(answer) for answer in answers} == {"NotFound"}
    assert slow.under_way == 0


def test_a_long_row_that_asks_again_at_each_answer_does_not_nest(
    slow: Blocks, late: LateStore
) -> None:
    left = 3000
    sizes: list[int] = []

    def ask() -> None:
        nonlocal left
        if left:
            left -= 1
            answer = slow.realloc(1, 1 + left)
            assert isinstance(answer, Future)
            answer.add_done_callback(lambda: sizes.append(answer.result()))
            answer.add_done_callback(ask)

    ask()
    late.go_on()
    assert sizes == [*range(3000, 0, -1)]


def test_a_copy_waits_for_both_its_blocks_and_keeps_both_waiting(
    slow: Blocks, late: LateStore
) -> None:
    slow.alloc(50)
    late.go()
    slow.write(1, 0, b"first")
    slow.realloc(2, 60)
    slow.copy(1, 0, 2, 0, 5)
    slow.write(1, 0, b"later")
    found = slow.read(2, 0, 5)
    assert late.log[-2:] == ["write 1 [0:5]", "resize 2 to 60"]
    assert [slow.table.attended(handle) for handle in (1, 2)] == [True, True]

    late.go(which=1)
    assert late.log[-3:] == ["copy 1 to 2 [0:5]", "read 2 [0:5]", "write 1 [0:5]"]
    late.go_on()
    assert outcome(found) == b"first"
    assert slow.under_way == 0


def test_a_block_made_while_a_copy_that_names_it_waits_is_attended(
    slow: Blocks, late: LateStore
) -> None:
    # Whoever guesses a handle: the fast path must not overtake its COPY.
    made = slow.alloc(50)
    slow.realloc(1, 60)
    copied = slow.copy(1, 0, 2, 0, 5)
    late.go()
    assert outcome(made) == 2
    assert slow.table.attended(2)
    late.go()
    assert (late.log[-1], slow.table.attended(2)) == ("copy 1 to 2 [0:5]", True)
    late.go()
    assert (outcome(copied), slow.table.attended(2)) == (None, False)


# The end of a connection


def test_freeing_in_steps_waits_for_a_resize(slow: Blocks, late: LateStore, quota: Quota) -> None:
    slow.realloc(1, 200)
    assert list(slow.free_in_steps([1])) == []
    assert quota.blocks == 1
    late.go_on()
    assert account(quota)[:2] == (0, 0)


def test_a_block_that_is_made_for_a_connection_that_has_ended_is_freed(
    slow: Blocks, late: LateStore, quota: Quota
) -> None:
    owner = SessionBlocks()
    slow.alloc(10, owner)
    slow.alloc(20, owner)
    slow.alloc(30)
    late.go()
    assert owner.handles == {2}
    assert list(slow.end_session(owner)) == []
    assert owner.ended
    assert late.go_on() == ["allocate 20", "allocate 30", "release 2", "release 3"]
    assert (slow.list(0, 9), owner.handles) == ([(1, 100), (4, 30)], set())
    assert (account(quota)[:2], held(quota), len(late.blocks)) == ((2, 130), (0, 0), 2)


def test_a_block_that_is_made_at_once_for_a_connection_that_has_ended_is_freed(
    blocks: Blocks, quota: Quota
) -> None:
    owner = SessionBlocks()
    assert list(blocks.end_session(owner)) == []
    assert alloc(blocks, 10, owner) == 1
    assert (blocks.list(0, 9), account(quota)) == ([], (0, 0, 10, 10))


def test_an_allocation_that_fails_after_the_end_leaves_nothing(
    slow: Blocks, late: LateStore, quota: Quota
) -> None:
    owner = SessionBlocks()
    made = slow.alloc(10, owner)
    assert list(slow.end_session(owner)) == []
    late.go(fails=True)
    assert (outcome(made), late.unanswered, held(quota)) == ("StoreFailed", [], (0, 0))


def test_a_free_that_fails_before_the_end_of_the_connection_is_made_again(
    slow: Blocks, late: LateStore
) -> None:
    owner = SessionBlocks()
    slow.alloc(10, owner)
    late.go()
    slow.free(2)
    assert list(slow.end_session(owner)) == []
    late.go(fails=True)
    late.go_on()
    assert (slow.list(0, 9), owner.handles) == ([(1, 100)], set())


def test_a_free_for_nobody_that_fails_is_logged_and_loses_nothing(
    slow: Blocks, late: LateStore, quota: Quota, caplog: pytest.LogCaptureFixture
) -> None:
    owner = SessionBlocks()
    slow.alloc(10, owner)
    late.go()
    list(slow.end_session(owner))
    late.go(fails=True)
    assert caplog.messages == ["Block 2 could not be freed"]
    assert (slow.list(0, 9), account(quota)[:2]) == ([(1, 100), (2, 10)], (2, 110))


def test_a_block_that_its_client_was_freeing_at_the_end_is_no_failure(
    slow: Blocks, late: LateStore, caplog: pytest.LogCaptureFixture
) -> None:
    owner = SessionBlocks()
    slow.alloc(10, owner)
    late.go()
    slow.free(2)
    list(slow.end_session(owner))
    with caplog.at_level(logging.DEBUG):
        assert late.go_on() == ["release 2"]
    assert caplog.messages == []


def test_a_store_that_fails_at_once_at_a_free_for_nobody_is_logged(
    quota: Quota, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(ref: int) -> None:
        raise OSError(5, "Input/output error")

    store = MemoryStore(LIMIT, DeferredList().append)
    blocks = Blocks("anonymous", store, quota, at_once)
    for _ in range(3):
        alloc(blocks, 10)
    monkeypatch.setattr(store, "release", fail)
    assert list(blocks.free_all()) == []
    assert caplog.messages == [f"Block {handle} could not be freed" for handle in (1, 2, 3)]
    assert account(quota)[:2] == (3, 30)


def test_a_write_that_waits_is_charged_or_refused(
    blocks: Blocks, deferred: DeferredList, quota: Quota
) -> None:
    alloc(blocks, 60 * MIB)
    blocks.realloc(1, MIB)
    grown = blocks.realloc(1, 40 * MIB)
    assert isinstance(grown, Future)
    writes = [blocks.write(1, 0, bytes(10 * MIB)) for _ in range(2)]
    with pytest.raises(NoMemory):
        blocks.write(1, 0, bytes(10 * MIB))
    assert held(quota) == (0, 59 * MIB)

    deferred.finish()
    assert [write.result() for write in writes if isinstance(write, Future)] == [None, None]
    assert held(quota) == (0, 0)


def test_requests_that_waited_start_a_step_at_a_time(quota: Quota, deferred: DeferredList) -> None:
    blocks = Blocks("anonymous", MemoryStore(LIMIT, deferred.append), quota, deferred.append)
    alloc(blocks, 60 * MIB)
    blocks.realloc(1, MIB)
    grown = blocks.realloc(1, 40 * MIB)
    fills = [blocks.fill(1, 0, 8, 1) for _ in range(3)]
    assert isinstance(grown, Future)
    while not grown.done():
        deferred.step()

    def done() -> list[bool]:
        return [fill.done() for fill in fills if isinstance(fill, Future)]

    diary = [done()]
    while deferred:
        deferred.step()
        diary.append(done())
    assert diary == [
        [False, False, False],
        [True, False, False],
        [True, True, False],
        [True, True, True],
        [True, True, True],
    ]


def test_an_alloc_that_the_store_refuses_uses_up_no_handle(quota: Quota) -> None:
    class FullStore(MemoryStore):
        def allocate(self, size: int, identity: Identity) -> int:
            raise NoMemory("full")

    store = MemoryStore(LIMIT, DeferredList().append)
    blocks = Blocks("anonymous", store, quota, at_once)
    full = Blocks("anonymous", FullStore(LIMIT, DeferredList().append), quota, at_once)
    full.table.skip_to(4)
    for _ in range(3):
        with pytest.raises(NoMemory):
            full.alloc(1)
    assert full.table.reserve() == 5
    assert alloc(blocks, 1) == 1
