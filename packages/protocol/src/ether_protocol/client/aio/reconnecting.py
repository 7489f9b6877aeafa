"""One server and an asyncio connection to it at a time: opened, greeted, and opened again.

Rule: what a lost connection means is `transfer`'s to say; here is only when to
open another one, and what goes on over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

from ether_protocol.client.core import operations
from ether_protocol.client.core.handshake import (
    first_words,
    see_that_it_is_the_same,
    see_that_it_just_can_not_say,
    see_that_they_are_times,
    silence_limit,
)
from ether_protocol.client.core.operations import Operation, Replies
from ether_protocol.client.core.reconnect import Retry
from ether_protocol.client.core.tracing import Trace
from ether_protocol.client.core.transfer import Batch, Transfer, after_close
from ether_protocol.wire.address import Address
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.errors import (
    ConnectionLost,
    EtherError,
    RemoteProtocolError,
    ServerError,
    ServerRestarted,
    TimedOut,
)

from .channel import AsyncChannel, open_async_channel

_Value = TypeVar("_Value")

AsyncOpen = Callable[[], Coroutine[None, None, tuple[AsyncChannel, Hello | None]]]
"""Opens a channel; says what the server said of itself if it was asked."""


def async_opener(
    address: Address,
    name: str,
    connect_timeout: float,
    timeout: float | None,
    trace: Trace | None,
    *,
    greet: bool,
) -> AsyncOpen:
    """What opens channels to `address`, and has the server `greet` first if it is to."""
    see_that_they_are_times(connect_timeout, timeout)

    async def open_() -> tuple[AsyncChannel, Hello | None]:
        channel = await open_async_channel(address, connect_timeout, timeout, trace)
        if not greet:
            return channel, None
        try:
            channel.timeout = silence_limit(timeout)
            hello = await _greet(channel, name)
            channel.timeout = timeout
        except BaseException:
            await channel.close()
            raise
        return channel, hello

    return open_


async def _greet(channel: AsyncChannel, name: str) -> Hello | None:
    """What the server says of itself, None for one that can't."""

    async def exchange(batch: Batch) -> Replies:
        transfer = Transfer(batch)
        await channel.run(transfer)
        return transfer.result()

    try:
        with first_words(channel.address):
            return await _carry_out(operations.hello(name), exchange)
    except ServerError as error:
        see_that_it_just_can_not_say(channel.address, channel.in_step, error)
        return None


class AsyncLink:
    """A channel to one server, for any number of tasks; raises as `Client` says."""

    def __init__(
        self, channel: AsyncChannel, server: Hello | None, open_: AsyncOpen, retry: Retry | None
    ) -> None:
        self.channel: AsyncChannel = channel
        self.server: Hello | None = server
        self._open = open_
        self._retry = retry
        self._closed = False
        self._hook: tuple[Trace | None] | None = None
        self._opening: asyncio.Task[AsyncChannel] | None = None

    @classmethod
    async def opened(cls, open_: AsyncOpen, retry: Retry | None) -> AsyncLink:
        """A link whose first channel is open."""
        channel, server = await open_()
        return cls(channel, server, open_, retry)

    @property
    def closed(self) -> bool:
        """Whether it is of no more use."""
        return self._closed or (self._retry is None and self.channel.closed)

    async def close(self) -> None:
        """End it for good.  May be called twice."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        await self.channel.close()

    def trace(self, hook: Trace | None) -> None:
        """Show every message to `hook` from the next request on, over later channels too."""
        self._hook = (hook,)
        self.channel.trace(hook)

    async def perform(self, operation: Operation[_Value]) -> _Value:
        """Carry out `operation`."""
        try:
            return await _carry_out(operation, self._exchange)
        except RemoteProtocolError:
            await self.channel.close()
            raise

    async def _exchange(self, batch: Batch) -> Replies:
        transfer = Transfer(batch)
        try:
            await self.with_channel(lambda channel: channel.run(transfer))
        except ConnectionLost as lost:
            raise transfer.in_the_end(lost) from None
        return transfer.result()

    async def with_channel(self, use: Callable[[AsyncChannel], Awaitable[None]]) -> None:
        """Have `use` use the channel, over new connections while it raises ConnectionLost."""
        if self._closed:
            raise after_close(self.channel.address)
        attempts = iter(()) if self._retry is None else self._retry.delays()
        channel = self.channel
        while True:
            try:
                return await use(channel)
            except TimedOut:
                raise  # another attempt would only wait as long again
            except ConnectionLost as error:
                lost = error
            while True:
                delay = next(attempts, None)
                if delay is None or self._closed:
                    raise lost
                await asyncio.sleep(delay)
                try:
                    channel = await self._reopened(channel)
                    break
                except ServerRestarted:
                    raise
                except ConnectionLost as error:
                    lost = error

    async def _reopened(self, broken: AsyncChannel) -> AsyncChannel:
        """A channel other than `broken`; tasks that need one share the attempt, and its failure.

        One behind the other, a thousand of them would wait for a thousand attempts.
        """
        if self.channel is not broken and not self.channel.closed:
            return self.channel
        if self._closed:
            raise after_close(self.channel.address)
        opening = self._opening
        if opening is None:
            opening = self._opening = asyncio.ensure_future(self._reopen())
            opening.add_done_callback(self._end_of_opening)
        await asyncio.wait([opening])  # whoever is cancelled leaves it to the others
        if opening.cancelled():
            raise after_close(self.channel.address)
        return opening.result()

    def _end_of_opening(self, opening: asyncio.Task[AsyncChannel]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # somebody has seen it, even if everyone was cancelled

    async def _reopen(self) -> AsyncChannel:
        channel, server = await self._open()
        try:
            see_that_it_is_the_same(self.channel.address, self.server, server)
        except ServerRestarted:
            self._closed = True
            await channel.close()
            raise
        if self._hook is not None:
            channel.trace(*self._hook)
        self.channel, self.server = channel, server
        return channel


async def _carry_out(
    operation: Operation[_Value], exchange: Callable[[Batch], Awaitable[Replies]]
) -> _Value:
    """Run `operation` to its end."""
    outcome: Replies | EtherError | None = None
    while True:
        try:
            batch = operations.resume(operation, outcome)
        except StopIteration as end:
            value: _Value = end.value
            return value
        try:
            outcome = await exchange(batch)
        except EtherError as error:
            outcome = error
