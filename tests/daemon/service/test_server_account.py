from __future__ import annotations

import pytest

from daemon.deferred_list import DeferredList
from ether_daemon.service import server_account
from ether_daemon.service.quota import BLOCK_OVERHEAD_BYTES, NO_LIMITS, Limits, Quota
from ether_daemon.service.server_account import ServerAccount
from ether_daemon.stores.contract import MemoryAccount, RoomToCome
from ether_daemon.stores.future import Future
from ether_protocol import NoMemory, QuotaExceeded

LIMIT = 10_000


@pytest.fixture
def deferred() -> DeferredList:
    return DeferredList()


@pytest.fixture
def account(deferred: DeferredList) -> ServerAccount:
    return ServerAccount(Limits(LIMIT, max_handles=5), deferred.append)


@pytest.fixture
def quota(account: ServerAccount) -> Quota:
    return Quota(NO_LIMITS, account)


def said(answer: Future[str]) -> str:
    if not answer.done():
        return "waiting"
    try:
        return answer.result()
    except NoMemory:
        return "no memory"


class ChargingRequests:
    """Requests that charge the account when they start."""

    def __init__(self, account: ServerAccount, quota: Quota) -> None:
        self.account = account
        self.quota = quota
        self.started: list[str] = []

    def ask(self, name: str, size: int) -> Future[str]:
        def start() -> str:
            self.account.charge(size)
            self.started.append(name)
            return name

        with pytest.raises(RoomToCome):
            start()
        return self.account.wait(self.quota, 1, size, start)


@pytest.fixture
def asked(account: ServerAccount, quota: Quota) -> ChargingRequests:
    return ChargingRequests(account, quota)


# What the store holds


def test_it_is_the_account_of_a_store(account: ServerAccount) -> None:
    contract: MemoryAccount = account
    contract.charge(4_000)
    assert contract.room == 6_000
    contract.refund(1_000)
    assert (contract.room, account.stored_bytes) == (7_000, 3_000)


def test_no_more_is_charged_than_there_may_be(account: ServerAccount) -> None:
    account.charge(LIMIT)
    with pytest.raises(NoMemory, match="1 bytes do not fit: 10000 of 10000 bytes are held") as said:
        account.charge(1)
    assert not isinstance(said.value, RoomToCome)
    assert account.stored_bytes == LIMIT


def test_blocks_and_what_is_under_way_leave_less_for_the_store(
    account: ServerAccount, quota: Quota
) -> None:
    quota.add_block(100)
    quota.hold(1, 500)
    assert account.room == LIMIT - 2 * BLOCK_OVERHEAD_BYTES - 500
    with pytest.raises(NoMemory):
        account.charge(account.room + 1)
    account.charge(account.room)


def test_what_the_store_holds_counts_where_it_is_more_than_the_blocks(
    account: ServerAccount, quota: Quota
) -> None:
    quota.add_block(100)
    account.charge(LIMIT - 2 * BLOCK_OVERHEAD_BYTES)
    quota.check_block(1)  # a slot may be there
    account.charge(1)
    with pytest.raises(NoMemory, match="are held"):
        quota.check_block(1)
    account.refund(LIMIT)
    with pytest.raises(NoMemory, match="100 of 10000 bytes are in use"):
        quota.check_block(LIMIT - 100 - 2 * BLOCK_OVERHEAD_BYTES + 1)


def test_a_step_may_hold_more_for_now(account: ServerAccount) -> None:
    account.charge(LIMIT)
    account.hold_for_now(100)
    assert account.room == -100
    account.refund(100)


# Who waits


def test_what_is_on_its_way_back_is_worth_waiting_for(account: ServerAccount) -> None:
    account.charge(LIMIT)
    account.expect(1_000)
    with pytest.raises(RoomToCome):
        account.charge(1_000)
    with pytest.raises(NoMemory) as said:
        account.charge(1_001)
    assert not isinstance(said.value, RoomToCome)


def test_a_block_that_lacks_its_row_only_may_wait_too(account: ServerAccount, quota: Quota) -> None:
    account.charge(LIMIT)
    account.expect(BLOCK_OVERHEAD_BYTES)
    with pytest.raises(RoomToCome):
        quota.check_block(1)


def test_nobody_waits_for_what_never_fits(account: ServerAccount, quota: Quota) -> None:
    quota.add_block(5_000)
    account.charge(account.room)
    account.expect(5_000)
    with pytest.raises(NoMemory) as said:
        quota.check_block(LIMIT - 5_000)
    assert not isinstance(said.value, RoomToCome)


def test_a_principals_own_limit_is_not_waited_for(account: ServerAccount) -> None:
    account.charge(LIMIT)
    account.expect(LIMIT)
    with pytest.raises(QuotaExceeded):
        Quota(Limits(100), account).check_block(100)


def test_those_who_wait_are_started_in_their_order(
    account: ServerAccount, deferred: DeferredList, asked: ChargingRequests
) -> None:
    account.charge(LIMIT)
    account.expect(5_000)
    answers = [asked.ask(name, size) for name, size in (("first", 3_000), ("second", 100))]
    deferred.finish()
    assert [said(answer) for answer in answers] == ["waiting", "waiting"]

    account.refund(2_000, expected=2_000)
    assert asked.started == []  # not within the call that gave it back
    deferred.finish()
    assert asked.started == []  # the second would fit, and does not overtake
    account.refund(3_000, expected=3_000)
    deferred.finish()
    assert [said(answer) for answer in answers] == ["first", "second"]
    assert (account.waiting, account.returning_bytes) == (0, 0)


def test_who_comes_later_does_not_take_what_others_wait_for(
    account: ServerAccount, quota: Quota, deferred: DeferredList, asked: ChargingRequests
) -> None:
    account.charge(LIMIT)
    account.expect(4_000)
    first = asked.ask("first", 3_000)
    account.refund(2_000, expected=2_000)
    with pytest.raises(RoomToCome):
        account.charge(500)
    with pytest.raises(RoomToCome):
        quota.check_block(500)
    account.refund(2_000, expected=2_000)
    deferred.finish()
    assert said(first) == "first"
    account.charge(500)


def test_what_waits_is_held_of_the_principals_quota(
    account: ServerAccount, quota: Quota, deferred: DeferredList, asked: ChargingRequests
) -> None:
    account.charge(LIMIT)
    account.expect(3_000)
    asked.ask("first", 3_000)
    assert (quota.held_blocks, quota.held_bytes) == (1, 3_000)
    account.refund(3_000, expected=3_000)
    deferred.finish()
    assert (quota.held_blocks, quota.held_bytes, account.held_bytes) == (0, 0, 0)


def test_what_does_not_come_back_after_all_is_no_memory(
    account: ServerAccount, deferred: DeferredList, asked: ChargingRequests
) -> None:
    account.charge(LIMIT)
    account.expect(3_000)
    answer = asked.ask("first", 3_000)
    account.expect(-3_000)
    deferred.finish()
    assert (said(answer), asked.started, account.held_blocks) == ("no memory", [], 0)


def test_only_so_many_wait(
    account: ServerAccount, asked: ChargingRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_account, "MAX_WAITING", 1)
    account.charge(LIMIT)
    account.expect(LIMIT)
    asked.ask("first", 10)
    with pytest.raises(NoMemory, match="requests wait for memory"):
        asked.ask("second", 10)
    assert account.held_blocks == 1


def test_a_reply_that_goes_wrong_keeps_nobody_waiting(
    account: ServerAccount, deferred: DeferredList, asked: ChargingRequests
) -> None:
    account.charge(LIMIT)
    account.expect(2_000)
    first, second = asked.ask("first", 100), asked.ask("second", 100)

    def fail() -> None:
        raise ZeroDivisionError

    first.add_done_callback(fail)
    account.refund(2_000, expected=2_000)
    with pytest.raises(ZeroDivisionError):
        deferred.finish()
    assert said(second) == "second"
    # Those that come later are seen to as well.
    account.charge(account.room)
    account.expect(500)
    third = asked.ask("third", 200)
    account.refund(500, expected=500)
    deferred.finish()
    assert said(third) == "third"


def test_the_store_is_asked_to_give_back_what_it_can(account: ServerAccount) -> None:
    lacking: list[int] = []

    def reclaim(more: int) -> None:
        lacking.append(more)
        account.expect(300)

    account.reclaim_with(reclaim)
    account.charge(LIMIT)
    with pytest.raises(RoomToCome):
        account.charge(300)
    with pytest.raises(NoMemory):
        account.charge(1_000)
    assert lacking == [300, 700]
