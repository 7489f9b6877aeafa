from __future__ import annotations

import asyncio

import pytest

from daemon.connection import FakeClient, anonymous, lines, run, serving, slow_clock
from ether_daemon.app import ticker
from ether_protocol import Command, Message
from ether_protocol.wire.codec import encode

MIB = 1024 * 1024
PING = encode(Message(Command.PING))
WRITE = encode(Message(Command.WRITE, 1, payload=b"secret"))
READ = encode(Message(Command.READ, 1, 6))


def test_what_was_received_and_sent_is_wiped_at_the_next_tick_whoever_is_about() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            anonymous(parts).alloc(6)
            client = FakeClient(parts)
            buffers = parts.shared.memory.data, parts.replies.data
            for _ in range(2):
                await client.send(WRITE + READ)
                await client.send(PING)
                assert [b"secret" in buffer for buffer in buffers] == [True, True]
                parts.ticker.tick()
                assert [buffer.count(0) == len(buffer) for buffer in buffers] == [True, True]

    run(scenario)


def test_it_wipes_once() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            buffers = parts.shared.memory.data, parts.replies.data
            client = FakeClient(parts)
            for _ in range(2):
                await client.send(PING)
                parts.ticker.tick()
                parts.ticker.tick()
                for buffer in buffers:
                    assert buffer.count(0) == len(buffer)
                    buffer[-1] = 1
                parts.ticker.tick()
                assert [buffer[-1] for buffer in buffers] == [1, 1]

    run(scenario)


def test_it_gives_up_buffers_that_nobody_wanted() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            pool = parts.shared.memory.pool
            pool.give(pool.take(MIB))
            kept = []
            for _ in range(2):
                parts.ticker.tick()
                kept.append(pool.pooled_bytes)
            assert kept == [MIB, 0]

    run(scenario)


def test_replies_that_are_not_sent_yet_are_not_wiped() -> None:
    # A turn that is taken up answers what has come before the last tick.
    async def scenario() -> None:
        async with serving(fast_path=False) as parts:
            client = FakeClient(slow_clock(parts))
            client.offer(PING * 20)
            parts.ticker.tick()
            while not client.transport.reading:
                await asyncio.sleep(0)
                parts.ticker.tick()
            await client.turns()
            assert lines(client.received()) == ["PONG #0"] * 20
            parts.ticker.tick()
            parts.ticker.tick()
            assert parts.replies.data.count(0) == len(parts.replies.data), "but afterwards"

    run(scenario)


def test_it_ticks_until_it_is_cancelled() -> None:
    async def scenario() -> None:
        async with serving() as parts:
            parts.ticker.tick()
            parts.shared.batch.arrivals += 1
            parts.replies.data[0] = 1
            ticking = asyncio.create_task(parts.ticker.run())
            while parts.replies.data[0]:
                await asyncio.sleep(ticker.TICK_SECONDS / 10)
            ticking.cancel()
            await asyncio.wait([ticking])
            assert ticking.cancelled()

    run(scenario)


def test_a_tick_that_fails_is_not_the_last(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ticker, "TICK_SECONDS", 0.001)
    ticks: list[int] = []

    async def scenario() -> None:
        async with serving() as parts:

            def tick() -> None:
                ticks.append(len(ticks))
                if len(ticks) == 1:
                    raise MemoryError

            monkeypatch.setattr(parts.ticker, "tick", tick)
            running = asyncio.create_task(parts.ticker.run())
            while len(ticks) < 3:
                await asyncio.sleep(0.001)
            running.cancel()

    run(scenario)
    assert caplog.messages == ["A tick failed"]


def test_what_objects_had_is_overwritten_at_a_tick_if_anything_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times: list[None] = []
    monkeypatch.setattr(ticker, "overwrite_freed_objects", lambda: times.append(None))

    async def scenario() -> None:
        async with serving() as parts:
            client = FakeClient(parts)
            for count in (1, 2):
                await client.send(PING)
                parts.ticker.tick()
                parts.ticker.tick()
                assert len(times) == count

    run(scenario)
