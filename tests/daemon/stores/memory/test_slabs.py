from __future__ import annotations

import mmap
import random
from itertools import pairwise

import pytest

from ether_daemon.service.quota import BLOCK_OVERHEAD_BYTES
from ether_daemon.stores.memory import slabs as slabs_module
from ether_daemon.stores.memory import wiping
from ether_daemon.stores.memory.slabs import (
    MAX_SMALL_BYTES,
    SIZE_BITS,
    SIZE_MASK,
    SLAB_BYTES,
    SLOT_BYTES,
    Slabs,
)
from ether_protocol import NoMemory

KIB = 1024


def span(place: int) -> slice:
    start = place >> SIZE_BITS
    return slice(start, start + (place & SIZE_MASK))


def fill(slabs: Slabs, place: int, byte: bytes = b"\xaa") -> None:
    where = span(place)
    slabs.arena[where] = byte * (where.stop - where.start)


def small(slab_count: int, monkeypatch: pytest.MonkeyPatch) -> Slabs:
    """An arena of so many slabs and no more."""
    arena = wiping.reserve(slab_count * SLAB_BYTES)
    monkeypatch.setattr(slabs_module, "_reserve_arena", lambda _: arena)
    return Slabs(0)


def test_slots_grow_by_an_eighth_or_less_and_end_with_the_largest_block() -> None:
    assert SLOT_BYTES[0] == 16
    assert SLOT_BYTES[-1] == MAX_SMALL_BYTES
    assert len(SLOT_BYTES) < 256
    for slot, larger in pairwise(SLOT_BYTES):
        assert 0 < larger - slot <= max(16, slot // 8, 4096)
    assert all(slot % 16 == 0 for slot in SLOT_BYTES)
    assert all(slot % 4096 == 0 for slot in SLOT_BYTES if slot >= 16 * KIB)


@pytest.mark.parametrize("slot_bytes", SLOT_BYTES)
def test_every_kind_of_slot_holds_its_largest_and_its_smallest_block(slot_bytes: int) -> None:
    below = max([0, *(slot for slot in SLOT_BYTES if slot < slot_bytes)])
    slabs = Slabs(0)
    sizes = (slot_bytes, below + 1, slot_bytes, below + 1)

    places = [slabs.allocate(size) for size in sizes]
    for number, place in enumerate(places):
        fill(slabs, place, bytes([number + 1]))
    for number, (place, size) in enumerate(zip(places, sizes, strict=True)):
        assert place > 0
        assert slabs.arena[span(place)] == bytes([number + 1]) * size
    starts = [place >> SIZE_BITS for place in places]
    assert [after - before for before, after in pairwise(starts)] == [slot_bytes] * 3


@pytest.mark.parametrize("size", [1, 16, 17, 255, 256, 257, 4096, 16 * KIB, 17 * KIB, 256 * KIB])
def test_a_slot_is_zeroed_before_it_is_used_again(size: int) -> None:
    slabs = Slabs(0)
    kept, given_back = slabs.allocate(size), slabs.allocate(size)
    fill(slabs, kept)
    fill(slabs, given_back)

    slabs.release(given_back)
    assert slabs.arena[span(given_back)] == bytes(size)
    assert slabs.arena[span(kept)] == b"\xaa" * size

    again = slabs.allocate(size)
    assert again == given_back
    assert slabs.arena[span(again)] == bytes(size)


def test_a_full_slab_is_followed_by_another_and_found_again_when_it_has_room() -> None:
    slabs = Slabs(0)
    capacity = SLAB_BYTES // (256 * KIB)
    first = [slabs.allocate(256 * KIB) for _ in range(capacity)]
    second = [slabs.allocate(256 * KIB) for _ in range(capacity)]

    slabs.release(first[1])
    assert slabs.allocate(256 * KIB) == first[1]
    slabs.release(second[0])
    slabs.release(first[2])
    assert {slabs.allocate(256 * KIB) for _ in range(2)} == {second[0], first[2]}


def test_a_vacated_slab_serves_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    slabs = small(2, monkeypatch)
    large = [slabs.allocate(256 * KIB) for _ in range(8)]
    for place in large:
        fill(slabs, place)
    with pytest.raises(NoMemory):
        slabs.allocate(64)

    for place in large[:4]:
        slabs.release(place)
    tiny = [slabs.allocate(64) for _ in range(SLAB_BYTES // 64)]
    assert all(slabs.arena[span(place)] == bytes(64) for place in tiny)
    assert {place >> SIZE_BITS for place in tiny} == set(range(0, SLAB_BYTES, 64))
    assert all(slabs.arena[span(place)] == b"\xaa" * 256 * KIB for place in large[4:])
    # Its former kind has forgotten it.
    with pytest.raises(NoMemory):
        slabs.allocate(256 * KIB)


def test_the_slab_in_use_is_kept_when_it_empties(monkeypatch: pytest.MonkeyPatch) -> None:
    slabs = small(1, monkeypatch)
    for _ in range(3):
        place = slabs.allocate(100)
        fill(slabs, place)
        slabs.release(place)
        assert slabs.arena[span(place)] == bytes(100)


def test_a_used_up_arena_is_no_memory_and_serves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    slabs = small(2, monkeypatch)
    places = [slabs.allocate(256 * KIB) for _ in range(8)]
    for _ in range(3):
        with pytest.raises(NoMemory, match="room for small blocks"):
            slabs.allocate(256 * KIB)

    slabs.release(places[5])
    assert slabs.allocate(250 * KIB) >> SIZE_BITS == places[5] >> SIZE_BITS


def test_what_was_never_allocated_is_not_released(monkeypatch: pytest.MonkeyPatch) -> None:
    slabs = small(2, monkeypatch)
    places = [slabs.allocate(256 * KIB) for _ in range(8)]
    for place in places[:4]:
        slabs.release(place)
    with pytest.raises(ValueError, match="no block is at"):
        slabs.release(places[0])


@pytest.mark.parametrize("size", [196_609, 163_841, 16_385, 20_481, 129, 256 * KIB])
def test_the_arena_holds_as_much_as_the_memory_limit_allows(size: int) -> None:
    capacity = 1 << 30
    slabs = Slabs(capacity)
    for _ in range(capacity // (size + BLOCK_OVERHEAD_BYTES)):
        slabs.allocate(size)
    slabs.close()


def test_a_machine_that_has_less_gives_less(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def reserve(size: int, *, sparse: bool = False) -> mmap.mmap:
        assert sparse
        asked.append(size)
        if size > 64 * SLAB_BYTES:
            raise OSError(12, "Cannot allocate memory")
        return wiping.reserve(size)

    monkeypatch.setattr(slabs_module, "reserve", reserve)
    slabs = Slabs(1 << 30)
    assert len(asked) > 1
    assert 32 * SLAB_BYTES < len(slabs.arena) <= 64 * SLAB_BYTES
    assert len(slabs.arena) % SLAB_BYTES == 0
    slabs.close()


def test_a_machine_that_has_nothing_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def reserve(size: int, *, sparse: bool = False) -> mmap.mmap:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(slabs_module, "reserve", reserve)
    with pytest.raises(OSError, match="Cannot allocate memory"):
        Slabs(1 << 30)


def test_no_limit_is_too_large_for_the_arena(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def reserve(size: int, *, sparse: bool = False) -> mmap.mmap:
        asked.append(size)
        return wiping.reserve(SLAB_BYTES)

    monkeypatch.setattr(slabs_module, "reserve", reserve)
    Slabs((1 << 64) - 1).close()
    # Every place must stay below the refs of large blocks.
    assert asked[0] << SIZE_BITS < 1 << 63


@pytest.mark.parametrize("seed", range(4))
def test_blocks_of_all_sizes_never_share_a_byte(seed: int) -> None:
    choice = random.Random(seed)
    slabs = Slabs(0)
    live: dict[int, bytes] = {}
    for step in range(3_000):
        if live and choice.random() < 0.45:
            place = choice.choice(list(live))
            size = place & SIZE_MASK
            assert slabs.arena[span(place)] == live.pop(place) * size
            slabs.release(place)
            assert slabs.arena[span(place)] == bytes(size)
        else:
            size = choice.choice(SLOT_BYTES[:60]) - choice.randrange(2)
            place = slabs.allocate(size)
            assert place & SIZE_MASK == size
            assert slabs.arena[span(place)] == bytes(size)
            live[place] = bytes([1 + step % 255])
            fill(slabs, place, live[place])
    for place, byte in live.items():
        assert slabs.arena[span(place)] == byte * (place & SIZE_MASK)
    for place in live:
        slabs.release(place)
    # Everything given back reads as zeros, the rests of the slots included.
    assert slabs.arena[: 64 * SLAB_BYTES] == bytes(64 * SLAB_BYTES)
    slabs.close()
