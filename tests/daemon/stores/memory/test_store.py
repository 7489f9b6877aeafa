from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from ether_daemon.net.buffer_pool import Arrival, Spares
from ether_daemon.stores.contract import Chore, Reading, Store
from ether_daemon.stores.memory.slabs import MAX_SMALL_BYTES
from ether_daemon.stores.memory.store import LARGE_REF, MAX_PIECE_BYTES, MemoryStore
from ether_protocol import NoMemory, NotFound, OutOfRange

MIB = 1024 * 1024
CAPACITY = 64 * MIB
SMALL, LARGE = 100, MAX_SMALL_BYTES + 100

U64 = (1 << 64) - 1


class Chores(list[Chore]):
    def step(self, which: int = 0) -> None:
        chore = self.pop(which % len(self))
        for _ in chore:
            self.append(chore)
            break

    def finish(self) -> None:
        while self:
            self.step()


def content(data: bytes | Reading, limit: int = 100_000) -> bytes:
    if isinstance(data, bytes):
        return data
    pieces = []
    while len(data):
        pieces.append(data.take(limit))
    return b"".join(pieces)


@pytest.fixture
def chores() -> Chores:
    return Chores()


@pytest.fixture
def store(chores: Chores) -> Iterator[MemoryStore]:
    store = MemoryStore(CAPACITY, chores.append)
    yield store
    chores.finish()
    store.close()


def test_it_is_a_store(store: MemoryStore) -> None:
    contract: Store = store
    assert contract.size(store.allocate(SMALL)) == SMALL


@pytest.mark.parametrize("size", [1, SMALL, MAX_SMALL_BYTES, MAX_SMALL_BYTES + 1, 40 * MIB])
def test_a_block_is_zeroed_and_keeps_what_is_written(store: MemoryStore, size: int) -> None:
    ref = store.allocate(size)
    assert (ref >= LARGE_REF) is (size > MAX_SMALL_BYTES)
    assert 0 < ref <= U64
    assert store.size(ref) == size
    assert content(store.read(ref, 0, size)) == bytes(size)

    data = b"\x01" + bytes(size - 1)
    store.write(ref, 0, data)
    assert content(store.read(ref, 0, size)) == data


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_freed_memory_is_given_out_empty(store: MemoryStore, chores: Chores, size: int) -> None:
    for _ in range(3):
        ref = store.allocate(size)
        assert content(store.read(ref, 0, size)) == bytes(size)
        store.fill(ref, 0, size, 0xAA)
        store.release(ref)
        chores.finish()


def test_a_large_block_that_is_gone_is_not_found(store: MemoryStore) -> None:
    ref = store.allocate(LARGE)
    store.release(ref)
    for ask in (
        lambda: store.size(ref),
        lambda: store.read(ref, 0, 1),
        lambda: store.write(ref, 0, b"x"),
        lambda: store.release(ref),
        lambda: store.resize(ref, LARGE),
        lambda: store.copy(ref, 0, ref, 0, 1),
    ):
        with pytest.raises(NotFound):
            ask()


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
    store: MemoryStore, block_size: int, offset: int, size: int
) -> None:
    # The table is written for LARGE; the same distances from the end of either block.
    if offset <= LARGE and block_size == SMALL:
        offset, size = max(0, offset - LARGE + SMALL), size
    ref, other = store.allocate(block_size), store.allocate(LARGE)
    pattern = random.Random(1).randbytes(block_size)
    store.write(ref, 0, pattern)
    asks: list[Any] = [
        lambda: store.fill(ref, offset, size, 0xFF),
        lambda: store.copy(other, 0, ref, offset, size),
        lambda: store.copy(ref, offset, other, 0, size),
        lambda: store.copy(ref, offset, ref, 0, size),
    ]
    if size <= LARGE + 1:
        asks.append(lambda: store.write(ref, offset, b"\xff" * size))
    if block_size - offset < 8:
        asks.append(lambda: store.compare_swap(ref, offset, bytes(8), b"\xff" * 8))
        asks.append(lambda: store.fetch_add(ref, offset, 1))
    if offset > block_size:
        asks.append(lambda: store.read(ref, offset, size))
    for ask in asks:
        with pytest.raises(OutOfRange):
            ask()
    assert content(store.read(ref, 0, block_size)) == pattern
    assert content(store.read(other, 0, LARGE)) == bytes(LARGE)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_reading_at_the_end(store: MemoryStore, size: int) -> None:
    ref = store.allocate(size)
    store.fill(ref, 0, size, 7)
    assert content(store.read(ref, size, U64)) == b""
    assert content(store.read(ref, size - 3, U64)) == b"\7\7\7"
    assert content(store.read(ref, 5, 0)) == b""
    with pytest.raises(OutOfRange, match=f"offset {size + 1} is past the end of {size} bytes"):
        store.read(ref, size + 1, 0)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_nothing_is_fine_and_does_nothing(store: MemoryStore, size: int) -> None:
    ref = store.allocate(size)
    for offset in (0, 5, size):
        store.write(ref, offset, b"")
        store.fill(ref, offset, 0, 0xFF)
        store.copy(ref, size, ref, offset, 0)
    assert content(store.read(ref, 0, size)) == bytes(size)


@pytest.mark.parametrize("data", [b"abc", bytearray(b"abc"), memoryview(b"xabcx")[1:4]])
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_any_buffer_can_be_written(
    store: MemoryStore, size: int, data: bytes | bytearray | memoryview
) -> None:
    ref = store.allocate(size)
    store.write(ref, size - 3, data)
    assert content(store.read(ref, size - 3, 3)) == b"abc"


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 3 * 65_536 + 5])
def test_fill_ends_where_it_should(store: MemoryStore, size: int) -> None:
    ref = store.allocate(MIB)
    store.fill(ref, 10, size, 0xAB)
    expected = bytes(10) + b"\xab" * size + bytes(MIB - size - 10)
    assert content(store.read(ref, 0, MIB)) == expected


@pytest.mark.parametrize("block_size", [SMALL, LARGE])
@pytest.mark.parametrize(("source", "target"), [(0, 3), (3, 0), (5, 5), (0, 50)])
def test_copies_that_overlap(store: MemoryStore, block_size: int, source: int, target: int) -> None:
    ref = store.allocate(block_size)
    model = bytearray(random.Random(2).randbytes(block_size))
    store.write(ref, 0, model)
    store.copy(ref, source, ref, target, 40)
    model[target : target + 40] = model[source : source + 40]
    assert content(store.read(ref, 0, block_size)) == model


@pytest.mark.parametrize("source_size", [SMALL, LARGE])
@pytest.mark.parametrize("target_size", [SMALL, LARGE])
def test_copies_between_blocks(store: MemoryStore, source_size: int, target_size: int) -> None:
    source, target = store.allocate(source_size), store.allocate(target_size)
    store.fill(source, 0, source_size, 0x55)
    store.copy(source, source_size - 50, target, target_size - 50, 50)
    assert content(store.read(target, 0, target_size)) == bytes(target_size - 50) + b"\x55" * 50
    assert content(store.read(source, 0, source_size)) == b"\x55" * source_size


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_compare_swap(store: MemoryStore, size: int) -> None:
    ref = store.allocate(size)
    offset = size - 8
    assert store.compare_swap(ref, offset, bytes(8), b"first..!") == bytes(8)
    assert store.compare_swap(ref, offset, bytes(8), b"second.!") == b"first..!"
    assert content(store.read(ref, offset, 8)) == b"first..!"
    assert store.compare_swap(ref, offset, b"first..!", b"second.!") == b"first..!"
    assert content(store.read(ref, offset, 8)) == b"second.!"


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_fetch_add_wraps_both_ways(store: MemoryStore, size: int) -> None:
    ref = store.allocate(size)
    found = [store.fetch_add(ref, 3, delta) for delta in (5, -6, 1, (1 << 63) - 1, -(1 << 63), 0)]
    assert found == [0, 5, U64, 0, (1 << 63) - 1, U64]
    assert content(store.read(ref, 0, 3)) == bytes(3)


def sizes_around_every_border() -> list[int]:
    return [1, SMALL, MAX_SMALL_BYTES, MAX_SMALL_BYTES + 1, MIB, 20 * MIB]


@pytest.mark.parametrize("old", sizes_around_every_border())
@pytest.mark.parametrize("new", sizes_around_every_border())
def test_resizing_keeps_zeroes_and_wipes(
    store: MemoryStore, chores: Chores, old: int, new: int
) -> None:
    ref = store.allocate(old)
    store.fill(ref, 0, old, 0xAA)
    ref = store.resize(ref, new)
    assert store.size(ref) == new
    kept = min(old, new)
    assert content(store.read(ref, 0, new)) == b"\xaa" * kept + bytes(new - kept)

    ref = store.resize(ref, old)
    assert content(store.read(ref, 0, old)) == b"\xaa" * kept + bytes(old - kept)
    store.release(ref)
    chores.finish()


def test_a_resize_answers_at_once_so_that_what_comes_behind_it_is_in_time(
    store: MemoryStore,
) -> None:
    ref = store.allocate(40 * MIB)
    for size in (20 * MIB, 40 * MIB, MIB, 40 * MIB):
        assert store.resize(ref, size) == ref
        store.write(ref, size - 4, b"here")
        assert content(store.read(ref, size - 4, 8)) == b"here"


def test_what_the_machine_does_not_have(store: MemoryStore) -> None:
    ref = store.allocate(SMALL)
    large = store.allocate(LARGE)
    for size in (1 << 60, 1 << 63, U64):
        with pytest.raises(NoMemory):
            store.allocate(size)
        for block in (ref, large):
            with pytest.raises(NoMemory):
                store.resize(block, size)
    assert (store.size(ref), store.size(large)) == (SMALL, LARGE)


def test_long_ranges_of_large_blocks_are_readings(store: MemoryStore) -> None:
    small, large = store.allocate(MAX_SMALL_BYTES), store.allocate(MIB)
    assert isinstance(store.read(small, 0, U64), bytes)
    assert isinstance(store.read(large, 0, MAX_PIECE_BYTES), bytes)
    reading = store.read(large, 0, MAX_PIECE_BYTES + 1)
    assert not isinstance(reading, bytes)
    assert len(reading) == MAX_PIECE_BYTES + 1


CHANGES: list[tuple[str, Any]] = [
    ("write", lambda store, ref, other: store.write(ref, MIB, b"x" * 1000)),
    ("fill", lambda store, ref, other: store.fill(ref, 0, 2 * MIB, 1)),
    ("copy into", lambda store, ref, other: store.copy(other, 0, ref, 500_000, MIB)),
    ("copy within", lambda store, ref, other: store.copy(ref, 0, ref, 1, MIB)),
    ("compare_swap", lambda store, ref, other: store.compare_swap(ref, MIB, b"\xaa" * 8, b"8" * 8)),
    ("fetch_add", lambda store, ref, other: store.fetch_add(ref, MIB, 1)),
    ("shrink", lambda store, ref, other: store.resize(ref, MIB)),
    ("shrink to small", lambda store, ref, other: store.resize(ref, SMALL)),
    ("release", lambda store, ref, other: store.release(ref)),
]


@pytest.mark.parametrize(("what", "change"), CHANGES, ids=[what for what, _ in CHANGES])
def test_a_reading_under_way_shows_the_bytes_as_they_were(
    store: MemoryStore, chores: Chores, what: str, change: Any
) -> None:
    ref, other = store.allocate(3 * MIB), store.allocate(2 * MIB)
    store.fill(ref, 0, 3 * MIB, 0xAA)
    reading = store.read(ref, 1000, 2 * MIB)
    assert not isinstance(reading, bytes)
    assert reading.take(10) == b"\xaa" * 10

    change(store, ref, other)
    chores.finish()
    again = store.allocate(3 * MIB)
    store.fill(again, 0, 3 * MIB, 0xBB)
    assert content(reading) == b"\xaa" * (2 * MIB - 10)


def test_a_swap_that_does_not_happen_makes_no_reading_keep_a_copy(store: MemoryStore) -> None:
    ref = store.allocate(MIB)
    reading = store.read(ref, 0, MIB)
    store.compare_swap(ref, 0, b"\xff" * 8, b"\xee" * 8)
    assert store._mapping(ref).readings == [reading]


class StoreModel(RuleBasedStateMachine):
    """The store beside a dict of bytearrays, with chores done whenever it pleases."""

    blocks: Bundle[int] = Bundle("blocks")
    readings: Bundle[int] = Bundle("readings")

    sizes = st.one_of(
        st.integers(1, 600),
        st.integers(MAX_SMALL_BYTES - 2, MAX_SMALL_BYTES + 2),
        st.integers(MAX_SMALL_BYTES + 1, 2 * MIB),
        st.sampled_from([9 * MIB, 9 * MIB + 4096, 17 * MIB + 1]),
    )
    # Places near both ends and, seldom, beyond any.
    shares = st.floats(0, 1.05)
    lengths = st.one_of(st.integers(0, 70_000), st.integers(0, 3 * MIB), st.just(U64))

    def __init__(self) -> None:
        super().__init__()
        self.chores = Chores()
        self.spares = Spares()
        self.store = MemoryStore(CAPACITY, self.chores.append, self.spares)
        self.model: dict[int, bytearray] = {}
        self.refs: dict[int, int] = {}
        self.open: dict[int, tuple[Any, bytes]] = {}
        self.count = 0

    def number(self) -> int:
        self.count += 1
        return self.count

    def offset(self, block: int, share: float) -> int:
        return int(len(self.model[block]) * share)

    def inside(self, block: int, offset: int, size: int) -> bool:
        return offset + size <= len(self.model[block])

    @rule(target=blocks, size=sizes)
    def allocate(self, size: int) -> Any:
        if sum(map(len, self.model.values())) + size > CAPACITY:
            return multiple()
        block = self.number()
        self.refs[block] = self.store.allocate(size)
        self.model[block] = bytearray(size)
        assert len(set(self.refs.values())) == len(self.refs)
        return block

    @rule(block=consumes(blocks))
    def release(self, block: int) -> None:
        self.store.release(self.refs.pop(block))
        del self.model[block]

    @rule(block=blocks, size=sizes)
    def resize(self, block: int, size: int) -> None:
        model = self.model[block]
        if sum(map(len, self.model.values())) - len(model) + size > CAPACITY:
            return
        self.refs[block] = self.store.resize(self.refs[block], size)
        model[size:] = b""
        model.extend(bytes(size - len(model)))
        assert self.store.size(self.refs[block]) == size

    @rule(block=blocks, share=shares, length=st.integers(0, 600_000), seed=st.integers(0, 9))
    def write(self, block: int, share: float, length: int, seed: int) -> None:
        offset = self.offset(block, share)
        data = random.Random(seed).randbytes(length)
        if self.inside(block, offset, length):
            self.store.write(self.refs[block], offset, memoryview(data))
            self.model[block][offset : offset + length] = data
        else:
            with pytest.raises(OutOfRange):
                self.store.write(self.refs[block], offset, data)

    @rule(block=blocks, byte=st.integers(0, 255), tick=st.booleans())
    def write_all_of_it(self, block: int, byte: int, tick: bool) -> None:
        data = bytes([byte]) * len(self.model[block])
        self.spares.arrived = arrival = Arrival(self.spares, len(data))
        arrival.begin(memoryview(data))
        self.store.write(self.refs[block], 0, arrival.payload)
        self.spares.arrived = None
        arrival.close()
        self.model[block][:] = data
        if tick:
            self.spares.tick()

    @rule(block=blocks, share=shares, length=lengths, byte=st.integers(0, 255))
    def fill(self, block: int, share: float, length: int, byte: int) -> None:
        offset = self.offset(block, share)
        if self.inside(block, offset, length):
            self.store.fill(self.refs[block], offset, length, byte)
            self.model[block][offset : offset + length] = bytes([byte]) * length
        else:
            with pytest.raises(OutOfRange):
                self.store.fill(self.refs[block], offset, length, byte)

    @rule(source=blocks, source_share=shares, into=blocks, into_share=shares, length=lengths)
    def copy(
        self, source: int, source_share: float, into: int, into_share: float, length: int
    ) -> None:
        start, offset = self.offset(source, source_share), self.offset(into, into_share)
        ask = (self.refs[source], start, self.refs[into], offset, length)
        if self.inside(source, start, length) and self.inside(into, offset, length):
            self.store.copy(*ask)
            data = bytes(self.model[source][start : start + length])
            self.model[into][offset : offset + length] = data
        else:
            with pytest.raises(OutOfRange):
                self.store.copy(*ask)

    @rule(
        block=blocks, share=shares, expect=st.booleans(), desired=st.binary(min_size=8, max_size=8)
    )
    def compare_swap(self, block: int, share: float, expect: bool, desired: bytes) -> None:
        offset = self.offset(block, share)
        found = bytes(self.model[block][offset : offset + 8])
        expected = found if expect else b"\x01\x02\x03\x04\x05\x06\x07\x08"
        if self.inside(block, offset, 8):
            assert self.store.compare_swap(self.refs[block], offset, expected, desired) == found
            if found == expected:
                self.model[block][offset : offset + 8] = desired
        else:
            with pytest.raises(OutOfRange):
                self.store.compare_swap(self.refs[block], offset, expected, desired)

    @rule(block=blocks, share=shares, delta=st.integers(-(1 << 63), (1 << 63) - 1))
    def fetch_add(self, block: int, share: float, delta: int) -> None:
        offset = self.offset(block, share)
        if self.inside(block, offset, 8):
            found = int.from_bytes(self.model[block][offset : offset + 8], "big")
            assert self.store.fetch_add(self.refs[block], offset, delta) == found
            self.model[block][offset : offset + 8] = ((found + delta) & U64).to_bytes(8, "big")
        else:
            with pytest.raises(OutOfRange):
                self.store.fetch_add(self.refs[block], offset, delta)

    @rule(target=readings, block=blocks, share=shares, length=lengths)
    def read(self, block: int, share: float, length: int) -> Any:
        offset = self.offset(block, share)
        if offset > len(self.model[block]):
            with pytest.raises(OutOfRange):
                self.store.read(self.refs[block], offset, length)
            return multiple()
        expected = bytes(self.model[block][offset : offset + length])
        data = self.store.read(self.refs[block], offset, length)
        assert len(data) == len(expected)
        if isinstance(data, bytes):
            assert data == expected
            return multiple()
        reading = self.number()
        self.open[reading] = (data, expected)
        return reading

    @rule(reading=readings, limit=st.integers(1, 3 * MIB))
    def take(self, reading: int, limit: int) -> None:
        data, expected = self.open[reading]
        if not expected:
            return
        piece = data.take(limit)
        assert piece == expected[: len(piece)]
        assert len(piece) == min(limit, len(expected))
        self.open[reading] = (data, expected[len(piece) :])

    @rule(reading=consumes(readings))
    def cancel(self, reading: int) -> None:
        self.open.pop(reading)[0].cancel()

    @rule(which=st.integers(0, 9), steps=st.integers(1, 5))
    def chore(self, which: int, steps: int) -> None:
        for _ in range(steps):
            if self.chores:
                self.chores.step(which)

    @invariant()
    def sizes_agree(self) -> None:
        for block, ref in self.refs.items():
            assert self.store.size(ref) == len(self.model[block])

    def teardown(self) -> None:
        for block, ref in self.refs.items():
            assert content(self.store.read(ref, 0, U64)) == self.model[block]
        for data, expected in self.open.values():
            assert content(data) == expected
        for ref in self.refs.values():
            self.store.release(ref)
        self.chores.finish()
        self.store.close()


TestStoreModel = StoreModel.TestCase
TestStoreModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
