from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ether_daemon.service.handle_table import PAGE_BITS, HandleTable
from ether_protocol import NotFound

PAGE = 1 << PAGE_BITS
MAX_REF = (1 << 64) - 1


def full_of(count: int) -> HandleTable:
    table = HandleTable()
    for number in range(1, count + 1):
        assert table.add(1000 + number, number) == number
    return table


def handles(table: HandleTable, after: int = 0) -> list[int]:
    return [handle for handle, _ in table.items(after)]


def test_handles_count_from_one_and_are_never_given_out_twice() -> None:
    table = HandleTable()
    given = []
    for _ in range(3 * PAGE):
        given.append(table.add(7, 0))
        if len(given) % 3:
            table.remove(given[-1])
    assert given == list(range(1, 3 * PAGE + 1))


def test_what_was_put_there_comes_back() -> None:
    table = full_of(2)
    assert table.add(MAX_REF, MAX_REF) == 3

    assert [table.ref(handle) for handle in (1, 2, 3)] == [1001, 1002, MAX_REF]
    assert [table.created_ms(handle) for handle in (1, 2, 3)] == [1, 2, MAX_REF]
    assert len(table) == 3


UNKNOWN = [0, 4, PAGE - 1, PAGE, PAGE + 3, 1 << 32, (1 << 63), (1 << 64) - 1, (1 << 64) - PAGE]


@pytest.mark.parametrize("handle", UNKNOWN)
def test_an_unknown_handle_is_not_found(handle: int) -> None:
    table = full_of(3)
    for ask in (table.ref, table.remove):
        with pytest.raises(NotFound, match=f"no block has handle {handle}$"):
            ask(handle)
    assert not table.has(handle)
    assert handles(table) == [1, 2, 3]


def test_a_removed_handle_is_like_one_that_never_was() -> None:
    table = full_of(3)
    assert table.remove(2) == 1002
    assert not table.has(2)
    with pytest.raises(NotFound, match="no block has handle 2"):
        table.ref(2)
    with pytest.raises(NotFound):
        table.remove(2)
    assert (len(table), handles(table)) == (2, [1, 3])


def test_replace() -> None:
    table = full_of(2)
    table.replace(1, 5)
    assert (table.ref(1), table.created_ms(1), table.ref(2)) == (5, 1, 1002)


def test_items_begin_behind_the_handle_named() -> None:
    table = full_of(2 * PAGE)
    table.remove(PAGE)
    everything = [h for h in range(1, 2 * PAGE + 1) if h != PAGE]
    for after in (0, 1, PAGE - 2, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1, 2 * PAGE, MAX_REF):
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
        assert table.created_ms(handle) == handle
        table.replace(handle, 9)
        assert table.remove(handle) == 9
        assert not table.has(handle)
    assert 1 not in table.pages
    assert seen[0] == 2 * 16 + 1
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
    assert table.add(7, 0) == 6
    assert handles(table) == [6]


def test_a_million_blocks_that_came_and_went_leave_nothing() -> None:
    table = HandleTable()
    for _ in range(20 * PAGE):
        table.remove(table.add(7, 0))
    assert len(table.pages) <= 1 + 1
    assert len(table) == 0


class TableModel(RuleBasedStateMachine):
    """The table beside a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.table = HandleTable()
        self.model: dict[int, tuple[int, int]] = {}
        self.last = 0

    @rule(count=st.integers(1, 400), ref=st.integers(1, MAX_REF), created=st.integers(0, MAX_REF))
    def add(self, count: int, ref: int, created: int) -> None:
        for _ in range(count):
            self.last += 1
            assert self.table.add(ref, created) == self.last
            self.model[self.last] = (ref, created)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_one(self, data: st.DataObject) -> None:
        handle = data.draw(st.sampled_from(sorted(self.model)))
        assert self.table.remove(handle) == self.model.pop(handle)[0]

    @precondition(lambda self: self.model)
    @rule(keep_every=st.integers(2, 300), page=st.integers(0, 8))
    def thin_out(self, keep_every: int, page: int) -> None:
        for handle in [h for h in self.model if h >> PAGE_BITS == page and h % keep_every]:
            assert self.table.remove(handle) == self.model.pop(handle)[0]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), ref=st.integers(1, MAX_REF))
    def replace(self, data: st.DataObject, ref: int) -> None:
        handle = data.draw(st.sampled_from(sorted(self.model)))
        self.table.replace(handle, ref)
        self.model[handle] = (ref, self.model[handle][1])

    @rule(handle=st.one_of(st.integers(0, 2500), st.integers(0, MAX_REF)))
    def look(self, handle: int) -> None:
        assert self.table.has(handle) is (handle in self.model)
        if handle in self.model:
            assert (self.table.ref(handle), self.table.created_ms(handle)) == self.model[handle]
        else:
            with pytest.raises(NotFound):
                self.table.ref(handle)

    @rule(after=st.integers(0, 2500))
    def list(self, after: int) -> None:
        expected = [(h, ref) for h, (ref, _) in sorted(self.model.items()) if h > after]
        assert [*self.table.items(after)] == expected

    @invariant()
    def count(self) -> None:
        assert len(self.table) == len(self.model)


TestTableModel = TableModel.TestCase
TestTableModel.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
