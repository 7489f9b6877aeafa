"""There is no memory for one thing or the next: what fails has changed nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daemon.deferred_list import DeferredList
from ether_daemon.service.blocks import Blocks, SessionBlocks
from ether_daemon.service.quota import NO_LIMITS, Limits, Quota
from ether_daemon.service.server_account import ServerAccount
from ether_daemon.stores.memory.store import MemoryStore

MIB = 1024 * 1024
LIMIT = 64 * MIB
SIZES = (100, 300_000)
CAN_NOT_FAIL = {"replace", "remove", "size", "has", "give_back", "discard"}
"""What only writes into a row that is there, or looks at it."""


class ShortOfMemory:
    """Passes calls on to another object; the one whose turn it is has no memory."""

    def __init__(self, inner: object, countdown: list[int]) -> None:
        self._inner = inner
        self._countdown = countdown

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value) or name in CAN_NOT_FAIL:
            return value

        def call(*values: object, **named: object) -> Any:
            self._countdown[0] -= 1
            if not self._countdown[0]:
                raise MemoryError
            return value(*values, **named)

        return call

    def __len__(self) -> int:
        return len(self._inner)  # type: ignore[arg-type]  # of those that have one


class Checked:
    """Blocks whose store, table, quota and owner run out of memory at a call that is chosen."""

    def __init__(self) -> None:
        self.deferred = DeferredList()
        self.account = ServerAccount(Limits(LIMIT), self.deferred.append)
        self.quota = Quota(NO_LIMITS, self.account)
        self.store = MemoryStore(LIMIT, self.deferred.append, self.account)
        self.owner = SessionBlocks()
        self.countdown = [0]
        self.blocks = Blocks("ada", self.short(self.store), self.quota, self.deferred.append)
        self.table = self.blocks.table
        self.blocks.table = self.short(self.table)
        self.short_owner = self.short(self.owner)

    def short(self, inner: object) -> Any:
        return ShortOfMemory(inner, self.countdown)

    def state(self) -> tuple[object, ...]:
        self.countdown[0] = 0
        self.deferred.finish()
        return (
            [*self.table.items()],
            self.owner.handles,
            self.quota.used_bytes,
            self.quota.blocks,
            self.quota.held_bytes,
            self.account.used_bytes,
            self.account.returning_bytes,
            len(self.store.large),
            [self.store.read(self.table.ref(handle), 0, 20) for handle, _ in self.table.items()],
        )

    def everything_goes(self) -> bool:
        """Whether nothing is left once all is freed."""
        self.countdown[0] = 0
        for _ in self.blocks.free_all():
            pass
        self.deferred.finish()
        self.store.reclaim(1)  # slabs in use that are empty
        self.deferred.finish()
        return self.account.stored_bytes == self.account.blocks == 0


REQUESTS: dict[str, Callable[[Checked, int], object]] = {
    "alloc": lambda checked, size: checked.blocks.alloc(size),
    "session alloc": lambda checked, size: checked.blocks.alloc(size, checked.short_owner),
    "free": lambda checked, _: checked.blocks.free(1),
    "grow": lambda checked, size: checked.blocks.realloc(1, size + 1000),
    "shrink": lambda checked, size: checked.blocks.realloc(1, size - 50),
    "read": lambda checked, size: checked.blocks.read(1, 0, size),
    "write": lambda checked, _: checked.blocks.write(1, 3, b"abc"),
    "fill": lambda checked, size: checked.blocks.fill(1, 0, size, 1),
    "copy": lambda checked, _: checked.blocks.copy(1, 0, 2, 5, 10),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("request_name", REQUESTS)
def test_a_request_that_fails_has_changed_nothing(request_name: str, size: int) -> None:
    failures = 0
    for number in range(1, 40):
        checked = Checked()
        for _ in range(2):
            checked.blocks.fill(checked.blocks.alloc(size), 0, size, 7)  # type: ignore[arg-type]  # at once
        before = checked.state()
        checked.countdown[0] = number
        try:
            REQUESTS[request_name](checked, size)
        except MemoryError:
            failures += 1
            assert checked.state() == before, number
            assert checked.everything_goes()
        else:
            break
    assert failures


def test_a_session_block_that_was_not_noted_is_not_there() -> None:
    class Forgetful(SessionBlocks):
        def add(self, handle: int) -> None:
            raise MemoryError

    checked = Checked()
    before = checked.state()
    for _ in range(50):
        with pytest.raises(MemoryError):
            checked.blocks.alloc(100, Forgetful())
    assert checked.state() == before
    assert checked.blocks.alloc(100) == 1
    assert checked.everything_goes()


def test_the_end_of_a_session_takes_no_memory_for_its_handles() -> None:
    class NoCopies(SessionBlocks):
        @property
        def handles(self) -> set[int]:
            raise MemoryError

    checked = Checked()
    owner = NoCopies()
    for _ in range(200):
        checked.blocks.alloc(100, owner)
    assert owner
    for _ in checked.blocks.end_session(owner):
        pass
    assert not owner
    assert checked.state()[0] == []
