from __future__ import annotations

import pytest

from daemon.deferred_list import DeferredList
from ether_daemon.stores.future import Answer, Future
from ether_daemon.stores.memory import large_blocks
from ether_daemon.stores.memory.large_blocks import LargeBlock
from ether_daemon.stores.memory.streamed_reads import MemoryRead
from ether_daemon.stores.memory.wiping import PAGE_BYTES, WIPE_STEP_BYTES
from ether_protocol import NoMemory

MIB = 1024 * 1024


def written(size: int, byte: bytes = b"\xaa") -> LargeBlock:
    block = LargeBlock(size)
    block.memory[:size] = byte * size
    return block


def read(block: LargeBlock, start: int, end: int) -> bytes:
    return block.memory[start:end]


def grow(block: LargeBlock, size: int, deferred: DeferredList) -> None:
    """Resize, and wait for that with whatever is deferred."""
    answer = block.resize(size, deferred.append)
    while isinstance(answer, Future) and not answer.done():
        deferred.step()
    if isinstance(answer, Future):
        answer.result()


def said(answer: Answer[None]) -> str:
    """How a resize ended, or that it has not."""
    if not isinstance(answer, Future):
        return "done at once"
    if not answer.done():
        return "waiting"
    try:
        answer.result()
    except NoMemory:
        return "no memory"
    return "done"


def where(stream: MemoryRead) -> object:
    """The memory in which the rest of a streamed read stands."""
    found: list[object] = []

    def look(rest: memoryview) -> int:
        found.append(rest.obj)
        return 0

    stream.hand(look)
    return found[0]


def taken(stream: MemoryRead, limit: int = 4096) -> bytes:
    pieces = []
    while len(stream):
        pieces.append(stream.take(limit))
        assert 0 < len(pieces[-1]) <= limit
    return b"".join(pieces)


def test_a_block_is_zeroed() -> None:
    block = LargeBlock(MIB + 1)
    assert block.size == MIB + 1
    assert read(block, 0, MIB + 1) == bytes(MIB + 1)


@pytest.mark.parametrize("size", [1 << 60, 1 << 63, 1 << 64])
def test_what_no_machine_has_is_no_memory(size: int) -> None:
    with pytest.raises(NoMemory):
        LargeBlock(size)


@pytest.mark.parametrize("size", [1 << 60, (1 << 63) - 1, 1 << 63, 1 << 64])
def test_what_no_machine_has_is_no_memory_to_grow_into_either(size: int) -> None:
    block = written(MIB)
    with pytest.raises(NoMemory):
        block.resize(size, DeferredList().append)
    assert block.size == MIB
    assert read(block, 0, MIB) == b"\xaa" * MIB


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (PAGE_BYTES, 2 * PAGE_BYTES),
        (PAGE_BYTES - 1, PAGE_BYTES),
        (PAGE_BYTES, PAGE_BYTES + 1),
        (PAGE_BYTES + 1, 7 * PAGE_BYTES - 1),
        (5, 6),
        (300_001, 9 * MIB + 3),
        (300_001, 20 * MIB + 3),
        (300_001, 50 * MIB + 3),
        (MIB, MIB),
    ],
)
@pytest.mark.parametrize("patient", [True, False])
def test_what_was_cut_away_reads_as_zeros_when_it_grows_again(
    small: int, large: int, patient: bool
) -> None:
    deferred = DeferredList()
    block = written(large)

    block.resize(small, deferred.append)
    assert block.size == small
    if patient:
        deferred.finish()
        assert len(block.memory) == small
    grow(block, large, deferred)
    assert read(block, 0, small) == b"\xaa" * small
    assert read(block, small, large) == bytes(large - small)

    deferred.finish()
    assert (block.size, len(block.memory)) == (large, large)
    assert read(block, 0, large) == b"\xaa" * small + bytes(large - small)


def test_growth_is_zeroed_and_moves_nothing_away() -> None:
    block = written(MIB)
    block.resize(64 * MIB, DeferredList().append)

    assert read(block, 0, MIB) == b"\xaa" * MIB
    assert read(block, MIB, 64 * MIB) == bytes(63 * MIB)


def test_a_long_tail_is_wiped_in_steps_and_then_given_back() -> None:
    deferred = DeferredList()
    block = written(4 * WIPE_STEP_BYTES)

    block.resize(MIB, deferred.append)
    assert (block.size, len(deferred)) == (MIB, 1)
    lengths = [len(block.memory)]
    deferred.step()
    lengths.append(len(block.memory))
    assert lengths == [2 * WIPE_STEP_BYTES, WIPE_STEP_BYTES]
    assert block.memory[-1] == 0xAA

    deferred.finish()
    assert len(block.memory) == MIB


def test_what_is_written_into_regrown_memory_is_not_wiped_after_all() -> None:
    deferred = DeferredList()
    block = written(40 * MIB)
    block.resize(MIB, deferred.append)
    grow(block, 30 * MIB, deferred)
    for at in (MIB, 10 * MIB + 7, 30 * MIB - 5):
        block.memory[at : at + 5] = b"fresh"
        while deferred:
            deferred.step()

    deferred.finish()
    for at in (MIB, 10 * MIB + 7, 30 * MIB - 5):
        assert read(block, at, at + 5) == b"fresh"
    assert read(block, MIB + 5, 10 * MIB + 7) == bytes(9 * MIB + 2)
    assert len(block.memory) == 30 * MIB


def test_shrinking_again_while_the_tail_is_wiped_needs_no_second_chore() -> None:
    deferred = DeferredList()
    block = written(40 * MIB)
    block.resize(20 * MIB, deferred.append)
    block.resize(19 * MIB, deferred.append)
    block.resize(MIB, deferred.append)
    assert len(deferred) == 1

    deferred.finish()
    assert len(block.memory) == MIB
    grow(block, 40 * MIB, deferred)
    assert read(block, MIB, 40 * MIB) == bytes(39 * MIB)


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 9])
def test_release_while_the_tail_is_wiped(steps: int) -> None:
    deferred = DeferredList()
    block = written(40 * MIB)
    block.resize(MIB, deferred.append)
    for _ in range(steps):
        deferred.step()
    block.release(deferred.append)
    deferred.finish()
    assert block.memory.closed


def test_release_goes_in_steps() -> None:
    deferred = DeferredList()
    block = written(3 * WIPE_STEP_BYTES)
    memory = block.memory
    block.release(deferred.append)

    deferred.step()
    assert memory[:WIPE_STEP_BYTES] == bytes(WIPE_STEP_BYTES)
    assert memory[WIPE_STEP_BYTES] == 0xAA
    deferred.finish()
    assert memory.closed


# Growing while the old tail is still wiped


def test_growing_waits_until_what_was_cut_off_is_wiped() -> None:
    deferred = DeferredList()
    block = written(60 * MIB)
    block.resize(MIB, deferred.append)

    grown = block.resize(2 * MIB, deferred.append)
    diary = [(said(grown), block.size)]
    while deferred:
        deferred.step()
        diary.append((said(grown), block.size))
    assert diary[:2] == [("waiting", MIB)] * 2
    assert diary[-1] == ("done", 2 * MIB)
    assert read(block, 0, 2 * MIB) == b"\xaa" * MIB + bytes(MIB)


def test_growing_wipes_a_short_rest_itself_and_is_done_at_once() -> None:
    deferred = DeferredList()
    block = written(20 * MIB)
    block.resize(MIB, deferred.append)
    assert len(block.memory) > MIB

    assert said(block.resize(30 * MIB, deferred.append)) == "done at once"
    block.memory[MIB : 30 * MIB] = b"\xbb" * (29 * MIB)
    deferred.finish()
    assert (block.size, len(block.memory)) == (30 * MIB, 30 * MIB)
    assert read(block, MIB, 30 * MIB) == b"\xbb" * (29 * MIB)


def test_growth_that_fails_later_leaves_the_block_as_it_was() -> None:
    deferred = DeferredList()
    block = written(60 * MIB)
    block.resize(MIB, deferred.append)

    grown = block.resize(1 << 62, deferred.append)
    assert said(grown) == "waiting"
    deferred.finish()
    assert (said(grown), block.size, len(block.memory)) == ("no memory", MIB, MIB)
    assert read(block, 0, MIB) == b"\xaa" * MIB
    grow(block, 2 * MIB, deferred)
    assert read(block, 0, 2 * MIB) == b"\xaa" * MIB + bytes(MIB)


def test_whoever_waits_for_the_growth_may_ask_for_more_of_it() -> None:
    deferred = DeferredList()
    block = written(60 * MIB)
    block.resize(MIB, deferred.append)
    grown = block.resize(40 * MIB, deferred.append)
    assert isinstance(grown, Future)
    more: list[Answer[None]] = []
    grown.add_done_callback(lambda: more.append(block.resize(2 * MIB, deferred.append)))
    grown.add_done_callback(lambda: more.append(block.resize(50 * MIB, deferred.append)))

    deferred.finish()
    assert [said(answer) for answer in more] == ["done at once", "done"]
    assert read(block, 0, 50 * MIB) == b"\xaa" * MIB + bytes(49 * MIB)


def test_no_byte_beyond_the_size_can_be_seen_through_a_growth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Were it answered before the tail is wiped, old bytes would be there.
    deferred = DeferredList()
    block = written(60 * MIB)
    monkeypatch.setattr(large_blocks, "_STEPS_AT_ONCE", 0)
    block.resize(MIB, deferred.append)
    grown = block.resize(60 * MIB, deferred.append)
    while said(grown) == "waiting":
        assert block.size == MIB
        deferred.step()
    assert read(block, MIB, 60 * MIB) == bytes(59 * MIB)


def test_streamed_reads_go_on_while_a_growth_waits() -> None:
    deferred = DeferredList()
    block = written(60 * MIB)
    block.resize(MIB, deferred.append)
    stream = MemoryRead(block, 0, MIB)
    grown = block.resize(50 * MIB, deferred.append)

    got = stream.take(1000)
    deferred.finish()
    assert said(grown) == "done"
    assert got + taken(stream) == b"\xaa" * MIB


# Streamed reads


@pytest.mark.parametrize("limit", [1, 7, 4096, 1 << 20])
def test_a_streamed_read_gives_its_range_in_pieces(limit: int) -> None:
    block = LargeBlock(MIB)
    block.memory[:256] = bytes(range(256))
    stream = MemoryRead(block, 3, 200)
    assert len(stream) == 197

    assert taken(stream, limit) == bytes(range(3, 200))
    assert block.streamed_reads == []


def test_a_streamed_read_costs_no_copy_while_nothing_changes() -> None:
    block = written(MIB)
    stream = MemoryRead(block, 0, MIB)
    block.preserve(MIB, MIB)
    assert stream in block.streamed_reads


@pytest.mark.parametrize("before", [0, 10])
@pytest.mark.parametrize("how", ["written", "shrunk", "cut in steps", "freed"])
def test_a_streamed_read_shows_the_bytes_as_they_were(how: str, before: int) -> None:
    deferred = DeferredList()
    block = written(40 * MIB)
    start, end = 30 * MIB - 100, 30 * MIB + 100
    stream = MemoryRead(block, start, end)
    assert stream.take(before) == b"\xaa" * before

    if how == "written":
        block.preserve(start + 50, start + 60)
        block.memory[start + 50 : start + 60] = b"\xbb" * 10
    elif how == "shrunk":
        block.resize(30 * MIB, deferred.append)
        grow(block, 40 * MIB, deferred)
    elif how == "cut in steps":
        block.resize(MIB, deferred.append)
    else:
        block.release(deferred.append)
    deferred.finish()

    assert len(stream) == 200 - before
    assert taken(stream, 64) == b"\xaa" * (200 - before)


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (0, 100, False),
        (99, 100, False),
        (99, 101, True),
        (150, 151, True),
        (199, 200, True),
        (200, 300, False),
        (0, 1000, True),
    ],
)
def test_only_a_change_that_touches_it_makes_a_streamed_read_keep_a_copy(
    start: int, end: int, kept: bool
) -> None:
    block = written(MIB)
    stream = MemoryRead(block, 100, 200)
    block.preserve(start, end)
    assert (stream not in block.streamed_reads) is kept
    assert taken(stream) == b"\xaa" * 100


def test_what_was_already_taken_may_change() -> None:
    block = written(MIB)
    stream = MemoryRead(block, 100, 200)
    stream.take(50)
    block.preserve(100, 150)
    assert stream in block.streamed_reads


def test_ranges_that_overlap_share_a_copy_and_others_do_not() -> None:
    block = written(MIB)
    streams = [MemoryRead(block, 0, 1000) for _ in range(3)]
    streams += [MemoryRead(block, 900, 2000), MemoryRead(block, MIB - 2000, MIB - 1000)]
    streams[1].take(10)

    block.preserve(500, MIB - 1500)
    assert block.streamed_reads == []
    copies = [where(stream) for stream in streams]
    assert len({id(copy) for copy in copies}) == 2
    assert copies[3] is copies[0]
    assert [stream.kept_bytes for stream in streams] == [2000, 2000, 2000, 2000, 1000]
    block.memory[:MIB] = bytes(MIB)
    assert [taken(stream) for stream in streams] == [
        b"\xaa" * length for length in (1000, 990, 1000, 1100, 1000)
    ]


def test_what_a_streamed_read_no_longer_needs_is_not_copied() -> None:
    block = written(MIB)
    stream = MemoryRead(block, 0, 100_000)
    stream.take(90_000)
    block.preserve(0, MIB)
    assert stream.kept_bytes == 10_000


# Freed under streams


def in_turns(deferred: DeferredList) -> None:
    """Every piece of work a step, as the daemon does them."""
    for _ in range(len(deferred)):
        deferred.step()


def test_a_freed_block_is_not_copied_for_its_streamed_reads_and_goes_when_they_have_gone() -> None:
    deferred = DeferredList()
    block = written(40 * MIB)
    memory = block.memory
    streams = [MemoryRead(block, at * MIB, (at + 10) * MIB) for at in (2, 8, 25)]
    block.release(deferred.append)
    deferred.finish()

    assert [stream.kept_bytes for stream in streams] == [10 * MIB] * 3
    assert all(where(stream) is memory for stream in streams)
    assert memory[: 2 * MIB] == bytes(2 * MIB)
    assert memory[18 * MIB : 25 * MIB] == bytes(7 * MIB)
    assert memory[35 * MIB :] == bytes(5 * MIB)
    for stream in streams[:2]:
        assert taken(stream, MIB) == b"\xaa" * (10 * MIB)
    assert (deferred, memory.closed) == ([], False)
    streams[2].cancel()
    deferred.finish()
    assert memory.closed


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 0, 1), (3, 1, 0, 2)])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_streamed_reads_that_go_on_while_the_rest_is_wiped(
    order: tuple[int, ...], steps: int
) -> None:
    deferred = DeferredList()
    block = written(60 * MIB)
    starts = (10 * MIB, 12 * MIB, 40 * MIB, 42 * MIB)
    streams = [MemoryRead(block, start, start + 15 * MIB) for start in starts]
    block.release(deferred.append)
    got = dict.fromkeys(order, b"")
    for number in order:
        for _ in range(steps):
            in_turns(deferred)
        while len(streams[number]):
            got[number] += streams[number].take(4 * MIB)
            in_turns(deferred)
    assert set(got.values()) == {b"\xaa" * (15 * MIB)}
    deferred.finish()
    assert block.memory.closed


def test_streamed_reads_of_different_times_show_different_bytes() -> None:
    block = written(MIB)
    first = MemoryRead(block, 0, 8)
    block.preserve(0, 8)
    block.memory[:8] = b"second!!"
    second = MemoryRead(block, 0, 8)
    block.preserve(0, 8)
    block.memory[:8] = b"third!!!"
    third = MemoryRead(block, 0, 8)

    assert [taken(r) for r in (first, second, third)] == [b"\xaa" * 8, b"second!!", b"third!!!"]


@pytest.mark.parametrize("kept", [True, False])
def test_a_cancelled_streamed_read_is_over_and_costs_nothing(kept: bool) -> None:
    block = written(MIB)
    stream = MemoryRead(block, 0, 1000)
    if kept:
        block.preserve(0, 1)

    stream.cancel()
    assert len(stream) == 0
    assert block.streamed_reads == []
    assert stream.kept_bytes == 0
    stream.cancel()


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("how", ["taken", "handed", "cancelled"])
def test_a_streamed_read_says_once_when_it_is_over(how: str, kept: bool) -> None:
    block = written(MIB)
    stream = MemoryRead(block, 0, 1000)
    calls: list[str] = []
    stream.when_over(lambda: calls.append("first"))
    stream.when_over(lambda: calls.append("second"))
    if kept:
        block.preserve(0, 1)

    stream.take(999)
    assert calls == []
    if how == "taken":
        stream.take(1)
    elif how == "handed":
        stream.hand(len)
    else:
        stream.cancel()
    assert calls == ["first", "second"]
    stream.cancel()
    stream.when_over(lambda: calls.append("late"))
    assert calls == ["first", "second", "late"]


def test_a_streamed_read_of_regrown_memory_shows_zeros_only() -> None:
    deferred = DeferredList()
    block = written(40 * MIB)
    block.resize(MIB, deferred.append)
    grow(block, 40 * MIB, deferred)
    stream = MemoryRead(block, 20 * MIB, 21 * MIB)
    stream.take(10)
    deferred.step()
    block.resize(2 * MIB, deferred.append)
    deferred.finish()

    assert taken(stream, 1 << 18) == bytes(MIB - 10)


def test_a_growth_is_answered_even_if_what_was_cut_off_cannot_be_wiped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deferred = DeferredList()
    block = written(60 * MIB)
    block.resize(MIB, deferred.append)
    grown = block.resize(40 * MIB, deferred.append)
    assert isinstance(grown, Future)

    def fail(memory: object, start: int, end: int) -> None:
        raise OSError("not today")

    monkeypatch.setattr(large_blocks, "wipe", fail)
    with pytest.raises(OSError, match="not today"):
        deferred.finish()
    with pytest.raises(NoMemory):
        grown.result()
    monkeypatch.undo()
    block.resize(MIB - 1, deferred.append)
    deferred.finish()
    assert len(block.memory) == MIB - 1
