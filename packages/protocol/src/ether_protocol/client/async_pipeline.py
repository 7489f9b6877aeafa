"""An asyncio client's pipeline: what was recorded, sent in one go and answered in order.

Rule: the requests are recorded as for a blocking client; each travels as a
transfer of its own, so that its error stays with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from ether_protocol.errors import EtherError, RemoteProtocolError

from .async_channel import AsyncChannel
from .recording import Pending, Recorder
from .transfer import Batch, Transfer


class AsyncPipeline(Recorder):
    """Requests to send in one go; in `async with` it is executed at the end.  See `Pipeline`."""

    def __init__(
        self,
        with_channel: Callable[[Callable[[AsyncChannel], Awaitable[None]]], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._with_channel = with_channel

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            await self.execute()

    async def execute(self) -> list[object]:
        """Send what was recorded and wait for every reply, as `Pipeline.execute` does."""
        recorded = self._recorded
        if recorded:
            await self._with_channel(lambda channel: _exchange(channel, recorded))
            self._recorded = []
        return [pending.outcome() for pending in recorded]


async def _exchange(channel: AsyncChannel, recorded: list[Pending[Any]]) -> None:
    channel.raise_if_closed()
    await asyncio.gather(*(_one(channel, pending) for pending in recorded))


async def _one(channel: AsyncChannel, pending: Pending[Any]) -> None:
    transfer = Transfer(Batch([pending.step()]))
    try:
        await channel.run(transfer)
        pending.take(transfer.result()[0])
    except RemoteProtocolError:
        await channel.close()
        raise
    except EtherError as error:
        pending.fail(error)
