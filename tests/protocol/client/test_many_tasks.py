"""Ten thousand tasks and one connection: each gets its own answer, in the order of asking."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ether_protocol import AsyncBlock, AsyncClient, NotFound, connect_async
from harness import DEADLINE_SECONDS
from protocol.client.chaos import CLEAR, Fault, Proxy
from protocol.client.either import either

COUNT = 10_000
SLOTS = 250
SLOT_BYTES = 16

CUTS = {
    "as they come": Fault(),
    "odd pieces": Fault(pieces=(1, 2, 3, 5, 7, 11, 13, 4001, 39, 40, 41)),
}


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop of either make."""
    kind = either(request.param)
    assert kind.loop is not None
    yield kind.loop
    kind.close()


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
