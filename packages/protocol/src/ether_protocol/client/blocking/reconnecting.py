"""One server and a connection to it at a time: opened, greeted, and opened again.

Rule: what a lost connection means is `transfer`'s to say; here is only when to
open another one, and what goes on over it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
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
from ether_protocol.client.transports.tcp import open_transport
from ether_protocol.wire.address import Address
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.constants import Command
from ether_protocol.wire.errors import (
    ConnectionLost,
    EtherError,
    LocalProtocolError,
    RemoteProtocolError,
    ServerError,
    ServerRestarted,
    TimedOut,
)
from ether_protocol.wire.messages import Buffer

from .channel import Channel

_Value = TypeVar("_Value")

Open = Callable[[], tuple[Channel, Hello | None]]
"""Opens a channel; says what the server said of itself if it was asked."""


def opener(
    address: Address,
    name: str,
    connect_timeout: float,
    timeout: float | None,
    trace: Trace | None,
    *,
    greet: bool,
) -> Open:
    """What opens channels to `address`, and has the server `greet` first if it is to."""
    see_that_they_are_times(connect_timeout, timeout)

    def open_() -> tuple[Channel, Hello | None]:
        channel = Channel(open_transport(address, connect_timeout, timeout), address, trace)
        if not greet:
            return channel, None
        try:
            channel.transport.limit_silence(silence_limit(timeout))
            hello = _greet(channel, name)
            channel.transport.limit_silence(timeout)
        except BaseException:
            channel.close()
            raise
        return channel, hello

    return open_


def _greet(channel: Channel, name: str) -> Hello | None:
    """What the server says of itself, None for one that can't."""

    def exchange(batch: Batch) -> Replies:
        transfer = Transfer(batch)
        channel.run(transfer)
        return transfer.result()

    try:
        with first_words(channel.address):
            return carry_out(operations.hello(name), exchange)
    except ServerError as error:
        see_that_it_just_can_not_say(channel.address, channel.in_step, error)
        return None


class Link:
    """A channel to one server, for one caller at a time; raises as `Client` says."""

    def __init__(self, open_: Open, retry: Retry | None = None) -> None:
        self._open = open_
        self._retry = retry
        self._closed = False
        self._in_use = threading.Lock()
        self._hook: tuple[Trace | None] | None = None
        self.channel: Channel
        self.server: Hello | None
        self.channel, self.server = open_()

    @property
    def closed(self) -> bool:
        """Whether it is of no more use."""
        return self._closed or (self._retry is None and self.channel.closed)

    def close(self) -> None:
        """End it for good.  May be called twice."""
        self._closed = True
        self.channel.close()

    def trace(self, hook: Trace | None) -> None:
        """Show every message to `hook` from now on, over later channels too."""
        self._see_that_it_is_free()
        with self._in_use:
            self._hook = (hook,)
            self.channel.trace(hook)

    def perform(self, operation: Operation[_Value]) -> _Value:
        """Carry out `operation`."""
        try:
            return carry_out(operation, self._exchange)
        except RemoteProtocolError:
            self.channel.close()
            raise

    def _exchange(self, batch: Batch) -> Replies:
        transfer = Transfer(batch)
        try:
            self.with_channel(lambda channel: channel.run(transfer))
        except ConnectionLost as lost:
            raise transfer.in_the_end(lost) from None
        return transfer.result()

    def perform_plain(
        self, command: Command, handle: int, size: int, offset: int, payload: Buffer
    ) -> bytes | int | None:
        """A small READ or WRITE; None where it should go the long way, as nothing was changed."""
        self._see_that_it_is_free()
        with self._in_use:
            try:
                return self.channel.plain(command, handle, size, offset, payload)
            except TimedOut:
                raise
            except ConnectionLost:
                if not self._closed and (self._retry is None or not self._retry.attempts):
                    raise
                return None

    def with_channel(self, use: Callable[[Channel], None]) -> None:
        """Have `use` use the channel, over new connections while it raises ConnectionLost."""
        self._see_that_it_is_free()
        with self._in_use:
            if self._closed:
                raise after_close(self.channel.address)
            lost = self._try(use)
            if lost is None:
                return
            if self._retry is None:
                raise lost
            for delay in self._retry.delays():
                time.sleep(delay)
                if self._closed:  # by another thread in the meantime
                    raise after_close(self.channel.address)
                try:
                    self._reopen()
                except ConnectionLost as error:
                    if isinstance(error, ServerRestarted):
                        raise
                    lost = error
                    continue
                lost = self._try(use)
                if lost is None:
                    return
            raise lost

    def _see_that_it_is_free(self) -> None:
        """Raise LocalProtocolError where another thread is in the middle of a request.

        One that comes between this question and the `with` behind it waits its
        turn.  To ask by `acquire` would be exact, but an interrupt between that
        and a `try` would leave the lock taken for good.
        """
        if self._in_use.locked():
            raise LocalProtocolError(
                "this client is in use by another thread:"
                " make one for each, or take one from a Pool"
            )

    def _try(self, use: Callable[[Channel], None]) -> ConnectionLost | None:
        try:
            use(self.channel)
        except TimedOut:
            raise  # another attempt would only wait as long again
        except ConnectionLost as error:
            return error
        return None

    def _reopen(self) -> None:
        self.channel.close()
        self.channel, server = self._open()
        if self._closed:  # by another thread, which has closed the one of before
            self.channel.close()
        try:
            see_that_it_is_the_same(self.channel.address, self.server, server)
        except ServerRestarted:
            self.close()
            raise
        if self._hook is not None:
            self.channel.trace(*self._hook)
        self.server = server


def carry_out(operation: Operation[_Value], exchange: Callable[[Batch], Replies]) -> _Value:
    """Run `operation` to its end."""
    outcome: Replies | EtherError | None = None
    while True:
        try:
            batch = operations.resume(operation, outcome)
        except StopIteration as end:
            value: _Value = end.value
            return value
        try:
            outcome = exchange(batch)
        except EtherError as error:
            outcome = error
