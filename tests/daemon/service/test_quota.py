from __future__ import annotations

import pytest

from ether_daemon.service.quota import BLOCK_OVERHEAD_BYTES, NO_LIMITS, Limits, Quota
from ether_protocol import NoMemory, QuotaExceeded

LIMIT = 10 * BLOCK_OVERHEAD_BYTES
U64 = (1 << 64) - 1


def account(quota: Quota) -> dict[str, int]:
    numbers = [name for name in Quota.__slots__ if name not in ("limits", "whole")]
    return {name: getattr(quota, name) for name in numbers}


def add(quota: Quota, size: int) -> None:
    """Make a block, as the service does where the store answers at once."""
    quota.check_block(size)
    quota.add_block(size)


def resize(quota: Quota, old_size: int, new_size: int) -> None:
    if new_size > old_size:
        quota.check_growth(new_size - old_size, new_size)
    quota.resize_block(old_size, new_size)


@pytest.fixture
def quota() -> Quota:
    return Quota(Limits(LIMIT))


def test_a_life_of_blocks(quota: Quota) -> None:
    add(quota, 100)
    add(quota, 50)
    resize(quota, 100, 30)
    resize(quota, 30, 60)
    quota.remove_block(50)

    assert account(quota) == {
        "blocks": 1,
        "used_bytes": 60,
        "held_blocks": 0,
        "held_bytes": 0,
        "peak_bytes": 150,
        "allocated_bytes": 180,
        "freed_bytes": 120,
        "allocations": 2,
        "frees": 1,
    }


def test_in_the_end_as_much_is_freed_as_was_allocated(quota: Quota) -> None:
    add(quota, 100)
    resize(quota, 100, 7)
    resize(quota, 7, 200)
    quota.remove_block(200)
    assert quota.used_bytes == quota.blocks == 0
    assert quota.allocated_bytes == quota.freed_bytes == 293


def test_the_overhead_of_a_block_counts_against_the_limit(quota: Quota) -> None:
    add(quota, LIMIT - BLOCK_OVERHEAD_BYTES)
    before = account(quota)
    with pytest.raises(NoMemory, match="1 bytes do not fit: 576 of 640 bytes are in use"):
        add(quota, 1)
    assert account(quota) == before


def test_a_flood_of_tiny_blocks_ends_at_the_limit(quota: Quota) -> None:
    for _ in range(LIMIT // (BLOCK_OVERHEAD_BYTES + 1)):
        add(quota, 1)
    with pytest.raises(NoMemory):
        add(quota, 1)
    assert quota.used_bytes + quota.blocks * BLOCK_OVERHEAD_BYTES <= LIMIT


@pytest.mark.parametrize("size", [LIMIT, LIMIT - BLOCK_OVERHEAD_BYTES + 1, 1 << 63, U64])
def test_more_than_there_may_be(quota: Quota, size: int) -> None:
    before = account(quota)
    with pytest.raises(NoMemory):
        add(quota, size)
    assert account(quota) == before


def test_growing_past_the_limit_changes_nothing(quota: Quota) -> None:
    add(quota, 100)
    before = account(quota)
    quota.check_growth(LIMIT - BLOCK_OVERHEAD_BYTES - 100, LIMIT - BLOCK_OVERHEAD_BYTES)
    with pytest.raises(NoMemory):
        resize(quota, 100, LIMIT - BLOCK_OVERHEAD_BYTES + 1)
    assert account(quota) == before


def test_shrinking_is_always_possible(quota: Quota) -> None:
    add(quota, LIMIT - BLOCK_OVERHEAD_BYTES)
    quota.limits = Limits(1)
    resize(quota, LIMIT - BLOCK_OVERHEAD_BYTES, 1)
    assert quota.used_bytes == 1


def test_the_limit_of_blocks() -> None:
    quota = Quota(Limits(LIMIT, max_handles=2))
    add(quota, 1)
    add(quota, 1)
    with pytest.raises(NoMemory, match="there are 2 blocks, and no more may be"):
        add(quota, 1)
    quota.check_growth(1, 2)  # no block more
    quota.remove_block(1)
    add(quota, 1)
    assert quota.blocks == 2


# What is under way


@pytest.mark.parametrize(("blocks", "more"), [(1, 20), (0, 70), (0, 0)])
def test_what_did_not_happen_leaves_no_trace(quota: Quota, blocks: int, more: int) -> None:
    add(quota, 30)
    before = account(quota)

    quota.hold(blocks, more)
    assert account(quota) == {**before, "held_blocks": blocks, "held_bytes": more}
    quota.let_go(blocks, more)
    assert account(quota) == before


def test_what_is_held_is_given_to_nobody_else(quota: Quota) -> None:
    quota.check_block(450)
    quota.hold(1, 450)
    quota.check_block(LIMIT - 450 - 2 * BLOCK_OVERHEAD_BYTES)
    with pytest.raises(NoMemory):
        quota.check_block(LIMIT - 450 - 2 * BLOCK_OVERHEAD_BYTES + 1)
    with pytest.raises(NoMemory):
        quota.check_growth(LIMIT - 450 - BLOCK_OVERHEAD_BYTES + 1, U64)

    quota.let_go(1, 450)
    quota.add_block(450)
    assert (quota.blocks, quota.used_bytes, quota.held_blocks, quota.held_bytes) == (1, 450, 0, 0)


def test_a_block_under_way_counts_against_the_limit_of_blocks() -> None:
    quota = Quota(Limits(LIMIT, max_handles=2))
    add(quota, 1)
    quota.hold(1, 1)
    with pytest.raises(NoMemory, match="there are 1 blocks, and no more may be"):
        quota.check_block(1)
    quota.let_go(1, 1)
    quota.check_block(1)


# A principal within the whole server


@pytest.fixture
def whole() -> Quota:
    return Quota(Limits(LIMIT, max_handles=4))


def test_what_a_principal_has_is_the_servers_too(whole: Quota) -> None:
    one, other = Quota(NO_LIMITS, whole), Quota(NO_LIMITS, whole)
    add(one, 100)
    add(other, 50)
    resize(one, 100, 20)
    resize(other, 50, 60)
    other.hold(1, 7)
    one.remove_block(20)

    assert [(q.blocks, q.used_bytes, q.held_bytes) for q in (one, other, whole)] == [
        (0, 0, 0),
        (1, 60, 7),
        (1, 60, 7),
    ]
    for name in ("allocated_bytes", "freed_bytes", "allocations", "frees", "held_blocks"):
        assert getattr(whole, name) == getattr(one, name) + getattr(other, name)
    assert (one.peak_bytes, other.peak_bytes, whole.peak_bytes) == (100, 60, 150)


@pytest.mark.parametrize("limits", [Limits(200), Limits(LIMIT, max_handles=1)])
def test_a_principals_own_limit_is_its_quota(whole: Quota, limits: Limits) -> None:
    quota = Quota(limits, whole)
    add(quota, 100)
    before = account(quota), account(whole)
    with pytest.raises(QuotaExceeded):
        add(quota, 100)
    assert (account(quota), account(whole)) == before
    add(Quota(NO_LIMITS, whole), 100)


def test_growing_past_the_own_limit_exceeds_the_quota(whole: Quota) -> None:
    quota = Quota(Limits(200), whole)
    add(quota, 100)
    resize(quota, 100, 200 - BLOCK_OVERHEAD_BYTES)
    with pytest.raises(QuotaExceeded, match="137 bytes do not fit: 136 of 200 bytes are in use"):
        resize(quota, 136, 137)


def test_the_servers_limit_is_no_memory_whoever_has_used_it_up(whole: Quota) -> None:
    one, other = Quota(NO_LIMITS, whole), Quota(NO_LIMITS, whole)
    add(one, 400)
    before = [account(quota) for quota in (one, other, whole)]
    with pytest.raises(NoMemory, match="200 bytes do not fit: 400 of 640 bytes are in use"):
        add(other, 200)
    with pytest.raises(NoMemory):
        resize(one, 400, 600)
    assert [account(quota) for quota in (one, other, whole)] == before

    for _ in range(2):
        add(other, 1)
    with pytest.raises(NoMemory):
        add(other, 1)


def test_the_lowest_limit_is_the_limit(whole: Quota) -> None:
    assert Quota(NO_LIMITS, whole).limit_bytes == whole.limit_bytes == LIMIT
    assert Quota(Limits(5), whole).limit_bytes == 5


@pytest.mark.parametrize("size", [1, 1 << 63, U64])
def test_no_limits_refuse_nothing_that_a_request_can_name(size: int) -> None:
    quota = Quota(NO_LIMITS, Quota(NO_LIMITS))
    for _ in range(3):
        add(quota, size)
    assert quota.used_bytes == 3 * size
