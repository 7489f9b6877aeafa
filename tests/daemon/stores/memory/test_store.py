from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from block_model import BlockModel
from daemon.deferred_list import DeferredList
from ether_daemon.net.buffer_pool import BufferPool, PooledPayload
from ether_daemon.stores.contract import MAX_REF, Identity, Ref, Store, StoreContents, StreamedRead
from ether_daemon.stores.future import Future
from ether_daemon.stores.memory.slabs import MAX_SMALL_BYTES
from ether_daemon.stores.memory.store import LARGE_REF, MAX_PIECE_BYTES, MemoryStore
from ether_protocol import NoMemory
from ether_protocol.wire.messages import Buffer

MIB = 1024 * 1024
CAPACITY = 64 * MIB
SMALL, LARGE = 100, MAX_SMALL_BYTES + 100

U64 = (1 << 64) - 1


ANYBODY = Identity("anonymous", 1, 0, 0)


def allocate(store: MemoryStore, size: int) -> Ref:
    """A block; this store has no use for the identity."""
    return store.allocate(size, ANYBODY)


def resize(store: MemoryStore, deferred: DeferredList, ref: Ref, size: int) -> Ref:
    """Resize a block, and wait for that with whatever is deferred."""
    answer = store.resize(ref, size)
    while isinstance(answer, Future) and not answer.done():
        deferred.step()
    return answer.result() if isinstance(answer, Future) else answer


def content(data: Buffer | StreamedRead, limit: int = 100_000) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    pieces = []
    while len(data):
        pieces.append(data.take(limit))
    return b"".join(pieces)


@pytest.fixture
def deferred() -> DeferredList:
    return DeferredList()


@pytest.fixture
def store(deferred: DeferredList) -> Iterator[MemoryStore]:
    store = MemoryStore(CAPACITY, deferred.append)
    yield store
    deferred.finish()
    store.close()


def test_it_is_a_store(store: MemoryStore) -> None:
    contract: Store = store
    assert contract.open() == StoreContents(blocks=[], last_handles={})
    assert not contract.outlives_process


@pytest.mark.parametrize("size", [1, SMALL, MAX_SMALL_BYTES, MAX_SMALL_BYTES + 1, 40 * MIB])
def test_a_block_is_zeroed_and_keeps_what_is_written(store: MemoryStore, size: int) -> None:
    ref = allocate(store, size)
    assert (ref >= LARGE_REF) is (size > MAX_SMALL_BYTES)
    assert 0 < ref <= MAX_REF
    assert content(store.read(ref, 0, size)) == bytes(size)

    data = b"\x01" + bytes(size - 1)
    store.write(ref, 0, data)
    assert content(store.read(ref, 0, size)) == data


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_freed_memory_is_given_out_empty(
    store: MemoryStore, deferred: DeferredList, size: int
) -> None:
    for _ in range(3):
        ref = allocate(store, size)
        assert content(store.read(ref, 0, size)) == bytes(size)
        store.fill(ref, 0, size, 0xAA)
        store.release(ref)
        deferred.finish()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_reading_at_the_end(store: MemoryStore, size: int) -> None:
    ref = allocate(store, size)
    store.fill(ref, 0, size, 7)
    assert content(store.read(ref, size, 0)) == b""
    assert content(store.read(ref, size - 3, 3)) == b"\7\7\7"
    assert content(store.read(ref, 5, 0)) == b""


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_nothing_is_fine_and_does_nothing(store: MemoryStore, size: int) -> None:
    ref = allocate(store, size)
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
    ref = allocate(store, size)
    store.write(ref, size - 3, data)
    assert content(store.read(ref, size - 3, 3)) == b"abc"


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 3 * 65_536 + 5])
def test_fill_ends_where_it_should(store: MemoryStore, size: int) -> None:
    ref = allocate(store, MIB)
    store.fill(ref, 10, size, 0xAB)
    expected = bytes(10) + b"\xab" * size + bytes(MIB - size - 10)
    assert content(store.read(ref, 0, MIB)) == expected


@pytest.mark.parametrize("block_size", [SMALL, LARGE])
@pytest.mark.parametrize(("source", "target"), [(0, 3), (3, 0), (5, 5), (0, 50)])
def test_copies_that_overlap(store: MemoryStore, block_size: int, source: int, target: int) -> None:
    ref = allocate(store, block_size)
    model = bytearray(random.Random(2).randbytes(block_size))
    store.write(ref, 0, model)
    store.copy(ref, source, ref, target, 40)
    model[target : target + 40] = model[source : source + 40]
    assert content(store.read(ref, 0, block_size)) == model


@pytest.mark.parametrize("source_size", [SMALL, LARGE])
@pytest.mark.parametrize("target_size", [SMALL, LARGE])
def test_copies_between_blocks(store: MemoryStore, source_size: int, target_size: int) -> None:
    source, target = allocate(store, source_size), allocate(store, target_size)
    store.fill(source, 0, source_size, 0x55)
    store.copy(source, source_size - 50, target, target_size - 50, 50)
    assert content(store.read(target, 0, target_size)) == bytes(target_size - 50) + b"\x55" * 50
    assert content(store.read(source, 0, source_size)) == b"\x55" * source_size


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_compare_swap(store: MemoryStore, size: int) -> None:
    ref = allocate(store, size)
    offset = size - 8
    assert store.compare_swap(ref, offset, bytes(8), b"first..!") == bytes(8)
    assert store.compare_swap(ref, offset, bytes(8), b"second.!") == b"first..!"
    assert content(store.read(ref, offset, 8)) == b"first..!"
    assert store.compare_swap(ref, offset, b"first..!", b"second.!") == b"first..!"
    assert content(store.read(ref, offset, 8)) == b"second.!"


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_fetch_add_wraps_both_ways(store: MemoryStore, size: int) -> None:
    ref = allocate(store, size)
    found = [store.fetch_add(ref, 3, delta) for delta in (5, -6, 1, (1 << 63) - 1, -(1 << 63), 0)]
    assert found == [0, 5, U64, 0, (1 << 63) - 1, U64]
    assert content(store.read(ref, 0, 3)) == bytes(3)


def sizes_around_every_border() -> list[int]:
    return [1, SMALL, MAX_SMALL_BYTES, MAX_SMALL_BYTES + 1, MIB, 20 * MIB]


@pytest.mark.parametrize("old", sizes_around_every_border())
@pytest.mark.parametrize("new", sizes_around_every_border())
def test_resizing_keeps_zeroes_and_wipes(
    store: MemoryStore, deferred: DeferredList, old: int, new: int
) -> None:
    ref = allocate(store, old)
    store.fill(ref, 0, old, 0xAA)
    ref = resize(store, deferred, ref, new)
    kept = min(old, new)
    assert content(store.read(ref, 0, new)) == b"\xaa" * kept + bytes(new - kept)

    ref = resize(store, deferred, ref, old)
    assert content(store.read(ref, 0, old)) == b"\xaa" * kept + bytes(old - kept)
    store.release(ref)
    deferred.finish()


def test_only_growing_while_a_long_old_tail_is_wiped_is_answered_later(
    store: MemoryStore, deferred: DeferredList
) -> None:
    ref = allocate(store, 60 * MIB)
    store.fill(ref, 0, 60 * MIB, 0xAA)
    # A short tail is wiped within the requests, and shrinking never waits.
    for size in (50 * MIB, 60 * MIB, 40 * MIB, 50 * MIB, MIB):
        assert store.resize(ref, size) == ref
    deferred.finish()

    store.resize(ref, 50 * MIB)
    store.fill(ref, 0, 50 * MIB, 0xAA)
    store.resize(ref, 2 * MIB)
    grown = store.resize(ref, 3 * MIB)
    assert isinstance(grown, Future)
    assert not grown.done()
    deferred.finish()
    assert grown.result() == ref
    assert content(store.read(ref, MIB, 2 * MIB)) == b"\xaa" * MIB + bytes(MIB)


def test_what_the_machine_does_not_have(store: MemoryStore) -> None:
    ref = allocate(store, SMALL)
    large = allocate(store, LARGE)
    for block, size in ((ref, SMALL), (large, LARGE)):
        store.fill(block, 0, size, 0xAA)
    for size in (1 << 60, 1 << 63, U64):
        with pytest.raises(NoMemory):
            allocate(store, size)
        for block in (ref, large):
            with pytest.raises(NoMemory):
                store.resize(block, size)
    for block, size in ((ref, SMALL), (large, LARGE)):
        assert content(store.read(block, 0, size)) == b"\xaa" * size


def test_long_ranges_of_large_blocks_are_streamed(store: MemoryStore) -> None:
    small, large = allocate(store, MAX_SMALL_BYTES), allocate(store, MIB)
    assert isinstance(store.read(small, 0, MAX_SMALL_BYTES), memoryview)
    assert isinstance(store.read(large, 0, MAX_PIECE_BYTES), bytearray)
    stream = store.read(large, 0, MAX_PIECE_BYTES + 1)
    assert not isinstance(stream, (bytearray, memoryview))
    assert len(stream) == MAX_PIECE_BYTES + 1


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
def test_a_streamed_read_under_way_shows_the_bytes_as_they_were(
    store: MemoryStore, deferred: DeferredList, what: str, change: Any
) -> None:
    ref, other = allocate(store, 3 * MIB), allocate(store, 2 * MIB)
    store.fill(ref, 0, 3 * MIB, 0xAA)
    stream = store.read(ref, 1000, 2 * MIB)
    assert not isinstance(stream, (bytearray, memoryview))
    assert stream.take(10) == b"\xaa" * 10

    change(store, ref, other)
    deferred.finish()
    again = allocate(store, 3 * MIB)
    store.fill(again, 0, 3 * MIB, 0xBB)
    assert content(stream) == b"\xaa" * (2 * MIB - 10)


def test_a_swap_that_does_not_happen_makes_no_streamed_read_keep_a_copy(store: MemoryStore) -> None:
    ref = allocate(store, MIB)
    stream = store.read(ref, 0, MIB)
    store.compare_swap(ref, 0, b"\xff" * 8, b"\xee" * 8)
    assert store.large[ref].streamed_reads == [stream]


class StoreModel(RuleBasedStateMachine):
    """The store beside the model, with deferred work done whenever it pleases."""

    blocks: Bundle[int] = Bundle("blocks")
    streams: Bundle[int] = Bundle("streams")

    sizes = st.one_of(
        st.integers(1, 600),
        st.integers(MAX_SMALL_BYTES - 2, MAX_SMALL_BYTES + 2),
        st.integers(MAX_SMALL_BYTES + 1, 2 * MIB),
        st.sampled_from([9 * MIB, 9 * MIB + 4096, 17 * MIB + 1, 40 * MIB]),
    )
    # Places near both ends; the service asks for no range that is not inside the block.
    shares = st.floats(0, 1)
    lengths = st.one_of(st.integers(0, 70_000), st.integers(0, 3 * MIB), st.just(U64))

    def __init__(self) -> None:
        super().__init__()
        self.deferred = DeferredList()
        self.pool = BufferPool()
        self.store = MemoryStore(CAPACITY, self.deferred.append)
        self.model = BlockModel()
        self.refs: dict[int, Ref] = {}
        self.growing: dict[int, tuple[Future[Ref], int]] = {}
        self.open: dict[int, tuple[StreamedRead, bytes]] = {}
        self.count = 0

    def number(self) -> int:
        self.count += 1
        return self.count

    def ref(self, block: int) -> Ref:
        """Nothing may be asked about a block that is growing: wait for that first."""
        while block in self.growing:
            self.deferred.step()
            self.grown()
        return self.refs[block]

    def grown(self) -> None:
        for block, (answer, size) in [*self.growing.items()]:
            if answer.done():
                self.refs[block] = answer.result()
                self.model.realloc(block, size)
                del self.growing[block]

    def place(self, block: int, share: float, length: int) -> tuple[int, int]:
        """A range inside the block, which is at rest."""
        size = len(self.model.blocks[block])
        offset = int(size * share)
        return offset, min(length, size - offset)

    @rule(target=blocks, size=sizes)
    def allocate(self, size: int) -> Any:
        if self.model.total_bytes() + size > CAPACITY:
            return multiple()
        block = self.number()
        self.refs[block] = allocate(self.store, size)
        self.model.add(block, size)
        assert len(set(self.refs.values())) == len(self.refs)
        return block

    @rule(block=consumes(blocks))
    def release(self, block: int) -> None:
        self.store.release(self.ref(block))
        del self.refs[block]
        self.model.free(block)

    @rule(block=blocks, size=sizes)
    def resize(self, block: int, size: int) -> None:
        ref = self.ref(block)
        if self.model.total_bytes() - len(self.model.blocks[block]) + size > CAPACITY:
            return
        answer = self.store.resize(ref, size)
        if isinstance(answer, Future):
            self.growing[block] = answer, size
        else:
            self.refs[block] = answer
            self.model.realloc(block, size)

    @rule(block=blocks, share=shares, length=st.integers(0, 600_000), seed=st.integers(0, 9))
    def write(self, block: int, share: float, length: int, seed: int) -> None:
        ref = self.ref(block)
        offset, length = self.place(block, share, length)
        data = random.Random(seed).randbytes(length)
        self.store.write(ref, offset, memoryview(data))
        self.model.write(block, offset, data)

    @rule(block=blocks, byte=st.integers(0, 255), tick=st.booleans())
    def write_all_of_it(self, block: int, byte: int, tick: bool) -> None:
        ref = self.ref(block)
        data = bytes([byte]) * len(self.model.blocks[block])
        payload = PooledPayload(self.pool, len(data))
        payload.take_in(memoryview(data))
        self.store.write(ref, 0, payload.value(), payload)
        payload.release()
        self.model.write(block, 0, data)
        if tick:
            self.pool.tick()

    @rule(block=blocks, share=shares, length=lengths, byte=st.integers(0, 255))
    def fill(self, block: int, share: float, length: int, byte: int) -> None:
        ref = self.ref(block)
        offset, length = self.place(block, share, length)
        self.store.fill(ref, offset, length, byte)
        self.model.fill(block, offset, length, byte)

    @rule(source=blocks, source_share=shares, into=blocks, into_share=shares, length=lengths)
    def copy(
        self, source: int, source_share: float, into: int, into_share: float, length: int
    ) -> None:
        source_ref, ref = self.ref(source), self.ref(into)
        start, length = self.place(source, source_share, length)
        offset, length = self.place(into, into_share, length)
        self.store.copy(source_ref, start, ref, offset, length)
        self.model.copy(source, start, into, offset, length)

    @rule(
        block=blocks, share=shares, expect=st.booleans(), desired=st.binary(min_size=8, max_size=8)
    )
    def compare_swap(self, block: int, share: float, expect: bool, desired: bytes) -> None:
        ref = self.ref(block)
        offset, length = self.place(block, share, 8)
        if length < 8:
            return
        found = self.model.read(block, offset, 8)
        expected = found if expect else b"\x01\x02\x03\x04\x05\x06\x07\x08"
        answer = self.store.compare_swap(ref, offset, expected, desired)
        assert answer == self.model.compare_swap(block, offset, expected, desired)

    @rule(block=blocks, share=shares, delta=st.integers(-(1 << 63), (1 << 63) - 1))
    def fetch_add(self, block: int, share: float, delta: int) -> None:
        ref = self.ref(block)
        offset, length = self.place(block, share, 8)
        if length == 8:
            found = self.model.fetch_add(block, offset, delta)
            assert self.store.fetch_add(ref, offset, delta) == found

    @rule(target=streams, block=blocks, share=shares, length=lengths)
    def read(self, block: int, share: float, length: int) -> Any:
        ref = self.ref(block)
        offset, length = self.place(block, share, length)
        expected = self.model.read(block, offset, length)
        data = self.store.read(ref, offset, length)
        assert len(data) == len(expected)
        if isinstance(data, (bytearray, memoryview)):
            assert bytes(data) == expected
            return multiple()
        stream = self.number()
        self.open[stream] = (data, expected)
        return stream

    @rule(stream=streams, limit=st.integers(1, 3 * MIB))
    def take(self, stream: int, limit: int) -> None:
        data, expected = self.open[stream]
        if not expected:
            return
        piece = data.take(limit)
        assert piece == expected[: len(piece)]
        assert len(piece) == min(limit, len(expected))
        self.open[stream] = (data, expected[len(piece) :])

    @rule(stream=consumes(streams))
    def cancel(self, stream: int) -> None:
        self.open.pop(stream)[0].cancel()

    @rule(which=st.integers(0, 9), steps=st.integers(1, 5))
    def do_deferred_work(self, which: int, steps: int) -> None:
        for _ in range(steps):
            self.deferred.step(which)
        self.grown()

    @invariant()
    def large_blocks_have_their_sizes(self) -> None:
        for block, ref in self.refs.items():
            assert (ref >= LARGE_REF) is (len(self.model.blocks[block]) > MAX_SMALL_BYTES)
            if ref >= LARGE_REF and block not in self.growing:
                assert self.store.large[ref].size == len(self.model.blocks[block])

    def teardown(self) -> None:
        for block in self.refs:
            ref = self.ref(block)
            expected = bytes(self.model.blocks[block])
            assert content(self.store.read(ref, 0, len(expected))) == expected
        for data, expected in self.open.values():
            assert content(data) == expected
        for ref in self.refs.values():
            self.store.release(ref)
        self.deferred.finish()
        self.store.close()


TestStoreModel = StoreModel.TestCase
TestStoreModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
