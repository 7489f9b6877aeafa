"""What streamed reads keep, and what is charged for it."""

from __future__ import annotations

import pytest

from daemon.deferred_list import DeferredList
from ether_daemon.service.quota import Limits
from ether_daemon.service.server_account import ServerAccount
from ether_daemon.stores.memory.large_blocks import LargeBlock
from ether_daemon.stores.memory.streamed_reads import PART_BYTES, MemoryRead
from ether_protocol import NoMemory

MIB = 1024 * 1024
LIMIT = 64 * MIB


@pytest.fixture
def deferred() -> DeferredList:
    return DeferredList()


@pytest.fixture
def account(deferred: DeferredList) -> ServerAccount:
    return ServerAccount(Limits(LIMIT), deferred.append)


def written(size: int, account: ServerAccount) -> LargeBlock:
    block = LargeBlock(size, account)
    block.memory[:size] = b"\xaa" * size
    return block


def change(block: LargeBlock, start: int, end: int) -> None:
    block.preserve(start, end)
    block.memory[start:end] = b"\xbb" * (end - start)


def test_only_the_parts_that_change_are_copied(account: ServerAccount) -> None:
    block = written(16 * MIB, account)
    read = MemoryRead(block, 0, 16 * MIB)
    change(block, 3 * PART_BYTES + 5, 3 * PART_BYTES + 6)
    change(block, 10 * PART_BYTES - 1, 10 * PART_BYTES + 1)
    assert read.kept_bytes == 3 * PART_BYTES
    assert account.stored_bytes == 16 * MIB + 3 * PART_BYTES

    pieces = []
    while len(read):
        pieces.append(read.take(1_000_003))
    assert b"".join(pieces) == b"\xaa" * (16 * MIB)
    assert (read.kept_bytes, account.stored_bytes) == (0, 16 * MIB)


def test_handing_shows_the_copies_too(account: ServerAccount) -> None:
    block = written(2 * MIB, account)
    read = MemoryRead(block, 100, 2 * MIB - 100)
    change(block, PART_BYTES, 2 * PART_BYTES)
    got = bytearray()

    def give(rest: memoryview) -> int:
        got.extend(rest[:300_000])
        return len(rest[:300_000])

    while len(read):
        read.hand(give)
    assert got == b"\xaa" * (2 * MIB - 200)
    assert account.stored_bytes == 2 * MIB


def test_a_copy_is_charged_once_however_many_share_it(account: ServerAccount) -> None:
    block = written(MIB, account)
    reads = [MemoryRead(block, 0, MIB) for _ in range(5)]
    change(block, 0, 1)
    assert [read.kept_bytes for read in reads] == [PART_BYTES] * 5
    assert account.stored_bytes == MIB + PART_BYTES
    for read in reads:
        assert account.stored_bytes == MIB + PART_BYTES
        read.cancel()
    assert account.stored_bytes == MIB


def test_a_copy_for_which_there_is_no_room_is_no_memory_and_changes_nothing(
    account: ServerAccount,
) -> None:
    block = written(MIB, account)
    read = MemoryRead(block, 0, MIB)
    account.charge(account.room - PART_BYTES + 1)
    before = account.stored_bytes
    with pytest.raises(NoMemory):
        block.preserve(0, 1)
    assert (account.stored_bytes, read.kept_bytes) == (before, 0)
    assert read.take(MIB) == b"\xaa" * MIB


def test_who_watches_hears_of_every_change(account: ServerAccount, deferred: DeferredList) -> None:
    block = written(2 * MIB, account)
    read = MemoryRead(block, 0, MIB)
    heard: list[int] = []
    read.when_kept_changes(lambda: heard.append(read.kept_bytes))
    read.take(10)
    change(block, 10, 11)
    change(block, MIB, MIB + 1)
    read.take(PART_BYTES)
    block.release(deferred.append)
    read.take(MIB // 2)
    read.cancel()
    kept = PART_BYTES - 10
    left = MIB - 10 - PART_BYTES
    assert heard == [kept, 0, left, left - MIB // 2, 0]


def test_who_hears_may_cancel_others(account: ServerAccount) -> None:
    block = written(MIB, account)
    reads = [MemoryRead(block, 0, MIB) for _ in range(3)]
    for number, read in enumerate(reads):
        read.when_kept_changes(reads[number - 1].cancel)
    change(block, 0, MIB)
    assert account.stored_bytes == MIB
    assert [len(read) for read in reads] == [0, 0, 0]


def test_a_freed_block_is_charged_until_its_reads_are_over(
    account: ServerAccount, deferred: DeferredList
) -> None:
    block = written(40 * MIB, account)
    read = MemoryRead(block, 10 * MIB, 20 * MIB)
    block.release(deferred.append)
    assert (account.stored_bytes, account.returning_bytes) == (40 * MIB, 30 * MIB)
    deferred.finish()
    assert (account.stored_bytes, account.returning_bytes) == (10 * MIB, 0)
    assert read.take(10 * MIB) == b"\xaa" * (10 * MIB)
    assert account.returning_bytes == 10 * MIB
    deferred.finish()
    assert (account.stored_bytes, account.returning_bytes) == (0, 0)


def test_a_cut_off_tail_is_charged_until_it_is_wiped_and_what_is_owed_of_it_longer(
    account: ServerAccount, deferred: DeferredList
) -> None:
    block = written(60 * MIB, account)
    reads = [MemoryRead(block, start * MIB, (start + 5) * MIB) for start in range(20, 60, 5)]
    steps = [account.stored_bytes]
    block.resize(MIB, deferred.append)
    while deferred:
        deferred.step()
        steps.append(account.stored_bytes)
    assert max(steps) <= 60 * MIB
    assert (account.stored_bytes, account.returning_bytes) == (41 * MIB, 0)
    assert sum(read.kept_bytes for read in reads) == 40 * MIB
    for read in reads:
        assert read.take(5 * MIB) == b"\xaa" * (5 * MIB)
    assert account.stored_bytes == MIB
