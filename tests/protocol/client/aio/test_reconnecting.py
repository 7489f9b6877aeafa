"""Many tasks that lost their connection."""

from __future__ import annotations

import asyncio
from typing import Any

from ether_protocol import (
    ConnectionLost,
    Retry,
    connect_async,
)
from protocol.client.chaos import REFUSED, Proxy

AT_ONCE = Retry(attempts=1)


def test_many_tasks_share_one_attempt_to_connect_again(
    loop: asyncio.AbstractEventLoop, proxy: Proxy
) -> None:
    async def scenario() -> list[Any]:
        async with connect_async(proxy.address, retry=AT_ONCE) as client:
            await client.ping()
            proxy.next(REFUSED)
            proxy.cut()
            lost = await asyncio.gather(
                *(client.ping() for _ in range(100)), return_exceptions=True
            )
            assert {type(error) for error in lost} == {ConnectionLost}
            assert proxy.connections == 2
            return await asyncio.gather(*(client.ping(b"%d" % n) for n in range(100)))

    assert loop.run_until_complete(scenario()) == [b"%d" % number for number in range(100)]
    assert proxy.connections == 3
