"""A blocking client's pipeline: what was recorded, sent in one go and answered in order.

Rule: what ends the connection is the error of every request that has no
answer then, and of nothing else; the next exchange begins in step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from ether_protocol.errors import EtherError, LocalProtocolError

from .channel import Channel, reason_of
from .recording import Pending, Plain, Recorder

_PUSH_BYTES = 64 * 1024
"""Requests are gathered up to here before they are sent."""


class Pipeline(Recorder):
    """Requests to send in one go; as a context manager it is executed at the end.

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
            self.execute()

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
            self._with_channel(lambda channel: _exchange(channel, recorded))
            self._recorded = []
        return [pending.outcome() for pending in recorded]


def _exchange(channel: Channel, recorded: list[Pending[Any]]) -> None:
    """Send requests and take replies until each of `recorded` is answered."""
    if channel.closed or channel.has_ended():
        raise channel.not_connected()
    waiting: deque[Pending[Any]] = deque()
    unsent = iter(recorded)
    try:
        _send_all(channel, unsent, waiting)
        while waiting:
            _receive(channel, waiting)
    except EtherError as error:
        channel.stop_after(error)
        raise
    except OSError as error:
        channel.close()
        for pending in waiting:
            pending.lose(reason_of(error), sent=True)
        for pending in unsent:
            pending.lose(reason_of(error), sent=False)
    except BaseException:
        channel.close()
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
        try:
            if isinstance(request, Plain) and plain:
                out += channel.number_plain(*request)
                waiting.append(pending)
            else:
                buffers = channel.number(*pending.step())
                waiting.append(pending)
                for buffer in buffers:
                    if len(buffer) < _PUSH_BYTES:
                        out += buffer
                        continue
                    channel.push(out, receive)
                    channel.push(buffer, receive)
                    out = bytearray()
        except LocalProtocolError as error:
            pending.fail(error)
        if len(out) >= _PUSH_BYTES:
            channel.push(out, receive)
            out = bytearray()
    channel.push(out, receive)


def _receive(channel: Channel, waiting: deque[Pending[Any]]) -> None:
    """Wait for bytes, and hand every reply that they complete to its request."""
    if not channel.fill():
        raise ConnectionResetError("the server closed the connection")
    values: list[bytes | int] = []
    while True:
        channel.connection.take_plain(values)
        for value in values:
            waiting.popleft().settle(value)
        values.clear()
        reply = channel.next_reply()
        if reply is None:
            return
        waiting.popleft().take(reply)
