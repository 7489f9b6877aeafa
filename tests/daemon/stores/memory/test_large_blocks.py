from __future__ import annotations

import pytest

from ether_daemon.stores.contract import Chore
from ether_daemon.stores.memory.large_blocks import Mapping, MappingReading
from ether_daemon.stores.memory.wiping import PAGE_BYTES, WIPE_STEP_BYTES
from ether_protocol import NoMemory

MIB = 1024 * 1024


class Chores(list[Chore]):
    """Chores left for later, done when a test says so."""

    def step(self) -> None:
        next(self[0], None)

    def finish(self) -> None:
        while self:
            for _ in self.pop(0):
                pass


def written(size: int, byte: bytes = b"\xaa") -> Mapping:
    mapping = Mapping(size)
    mapping.memory[:size] = byte * size
    return mapping


def read(mapping: Mapping, start: int, end: int) -> bytes:
    return mapping.place(start, end)[start:end]


def taken(reading: MappingReading, limit: int = 4096) -> bytes:
    pieces = []
    while len(reading):
        pieces.append(reading.take(limit))
        assert 0 < len(pieces[-1]) <= limit
    return b"".join(pieces)


def test_a_block_is_zeroed() -> None:
    mapping = Mapping(MIB + 1)
    assert mapping.size == MIB + 1
    assert read(mapping, 0, MIB + 1) == bytes(MIB + 1)


@pytest.mark.parametrize("size", [1 << 60, 1 << 63, 1 << 64])
def test_what_no_machine_has_is_no_memory(size: int) -> None:
    with pytest.raises(NoMemory):
        Mapping(size)


@pytest.mark.parametrize("size", [1 << 60, (1 << 63) - 1, 1 << 63, 1 << 64])
def test_what_no_machine_has_is_no_memory_to_grow_into_either(size: int) -> None:
    mapping = written(MIB)
    with pytest.raises(NoMemory):
        mapping.resize(size, Chores().append)
    assert mapping.size == MIB
    assert read(mapping, 0, MIB) == b"\xaa" * MIB


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
        (MIB, MIB),
    ],
)
@pytest.mark.parametrize("patient", [True, False])
def test_what_was_cut_away_reads_as_zeros_when_it_grows_again(
    small: int, large: int, patient: bool
) -> None:
    chores = Chores()
    mapping = written(large)

    mapping.resize(small, chores.append)
    assert mapping.size == small
    if patient:
        chores.finish()
        assert len(mapping.memory) == small
    mapping.resize(large, chores.append)
    assert read(mapping, 0, small) == b"\xaa" * small
    assert read(mapping, small, large) == bytes(large - small)

    chores.finish()
    assert (mapping.size, len(mapping.memory)) == (large, large)
    assert read(mapping, 0, large) == b"\xaa" * small + bytes(large - small)


def test_growth_is_zeroed_and_moves_nothing_away() -> None:
    mapping = written(MIB)
    mapping.resize(64 * MIB, Chores().append)

    assert read(mapping, 0, MIB) == b"\xaa" * MIB
    assert read(mapping, MIB, 64 * MIB) == bytes(63 * MIB)


def test_a_long_tail_is_wiped_in_steps_and_then_given_back() -> None:
    chores = Chores()
    mapping = written(4 * WIPE_STEP_BYTES)

    mapping.resize(MIB, chores.append)
    assert (mapping.size, len(chores)) == (MIB, 1)
    chores.step()
    assert len(mapping.memory) == 4 * WIPE_STEP_BYTES
    assert mapping.memory[-1] == 0xAA

    chores.finish()
    assert len(mapping.memory) == MIB


def test_what_is_written_into_regrown_memory_is_not_wiped_after_all() -> None:
    chores = Chores()
    mapping = written(40 * MIB)
    mapping.resize(MIB, chores.append)
    mapping.resize(30 * MIB, chores.append)
    for at in (MIB, 10 * MIB + 7, 30 * MIB - 5):
        mapping.place(at, at + 5)[at : at + 5] = b"fresh"
        chores.step()

    chores.finish()
    for at in (MIB, 10 * MIB + 7, 30 * MIB - 5):
        assert read(mapping, at, at + 5) == b"fresh"
    assert read(mapping, MIB + 5, 10 * MIB + 7) == bytes(9 * MIB + 2)
    assert len(mapping.memory) == 30 * MIB


def test_shrinking_again_while_the_tail_is_wiped_needs_no_second_chore() -> None:
    chores = Chores()
    mapping = written(40 * MIB)
    mapping.resize(20 * MIB, chores.append)
    mapping.resize(19 * MIB, chores.append)
    mapping.resize(MIB, chores.append)
    assert len(chores) == 1

    chores.finish()
    assert len(mapping.memory) == MIB
    mapping.resize(40 * MIB, chores.append)
    assert read(mapping, MIB, 40 * MIB) == bytes(39 * MIB)


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 9])
def test_release_while_the_tail_is_wiped(steps: int) -> None:
    chores = Chores()
    mapping = written(40 * MIB)
    mapping.resize(MIB, chores.append)
    for _ in range(steps):
        chores.step()
    mapping.release(chores.append)
    # In turns, as the daemon does them.
    while chores:
        chore = chores.pop(0)
        for _ in chore:
            chores.append(chore)
            break
    assert mapping.memory.closed


def test_release_goes_in_steps() -> None:
    chores = Chores()
    mapping = written(3 * WIPE_STEP_BYTES)
    memory = mapping.memory
    mapping.release(chores.append)

    chores.step()
    assert memory[:WIPE_STEP_BYTES] == bytes(WIPE_STEP_BYTES)
    assert memory[WIPE_STEP_BYTES] == 0xAA
    chores.finish()
    assert memory.closed


# Readings


@pytest.mark.parametrize("limit", [1, 7, 4096, 1 << 20])
def test_a_reading_gives_its_range_in_pieces(limit: int) -> None:
    mapping = Mapping(MIB)
    mapping.memory[:256] = bytes(range(256))
    reading = MappingReading(mapping, 3, 200)
    assert len(reading) == 197

    assert taken(reading, limit) == bytes(range(3, 200))
    assert mapping.readings == []


def test_a_reading_costs_no_copy_while_nothing_changes() -> None:
    mapping = written(MIB)
    reading = MappingReading(mapping, 0, MIB)
    mapping.settle(MIB, MIB)
    assert reading in mapping.readings


@pytest.mark.parametrize("before", [0, 10])
@pytest.mark.parametrize("how", ["written", "shrunk", "cut in steps", "freed"])
def test_a_reading_shows_the_bytes_as_they_were(how: str, before: int) -> None:
    chores = Chores()
    mapping = written(40 * MIB)
    start, end = 30 * MIB - 100, 30 * MIB + 100
    reading = MappingReading(mapping, start, end)
    assert reading.take(before) == b"\xaa" * before

    if how == "written":
        mapping.settle(start + 50, start + 60)
        mapping.memory[start + 50 : start + 60] = b"\xbb" * 10
    elif how == "shrunk":
        mapping.resize(30 * MIB, chores.append)
        mapping.resize(40 * MIB, chores.append)
    elif how == "cut in steps":
        mapping.resize(MIB, chores.append)
    else:
        mapping.release(chores.append)
    chores.finish()

    assert len(reading) == 200 - before
    assert taken(reading, 64) == b"\xaa" * (200 - before)


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
def test_only_a_change_that_touches_it_makes_a_reading_keep_a_copy(
    start: int, end: int, kept: bool
) -> None:
    mapping = written(MIB)
    reading = MappingReading(mapping, 100, 200)
    mapping.settle(start, end)
    assert (reading not in mapping.readings) is kept
    assert taken(reading) == b"\xaa" * 100


def test_what_was_already_taken_may_change() -> None:
    mapping = written(MIB)
    reading = MappingReading(mapping, 100, 200)
    reading.take(50)
    mapping.settle(100, 150)
    assert reading in mapping.readings


def test_ranges_that_overlap_share_a_copy_and_others_do_not() -> None:
    mapping = written(MIB)
    readings = [MappingReading(mapping, 0, 1000) for _ in range(3)]
    readings += [MappingReading(mapping, 900, 2000), MappingReading(mapping, 3000, 4000)]
    readings[1].take(10)

    mapping.settle(500, 3500)
    assert mapping.readings == []
    copies = [memoryview(r._kept or b"").obj for r in readings]
    assert len({id(copy) for copy in copies}) == 2
    assert copies[3] is copies[0]
    assert [len(copies[number]) for number in (0, 4)] == [2000, 1000]  # type: ignore[arg-type]
    mapping.memory[:4000] = bytes(4000)
    assert [taken(reading) for reading in readings] == [
        b"\xaa" * length for length in (1000, 990, 1000, 1100, 1000)
    ]


def test_what_a_reading_no_longer_needs_is_not_copied() -> None:
    mapping = written(MIB)
    reading = MappingReading(mapping, 0, 100_000)
    reading.take(90_000)
    mapping.settle(0, MIB)
    assert len(memoryview(reading._kept or b"").obj) == 10_000  # type: ignore[arg-type]


# Freed under readings


def in_turns(chores: Chores) -> None:
    """Every chore a step, as the daemon does them."""
    for chore in [*chores]:
        chores.remove(chore)
        for _ in chore:
            chores.append(chore)
            break


def test_a_freed_block_is_not_copied_for_its_readings_and_goes_when_they_have_gone() -> None:
    chores = Chores()
    mapping = written(40 * MIB)
    memory = mapping.memory
    readings = [MappingReading(mapping, at * MIB, (at + 10) * MIB) for at in (2, 8, 25)]
    mapping.release(chores.append)
    chores.finish()

    assert [reading._kept for reading in readings] == [None] * 3
    assert memory[: 2 * MIB] == bytes(2 * MIB)
    assert memory[18 * MIB : 25 * MIB] == bytes(7 * MIB)
    assert memory[35 * MIB :] == bytes(5 * MIB)
    for reading in readings[:2]:
        assert taken(reading, MIB) == b"\xaa" * (10 * MIB)
    assert (chores, memory.closed) == ([], False)
    readings[2].cancel()
    chores.finish()
    assert memory.closed


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 0, 1), (3, 1, 0, 2)])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_readings_that_go_on_while_the_rest_is_wiped(order: tuple[int, ...], steps: int) -> None:
    chores = Chores()
    mapping = written(60 * MIB)
    starts = (10 * MIB, 12 * MIB, 40 * MIB, 42 * MIB)
    readings = [MappingReading(mapping, start, start + 15 * MIB) for start in starts]
    mapping.release(chores.append)
    got = dict.fromkeys(order, b"")
    for number in order:
        for _ in range(steps):
            in_turns(chores)
        while len(readings[number]):
            got[number] += readings[number].take(4 * MIB)
            in_turns(chores)
    assert set(got.values()) == {b"\xaa" * (15 * MIB)}
    chores.finish()
    assert mapping.memory.closed


def test_readings_of_different_times_show_different_bytes() -> None:
    mapping = written(MIB)
    first = MappingReading(mapping, 0, 8)
    mapping.settle(0, 8)
    mapping.memory[:8] = b"second!!"
    second = MappingReading(mapping, 0, 8)
    mapping.settle(0, 8)
    mapping.memory[:8] = b"third!!!"
    third = MappingReading(mapping, 0, 8)

    assert [taken(r) for r in (first, second, third)] == [b"\xaa" * 8, b"second!!", b"third!!!"]


@pytest.mark.parametrize("kept", [True, False])
def test_a_cancelled_reading_is_over_and_costs_nothing(kept: bool) -> None:
    mapping = written(MIB)
    reading = MappingReading(mapping, 0, 1000)
    if kept:
        mapping.settle(0, 1)

    reading.cancel()
    assert len(reading) == 0
    assert mapping.readings == []
    assert reading._kept is None
    reading.cancel()


def test_a_reading_of_regrown_memory_shows_zeros_only() -> None:
    chores = Chores()
    mapping = written(40 * MIB)
    mapping.resize(MIB, chores.append)
    mapping.resize(40 * MIB, chores.append)
    mapping.place(20 * MIB, 21 * MIB)
    reading = MappingReading(mapping, 20 * MIB, 21 * MIB)
    reading.take(10)
    chores.step()
    mapping.resize(2 * MIB, chores.append)
    chores.finish()

    assert taken(reading, 1 << 18) == bytes(MIB - 10)
