from __future__ import annotations

import pytest

from daemon.both_ways import content
from ether_daemon.net.buffer_pool import MAX_POOLED_BYTES, BufferPool, PooledPayload
from ether_daemon.stores.contract import Identity, Work
from ether_daemon.stores.future import Future
from ether_daemon.stores.memory.store import MemoryStore

MIB = 1024 * 1024


def arrived(pool: BufferPool, content: bytes) -> PooledPayload:
    """A payload that has come whole, and is being dealt with."""
    payload = PooledPayload(pool, len(content))
    assert payload.take_in(memoryview(content)[:10]) == 10
    room = payload.room()
    room[:] = content[10:]
    assert payload.missing == len(room)
    payload.filled(len(room))
    assert payload.missing == 0
    return payload


def test_memory_that_was_given_back_is_taken_again() -> None:
    pool = BufferPool()
    memory = pool.take(MIB)
    other = pool.take(MIB)
    assert memory is not other
    pool.give(memory)
    assert pool.take(2 * MIB) is not memory
    assert pool.take(MIB) is memory
    assert pool.take(MIB) is not memory


def test_what_was_not_wanted_for_a_tick_is_let_go() -> None:
    pool = BufferPool()
    memory = pool.take(MIB)
    pool.give(memory)
    pool.tick()
    assert pool.take(MIB) is memory

    pool.give(memory)
    pool.tick()
    pool.tick()
    assert pool.take(MIB) is not memory


def test_no_more_is_kept_than_a_limit_allows() -> None:
    pool = BufferPool()
    memories = [pool.take(16 * MIB) for _ in range(6)]
    for memory in memories:
        pool.give(memory)
    assert pool.pooled_bytes == MAX_POOLED_BYTES
    pool.tick()
    pool.give(memories[5])
    assert pool.pooled_bytes == MAX_POOLED_BYTES
    pool.tick()
    assert pool.pooled_bytes == 0


def test_taking_and_giving_keep_the_count() -> None:
    pool = BufferPool()
    for _ in range(3):
        first, second = pool.take(MIB), pool.take(MIB)
        pool.give(first)
        pool.tick()
        pool.give(second)
        assert pool.pooled_bytes == 2 * MIB
        assert {id(pool.take(MIB)), id(pool.take(MIB))} == {id(first), id(second)}
        assert pool.pooled_bytes == 0


def test_what_the_machine_does_not_have_is_an_os_error() -> None:
    with pytest.raises((OSError, OverflowError)):
        PooledPayload(BufferPool(), 1 << 62)


def test_more_than_the_payload_is_not_taken_in() -> None:
    payload = PooledPayload(BufferPool(), MIB)
    assert payload.take_in(memoryview(b"x" * (MIB - 3))) == MIB - 3
    assert payload.take_in(memoryview(b"yyyzzz")) == 3
    assert payload.missing == 0
    assert bytes(payload.value()[-4:]) == b"xyyy"


# A whole block takes the memory over

NAMELESS = Identity("anonymous", 1, 0, 0)
deferred: list[Work] = []


@pytest.fixture
def pool() -> BufferPool:
    return BufferPool()


@pytest.fixture
def store() -> MemoryStore:
    deferred.clear()
    return MemoryStore(256 * MIB, deferred.append)


def test_a_whole_block_is_not_copied(store: MemoryStore, pool: BufferPool) -> None:
    ref = store.allocate(MIB, NAMELESS)
    old = store.large[ref].memory
    payload = arrived(pool, b"\xaa" * MIB)
    store.write(ref, 0, payload.value(), payload)
    payload.release()

    assert store.large[ref].memory is not old
    assert content(store.read(ref, MIB - 8, 8)) == b"\xaa" * 8
    assert pool.take(MIB) is old
    store.resize(ref, 3 * MIB)
    assert content(store.read(ref, MIB - 1, 2)) == b"\xaa\0"


@pytest.mark.parametrize(
    ("size", "length", "offset"), [(2 * MIB, MIB, 0), (2 * MIB, MIB, MIB), (MIB, 1000, 0)]
)
def test_a_part_of_a_block_is_copied(
    store: MemoryStore, pool: BufferPool, size: int, length: int, offset: int
) -> None:
    ref = store.allocate(size, NAMELESS)
    memory = store.large[ref].memory
    payload = arrived(pool, b"\xaa" * length)
    store.write(ref, offset, payload.value(), payload)
    payload.release()
    assert store.large[ref].memory is memory
    assert memory[:] == bytes(offset) + b"\xaa" * length + bytes(size - offset - length)


def test_a_streamed_read_under_way_still_shows_the_old_bytes(
    store: MemoryStore, pool: BufferPool
) -> None:
    ref = store.allocate(MIB, NAMELESS)
    store.fill(ref, 0, MIB, 0x11)
    read = store.read(ref, 0, MIB)
    assert not isinstance(read, (bytearray, memoryview))
    first = read.take(10)
    payload = arrived(pool, b"\xaa" * MIB)
    store.write(ref, 0, payload.value(), payload)
    payload.release()

    assert first + read.take(MIB) == b"\x11" * MIB
    assert content(store.read(ref, 0, 4)) == b"\xaa" * 4


def test_a_block_whose_tail_is_being_wiped(store: MemoryStore, pool: BufferPool) -> None:
    ref = store.allocate(40 * MIB, NAMELESS)
    store.fill(ref, 0, 16 * MIB, 0x11)
    store.resize(ref, MIB)
    payload = arrived(pool, b"\xaa" * MIB)
    store.write(ref, 0, payload.value(), payload)
    payload.release()

    grown = store.resize(ref, 16 * MIB)
    for work in deferred:
        for _ in work:
            pass
    assert isinstance(grown, Future)
    assert grown.result() == ref
    read = store.read(ref, 0, 16 * MIB)
    assert not isinstance(read, (bytearray, memoryview))
    assert read.take(16 * MIB) == b"\xaa" * MIB + bytes(15 * MIB)


def test_only_the_payload_that_arrived_is_taken_over(store: MemoryStore, pool: BufferPool) -> None:
    ref = store.allocate(MIB, NAMELESS)
    payload = arrived(pool, b"\xaa" * MIB)
    store.write(ref, 0, b"\xbb" * MIB)
    assert content(store.read(ref, 0, 4)) == b"\xbb" * 4
    assert bytes(payload.value()[:4]) == b"\xaa" * 4
    payload.release()


def test_a_block_and_the_next_payload_share_no_memory(store: MemoryStore, pool: BufferPool) -> None:
    refs = [store.allocate(MIB, NAMELESS) for _ in range(3)]
    for turn in range(4):
        for number, ref in enumerate(refs):
            payload = arrived(pool, bytes([16 * turn + number]) * MIB)
            store.write(ref, 0, payload.value(), payload)
            payload.release()
        half = PooledPayload(pool, MIB)  # a client that dies in the middle of its payload
        half.take_in(memoryview(b"\xff" * 1000))
        half.release()
        for number, ref in enumerate(refs):
            assert content(store.read(ref, 0, 1000)) == bytes([16 * turn + number]) * 1000
    assert len({id(store.large[ref].memory) for ref in refs}) == 3


def test_a_freed_block_that_had_taken_memory_over_is_wiped(
    store: MemoryStore, pool: BufferPool
) -> None:
    ref = store.allocate(MIB, NAMELESS)
    payload = arrived(pool, b"\xaa" * MIB)
    store.write(ref, 0, payload.value(), payload)
    payload.release()
    memory = store.large[ref].memory

    deferred.clear()
    store.release(ref)
    (work,) = deferred
    next(work)
    assert memory[:] == bytes(MIB)
