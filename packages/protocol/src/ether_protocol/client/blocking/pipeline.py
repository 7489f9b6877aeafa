"""A blocking client's pipeline: recorded requests, sent together and answered in order.

Rule: if the connection ends, that is the error of every request without a
reply, and of no other; the next exchange begins in step.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from ether_protocol.client.core.pending import RecordedExchange, raise_first
from ether_protocol.client.core.recording import Recorder
from ether_protocol.client.core.small_requests import SmallRequest
from ether_protocol.client.core.transfer import Step
from ether_protocol.client.transports.base import TransportError
from ether_protocol.wire.errors import LocalProtocolError
from ether_protocol.wire.messages import Buffer

from .channel import Channel

_GATHER_BYTES = 64 * 1024
"""Requests are gathered up to this size before they are sent."""


class Pipeline(Recorder):
    """Requests that are sent together, in one round trip.

    Each method records a request and returns a `Pending`, which has the result
    once the pipeline was executed.  Requests are carried out in their order;
    one that is refused stops none of the others.

    As a context manager the pipeline is executed at the end of the `with`,
    which then raises the first error there was.  Nothing is sent if the body
    of the `with` raises.

    See "Connections" in docs/protocol.md.
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

        Returns:
            The outcome of each request, in order: its result, or its error as
            a value.  OutcomeUnknown says that the request may have been
            carried out.

        Raises:
            ConnectionLost: There is no connection, and nothing was sent.
            RemoteProtocolError: The server does not follow the protocol.
            LocalProtocolError: Another thread is using the client.

        See "What a client does with a fault" in docs/protocol.md.
        """
        with self._executing() as recorded:
            if recorded:
                exchange = RecordedExchange(recorded)
                self._with_channel(lambda channel: _run(channel, exchange))
        return [pending.outcome() for pending in recorded]


def _run(channel: Channel, exchange: RecordedExchange) -> None:
    """Send requests and take replies until each request has an outcome."""
    if channel.closed or channel.transport.has_ended():
        raise channel.not_connected()
    try:
        _send_all(channel, exchange)
        while exchange.waiting:
            _receive(channel, exchange)
    except TransportError as error:
        reason = channel.close_reason or error.reason
        channel.close()
        exchange.lose(reason, in_time=error.in_time)
    except BaseException as error:
        channel.close()
        exchange.lose(f"it was closed after {error!r}")
        raise


def _send_all(channel: Channel, exchange: RecordedExchange) -> None:
    out = bytearray()
    unsent, waiting = exchange.unsent, exchange.waiting
    encode, fast = channel.encode_small, not channel.traced  # looked up once

    def receive() -> None:
        _receive(channel, exchange)

    def send(data: Buffer) -> None:
        channel.transport.send_while_receiving(data, receive)

    while unsent:
        pending = unsent.popleft()
        waiting.append(pending)
        request = pending.request
        if fast and isinstance(request, SmallRequest):
            try:
                out += encode(*request)
            except LocalProtocolError as error:
                exchange.not_sent(error)
        else:
            for buffer in _encode(channel, exchange, pending.step()):
                if len(buffer) < _GATHER_BYTES:
                    out += buffer
                else:
                    send(out)
                    send(buffer)
                    out = bytearray()
        if len(out) >= _GATHER_BYTES:
            send(out)
            out = bytearray()
    send(out)


def _encode(channel: Channel, exchange: RecordedExchange, step: Step) -> list[Buffer]:
    """The buffers of a request that is sent as a message; none if it does not fit its fields."""
    request, into = step
    try:
        buffers = channel.connection.send(request, into)
    except LocalProtocolError as error:
        exchange.not_sent(error)
        return []
    channel.show_sent(request)
    return buffers


def _receive(channel: Channel, exchange: RecordedExchange) -> None:
    """Wait for bytes, and give every reply that they complete to its request."""
    channel.receive()
    values: list[bytes | int] = []
    while True:
        channel.connection.take_plain(values)
        exchange.settle(values)
        values.clear()
        reply = channel.next_reply()
        if reply is None:
            return
        exchange.take(reply)
