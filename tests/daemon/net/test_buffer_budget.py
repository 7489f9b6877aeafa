from __future__ import annotations

import gc
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from daemon.connection import (
    FakeClient,
    UnansweredStore,
    asking,
    lines,
    on,
    run,
    serving,
)
from ether_daemon.net.buffer_budget import BufferAccount, BufferBudget, rank_of
from ether_daemon.net.buffer_pool import BufferPool, PooledPayload
from ether_daemon.stores.contract import Ref, TakeablePayload
from ether_daemon.stores.future import Future
from ether_protocol import Command
from ether_protocol.wire.messages import Buffer

MIB = 1024 * 1024


class AccountHolder:
    """A connection that says when it is cut off."""

    def __init__(self, budget: BufferBudget) -> None:
        self.peer = "somebody"
        self.account: BufferAccount = budget.account(self)
        self.ended = ""

    def cut_off(self, why: str) -> None:
        self.ended = why


def clients(count: int, budget: BufferBudget) -> list[AccountHolder]:
    return [AccountHolder(budget) for _ in range(count)]


def test_who_keeps_most_is_closed() -> None:
    budget = BufferBudget(10 * MIB, BufferPool())
    small, large, medium = clients(3, budget)
    small.account.receiving(MIB)
    large.account.sending(4 * MIB)
    large.account.receiving(2 * MIB)
    medium.account.receiving(3 * MIB)
    assert budget.held_bytes == 10 * MIB
    small.account.receiving(MIB + 1)
    assert (small.ended, medium.ended) == ("", "")
    assert large.ended == (
        "it keeps 6291456 bytes of buffers, more than the others, "
        "and all together may keep 10485760 (--max-buffers)"
    )
    assert (budget.held_bytes, budget.closed) == (4 * MIB + 1, 1)

    large.account.receiving(0)
    large.account.sending(5 * MIB)  # it is about to end, and counts no more
    large.account.close()
    assert budget.held_bytes == 4 * MIB + 1


def test_spare_buffers_go_before_a_client_does() -> None:
    pool = BufferPool()
    budget = BufferBudget(10 * MIB, pool)
    for _ in range(4):
        pool.give(pool.take(2 * MIB))
        pool.tick()
    pool.give(pool.take(2 * MIB))
    (client,) = clients(1, budget)
    client.account.receiving(9 * MIB)
    assert client.ended == ""
    assert pool.pooled_bytes + budget.held_bytes <= 10 * MIB
    client.account.receiving(10 * MIB + 1)
    assert client.ended
    assert (pool.pooled_bytes, budget.held_bytes) == (0, 0)


def test_many_that_keep_next_to_nothing_are_left_alone() -> None:
    budget = BufferBudget(MIB, BufferPool())
    many = clients(1000, budget)
    for client in many:
        client.account.receiving(2000)
    assert budget.closed == 0
    assert not any(client.ended for client in many)


@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.booleans(), st.integers(0, 100_000)),
        max_size=60,
    )
)
def test_the_sum_is_that_of_the_accounts(changes: list[tuple[int, bool, int]]) -> None:
    budget = BufferBudget(300_000, BufferPool())
    everybody = clients(8, budget)
    for which, receives, held in changes:
        client = everybody[which]
        before = {other: other.account.held_bytes for other in everybody if not other.ended}
        (client.account.receiving if receives else client.account.sending)(held)
        assert budget.held_bytes == sum(other.account.held_bytes for other in everybody)
        assert budget.held_bytes <= 300_000
        kept = [other.account.held_bytes for other in everybody if not other.ended]
        for other in before:
            if other.ended:
                most = max([before[other], client.account.held_bytes, held])
                assert all(left <= most * 1.25 + 4096 for left in kept)


def test_ranks_rise_by_quarters() -> None:
    assert rank_of(4095) == 0
    ranks = [rank_of(held) for held in range(4096, 1 << 22, 4096)]
    assert all(low <= high for low, high in pairwise(ranks))
    for held in (4096, 12_288, 1 << 20, 16 * MIB, 1 << 34):
        assert rank_of(held) < rank_of(held + held // 4 + 4096)


def test_half_sent_payloads_stay_within_the_budget() -> None:
    async def scenario() -> None:
        async with serving(max_buffer_bytes=32 * MIB) as parts:
            write = asking(Command.WRITE, 1, payload=bytes(MIB))
            senders = [FakeClient(parts) for _ in range(50)]
            for sender in senders:
                await sender.send(write[:-100])
                held = parts.budget.held_bytes + parts.shared.memory.pool.pooled_bytes
                assert held <= 32 * MIB
            ended = [sender for sender in senders if sender.transport.closed]
            assert len(ended) == parts.budget.closed > 15
            for sender in senders:
                sender.lose()
            assert parts.budget.held_bytes == 0

    run(scenario)


def test_the_memory_of_those_who_are_closed_is_gone_in_the_same_step() -> None:
    def received_bytes() -> int:
        alive = [thing for thing in gc.get_objects() if isinstance(thing, PooledPayload)]
        return sum(payload.held_bytes for payload in alive)

    async def scenario() -> None:
        async with serving(max_buffer_bytes=32 * MIB) as parts:
            write = asking(Command.WRITE, 1, payload=bytes(4 * MIB))
            senders = [FakeClient(parts) for _ in range(20)]
            for sender in senders:
                sender.offer(write[:41])
                sender.offer(write[41:-100])
                assert received_bytes() + parts.shared.memory.pool.pooled_bytes <= 32 * MIB
            assert parts.budget.closed == 12
            for sender in senders:
                sender.offer(b"more, which may still come")
                assert sender.received() == b""

    gc.collect()
    run(scenario)


def test_who_is_closed_while_its_request_is_carried_out_keeps_the_payload_until_then() -> None:
    class CurbingStore(UnansweredStore):
        stored = b""

        def write(
            self, ref: Ref, offset: int, data: Buffer, payload: TakeablePayload | None = None
        ) -> Future[None]:
            self.meanwhile()
            self.stored = bytes(data)
            return super().write(ref, offset, data, payload)

    async def scenario() -> None:
        store = CurbingStore()
        parts = on(store)
        client = FakeClient(parts)
        store.meanwhile = lambda: client.connection.cut_off("others need the room")
        write = asking(Command.WRITE, 1, payload=b"w" * MIB)
        client.offer(write[:41])
        client.offer(write[41:])
        assert store.stored == b"w" * MIB
        assert parts.shared.memory.pool.pooled_bytes == MIB
        await client.turns()
        assert client.transport.ended() == "aborted"
        client.lose()
        store.answer(0, None)

    run(scenario)


def test_a_header_alone_costs_others_nothing() -> None:
    async def scenario() -> None:
        async with serving(max_buffer_bytes=32 * MIB) as parts:
            write = asking(Command.WRITE, 1, payload=bytes(16 * MIB))
            honest = FakeClient(parts)
            await honest.send(asking(Command.ALLOC, size=16 * MIB))
            await honest.send(write[: 8 * MIB])
            claims = [FakeClient(parts) for _ in range(100)]
            for claim in claims:
                await claim.send(write[:41])
            assert parts.budget.held_bytes < 9 * MIB
            await honest.send(write[8 * MIB :])
            assert len(lines(honest.received())) == 2
            # A buffer that was used before takes memory from the first byte on.
            assert parts.shared.memory.pool.pooled_bytes == 16 * MIB
            await FakeClient(parts).send(write[:41])
            assert parts.budget.held_bytes > 16 * MIB

    run(scenario)


def test_what_waits_for_a_reply_or_to_be_taken_is_charged() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(asking(Command.ALLOC, size=MIB))
            client.transport.window = 0
            await client.send(asking(Command.READ, 1, size=200_000))
            assert parts.budget.held_bytes >= 200_000
            client.transport.take(1 << 20)
            await client.turns()
            assert parts.budget.held_bytes == 0

            client.transport.window = 0
            client.offer(asking(Command.READ, 1, size=60_000) * 5000)
            waiting = len(client.transport.held)
            assert parts.budget.held_bytes > waiting + 1000
            client.lose()
            assert parts.budget.held_bytes == 0

    run(scenario)


def test_awaited_replies_are_charged_when_they_come() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        parts = on(store)
        client = FakeClient(parts)
        await client.send(asking(Command.READ, 1, size=100_000) * 2)
        assert parts.budget.held_bytes == 0
        store.answer(1, bytes(100_000))
        assert 100_000 < parts.budget.held_bytes < 101_000
        store.answer(0, bytes(100_000))
        await client.turns()
        assert parts.budget.held_bytes == 0
        assert len(lines(client.received())) == 2

    run(scenario)


def test_no_more_than_a_mebibyte_is_awaited_beyond_the_last_request() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        client = FakeClient(on(store))
        client.offer(asking(Command.READ, 1, size=300_000) * 50)
        await client.turns()
        assert len(store.asked) == 4
        for number in range(4):
            store.answer(number, bytes(300_000))
        await client.turns()
        assert len(store.asked) == 8

    run(scenario)
