"""A connection whose client takes its replies slowly, or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from daemon.connection import (
    PING,
    PONG,
    FakeClient,
    UnansweredStore,
    asking,
    lines,
    on,
    run,
    serving,
    slow_clock,
    until,
)
from ether_daemon.net.receive import FLOOD_BYTES, RECEIVE_BYTES
from ether_daemon.net.send_queue import HIGH_WATER_BYTES
from ether_protocol import Command, Message
from ether_protocol.wire.codec import encode

MIB = 1024 * 1024


def test_a_client_that_takes_nothing_is_read_no_further_and_costs_little() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(asking(Command.ALLOC, size=16 * MIB))
            client.received()
            client.transport.window = 0
            taken = client.offer(asking(Command.READ, 1, size=16 * MIB) * 100_000)
            assert taken <= MIB
            assert not client.transport.is_reading()
            assert len(client.transport.held) < 4 * HIGH_WATER_BYTES

            for _ in range(200):
                client.transport.take(100_000)
                await client.turns()
            got = client.received()
            assert len(got) == 200 * 100_000
            assert len(client.transport.held) < 4 * HIGH_WATER_BYTES

    run(scenario)


@pytest.mark.parametrize("step", [1, 39, 4096, 300_000])
def test_a_slow_client_gets_every_reply(step: int) -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(asking(Command.ALLOC, size=MIB))
            client.received()
            client.transport.window = 0
            read = asking(Command.READ, 1, size=400_000)
            stream = (PING * 50 + read + asking(Command.INFO, 9)) * 3
            rest = stream
            got = bytearray()
            while True:
                rest = rest[client.offer(rest[:5000]) :]
                await client.turns()
                before = len(got)
                for _ in range(max(1, 20_000 // step)):
                    client.transport.take(step)
                got += client.received()
                await client.turns()
                if not rest and len(got) == before and not client.transport.held:
                    break
            answers = lines(bytes(got))
            expected = ["PONG #1"] * 50 + ["OK #0 handle=1 size=400000 [400000 bytes]"]
            assert answers == [*expected, "NOT_FOUND v2"] * 3
            assert client.transport.is_reading()

    run(scenario)


def test_no_more_than_so_many_replies_are_awaited() -> None:
    async def scenario() -> None:
        store = UnansweredStore()
        client = FakeClient(on(store))
        write = asking(Command.WRITE, 1, payload=b"abc")
        client.offer(write * 5000)
        await until(lambda: len(store.asked) > 1000)
        await client.turns()
        asked = len(store.asked)
        assert asked < 1100
        assert not client.transport.is_reading()
        for number in range(asked):
            store.answer(number, None)
        await client.turns()
        assert len(store.asked) > asked

    run(scenario)


def test_the_turn_is_over_when_the_time_is() -> None:
    async def scenario() -> None:
        async with serving(fast_path=False) as parts:
            shared = slow_clock(parts)
            one, other = FakeClient(shared), FakeClient(shared)
            one.offer(PING * 100)
            await asyncio.sleep(0)
            first = len(lines(one.received()))
            assert 0 < first < 10
            assert not one.transport.is_reading()

            other.offer(PING)
            await asyncio.sleep(0)
            assert lines(other.received()) == ["PONG #1"]
            assert not one.transport.is_reading()
            await one.turns()
            await asyncio.sleep(0)
            assert len(lines(one.received())) == 100 - first
            assert one.transport.is_reading()

    run(scenario)


def test_the_turn_is_over_while_the_client_takes_nothing() -> None:
    async def scenario() -> None:
        async with serving(fast_path=False) as parts:
            client = FakeClient(slow_clock(parts))
            client.transport.window = 0
            client.offer(PING * 20)
            for _ in range(10):
                await asyncio.sleep(0)
            assert len(client.transport.held) < 20 * 40
            assert not client.transport.is_reading()
            client.transport.take(1 << 20)
            await client.turns()
            while not client.transport.is_reading():
                await asyncio.sleep(0)
            assert lines(client.received()) == ["PONG #1"] * 20

    run(scenario)


@pytest.mark.parametrize("fast_path", [True, False])
def test_a_flood_is_read_a_buffer_at_a_time(fast_path: bool) -> None:
    async def scenario() -> None:
        async with serving(fast_path=fast_path) as parts:
            client, other = FakeClient(parts), FakeClient(parts)
            flood = PING * 100_000
            taken = client.offer(flood)
            assert taken <= RECEIVE_BYTES
            assert not client.transport.is_reading()
            other.offer(PING)
            while not client.transport.is_reading():
                await asyncio.sleep(0)
            assert lines(other.received()) == ["PONG #1"]
            # Who goes on like that gets less at a time: there may be more of its kind.
            step = client.offer(flood[taken:])
            assert step <= FLOOD_BYTES
            await client.send(flood[taken + step :])
            assert client.received() == PONG * 100_000

    run(scenario)


def test_long_messages_are_received_as_fast_as_they_come() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            now = [0.0]
            client = FakeClient(replace(parts.shared, clock=lambda: now[0]))
            await client.send(asking(Command.ALLOC, size=64 * 1024))
            writes = asking(Command.WRITE, 1, payload=bytes(64 * 1024)) * 40
            assert client.offer(writes) == len(writes)
            assert client.transport.is_reading()

    run(scenario)


def test_a_flood_whose_requests_are_shorter_than_their_replies_is_one_too() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(asking(Command.ALLOC, size=64))
            client.received()
            flood = encode(Message(Command.READ, 1, size=64, version=1)) * 50_000
            taken = client.offer(flood)
            assert taken <= RECEIVE_BYTES
            assert not client.transport.is_reading()
            while not client.transport.is_reading():
                await asyncio.sleep(0)
            step = client.offer(flood[taken:])
            assert step <= FLOOD_BYTES
            await client.send(flood[taken + step :])
            assert len(client.received()) == 50_000 * (24 + 64)

    run(scenario)


def test_who_sends_much_now_and_then_has_the_whole_buffer() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            now = [0.0]
            client = FakeClient(replace(parts.shared, clock=lambda: now[0]))
            much = PING * 5000
            await client.send(PING * 10_000)
            now[0] = 5.0
            for _ in range(2):
                assert client.offer(much) == len(much)
                assert client.transport.is_reading()

    run(scenario)


def test_a_long_payload_is_received_as_fast_as_it_comes() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            await client.send(asking(Command.ALLOC, size=16 * MIB))
            await client.send(PING * 10_000)  # even behind a flood
            write = asking(Command.WRITE, 1, payload=bytes(16 * MIB))
            await client.send(write[:1000])
            assert client.offer(write[1000:-1]) == len(write) - 1001
            assert client.offer(write[-1:]) == 1

    run(scenario)
