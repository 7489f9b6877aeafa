"""An asyncio client's pipeline: recorded requests, sent together and answered in order.

Rule: the requests are recorded as for a blocking client; the error of each
stays with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from ether_protocol.client.core.pending import RecordedExchange, raise_first
from ether_protocol.client.core.recording import Recorder
from ether_protocol.wire.errors import ConnectionLost, RemoteProtocolError

from .channel import AsyncChannel


class AsyncPipeline(Recorder):
    """Requests that are sent together; in `async with` they are executed at the end.

    As `Pipeline`, with `execute` awaited.

    See "Connections" in docs/protocol.md.
    """

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
        """Send what was recorded and wait for every reply; the pipeline is empty then.

        Returns:
            The outcome of each request, in order: its result, or its error as
            a value.  OutcomeUnknown says that the request may have been
            carried out.

        Raises:
            ConnectionLost: There is no connection, and nothing was sent.
            RemoteProtocolError: The server does not follow the protocol.

        See "What a client does with a fault" in docs/protocol.md.
        """
        with self._executing() as recorded:
            if recorded:
                exchange = RecordedExchange(recorded)
                await self._with_channel(lambda channel: _run(channel, exchange))
        return [pending.outcome() for pending in recorded]


async def _run(channel: AsyncChannel, exchange: RecordedExchange) -> None:
    """Send requests and take replies until each request has an outcome."""
    channel.raise_if_closed()
    try:
        await channel.run(exchange)
    except ConnectionLost:
        if not exchange.begun:
            raise
    except RemoteProtocolError:
        await channel.close()
        exchange.lose("the server does not follow the protocol")
        raise
    except BaseException as error:
        exchange.lose(f"nobody waits for it after {error!r}")
        raise
