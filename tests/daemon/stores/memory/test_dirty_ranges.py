from __future__ import annotations

import mmap

from hypothesis import given, settings
from hypothesis import strategies as st

from ether_daemon.stores.memory.dirty_ranges import Stale
from ether_daemon.stores.memory.wiping import PAGE_BYTES, WIPE_STEP_BYTES, reserve

KIB = 1024
MIB = 1024 * 1024


def written(size: int) -> mmap.mmap:
    memory = reserve(size)
    memory[:] = b"\xaa" * size
    return memory


def test_what_is_used_again_is_wiped_first_and_the_rest_in_steps() -> None:
    memory = written(20 * MIB + 5)
    stale = Stale(memory)
    stale.add(3, 20 * MIB + 5)

    stale.wipe(10 * MIB + 7, 10 * MIB + 9)
    assert memory[10 * MIB + 7 : 10 * MIB + 9] == bytes(2)
    assert memory[9 * MIB] == 0xAA

    steps = 0
    while stale:
        stale.wipe_step()
        steps += 1
    assert memory[:3] == b"\xaa" * 3
    assert memory[3:] == bytes(20 * MIB + 2)
    assert steps <= 5


def test_a_step_is_bounded() -> None:
    memory = written(2 * WIPE_STEP_BYTES)
    stale = Stale(memory)
    stale.add(PAGE_BYTES + 1, len(memory))

    stale.wipe_step()
    assert memory[WIPE_STEP_BYTES + PAGE_BYTES :] == b"\xaa" * (WIPE_STEP_BYTES - PAGE_BYTES)
    assert stale


def test_a_block_that_shrinks_twice_has_one_stale_tail() -> None:
    memory = written(256 * KIB)
    stale = Stale(memory)
    stale.add(128 * KIB, 256 * KIB)
    stale.add(64 * KIB, 128 * KIB)

    stale.wipe_step()
    assert not stale
    assert memory[:] == b"\xaa" * (64 * KIB) + bytes(192 * KIB)


def test_a_block_that_grew_in_between_keeps_what_was_written_there() -> None:
    memory = written(64 * KIB)
    stale = Stale(memory)
    stale.add(16 * KIB, 64 * KIB)  # 64 → 16
    stale.wipe(16 * KIB, 32 * KIB)  # → 32, and written
    memory[16 * KIB : 32 * KIB] = b"\xbb" * (16 * KIB)
    stale.add(24 * KIB, 32 * KIB)  # → 24

    while stale:
        stale.wipe_step()
    assert memory[16 * KIB : 24 * KIB] == b"\xbb" * (8 * KIB)
    assert memory[24 * KIB :] == bytes(40 * KIB)


def test_forget() -> None:
    stale = Stale(written(PAGE_BYTES))
    stale.add(0, PAGE_BYTES)
    stale.forget()
    assert not stale


_LENGTH = 6 * MIB + 12_345
_at = st.integers(0, _LENGTH)
_actions = st.lists(
    st.one_of(
        st.tuples(st.just("resize"), _at, _at),
        st.tuples(st.just("use"), _at, _at),
        st.tuples(st.just("step"), st.just(0), st.just(0)),
    ),
    max_size=20,
)


@settings(max_examples=30, deadline=None)
@given(_actions)
def test_nothing_stale_is_ever_seen(actions: list[tuple[str, int, int]]) -> None:
    memory = written(_LENGTH)
    stale, size, model = Stale(memory), _LENGTH, bytearray(b"\xaa" * _LENGTH)
    for what, one, other in actions:
        if what == "resize":
            if one < size:
                stale.add(one, size)
                model[one:size] = bytes(size - one)
            size = one
        elif what == "use":
            start, end = (min(x, size) for x in sorted((one, other)))
            stale.wipe(start, end)
            assert memory[start:end] == model[start:end]
            memory[start:end] = model[start:end] = b"\xcc" * (end - start)
        elif stale:
            stale.wipe_step()
    stale.wipe(0, size)
    assert memory[:size] == model[:size]
    while stale:
        stale.wipe_step()
    assert memory[size:] == bytes(_LENGTH - size)
    memory.close()
