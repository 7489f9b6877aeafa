from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from ether_daemon.service.blocks import Handles
from ether_daemon.service.quota import BLOCK_OVERHEAD_BYTES, Ledger, Limits
from ether_daemon.stores.contract import Answer, Ref, Store
from ether_daemon.stores.future import Later
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import InvalidRequest, NoMemory, NotFound, OutOfRange
from ether_protocol.wire.constants import AllocFlag

MIB = 1024 * 1024
LIMIT = 64 * MIB
U64 = (1 << 64) - 1


class Chores(list[Iterator[None]]):
    def finish(self) -> None:
        while self:
            for _ in self.pop(0):
                pass


class LateStore:
    """A memory that makes, resizes and frees blocks only when a test says `go`, in order."""

    def __init__(self) -> None:
        self.memory = MemoryStore(LIMIT, Chores().append)
        self.size = self.memory.size
        self.waiting: list[tuple[str, Callable[[], int], Later[int]]] = []
        self.fails: Exception | None = None

    def allocate(self, size: int) -> Answer[Ref]:
        return self._later(f"allocate {size}", lambda: self.memory.allocate(size))

    def resize(self, ref: Ref, size: int) -> Answer[Ref]:
        return self._later(f"resize {size}", lambda: self.memory.resize(ref, size))

    def release(self, ref: Ref) -> Answer[int]:
        def release() -> int:
            self.memory.release(ref)
            return 0

        return self._later("release", release)

    def _later(self, what: str, work: Callable[[], int]) -> Later[int]:
        later: Later[int] = Later()
        self.waiting.append((what, work, later))
        return later

    def go(self) -> str:
        """Do the oldest, and say what it was."""
        what, work, later = self.waiting.pop(0)
        if self.fails is not None:
            later.fail(self.fails)
        else:
            later.resolve(work())
        return what


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(Limits(LIMIT, max_handles=100))


@pytest.fixture
def handles(ledger: Ledger) -> Handles:
    return Handles(MemoryStore(LIMIT, Chores().append), ledger)


def alloc(handles: Handles, size: int, owner: set[int] | None = None) -> int:
    handle = handles.alloc(size, owner)
    assert isinstance(handle, int)
    return handle


def account(ledger: Ledger) -> tuple[int, ...]:
    return (ledger.blocks, ledger.used_bytes, ledger.allocated_bytes, ledger.freed_bytes)


# Answers that are there at once


def test_blocks_by_handle(handles: Handles) -> None:
    assert [alloc(handles, size) for size in (10, 20, 300_000)] == [1, 2, 3]
    handles.write(2, 5, b"hello")
    handles.fill(3, 299_999, 1, 0x21)
    handles.copy(2, 5, 1, 0, 5)

    assert handles.read(1, 0, U64) == b"hello" + bytes(5)
    assert handles.read(3, 299_998, 9) == b"\0!"
    assert handles.compare_swap(1, 0, b"hello\0\0\0", b"goodbye!") == b"hello\0\0\0"
    assert handles.fetch_add(1, 2, -1) == int.from_bytes(b"odbye!\0\0", "big")
    assert handles.list(0, 2) == [(1, 10), (2, 20)]
    assert handles.list(2, 99) == [(3, 300_000)]
    assert handles.list(0, 0) == []


@pytest.mark.parametrize("handle", [0, 2, 1 << 40, U64])
def test_an_unknown_handle_is_not_found_in_everything(
    handles: Handles, ledger: Ledger, handle: int
) -> None:
    alloc(handles, 10)
    before = account(ledger)
    for ask in (
        lambda: handles.free(handle),
        lambda: handles.realloc(handle, 5),
        lambda: handles.info(handle),
        lambda: handles.read(handle, 0, 1),
        lambda: handles.write(handle, 0, b""),
        lambda: handles.fill(handle, 0, 0, 0),
        lambda: handles.copy(handle, 0, 1, 0, 0),
        lambda: handles.copy(1, 0, handle, 0, 0),
        lambda: handles.compare_swap(handle, 0, bytes(8), bytes(8)),
        lambda: handles.fetch_add(handle, 0, 1),
    ):
        with pytest.raises(NotFound, match=f"no block has handle {handle}$"):
            ask()
    assert account(ledger) == before


def test_a_freed_handle_is_not_found(handles: Handles, ledger: Ledger) -> None:
    alloc(handles, 10)
    assert handles.free(1) == 1
    with pytest.raises(NotFound):
        handles.free(1)
    assert account(ledger) == (0, 0, 10, 10)
    assert alloc(handles, 10) == 2


def test_a_block_has_a_byte_at_least(handles: Handles, ledger: Ledger) -> None:
    with pytest.raises(InvalidRequest):
        handles.alloc(0)
    alloc(handles, 1)
    with pytest.raises(InvalidRequest):
        handles.realloc(1, 0)
    assert account(ledger) == (1, 1, 1, 0)


@pytest.mark.parametrize("size", [LIMIT, LIMIT - BLOCK_OVERHEAD_BYTES + 1, 1 << 63, U64])
def test_more_than_the_limit_is_no_memory(handles: Handles, ledger: Ledger, size: int) -> None:
    with pytest.raises(NoMemory):
        handles.alloc(size)
    assert account(ledger) == (0, 0, 0, 0)
    alloc(handles, 100)
    with pytest.raises(NoMemory):
        handles.realloc(1, size)
    assert account(ledger) == (1, 100, 100, 0)
    assert handles.info(1).size == 100


def test_the_limit_of_handles(handles: Handles) -> None:
    for _ in range(100):
        alloc(handles, 1)
    with pytest.raises(NoMemory):
        handles.alloc(1)
    handles.free(50)
    assert alloc(handles, 1) == 101


def test_a_store_that_has_no_room_costs_nothing() -> None:
    # The limit would allow it, the machine does not.
    ledger = Ledger(Limits(1 << 63))
    handles = Handles(MemoryStore(MIB, Chores().append), ledger)
    alloc(handles, 100)
    alloc(handles, MIB)
    before = account(ledger)
    with pytest.raises(NoMemory):
        handles.alloc(1 << 61)
    for handle in (1, 2):
        with pytest.raises(NoMemory):
            handles.realloc(handle, 1 << 61)
    assert account(ledger) == before


@pytest.mark.parametrize("size", [1, 99, 100, 5000, 300_000, 40 * MIB])
def test_realloc(handles: Handles, ledger: Ledger, size: int) -> None:
    alloc(handles, 100)
    created = handles.info(1).created_ms
    handles.fill(1, 0, 100, 7)
    assert handles.realloc(1, size) == size

    kept = min(size, 100)
    assert handles.read(1, 0, 200) == (b"\7" * kept + bytes(size - kept))[:200]
    assert (handles.info(1).size, handles.info(1).created_ms) == (size, created)
    assert ledger.used_bytes == size
    handles.free(1)
    assert ledger.used_bytes == 0


def test_info(handles: Handles) -> None:
    before = time.time_ns() // 1_000_000
    alloc(handles, 5)
    alloc(handles, 6, set())
    assert (handles.info(1).size, handles.info(1).flags) == (5, 0)
    assert (handles.info(2).size, handles.info(2).flags) == (6, AllocFlag.SESSION)
    assert before <= handles.info(1).created_ms <= time.time_ns() // 1_000_000


def test_an_owner_knows_which_blocks_are_its_own(handles: Handles) -> None:
    one: set[int] = set()
    other: set[int] = set()
    for owner in (one, other, None, one):
        alloc(handles, 5, owner)
    assert (one, other) == ({1, 4}, {2})

    handles.realloc(1, 500_000)
    handles.free(4)  # whoever frees it
    handles.free(3)
    assert (one, other) == ({1}, {2})
    assert handles.info(1).flags == AllocFlag.SESSION


def test_freeing_in_steps_while_others_free_the_same(handles: Handles, ledger: Ledger) -> None:
    for _ in range(100):
        alloc(handles, 5)
    steps = handles.free_in_steps(range(1, 101))
    next(steps)
    left = [handle for handle, _ in handles.table.items()]
    assert 0 < len(left) < 100
    for handle in left[::2]:
        handles.free(handle)

    assert list(steps) == []
    assert account(ledger) == (0, 0, 500, 500)


def test_free_all(handles: Handles, ledger: Ledger) -> None:
    for size in (1, 1000, 300_000, 20 * MIB):
        alloc(handles, size)
    for _ in handles.free_all():
        pass
    assert (len(handles.table), ledger.blocks, ledger.used_bytes) == (0, 0, 0)


def test_principals_do_not_see_each_others_blocks(ledger: Ledger) -> None:
    store = MemoryStore(LIMIT, Chores().append)
    one, other = Handles(store, ledger), Handles(store, ledger)
    assert (alloc(one, 5), alloc(one, 6), alloc(other, 7)) == (1, 2, 1)
    with pytest.raises(NotFound, match="no block has handle 2"):
        other.read(2, 0, 1)
    assert (one.list(0, 9), other.list(0, 9)) == ([(1, 5), (2, 6)], [(1, 7)])
    assert ledger.blocks == 3


# Answers that come later


@pytest.fixture
def late() -> LateStore:
    return LateStore()


@pytest.fixture
def slow(late: LateStore, ledger: Ledger) -> Handles:
    handles = Handles(cast(Store, late), ledger)
    made = handles.alloc(100)
    late.go()
    assert isinstance(made, Later)
    assert made.result() == 1
    return handles


def outcome(answer: Answer[int]) -> int | str:
    assert isinstance(answer, Later)
    if not answer.settled:
        return "pending"
    try:
        return answer.result()
    except Exception as error:
        return type(error).__name__


def test_a_handle_is_given_out_when_the_store_has_made_the_block(
    slow: Handles, late: LateStore, ledger: Ledger
) -> None:
    owner: set[int] = set()
    made = slow.alloc(50, owner)
    assert (outcome(made), owner, len(slow.table)) == ("pending", set(), 1)
    assert account(ledger)[:2] == (2, 150)  # so that nobody else takes the room

    late.go()
    assert (outcome(made), owner, slow.info(2).size) == (2, {2}, 50)


def test_an_allocation_that_fails_late_costs_nothing(
    slow: Handles, late: LateStore, ledger: Ledger
) -> None:
    before = account(ledger)
    made = slow.alloc(50)
    late.fails = NoMemory("the disk is full")
    late.go()
    assert outcome(made) == "NoMemory"
    assert account(ledger) == before
    assert len(slow.table) == 1


@pytest.mark.parametrize("size", [10, 5000])
def test_a_resize_that_fails_late_leaves_the_block_and_the_account(
    slow: Handles, late: LateStore, ledger: Ledger, size: int
) -> None:
    before = account(ledger)
    resized = slow.realloc(1, size)
    late.fails = NoMemory("the disk is full")
    late.go()
    assert outcome(resized) == "NoMemory"
    assert account(ledger) == before
    assert slow.info(1).size == 100

    late.fails = None
    freed = slow.free(1)
    late.go()
    assert (outcome(freed), ledger.used_bytes, ledger.blocks) == (1, 0, 0)


def test_what_would_change_the_block_again_waits_its_turn(
    slow: Handles, late: LateStore, ledger: Ledger
) -> None:
    answers = [slow.realloc(1, 200), slow.realloc(1, 300), slow.free(1), slow.free(1)]
    answers.append(slow.realloc(1, 5))
    diary = []
    while late.waiting:
        assert len(late.waiting) == 1
        late.go()
        diary.append([outcome(answer) for answer in answers])
    assert diary == [
        [200, "pending", "pending", "pending", "pending"],
        [200, 300, "pending", "pending", "pending"],
        [200, 300, 1, "NotFound", "NotFound"],
    ]
    assert account(ledger) == (0, 0, 300, 300)
    assert slow._changing == {}


def test_after_a_resize_that_fails_the_others_go_on(
    slow: Handles, late: LateStore, ledger: Ledger
) -> None:
    answers = [slow.realloc(1, 200), slow.realloc(1, LIMIT), slow.realloc(1, 300)]
    late.fails = OutOfRange("an accident")
    late.go()
    late.fails = None
    late.go()
    assert [outcome(answer) for answer in answers] == ["OutOfRange", "NoMemory", 300]
    assert account(ledger)[:2] == (1, 300)


def test_who_asks_in_the_middle_of_it_comes_last(slow: Handles, late: LateStore) -> None:
    first = slow.realloc(1, 200)
    second = slow.realloc(1, 300)
    third: list[Answer[int]] = []
    assert isinstance(first, Later)
    first.when_settled(lambda: third.append(slow.realloc(1, 400)))

    done = []
    while late.waiting:
        done.append(late.go())
    assert done == ["resize 200", "resize 300", "resize 400"]
    assert [outcome(second), outcome(third[0])] == [300, 400]


def test_other_blocks_do_not_wait(slow: Handles, late: LateStore) -> None:
    made = slow.alloc(7)
    late.go()
    slow.realloc(1, 200)
    freed = slow.free(2)
    late.waiting.reverse()
    late.go()
    assert (outcome(made), outcome(freed)) == (2, 2)


def test_a_long_row_of_changes_does_not_nest(slow: Handles, late: LateStore) -> None:
    answers = [slow.realloc(1, 100 + number) for number in range(3000)]
    while late.waiting:
        late.go()
    assert [outcome(answer) for answer in answers] == [100 + number for number in range(3000)]


def test_freeing_in_steps_waits_for_a_resize(
    slow: Handles, late: LateStore, ledger: Ledger
) -> None:
    slow.realloc(1, 200)
    assert list(slow.free_in_steps([1])) == []
    assert ledger.blocks == 1
    while late.waiting:
        late.go()
    assert account(ledger)[:2] == (0, 0)
