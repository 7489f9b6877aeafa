"""An asyncio connection to one server, opened again when it was lost.

Rule: `core.reconnect` decides; here its steps are carried out, for any number
of tasks, which share one attempt to connect again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ether_protocol.client.core.operations import Operation
from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.client.core.reconnect import (
    Pause,
    Reconnect,
    Reconnection,
    RecoveryStep,
    client_closed,
)
from ether_protocol.client.core.tracing import Trace
from ether_protocol.client.core.transfer import Batch, Transfer
from ether_protocol.wire.address import ServerAddress
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.errors import ConnectionLost, RemoteProtocolError
from ether_protocol.wire.messages import Message

from .channel import AsyncChannel, open_async_channel
from .driving import drive_async

_Value = TypeVar("_Value")


async def open_reconnecting(
    address: ServerAddress, options: ConnectOptions
) -> AsyncReconnectingChannel:
    """Connect to the server at `address`; raises as `connect` does."""
    reconnection = Reconnection(address, options)
    return AsyncReconnectingChannel(reconnection, await _open(reconnection))


class AsyncReconnectingChannel:
    """A channel to one server, for any number of tasks; raises as `Client` does."""

    def __init__(self, reconnection: Reconnection, channel: AsyncChannel) -> None:
        self.channel: AsyncChannel = channel
        self._reconnection = reconnection
        self._opening: asyncio.Task[AsyncChannel] | None = None

    @property
    def server(self) -> Hello | None:
        """What the server said about itself at the last connection, if it was asked."""
        return self._reconnection.server

    @property
    def closed(self) -> bool:
        """Whether every later request fails: closed, or lost without a `retry`."""
        reconnection = self._reconnection
        return reconnection.closed or (reconnection.options.retry is None and self.channel.closed)

    async def close(self) -> None:
        """End it for good.  May be called twice."""
        self._reconnection.close()
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        await self.channel.close()

    def trace(self, hook: Trace | None) -> None:
        """Show every message to `hook` from the next request on, over later channels too."""
        self._reconnection.replace_trace(hook)
        self.channel.trace(hook)

    async def perform(self, operation: Operation[_Value]) -> _Value:
        """Carry out `operation`."""
        try:
            return await drive_async(operation, self._exchange)
        except RemoteProtocolError:
            await self.channel.close()
            raise

    async def _exchange(self, batch: Batch) -> list[Message]:
        transfer = Transfer(batch)
        try:
            await self.with_channel(lambda channel: channel.run(transfer))
        except ConnectionLost as lost:
            raise transfer.final_error(lost) from None
        return transfer.result()

    async def with_channel(self, use: Callable[[AsyncChannel], Awaitable[None]]) -> None:
        """Let `use` use the channel, over new connections while it raises ConnectionLost."""
        self._reconnection.check_open()
        channel = self.channel
        try:
            return await use(channel)
        except ConnectionLost as error:
            lost = error

        async def perform(step: RecoveryStep) -> None:
            nonlocal channel
            match step:
                case Pause(seconds):
                    await asyncio.sleep(seconds)
                case Reconnect():
                    channel = await self._other_than(channel)
                case _:  # Repeat
                    await use(channel)

        return await drive_async(self._reconnection.recover(lost), perform)

    async def _other_than(self, broken: AsyncChannel) -> AsyncChannel:
        """A channel other than `broken`; tasks that need one share the attempt, and its error.

        One after the other, a thousand tasks would wait for a thousand attempts.
        """
        if self.channel is not broken and not self.channel.closed:
            return self.channel
        opening = self._opening
        if opening is None:
            opening = self._opening = asyncio.ensure_future(self._reopen())
            opening.add_done_callback(self._end_of_opening)
        await asyncio.wait([opening])  # a cancelled task leaves it to the others
        if opening.cancelled():
            raise client_closed(self.channel.address)
        return opening.result()

    def _end_of_opening(self, opening: asyncio.Task[AsyncChannel]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # marked as seen, even if every task was cancelled

    async def _reopen(self) -> AsyncChannel:
        self.channel = channel = await _open(self._reconnection)
        return channel


async def _open(reconnection: Reconnection) -> AsyncChannel:
    """A new channel, after its first requests."""
    channel = await open_async_channel(
        reconnection.address, reconnection.options, reconnection.handshake_trace
    )

    async def exchange(batch: Batch) -> list[Message]:
        transfer = Transfer(batch)
        await channel.run(transfer)
        return transfer.result()

    try:
        await drive_async(reconnection.begin(channel), exchange)
        reconnection.check_open()
    except BaseException:
        await channel.close()
        raise
    return channel
