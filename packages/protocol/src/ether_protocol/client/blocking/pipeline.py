"""A blocking client's pipeline: what was recorded, sent in one go and answered in order.

Rule: what ends the connection is the error of every request that has no
answer then, and of nothing else; the next exchange begins in step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from ether_protocol.client.core.recording import Pending, Recorder, lose_all, raise_first
from ether_protocol.client.core.small_requests import Plain
from ether_protocol.client.transports.tcp import Broken
from ether_protocol.wire.errors import LocalProtocolError
from ether_protocol.wire.messages import Buffer, Message

from .channel import Channel

_PUSH_BYTES = 64 * 1024
"""Requests are gathered up to here before they are sent."""


class Pipeline(Recorder):
    """Requests to send in one go; as a context manager it is executed at the end.

    The `with` then raises the first error there was; `execute` raises none that
    belongs to a request.

    Each method records a request and returns a `Pending`, whose `result` is
    there once the pipeline was executed.  Requests are carried out in their
    order, also behind one that is refused.
    """

    def __init__(self, with_channel: Callable[[Callable[[Channel], None]], None]) -> None:
        super().__init__()
        self._with_channel = with_channel

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            raise_first(self.execute())

    def execute(self) -> list[object]:
        """Send what was recorded and wait for every reply; the pipeline is empty then.

        Returns, in the order of the requests, each one's result or the
        EtherError that is its own: ServerError, LocalProtocolError,
        ConnectionLost, or OutcomeUnknown where it may have been carried out.
        Raises ConnectionLost where there is no connection to begin with, and
        RemoteProtocolError where the server makes no sense.
        """
        recorded = self._recorded
        if recorded:
            try:
                self._with_channel(lambda channel: _exchange(channel, recorded))
            finally:
                if recorded[0].answered:  # what has begun must not be sent a second time
                    self._recorded = []
        return [pending.outcome() for pending in recorded]


def _exchange(channel: Channel, recorded: list[Pending[Any]]) -> None:
    """Send requests and take replies until each of `recorded` is answered."""
    if channel.closed or channel.transport.has_ended():
        raise channel.not_connected()
    waiting: deque[Pending[Any]] = deque()
    unsent = iter(recorded)
    try:
        _send_all(channel, unsent, waiting)
        while waiting:
            _receive(channel, waiting)
    except Broken as error:
        channel.close()
        lose_all(waiting, unsent, error.reason, in_time=error.in_time)
    except BaseException as error:
        channel.close()
        lose_all(waiting, unsent, f"it was closed after {error!r}")
        raise


def _send_all(
    channel: Channel, requests: Iterator[Pending[Any]], waiting: deque[Pending[Any]]
) -> None:
    out = bytearray()

    def receive() -> None:
        _receive(channel, waiting)

    plain = not channel.traced
    for pending in requests:
        request = pending.request
        message: Message | None = None
        buffers: list[Buffer] = []
        try:
            if isinstance(request, Plain) and plain:
                out += channel.number_plain(*request)
                waiting.append(pending)
            else:
                message, into = pending.step()
                buffers = channel.connection.send(message, into)
                waiting.append(pending)
        except LocalProtocolError as error:
            pending.fail(error)
            continue
        if message is not None:
            channel.show_sent(message)
        for buffer in buffers:
            if len(buffer) < _PUSH_BYTES:
                out += buffer
                continue
            channel.transport.push(out, receive)
            channel.transport.push(buffer, receive)
            out = bytearray()
        if len(out) >= _PUSH_BYTES:
            channel.transport.push(out, receive)
            out = bytearray()
    channel.transport.push(out, receive)


def _receive(channel: Channel, waiting: deque[Pending[Any]]) -> None:
    """Wait for bytes, and hand every reply that they complete to its request."""
    channel.pull()
    values: list[bytes | int] = []
    while True:
        channel.connection.take_plain(values)
        for value in values:
            waiting.popleft().settle(value)
        values.clear()
        reply = channel.next_reply()
        if reply is None:
            return
        waiting[0].take(reply)
        waiting.popleft()
