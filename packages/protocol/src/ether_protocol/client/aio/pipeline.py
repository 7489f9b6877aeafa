"""An asyncio client's pipeline: what was recorded, sent in one go and answered in order.

Rule: the requests are recorded as for a blocking client, and travel as one
`Recording`, in which the error of each stays with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from ether_protocol.client.core.recording import Pending, Recorder, Recording, raise_first
from ether_protocol.wire.errors import ConnectionLost, RemoteProtocolError

from .channel import AsyncChannel


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
            raise_first(await self.execute())

    async def execute(self) -> list[object]:
        """Send what was recorded and wait for every reply, as `Pipeline.execute` does."""
        recorded = self._recorded
        if recorded:
            try:
                await self._with_channel(lambda channel: _exchange(channel, recorded))
            finally:
                if recorded[0].answered:  # what has begun must not be sent a second time
                    self._recorded = []
        return [pending.outcome() for pending in recorded]


async def _exchange(channel: AsyncChannel, recorded: list[Pending[Any]]) -> None:
    """Send requests and take replies until each of `recorded` is answered."""
    channel.raise_if_closed()
    recording = Recording(recorded)
    try:
        await channel.run(recording)
    except ConnectionLost:
        if not recorded[0].answered:
            raise
    except RemoteProtocolError:
        await channel.close()
        recording.lose("the server makes no sense")
        raise
    except BaseException as error:
        recording.lose(f"nobody waits for it after {error!r}")
        raise
