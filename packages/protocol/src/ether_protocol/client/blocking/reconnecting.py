"""A blocking connection to one server, opened again when it was lost.

Rule: `core.reconnect` decides; here its steps are carried out, for one thread
at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ether_protocol.client.core.fork_safety import renew_lock_in_child
from ether_protocol.client.core.operations import Operation
from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.client.core.reconnect import Pause, Reconnect, Reconnection, RecoveryStep
from ether_protocol.client.core.tracing import Trace
from ether_protocol.client.core.transfer import Batch, Transfer
from ether_protocol.wire.address import ServerAddress
from ether_protocol.wire.bodies import Hello
from ether_protocol.wire.constants import Command
from ether_protocol.wire.errors import (
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
    TimedOut,
)
from ether_protocol.wire.messages import Buffer, Message

from .channel import Channel, open_channel
from .driving import drive

_Value = TypeVar("_Value")


class ReconnectingChannel:
    """A channel to one server, for one caller at a time; raises as `Client` does."""

    def __init__(self, address: ServerAddress, options: ConnectOptions) -> None:
        self._reconnection = Reconnection(address, options)
        # A thread that comes between `locked` and `with` waits for its turn.  `acquire` without
        # waiting would be exact, but an interrupt behind it could leave the lock locked for good.
        self._in_use = threading.Lock()
        renew_lock_in_child(self)
        self.channel: Channel
        self._open()

    @property
    def server(self) -> Hello | None:
        """What the server said about itself at the last connection, if it was asked."""
        return self._reconnection.server

    @property
    def closed(self) -> bool:
        """Whether every later request fails: closed, or lost without a `retry`."""
        reconnection = self._reconnection
        return reconnection.closed or (reconnection.options.retry is None and self.channel.closed)

    def close(self) -> None:
        """End it for good.  May be called twice."""
        self._reconnection.close()
        self.channel.interrupt()  # another thread may be waiting for a reply, or about to
        self._close_unused()

    def _close_unused(self) -> None:
        """Close the channel, unless another thread uses it, which then does this at its end."""
        if not self._in_use.locked():
            self.channel.close()

    def renew_lock(self) -> None:
        """Be free in a forked child, where the thread that used this does not exist."""
        self._in_use = threading.Lock()

    def trace(self, hook: Trace | None) -> None:
        """Show every message to `hook` from now on, over later channels too."""
        if self._in_use.locked():
            raise _in_use_error()
        with self._in_use:
            self._reconnection.replace_trace(hook)
            self.channel.trace(hook)

    def perform(self, operation: Operation[_Value]) -> _Value:
        """Carry out `operation`."""
        try:
            return drive(operation, self._exchange)
        except RemoteProtocolError:
            self.channel.close()
            raise

    def _exchange(self, batch: Batch) -> list[Message]:
        transfer = Transfer(batch)
        try:
            self.with_channel(lambda channel: channel.run(transfer))
        except ConnectionLost as lost:
            raise transfer.final_error(lost) from None
        return transfer.result()

    def perform_small(
        self, command: Command, handle: int, size: int, offset: int, payload: Buffer
    ) -> bytes | int | None:
        """A small READ or WRITE; None if it changed nothing and should take the slow path."""
        if self._in_use.locked():
            raise _in_use_error()
        try:
            with self._in_use:
                return self.channel.run_small(command, handle, size, offset, payload)
        except TimedOut:
            raise
        except ConnectionLost:
            if self._reconnection.gives_up:
                raise
            return None
        finally:
            if self.channel.closed:
                self._close_unused()

    def with_channel(self, use: Callable[[Channel], None]) -> None:
        """Let `use` use the channel, over new connections while it raises ConnectionLost."""
        if self._in_use.locked():
            raise _in_use_error()
        try:
            with self._in_use:
                self._reconnection.check_open()
                try:
                    use(self.channel)
                except ConnectionLost as error:
                    lost = error
                else:
                    return
                drive(self._reconnection.recover(lost), lambda step: self._recover(step, use))
        finally:
            if self.channel.closed:
                self._close_unused()

    def _recover(self, step: RecoveryStep, use: Callable[[Channel], None]) -> None:
        match step:
            case Pause(seconds):
                time.sleep(seconds)
            case Reconnect():
                self.channel.close()
                self._open()
            case _:  # Repeat
                use(self.channel)

    def _open(self) -> None:
        """Open another connection, and make it the client's own."""
        reconnection = self._reconnection
        channel = open_channel(
            reconnection.address, reconnection.options, reconnection.handshake_trace
        )
        try:
            drive(reconnection.begin(channel), lambda batch: _run(channel, batch))
            self.channel = channel
            reconnection.check_open()  # another thread may have closed the one before it
        except BaseException:
            channel.close()
            raise


def _run(channel: Channel, batch: Batch) -> list[Message]:
    """Carry out `batch` over this channel alone."""
    transfer = Transfer(batch)
    channel.run(transfer)
    return transfer.result()


def _in_use_error() -> LocalProtocolError:
    """The error of a thread that finds another one in the middle of a request."""
    return LocalProtocolError(
        "this client is in use by another thread: make one for each, or take one from a Pool"
    )
