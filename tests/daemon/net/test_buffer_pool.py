from __future__ import annotations

import pytest

from ether_daemon.net.buffer_pool import MAX_SPARE_BYTES, Arrival, Spares
from ether_daemon.stores.memory.store import MemoryStore

MIB = 1024 * 1024


def arrived(spares: Spares, payload: bytes) -> Arrival:
    """A payload that has come whole, and is being dealt with."""
    arrival = Arrival(spares, len(payload))
    arrival.begin(memoryview(payload)[:10])
    room = arrival.room()
    room[:] = payload[10:]
    arrival.filled += len(room)
    assert arrival.filled == arrival.length
    spares.arrived = arrival
    return arrival


def done(spares: Spares, arrival: Arrival) -> None:
    spares.arrived = None
    arrival.close()


def test_memory_that_was_given_back_is_taken_again() -> None:
    spares = Spares()
    memory = spares.take(MIB)
    other = spares.take(MIB)
    assert memory is not other
    spares.give(memory)
    assert spares.take(2 * MIB) is not memory
    assert spares.take(MIB) is memory
    assert spares.take(MIB) is not memory


def test_what_was_not_wanted_for_a_tick_is_let_go() -> None:
    spares = Spares()
    memory = spares.take(MIB)
    spares.give(memory)
    spares.tick()
    assert spares.take(MIB) is memory

    spares.give(memory)
    spares.tick()
    spares.tick()
    assert spares.take(MIB) is not memory


def test_no_more_is_kept_than_a_limit_allows() -> None:
    spares = Spares()
    memories = [spares.take(16 * MIB) for _ in range(6)]
    for memory in memories:
        spares.give(memory)
    assert spares._bytes == MAX_SPARE_BYTES
    spares.tick()
    spares.give(memories[5])
    assert spares._bytes == MAX_SPARE_BYTES
    spares.tick()
    assert spares._bytes == 0


def test_taking_and_giving_keep_the_count() -> None:
    spares = Spares()
    for _ in range(3):
        first, second = spares.take(MIB), spares.take(MIB)
        spares.give(first)
        spares.tick()
        spares.give(second)
        assert spares._bytes == 2 * MIB
        assert {id(spares.take(MIB)), id(spares.take(MIB))} == {id(first), id(second)}
        assert spares._bytes == 0


def test_what_the_machine_does_not_have_is_an_os_error() -> None:
    with pytest.raises((OSError, OverflowError)):
        Arrival(Spares(), 1 << 62)


# A whole block takes the memory over


@pytest.fixture
def spares() -> Spares:
    return Spares()


@pytest.fixture
def store(spares: Spares) -> MemoryStore:
    return MemoryStore(256 * MIB, lambda chore: chores.append(chore), spares)


chores: list[object] = []


def test_a_whole_block_is_not_copied(store: MemoryStore, spares: Spares) -> None:
    ref = store.allocate(MIB)
    old = store._mapping(ref).memory
    arrival = arrived(spares, b"\xaa" * MIB)
    store.write(ref, 0, arrival.payload)
    done(spares, arrival)

    assert store._mapping(ref).memory is not old
    assert store.read(ref, MIB - 8, 8) == b"\xaa" * 8
    assert spares.take(MIB) is old
    store.resize(ref, 3 * MIB)
    assert store.read(ref, MIB - 1, 2) == b"\xaa\0"


@pytest.mark.parametrize(
    ("size", "length", "offset"), [(2 * MIB, MIB, 0), (2 * MIB, MIB, MIB), (MIB, 1000, 0)]
)
def test_a_part_of_a_block_is_copied(
    store: MemoryStore, spares: Spares, size: int, length: int, offset: int
) -> None:
    ref = store.allocate(size)
    memory = store._mapping(ref).memory
    arrival = arrived(spares, b"\xaa" * length)
    store.write(ref, offset, arrival.payload)
    done(spares, arrival)
    assert store._mapping(ref).memory is memory
    assert memory[:] == bytes(offset) + b"\xaa" * length + bytes(size - offset - length)


def test_a_reading_under_way_still_shows_the_old_bytes(store: MemoryStore, spares: Spares) -> None:
    ref = store.allocate(MIB)
    store.fill(ref, 0, MIB, 0x11)
    reading = store.read(ref, 0, MIB)
    assert not isinstance(reading, bytes)
    first = reading.take(10)
    arrival = arrived(spares, b"\xaa" * MIB)
    store.write(ref, 0, arrival.payload)
    done(spares, arrival)

    assert first + reading.take(MIB) == b"\x11" * MIB
    assert store.read(ref, 0, 4) == b"\xaa" * 4


def test_a_block_whose_tail_is_being_wiped(store: MemoryStore, spares: Spares) -> None:
    ref = store.allocate(40 * MIB)
    store.fill(ref, 0, 16 * MIB, 0x11)
    store.resize(ref, MIB)
    arrival = arrived(spares, b"\xaa" * MIB)
    store.write(ref, 0, arrival.payload)
    done(spares, arrival)

    store.resize(ref, 16 * MIB)
    reading = store.read(ref, 0, 16 * MIB)
    assert not isinstance(reading, bytes)
    assert reading.take(16 * MIB) == b"\xaa" * MIB + bytes(15 * MIB)


def test_only_the_payload_that_arrived_is_taken_over(store: MemoryStore, spares: Spares) -> None:
    ref = store.allocate(MIB)
    arrival = arrived(spares, b"\xaa" * MIB)
    store.write(ref, 0, b"\xbb" * MIB)
    assert store.read(ref, 0, 4) == b"\xbb" * 4
    assert bytes(arrival.payload[:4]) == b"\xaa" * 4
    done(spares, arrival)


def test_a_block_and_the_next_payload_share_no_memory(store: MemoryStore, spares: Spares) -> None:
    refs = [store.allocate(MIB) for _ in range(3)]
    for turn in range(4):
        for number, ref in enumerate(refs):
            arrival = arrived(spares, bytes([16 * turn + number]) * MIB)
            store.write(ref, 0, arrival.payload)
            done(spares, arrival)
        half = Arrival(spares, MIB)  # a client that dies in the middle of its payload
        half.begin(memoryview(b"\xff" * 1000))
        half.close()
        for number, ref in enumerate(refs):
            assert store.read(ref, 0, 1000) == bytes([16 * turn + number]) * 1000
    assert len({id(store._mapping(ref).memory) for ref in refs}) == 3


def test_a_freed_block_that_had_taken_memory_over_is_wiped(
    store: MemoryStore, spares: Spares
) -> None:
    ref = store.allocate(MIB)
    arrival = arrived(spares, b"\xaa" * MIB)
    store.write(ref, 0, arrival.payload)
    done(spares, arrival)
    memory = store._mapping(ref).memory

    chores.clear()
    store.release(ref)
    (chore,) = chores
    next(chore)  # type: ignore[call-overload]
    assert memory[:] == bytes(MIB)
