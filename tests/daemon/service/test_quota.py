from __future__ import annotations

import pytest

from ether_daemon.service.quota import BLOCK_OVERHEAD_BYTES, Ledger, Limits
from ether_protocol import NoMemory

LIMIT = 10 * BLOCK_OVERHEAD_BYTES


def account(ledger: Ledger) -> dict[str, int]:
    return {name: getattr(ledger, name) for name in Ledger.__slots__ if name != "limits"}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(Limits(LIMIT))


def test_a_life_of_blocks(ledger: Ledger) -> None:
    ledger.charge(100)
    ledger.charge(50)
    ledger.recharge(100, 30)
    ledger.recharge(30, 60)
    ledger.refund(50)

    assert account(ledger) == {
        "blocks": 1,
        "used_bytes": 60,
        "peak_bytes": 150,
        "allocated_bytes": 180,
        "freed_bytes": 120,
        "allocations": 2,
        "frees": 1,
    }


def test_in_the_end_as_much_is_freed_as_was_allocated(ledger: Ledger) -> None:
    ledger.charge(100)
    ledger.recharge(100, 7)
    ledger.recharge(7, 200)
    ledger.refund(200)
    assert ledger.used_bytes == ledger.blocks == 0
    assert ledger.allocated_bytes == ledger.freed_bytes == 293


def test_the_overhead_of_a_block_counts_against_the_limit(ledger: Ledger) -> None:
    ledger.charge(LIMIT - BLOCK_OVERHEAD_BYTES)
    before = account(ledger)
    with pytest.raises(NoMemory, match="1 bytes do not fit: 576 of 640 bytes are in use"):
        ledger.charge(1)
    assert account(ledger) == before


def test_a_flood_of_tiny_blocks_ends_at_the_limit(ledger: Ledger) -> None:
    for _ in range(LIMIT // (BLOCK_OVERHEAD_BYTES + 1)):
        ledger.charge(1)
    with pytest.raises(NoMemory):
        ledger.charge(1)
    assert ledger.used_bytes + ledger.blocks * BLOCK_OVERHEAD_BYTES <= LIMIT


@pytest.mark.parametrize("size", [LIMIT, 1 << 63, (1 << 64) - 1])
def test_more_than_there_may_be(ledger: Ledger, size: int) -> None:
    before = account(ledger)
    with pytest.raises(NoMemory):
        ledger.charge(size)
    assert account(ledger) == before


def test_growing_past_the_limit_changes_nothing(ledger: Ledger) -> None:
    ledger.charge(100)
    before = account(ledger)
    ledger.recharge(100, LIMIT - BLOCK_OVERHEAD_BYTES)
    ledger.cancel_recharge(100, LIMIT - BLOCK_OVERHEAD_BYTES)
    before["peak_bytes"] = ledger.peak_bytes
    with pytest.raises(NoMemory):
        ledger.recharge(100, LIMIT - BLOCK_OVERHEAD_BYTES + 1)
    assert account(ledger) == before


def test_shrinking_is_always_possible(ledger: Ledger) -> None:
    ledger.charge(LIMIT - BLOCK_OVERHEAD_BYTES)
    ledger.limits = Limits(1)
    ledger.recharge(LIMIT - BLOCK_OVERHEAD_BYTES, 1)
    assert ledger.used_bytes == 1


def test_the_limit_of_blocks() -> None:
    ledger = Ledger(Limits(LIMIT, max_handles=2))
    ledger.charge(1)
    ledger.charge(1)
    with pytest.raises(NoMemory, match="there are 2 blocks, and no more may be"):
        ledger.charge(1)
    ledger.refund(1)
    ledger.charge(1)
    assert ledger.blocks == 2


@pytest.mark.parametrize(("old", "new"), [(100, 30), (30, 100), (50, 50)])
def test_what_did_not_happen_leaves_no_trace_but_the_peak(
    ledger: Ledger, old: int, new: int
) -> None:
    ledger.charge(old)
    before = account(ledger)

    ledger.charge(20)
    ledger.cancel(20)
    ledger.recharge(old, new)
    ledger.cancel_recharge(old, new)
    assert {**account(ledger), "peak_bytes": 0} == {**before, "peak_bytes": 0}


def test_a_shrink_is_undone_though_the_room_was_given_to_somebody_else(ledger: Ledger) -> None:
    ledger.charge(500)
    ledger.recharge(500, 10)
    ledger.charge(450)
    ledger.cancel_recharge(500, 10)
    assert ledger.used_bytes == 950
    with pytest.raises(NoMemory):
        ledger.charge(1)
