from __future__ import annotations

import pytest

from daemon.deferred_list import DeferredList, at_once
from daemon.late_store import LateStore
from ether_daemon.service.blocks import SessionBlocks
from ether_daemon.service.principal import ANONYMOUS, Principal, PrincipalCounters
from ether_daemon.service.quota import NO_LIMITS, Limits, Quota
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import NoMemory, NotFound, QuotaExceeded

MIB = 1024 * 1024


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(16 * MIB, DeferredList().append)


@pytest.fixture
def whole() -> Quota:
    return Quota(Limits(MIB, max_handles=10))


@pytest.fixture
def one(store: MemoryStore, whole: Quota) -> Principal:
    return Principal("one", store, Quota(NO_LIMITS, whole), at_once)


@pytest.fixture
def other(store: MemoryStore, whole: Quota) -> Principal:
    return Principal("other", store, Quota(Limits(1000, max_handles=3), whole), at_once)


def test_a_principal_begins_with_nothing(one: Principal) -> None:
    assert (one.name, len(one.blocks.table), one.quota.blocks) == ("one", 0, 0)
    assert one.fast_path is None
    assert one.counters.requests == [0] * 256
    assert (one.counters.bytes_in, one.counters.bytes_out) == (0, 0)
    assert (one.counters.clients, one.counters.clients_served) == (0, 0)
    assert one.blocks.quota is one.quota


def test_both_have_a_block_1_and_each_its_own(one: Principal, other: Principal) -> None:
    for principal, byte in ((one, b"1"), (other, b"2")):
        assert principal.blocks.alloc(100) == 1
        principal.blocks.write(1, 0, byte * 100)
    assert one.blocks.read(1, 0, 100) == b"1" * 100
    assert other.blocks.read(1, 0, 100) == b"2" * 100

    assert one.blocks.free(1) == 1
    with pytest.raises(NotFound):
        one.blocks.read(1, 0, 1)
    assert other.blocks.read(1, 0, 100) == b"2" * 100


def test_neither_can_reach_a_block_of_the_other(one: Principal, other: Principal) -> None:
    one.blocks.alloc(5)
    assert one.blocks.alloc(6) == 2
    other.blocks.alloc(7)
    for ask in (
        lambda: other.blocks.read(2, 0, 1),
        lambda: other.blocks.write(2, 0, b"x"),
        lambda: other.blocks.fill(2, 0, 1, 1),
        lambda: other.blocks.copy(2, 0, 1, 0, 1),
        lambda: other.blocks.copy(1, 0, 2, 0, 1),
        lambda: other.blocks.compare_swap(2, 0, bytes(8), bytes(8)),
        lambda: other.blocks.fetch_add(2, 0, 1),
        lambda: other.blocks.info(2),
        lambda: other.blocks.realloc(2, 1),
        lambda: other.blocks.free(2),
    ):
        with pytest.raises(NotFound, match="no block has handle 2"):
            ask()
    assert one.blocks.list(0, 9) == [(1, 5), (2, 6)]
    assert other.blocks.list(0, 9) == [(1, 7)]


def test_each_has_its_own_limits_and_both_have_the_servers(
    one: Principal, other: Principal, whole: Quota
) -> None:
    with pytest.raises(QuotaExceeded):
        other.blocks.alloc(1000)
    for _ in range(3):
        other.blocks.alloc(10)
    with pytest.raises(QuotaExceeded):
        other.blocks.alloc(10)
    for _ in range(7):
        one.blocks.alloc(1000)
    with pytest.raises(NoMemory):
        one.blocks.alloc(1000)
    assert (one.quota.blocks, other.quota.blocks, whole.blocks) == (7, 3, 10)
    assert (one.quota.used_bytes, other.quota.used_bytes, whole.used_bytes) == (7000, 30, 7030)


def test_an_end_of_a_connection_is_no_concern_of_the_other(
    one: Principal, other: Principal
) -> None:
    session, others_session = SessionBlocks(), SessionBlocks()
    one.blocks.alloc(5, session)
    other.blocks.alloc(5, others_session)
    assert list(one.blocks.end_session(session)) == []
    assert (one.blocks.list(0, 9), other.blocks.list(0, 9)) == ([], [(1, 5)])
    assert others_session.handles == {1}


def test_nobody_waits_for_the_block_of_another_principal(whole: Quota) -> None:
    store = LateStore()
    one, other = (
        Principal(name, store, Quota(NO_LIMITS, whole), at_once) for name in ("one", "other")
    )
    for principal in (one, other):
        principal.blocks.alloc(5)
    store.go_on()
    one.blocks.realloc(1, 50)
    other.blocks.write(1, 0, b"x")
    assert [request.text for request in store.unanswered] == [
        "resize 1 to 50",
        "write 1 [0:1]",
    ]
    assert (one.blocks.table.attended(1), one.blocks.under_way) == (True, 1)
    store.go(which=1)
    assert (other.blocks.under_way, one.blocks.under_way) == (0, 1)


def test_the_store_is_told_whose_a_block_is(whole: Quota) -> None:
    store = LateStore()
    principal = Principal(ANONYMOUS, store, Quota(NO_LIMITS, whole), at_once)
    principal.blocks.alloc(5)
    principal.blocks.alloc(6, SessionBlocks())
    identities = [request.identity for request in store.unanswered]
    assert [identity[:3] for identity in identities] == [("anonymous", 1, 0), ("anonymous", 2, 1)]
    assert 0 < identities[0].created_ms <= identities[1].created_ms


def test_counters_count_by_command() -> None:
    counters = PrincipalCounters()
    counters.requests[0xFF] += 1
    assert sum(counters.requests) == 1
    assert PrincipalCounters().requests[0xFF] == 0
