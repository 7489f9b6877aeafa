"""One connection and any number of tasks, some of them cancelled."""

from __future__ import annotations

import asyncio
import random

import pytest

from ether_protocol import (
    AsyncBlock,
    AsyncClient,
    NotFound,
    Retry,
    Traced,
    connect_async,
)
from harness import DEADLINE_SECONDS
from protocol.client.chaos import CLEAR, Fault, Proxy

QUICKLY = Retry(attempts=5, first_delay=0.001, longest_delay=0.01)


COUNT = 10_000
SLOTS = 250
SLOT_BYTES = 16

CUTS = {
    "as they come": Fault(),
    "odd pieces": Fault(pieces=(1, 2, 3, 5, 7, 11, 13, 4001, 39, 40, 41)),
}


@pytest.mark.parametrize("fault", CUTS.values(), ids=CUTS)
def test_ten_thousand_requests_keep_their_order(
    loop: asyncio.AbstractEventLoop, proxy: Proxy, fault: Fault
) -> None:
    finished: list[int] = []

    async def one(client: AsyncClient, block: AsyncBlock, counter: AsyncBlock, number: int) -> None:
        tag = number.to_bytes(SLOT_BYTES, "big")
        slot = number // 6 % SLOTS * SLOT_BYTES
        match number % 6:
            case 0:
                assert await block.write(tag, slot) == SLOT_BYTES
            case 1:  # sees the WRITE just made, and none of those behind it
                assert await block.read(SLOT_BYTES, slot) == (number - 1).to_bytes(
                    SLOT_BYTES, "big"
                )
            case 2:
                assert await client.ping(tag) == tag
            case 3:
                assert await counter.fetch_add(0, 1) == number // 6
            case 4:
                target = bytearray(SLOT_BYTES)
                assert await block.readinto(target, slot) == SLOT_BYTES
                assert target == (number - 4).to_bytes(SLOT_BYTES, "big")
            case _:
                with pytest.raises(NotFound, match=f"INFO handle {2**40 + number}: "):
                    await client.info(2**40 + number)
        finished.append(number)

    async def scenario() -> None:
        async with connect_async(proxy.address) as client:
            block, counter = await client.alloc(SLOTS * SLOT_BYTES), await client.alloc(8)
            proxy.now(fault)
            async with asyncio.TaskGroup() as group:
                for number in range(COUNT):
                    group.create_task(one(client, block, counter, number))
            await block.free()
            await counter.free()

    loop.run_until_complete(scenario())
    assert finished == list(range(COUNT)), "replies wake their tasks in the order of the requests"
    assert proxy.connections == 1


def test_ten_thousand_that_are_cancelled_at_once_leave_nothing(
    loop: asyncio.AbstractEventLoop, proxy: Proxy
) -> None:
    """And a pipeline of a hundred thousand among them: no search for each in all the others."""

    async def scenario() -> None:
        async with connect_async(proxy.address) as client:
            block = await client.alloc(64)
            targets = [bytearray(64) for _ in range(COUNT)]
            proxy.now(Fault(delay=0.05))
            tasks = [asyncio.create_task(block.readinto(target)) for target in targets]
            pipeline = client.pipeline()
            for number in range(100_000):
                pipeline.read(block.handle, 1, number % 64)
            tasks.append(asyncio.create_task(_executed(pipeline.execute())))
            await asyncio.sleep(0.01)
            proxy.now(CLEAR)
            for task in tasks:
                task.cancel()
            _, unfinished = await asyncio.wait(tasks, timeout=DEADLINE_SECONDS / 3)
            assert not unfinished
            assert tasks[-1].cancelled()
            for target in targets:
                target[:] = b"." * 64
            assert await client.ping(b"in step") == b"in step"
            assert set(map(bytes, targets)) == {b"." * 64}

    loop.run_until_complete(scenario())


async def _executed(execution: object) -> int:
    assert asyncio.iscoroutine(execution)
    await execution
    return 0


@pytest.mark.parametrize("pieces", [(64 * 1024,), (1000, 7, 64, 4096)], ids=["whole", "cut"])
def test_a_cancelled_request_leaves_its_reply_to_nobody(
    loop: asyncio.AbstractEventLoop, proxy: Proxy, pieces: tuple[int, ...]
) -> None:
    dice = random.Random(3)
    size = 300_000
    pattern = random.Random(4).randbytes(size)

    async def one(client: AsyncClient, block: AsyncBlock, scratch: AsyncBlock) -> str:
        kind = dice.choice(["ping", "read", "long read", "readinto", "write", "pipeline"])
        at, many = dice.randrange(size - 100), dice.randrange(1, 100)
        tag = b"%d" % dice.getrandbits(60)
        if kind == "ping":
            assert await client.ping(tag) == tag
        elif kind == "read":
            assert await block.read(many, at) == pattern[at : at + many]
        elif kind == "long read":
            assert await block.read() == pattern
        elif kind == "readinto":
            target = bytearray(size)
            try:
                assert await block.readinto(target) == size
                assert target == pattern
            finally:
                target[:] = bytes(size)
                mine.append(target)
        elif kind == "write":
            data = bytearray(b"w" * size)
            try:
                assert await scratch.write(data) == size
            finally:
                data[:] = b"!" * size  # whoever was cancelled may use it for something else
        else:
            pipeline = client.pipeline()
            pipeline.ping(tag)
            pipeline.read(block.handle, many, at)
            assert await pipeline.execute() == [tag, pattern[at : at + many]]
        return kind

    mine: list[bytearray] = []

    async def scenario() -> tuple[int, int]:
        done = cancelled = 0
        async with connect_async(proxy.address) as client:
            block, scratch = await client.alloc(size), await client.alloc(size)
            await block.write(pattern)
            proxy.now(Fault(pieces=pieces))
            for _ in range(60):
                tasks = [asyncio.create_task(one(client, block, scratch)) for _ in range(24)]
                for task in dice.sample(tasks, 16):
                    loop.call_later(dice.choice([0, 0, 0.0005, 0.002, 0.01]), task.cancel)
                for task in tasks:
                    try:
                        await task
                        done += 1
                    except asyncio.CancelledError:
                        cancelled += 1
            assert await client.ping(b"in step") == b"in step"
            assert b"!" not in await scratch.read()
            assert client.connected
        return done, cancelled

    done, cancelled = loop.run_until_complete(scenario())
    assert done > 200
    assert cancelled > 200
    assert proxy.connections == 1
    assert all(not any(target) for target in mine), "a reply came into a buffer given back"


def test_a_loop_that_was_busy_does_not_write_into_a_dead_connection(
    loop: asyncio.AbstractEventLoop, proxy: Proxy
) -> None:
    async def scenario() -> None:
        async with connect_async(proxy.address, retry=QUICKLY) as client:
            block = await client.alloc(8)
            proxy.cut()  # blocks the loop, which so can't notice
            assert await block.fetch_add(0, 1) == 0

    loop.run_until_complete(scenario())


def test_a_trace_that_begins_among_requests_is_in_step(
    loop: asyncio.AbstractEventLoop, proxy: Proxy
) -> None:
    told: list[Traced] = []

    async def scenario() -> None:
        async with connect_async(proxy.address, retry=QUICKLY) as client:
            early = [asyncio.create_task(client.ping()) for _ in range(10)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            client.trace(told.append)
            await asyncio.gather(*early, client.stats())
            proxy.cut()
            await client.ping()

    loop.run_until_complete(scenario())
    words = [(entry.sent, entry.summary.split()[0]) for entry in told]
    assert words[:2] == [(True, "STATS"), (False, "OK")]
    assert words[-2:] == [(True, "PING"), (False, "PONG")]


def test_a_long_buffer_is_the_callers_own_again_after_its_write(
    loop: asyncio.AbstractEventLoop, proxy: Proxy
) -> None:
    async def scenario() -> None:
        async with connect_async(proxy.address) as client:
            data = bytearray(1_000_000)
            block = await client.alloc(len(data))
            assert await block.write(data) == len(data)
            data.append(1)  # a BufferError while anything holds a view of it

    loop.run_until_complete(scenario())
