"""An asyncio transport and the protocol on it, for any number of tasks at once.

Rule: a task waits for one future for each exchange; if the task is cancelled,
the replies to what it sent are still taken in order, and no other task gets them.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from typing import cast

from ether_protocol.client.core.tracing import Trace, Tracer
from ether_protocol.client.core.transfer import Exchange
from ether_protocol.client.transports.base import (
    OpeningOptions,
    closed_by_server,
    connecting,
    reason_of,
)
from ether_protocol.client.transports.selection import transport_for
from ether_protocol.sansio.client import ClientConnection
from ether_protocol.wire.address import ServerAddress
from ether_protocol.wire.errors import (
    ConnectionLost,
    EtherError,
    LocalProtocolError,
    RemoteProtocolError,
)
from ether_protocol.wire.messages import Buffer, Message

_GATHER_BYTES = 64 * 1024
"""Small messages are gathered into one write up to this size."""

_CHUNK_BYTES = 256 * 1024
"""A long payload is given to the transport in chunks of this size, so that it can pause."""


async def open_async_channel(
    address: ServerAddress, options: OpeningOptions, trace: Trace | None
) -> AsyncChannel:
    """Connect; raises ConnectionLost if nobody answers in time."""
    loop = asyncio.get_running_loop()
    channel = AsyncChannel(address, trace)
    with connecting(address):
        async with asyncio.timeout(options.connect_timeout):
            await transport_for(address).open_async(address, options, loop, lambda: channel)
    return channel


class _InFlight:
    """An exchange, and the future of the task that waits for it.

    `abandoned` says that no task waits any more, `queued` that it is in the
    send queue.
    """

    __slots__ = ("abandoned", "done", "exchange", "queued")

    def __init__(self, exchange: Exchange, done: asyncio.Future[None]) -> None:
        self.exchange = exchange
        self.done = done
        self.abandoned = False
        self.queued = False

    def finish(self, error: BaseException | None = None) -> None:
        """Wake the task, if it still waits."""
        self.abandoned = True
        if isinstance(error, StopIteration):  # raised by a callback; a future does not take it
            error = RuntimeError(f"a callback raised StopIteration: {error}")
        if not self.done.done():
            if error is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(error)


class AsyncChannel(asyncio.BufferedProtocol):
    """One transport and the protocol on it; all methods are for the loop's thread."""

    def __init__(self, address: ServerAddress, trace: Trace | None = None) -> None:
        self.address = address
        self.closed: bool = False
        self._timeout: float | None = None
        self._tracer = None if trace is None else Tracer(trace)
        self._loop = asyncio.get_running_loop()
        self._connection = ClientConnection()
        self._transport: asyncio.Transport | None = None
        self._disconnected = self._loop.create_future()
        # What may have something to send; and whose reply comes next, one entry per request.
        self._send_queue: deque[_InFlight] = deque()
        self._waiting: deque[_InFlight] = deque()
        self._gathered: list[Buffer] = []
        self._payload = memoryview(b"")  # the rest of a long one, to be sent before all else
        self._paused = False
        self._poll = select.poll()
        self._send_scheduled = False
        self._silence_timer: asyncio.TimerHandle | None = None
        self._received_at = 0.0
        self._unsent_at_check = 0

    def limit_silence(self, seconds: float | None) -> None:
        """Let the server be silent for at most `seconds` while a request is in flight."""
        self._timeout = seconds

    def trace(self, hook: Trace | None) -> None:
        """Show every message from the next request on to `hook`, None for nobody."""
        self._tracer = None if hook is None else Tracer(hook, len(self._waiting))

    async def run(self, exchange: Exchange) -> None:
        """Send what is left of `exchange`, and wait for every reply to it.

        Raises ConnectionLost if the connection ended and the rest may go over
        another one, OutcomeUnknown if it may not, and RemoteProtocolError if
        the server does not follow the protocol.  If the task is cancelled,
        nothing more is sent, and the replies to what was sent are dropped.
        """
        self.raise_if_closed()
        exchange.rewind()
        in_flight = _InFlight(exchange, self._loop.create_future())
        self._enqueue(in_flight)
        self._start_silence_timer()
        try:
            await in_flight.done
        except BaseException:  # cancelled, or a callback failed: the caller's buffers are free
            in_flight.abandoned = True
            for request_id in exchange.caller_buffer_ids:
                self._connection.divert(request_id)
            if self._waiting and self._waiting[-1] is in_flight:
                self._payload = memoryview(_immutable(self._payload))
            raise

    @property
    def in_step(self) -> bool:
        """Whether the server has understood where each request ends."""
        return not self._connection.out_of_step

    def raise_if_closed(self) -> None:
        """Raise ConnectionLost if nothing can be sent any more."""
        if self.closed:
            raise ConnectionLost(f"not connected to {self.address}")

    async def close(self) -> None:
        """Close the connection and wait until it is.  May be called twice."""
        self._end(None)
        if self._transport is not None:
            await asyncio.shield(self._disconnected)

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection failed, or the server closed it."""
        self._end(error if isinstance(error, OSError) else closed_by_server())
        if not self._disconnected.done():
            self._disconnected.set_result(None)

    def eof_received(self) -> None:
        """The server has closed its side: nothing more is sent, and no reply comes."""
        self._end(closed_by_server())

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._connection.get_buffer()

    def buffer_updated(self, count: int) -> None:
        """So many bytes were received."""
        self._received_at = self._loop.time()
        self._connection.received(count)
        try:
            while (reply := self._connection.next_reply()) is not None:
                self._take(reply)
                if not self.in_step:
                    self._end(ConnectionResetError("the server did not understand a request"))
                    return
        except RemoteProtocolError as error:
            self._end(error)

    def pause_writing(self) -> None:
        """The transport has buffered enough."""
        self._paused = True

    def resume_writing(self) -> None:
        """The transport takes more."""
        self._paused = False
        self._send_queued()

    # Requests out.

    def _enqueue(self, in_flight: _InFlight) -> None:
        in_flight.queued = True
        self._send_queue.append(in_flight)
        if not self._send_scheduled:
            # The requests of other tasks in this iteration of the loop go in the same write.
            self._send_scheduled = True
            self._loop.call_soon(self._send_queued)

    def _send_queued(self) -> None:
        """Give the transport as much as it takes."""
        self._send_scheduled = False
        if self._send_queue and not self._waiting and not self.closed and self._poll.poll(0):
            # Readable without a request in flight: most likely the end of the connection.  The
            # loop handles that before this is called again, and nothing was sent by then.
            self._send_scheduled = True
            self._loop.call_soon(self._send_queued)
            return
        size = 0
        while not (self._paused or self._failing):
            if len(self._payload):
                self._flush()
                chunk, rest = self._payload[:_CHUNK_BYTES], self._payload[_CHUNK_BYTES:]
                # An empty slice would keep the caller from resizing the buffer.
                self._payload = rest if len(rest) else memoryview(b"")
                self._write(_immutable(chunk))
            elif size >= _GATHER_BYTES:
                self._flush()
                size = 0
            elif not self._send_queue:
                break
            else:
                size += self._send_next(self._send_queue[0])
        self._flush()

    @property
    def _failing(self) -> bool:
        """Whether nothing can be sent any more: a failed transport drops what it is given."""
        return self.closed or self._transport is None or self._transport.is_closing()

    def _send_next(self, in_flight: _InFlight) -> int:
        """Send the next request of `in_flight`, or unqueue it; how many bytes were gathered."""
        step = None if in_flight.abandoned else in_flight.exchange.next_step()
        if step is None:
            self._send_queue.popleft()
            in_flight.queued = False
            self._finish_or_enqueue(in_flight)
            return 0
        try:
            buffers = self._connection.send(*step)
        except LocalProtocolError as error:
            in_flight.exchange.not_sent(error)
            return 0
        self._waiting.append(in_flight)
        self._gathered.append(buffers[0])
        if len(buffers) > 1:
            self._payload = memoryview(buffers[1])
        if self._tracer is not None:
            try:
                self._tracer.sent(step[0])
            except Exception as error:
                in_flight.finish(error)
        return len(buffers[0])

    def _flush(self) -> None:
        if self._gathered and not self.closed:
            gathered, self._gathered = self._gathered, []
            self._write(gathered[0] if len(gathered) == 1 else b"".join(gathered))

    def _write(self, data: Buffer) -> None:
        if self._transport is not None:
            self._transport.write(data)

    # Replies in.

    def _take(self, reply: Message) -> None:
        in_flight = self._waiting.popleft()
        try:
            if self._tracer is not None:
                self._tracer.received(reply)
            if not in_flight.abandoned:
                in_flight.exchange.take(reply)
        except RemoteProtocolError as error:
            in_flight.finish(error)
            raise
        except Exception as error:  # raised by a callback: only its own request fails
            in_flight.finish(error)
        if not in_flight.abandoned:
            self._finish_or_enqueue(in_flight)

    def _finish_or_enqueue(self, in_flight: _InFlight) -> None:
        """Wake the task if its exchange is finished, or send the rest of it."""
        exchange = in_flight.exchange
        if in_flight.abandoned or in_flight.queued:
            return
        if exchange.finished:
            in_flight.finish()
        elif exchange.may_send:
            self._enqueue(in_flight)

    # Silence, and the end.

    def _start_silence_timer(self) -> None:
        if not self._waiting:
            self._received_at = self._loop.time()
        if self._timeout is not None and self._silence_timer is None:
            self._silence_timer = self._loop.call_later(self._timeout, self._check_silence)

    def _check_silence(self) -> None:
        self._silence_timer = None
        if self.closed or self._timeout is None or not (self._waiting or self._send_queue):
            return
        now = self._loop.time()
        unsent = len(self._payload)
        if self._transport is not None:
            unsent += self._transport.get_write_buffer_size()
        if unsent != self._unsent_at_check:  # the server is receiving
            self._unsent_at_check = unsent
            self._received_at = now
        left = self._received_at + self._timeout - now
        if left <= 0:
            self._end(TimeoutError())
        else:
            self._silence_timer = self._loop.call_later(left, self._check_silence)

    def _end(self, cause: OSError | RemoteProtocolError | None) -> None:
        """Close, and tell every task what that means for it; without a cause, on request."""
        if self.closed:
            return
        self.closed = True
        if self._silence_timer is not None:
            self._silence_timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        if len(self._payload) and self._waiting:
            self._waiting[-1].exchange.not_sent()  # not whole, so it can't be carried out
        ended = dict.fromkeys([*self._waiting, *self._send_queue])
        self._waiting.clear()
        self._send_queue.clear()
        self._gathered.clear()
        self._payload = memoryview(b"")
        for in_flight in ended:
            if not in_flight.abandoned:
                in_flight.finish(self._error_for(in_flight.exchange, cause))

    def _error_for(
        self, exchange: Exchange, cause: OSError | RemoteProtocolError | None
    ) -> EtherError:
        if isinstance(cause, RemoteProtocolError):
            return RemoteProtocolError(str(cause))
        reason = "the client was closed" if cause is None else reason_of(cause)
        return exchange.lost(self.address, reason, in_time=not isinstance(cause, TimeoutError))


def _immutable(data: memoryview) -> Buffer:
    """`data` so that the transport may keep it: its owner may change it once no task waits."""
    return data if isinstance(data.obj, bytes) else bytes(data)
