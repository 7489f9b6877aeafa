from __future__ import annotations

import tracemalloc
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.deferred_list import at_once
from ether_daemon.service.handle_table import ATTENDED, PAGE_BITS, HandleTable
from ether_daemon.service.quota import BLOCK_OVERHEAD_BYTES, Limits
from ether_daemon.service.server_account import ServerAccount
from ether_daemon.stores.contract import MAX_REF
from ether_protocol import NoMemory, NotFound
from ether_protocol.wire.bodies import BlockInfo

PAGE = 1 << PAGE_BITS
U64 = (1 << 64) - 1
LATEST_MS = (1 << 48) - 1


class Known(NamedTuple):
    """All that the table has of a block."""

    ref: int
    size: int
    flags: int
    created_ms: int


def known(table: HandleTable, handle: int) -> Known:
    ref, size = table.locate(handle)
    info = table.info(handle)
    assert info == BlockInfo(size, info.flags, info.created_ms)
    return Known(ref, size, info.flags, info.created_ms)


def add(table: HandleTable, ref: int, size: int = 1, flags: int = 0, created_ms: int = 0) -> int:
    """A block that is made at once."""
    handle = table.reserve()
    table.put(handle, ref, size, flags, created_ms)
    return handle


def full_of(count: int) -> HandleTable:
    table = HandleTable()
    for number in range(1, count + 1):
        assert add(table, 1000 + number, size=number, created_ms=number) == number
    return table


def handles(table: HandleTable, after: int = 0) -> list[int]:
    return [handle for handle, _ in table.items(after)]


def test_handles_count_from_one_and_are_never_given_out_twice() -> None:
    table = HandleTable()
    given = []
    for _ in range(3 * PAGE):
        given.append(add(table, 7))
        if len(given) % 3:
            table.remove(given[-1])
    assert given == list(range(1, 3 * PAGE + 1))


def test_what_was_put_there_comes_back() -> None:
    table = full_of(2)
    assert add(table, MAX_REF, U64, 0xFFFF, LATEST_MS) == 3

    assert [table.ref(handle) for handle in (1, 2, 3)] == [1001, 1002, MAX_REF]
    assert [table.size(handle) for handle in (1, 2, 3)] == [1, 2, U64]
    assert [known(table, handle) for handle in (1, 2, 3)] == [
        Known(1001, 1, 0, 1),
        Known(1002, 2, 0, 2),
        Known(MAX_REF, U64, 0xFFFF, LATEST_MS),
    ]
    assert len(table) == 3


UNKNOWN = [0, 4, PAGE - 1, PAGE, PAGE + 3, 1 << 32, (1 << 63), (1 << 64) - 1, (1 << 64) - PAGE]


@pytest.mark.parametrize("handle", UNKNOWN)
def test_an_unknown_handle_is_not_found(handle: int) -> None:
    table = full_of(3)
    for ask in (table.ref, table.locate, table.info):
        with pytest.raises(NotFound, match=f"no block has handle {handle}$"):
            ask(handle)
    assert not table.has(handle)
    assert handles(table) == [1, 2, 3]


def test_a_removed_handle_is_like_one_that_never_was() -> None:
    table = full_of(3)
    table.remove(2)
    assert not table.has(2)
    with pytest.raises(NotFound, match="no block has handle 2"):
        table.ref(2)
    with pytest.raises(NotFound):
        table.locate(2)
    with pytest.raises(NotFound):
        table.info(2)
    assert (len(table), handles(table)) == (2, [1, 3])


def test_replace() -> None:
    table = full_of(2)
    table.replace(1, 5, 60)
    assert (known(table, 1), known(table, 2)) == (Known(5, 60, 0, 1), Known(1002, 2, 0, 2))


def test_items_begin_behind_the_handle_named() -> None:
    table = full_of(2 * PAGE)
    table.remove(PAGE)
    everything = [h for h in range(1, 2 * PAGE + 1) if h != PAGE]
    for after in (0, 1, PAGE - 2, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1, 2 * PAGE, MAX_REF, U64):
        assert handles(table, after) == [h for h in everything if h > after]


def test_a_page_that_empties_turns_sparse_and_is_dropped_at_last() -> None:
    table = full_of(3 * PAGE)
    kept = [PAGE + 3 * number for number in range(16)]
    seen: list[Any] = []
    for handle in range(PAGE, 2 * PAGE):
        if handle not in kept:
            table.remove(handle)
    assert isinstance(table.pages[1], dict)
    for handle in kept:
        page = table.pages[1]
        seen.append(len(page))
        assert table.ref(handle) == 1000 + handle
        assert table.info(handle).created_ms == handle
        table.replace(handle, 9, 8)
        assert known(table, handle) == Known(9, 8, 0, handle)
        table.remove(handle)
        assert not table.has(handle)
    assert 1 not in table.pages
    assert seen[0] == 3 * 16 + 2
    assert all(after <= before for before, after in pairwise(seen))

    with pytest.raises(NotFound):
        table.ref(PAGE)
    assert not table.has(PAGE)
    assert handles(table) == [*range(1, PAGE), *range(2 * PAGE, 3 * PAGE + 1)]


def test_the_page_that_is_being_filled_stays_as_it_is() -> None:
    table = full_of(5)
    for handle in range(1, 6):
        table.remove(handle)
    assert list(table.pages) == [0]
    assert add(table, 7) == 6
    assert handles(table) == [6]


def test_a_million_blocks_that_came_and_went_leave_nothing() -> None:
    table = HandleTable()
    for _ in range(20 * PAGE):
        table.remove(add(table, 7))
    assert len(table.pages) <= 1 + 1
    assert len(table) == 0


# Answers that come in another order than the requests


def test_a_reserved_handle_is_nobodys() -> None:
    table = HandleTable()
    assert [table.reserve() for _ in range(PAGE)] == list(range(1, PAGE + 1))
    assert (len(table), handles(table)) == (0, [])
    with pytest.raises(NotFound, match="no block has handle 5"):
        table.ref(5)
    assert not table.has(5)


def test_handles_put_in_any_order_are_listed_in_theirs() -> None:
    table = HandleTable()
    for _ in range(5 * PAGE):
        table.reserve()
    order = [3 * PAGE + 1, 5 * PAGE, 7, 2 * PAGE, 5, PAGE - 1, PAGE, 4 * PAGE]
    for handle in order:
        table.put(handle, handle, 1, 0, 0)
    assert handles(table) == sorted(order)
    assert handles(table, PAGE) == [handle for handle in sorted(order) if handle > PAGE]
    assert add(table, 7) == 5 * PAGE + 1
    assert handles(table) == [*sorted(order), 5 * PAGE + 1]


def test_a_page_that_was_dropped_comes_back_in_its_place() -> None:
    table = HandleTable()
    late = [table.reserve() for _ in range(3 * PAGE)]
    for handle in (10, PAGE + 10, 2 * PAGE + 10):
        table.put(handle, handle, 1, 0, 0)
    table.remove(10)
    table.remove(2 * PAGE + 10)
    assert list(table.pages) == [1, 3]

    for handle in (2 * PAGE + 11, 11):
        assert handle in late
        table.put(handle, handle, 1, 0, 0)
    assert list(table.pages) == [0, 1, 2, 3]
    assert handles(table) == [11, PAGE + 10, 2 * PAGE + 11]


def test_a_late_block_on_a_page_that_has_turned_sparse() -> None:
    table = HandleTable()
    for handle in range(1, 2 * PAGE):
        assert table.reserve() == handle
        if handle % 2:
            table.put(handle, handle, handle, 1, handle)
    for handle in range(1, PAGE, 2):
        if handle > 8:
            table.remove(handle)
    assert isinstance(table.pages[0], dict)

    for handle in (100, 2, 254):
        table.put(handle, handle, handle, 1, handle)
    table.attend(100)
    table.replace(2, 77, 78)
    assert handles(table)[:7] == [1, 2, 3, 5, 7, 100, 254]
    assert (known(table, 100), known(table, 2)) == (Known(100, 100, 1, 100), Known(77, 78, 1, 2))
    assert (table.attended(100), table.attended(254)) == (True, False)
    for handle in (1, 3, 5, 7, 2, 254, 100):
        table.remove(handle)
    assert 0 not in table.pages


def test_a_late_block_in_the_place_of_one_that_is_gone_from_a_sparse_page() -> None:
    # Handles are never given out twice, but a sparse page keeps the keys of removed ones.
    table = full_of(PAGE + 5)
    for handle in range(1, PAGE - 3):
        table.remove(handle)
    left = handles(table)
    table.remove(left[0])
    assert not table.has(left[0])
    assert handles(table) == left[1:]


def test_handles_that_were_given_out_before_are_skipped() -> None:
    table = HandleTable()
    table.skip_to(1000)
    assert add(table, 7) == 1001
    table.skip_to(5)
    assert add(table, 7) == 1002
    table.put(999, 9, 1, 0, 0)
    assert handles(table) == [999, 1001, 1002]


# The bit that keeps the fast path away


@pytest.mark.parametrize("ref", [1, 1 << 62, MAX_REF])
def test_an_attended_block_is_found_by_its_table_only(ref: int) -> None:
    table = full_of(PAGE + 1)
    handle = add(table, ref, 5, 1, 6)
    table.attend(handle)
    table.attend(handle)
    raw = table.pages[handle >> PAGE_BITS][handle % PAGE]
    assert raw == ref | ATTENDED
    assert raw > MAX_REF
    assert table.attended(handle)
    assert (table.ref(handle), known(table, handle)) == (ref, Known(ref, 5, 1, 6))
    assert not table.attended(handle - 1)

    table.unattend(handle)
    table.unattend(handle)
    assert (table.attended(handle), table.pages[handle >> PAGE_BITS][handle % PAGE]) == (False, ref)


def test_a_block_stays_attended_under_its_new_ref() -> None:
    table = full_of(2)
    table.attend(1)
    table.replace(1, MAX_REF, 9)
    table.replace(2, MAX_REF - 1, 9)
    assert (table.ref(1), table.attended(1)) == (MAX_REF, True)
    assert (table.ref(2), table.attended(2)) == (MAX_REF - 1, False)


def test_a_block_that_is_gone_is_not_attended_any_more() -> None:
    table = full_of(2)
    table.attend(1)
    table.remove(1)
    table.unattend(1)
    assert not table.has(1)
    assert handles(table) == [2]


class TableModel(RuleBasedStateMachine):
    """The table beside a dict."""

    refs = st.integers(1, MAX_REF)

    def __init__(self) -> None:
        super().__init__()
        self.table = HandleTable()
        self.model: dict[int, Known] = {}
        self.attended: set[int] = set()
        self.reserved: list[int] = []
        self.last = 0

    def take_handle(self) -> int:
        self.last += 1
        assert self.table.reserve() == self.last
        return self.last

    def put(self, handle: int, row: Known) -> None:
        self.table.put(handle, *row)
        self.model[handle] = row

    def forget(self, handle: int) -> None:
        self.table.remove(handle)
        del self.model[handle]
        self.attended.discard(handle)

    @rule(
        count=st.integers(1, 400),
        ref=refs,
        size=st.integers(1, U64),
        flags=st.integers(0, 0xFFFF),
        created=st.integers(0, LATEST_MS),
    )
    def add(self, count: int, ref: int, size: int, flags: int, created: int) -> None:
        for _ in range(count):
            self.put(self.take_handle(), Known(ref, size, flags, created))

    @rule(count=st.integers(1, 400))
    def reserve(self, count: int) -> None:
        self.reserved += [self.take_handle() for _ in range(count)]

    @precondition(lambda self: self.reserved)
    @rule(data=st.data(), ref=refs)
    def put_late(self, data: st.DataObject, ref: int) -> None:
        handle = data.draw(st.sampled_from(self.reserved))
        self.reserved.remove(handle)
        self.put(handle, Known(ref, handle, 1, handle))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_one(self, data: st.DataObject) -> None:
        self.forget(data.draw(st.sampled_from(sorted(self.model))))

    @precondition(lambda self: self.model)
    @rule(keep_every=st.integers(2, 300), page=st.integers(0, 8))
    def thin_out(self, keep_every: int, page: int) -> None:
        for handle in [h for h in self.model if h >> PAGE_BITS == page and h % keep_every]:
            self.forget(handle)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), ref=refs, size=st.integers(1, U64))
    def replace(self, data: st.DataObject, ref: int, size: int) -> None:
        handle = data.draw(st.sampled_from(sorted(self.model)))
        self.table.replace(handle, ref, size)
        self.model[handle] = self.model[handle]._replace(ref=ref, size=size)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), attend=st.booleans())
    def attend(self, data: st.DataObject, attend: bool) -> None:
        handle = data.draw(st.sampled_from(sorted(self.model)))
        if attend:
            self.table.attend(handle)
            self.attended.add(handle)
        else:
            self.table.unattend(handle)
            self.attended.discard(handle)

    @rule(handle=st.one_of(st.integers(0, 2500), st.integers(0, U64)))
    def look(self, handle: int) -> None:
        assert self.table.has(handle) is (handle in self.model)
        if handle in self.model:
            assert self.table.ref(handle) == self.model[handle].ref
            assert self.table.size(handle) == self.model[handle].size
            assert known(self.table, handle) == self.model[handle]
            assert self.table.attended(handle) is (handle in self.attended)
        else:
            with pytest.raises(NotFound):
                self.table.ref(handle)

    @rule(after=st.integers(0, 2500))
    def list(self, after: int) -> None:
        expected = [(h, row.size) for h, row in sorted(self.model.items()) if h > after]
        assert [*self.table.items(after)] == expected

    @invariant()
    def count(self) -> None:
        assert len(self.table) == len(self.model)

    @invariant()
    def attended_refs_are_beyond_every_ref(self) -> None:
        for handle in self.attended:
            assert self.table.pages[handle >> PAGE_BITS][handle % PAGE] > MAX_REF


TestTableModel = TableModel.TestCase
TestTableModel.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


# What it is charged


def test_pages_are_charged_until_they_are_gone() -> None:
    account = ServerAccount(Limits(1 << 20), at_once)
    table = HandleTable(account)
    last = [table.reserve() for _ in range(3 * PAGE)][-1]
    for handle in range(1, last + 1):
        table.put(handle, handle, 1, 0, 0)
    charged = [account.stored_bytes]
    for handle in range(1, last):
        table.remove(handle)
        charged.append(account.stored_bytes)
    assert charged[0] == 3 * charged[-1] > 0
    assert charged == sorted(charged, reverse=True)


def test_a_page_for_which_there_is_no_room_is_no_memory_and_no_handle_is_lost() -> None:
    account = ServerAccount(Limits(5_000), at_once)
    table = HandleTable(account)
    for _ in range(PAGE - 1):
        table.reserve()
    for _ in range(3):
        with pytest.raises(NoMemory):
            table.reserve()
    assert list(table.pages) == [0]
    account.limits = Limits(1 << 20)
    assert table.reserve() == PAGE


@pytest.mark.parametrize("survivors", [1, 2, 5, 16, 17, 40])
def test_what_a_sparse_page_takes_is_charged(survivors: int) -> None:
    pages = 50
    account = ServerAccount(Limits(1 << 30), at_once)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        table = HandleTable(account)
        for _ in range(pages * PAGE):
            handle = table.reserve()
            table.put(handle, (1 << 40) + handle, 1_000_000 + handle, 0, 1_700_000_000_000 + handle)
        for handle in range(1, pages * PAGE):
            if handle % PAGE >= survivors:
                table.remove(handle)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    first_and_last = 2 * 7_000
    assert taken < account.stored_bytes + len(table) * BLOCK_OVERHEAD_BYTES + first_and_last


@pytest.mark.parametrize("created_ms", [-1, -(10**12), 1 << 48, 1 << 70])
def test_a_clock_that_is_wrong_makes_a_block_like_others(created_ms: int) -> None:
    table = HandleTable()
    table.put(table.reserve(), 5, 6, 1, created_ms)
    assert [*table.items()] == [(1, 6)]
    assert table.info(1) == BlockInfo(6, 1, 0)
