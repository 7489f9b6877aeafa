"""An asyncio transport and the protocol on it, for any number of tasks at once.

Rule: a task waits for one future a transfer; whatever becomes of the task, the
replies to what it sent are taken in their turn and never become another's.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from typing import cast

from ether_protocol.client.core.tracing import Trace, Tracer
from ether_protocol.client.core.transfer import Traffic
from ether_protocol.client.transports.tcp import connecting, reason_of
from ether_protocol.sansio.client import ClientConnection
from ether_protocol.sockets import do_not_pace
from ether_protocol.wire.address import Address
from ether_protocol.wire.errors import (
    ConnectionLost,
    EtherError,
    LocalProtocolError,
    RemoteProtocolError,
)
from ether_protocol.wire.messages import Buffer, Message

_GATHER_BYTES = 64 * 1024
"""Small messages are gathered up to here into one write."""

_CHUNK_BYTES = 256 * 1024
"""Of a long payload so much is given to the transport before it may say stop."""


async def open_async_channel(
    address: Address, connect_timeout: float, timeout: float | None, trace: Trace | None = None
) -> AsyncChannel:
    """Connect; raises ConnectionLost where nobody answers within `connect_timeout` seconds."""
    loop = asyncio.get_running_loop()
    channel = AsyncChannel(address, timeout, trace)
    with connecting(address):
        async with asyncio.timeout(connect_timeout):
            await loop.create_connection(lambda: channel, address.host, address.port)
    return channel


class _Errand:
    """A transfer, and the future of the task that waits for it; `left` once nobody does."""

    __slots__ = ("done", "left", "queued", "transfer")

    def __init__(self, transfer: Traffic, done: asyncio.Future[None]) -> None:
        self.transfer = transfer
        self.done = done
        self.left = False
        self.queued = False

    def finish(self, error: BaseException | None = None) -> None:
        """Wake the task, if it still waits."""
        self.left = True
        if isinstance(error, StopIteration):  # a callback's, which no future takes
            error = RuntimeError(f"a callback raised StopIteration: {error}")
        if not self.done.done():
            if error is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(error)


class AsyncChannel(asyncio.BufferedProtocol):
    """One transport and the protocol on it; all methods are for the loop's thread."""

    def __init__(
        self, address: Address, timeout: float | None = None, trace: Trace | None = None
    ) -> None:
        self.address = address
        self.closed: bool = False
        self.timeout = timeout
        """The longest silence in seconds while something is under way, None for any."""
        self._tracer = None if trace is None else Tracer(trace)
        self._loop = asyncio.get_running_loop()
        self._connection = ClientConnection()
        self._transport: asyncio.Transport | None = None
        self._gone = self._loop.create_future()
        # Who may have something to send; and whose reply comes next, one entry a request.
        self._sending: deque[_Errand] = deque()
        self._waiting: deque[_Errand] = deque()
        self._out: list[Buffer] = []
        self._payload = memoryview(b"")  # what is left of a long one, in front of all else
        self._paused = False
        self._poll = select.poll()
        self._pump_due = False
        self._watch: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        self._unsent_then = 0

    def trace(self, hook: Trace | None) -> None:
        """Show every message from the next request on to `hook`, None for nobody."""
        self._tracer = None if hook is None else Tracer(hook, len(self._waiting))

    async def run(self, transfer: Traffic) -> None:
        """Send what is left of `transfer`, and wait for every reply to it.

        Raises ConnectionLost where the connection ended and the rest may go
        over another one, OutcomeUnknown where it may not, and
        RemoteProtocolError where the server makes no sense.  Where the task is
        cancelled, nothing more is sent, and replies to what was sent are dropped.
        """
        self.raise_if_closed()
        transfer.rewind()
        errand = _Errand(transfer, self._loop.create_future())
        self._enqueue(errand)
        self._watch_silence()
        try:
            await errand.done
        except BaseException:  # cancelled, or a callback has failed: what is the caller's is free
            errand.left = True
            for request_id in transfer.lent:
                self._connection.divert(request_id)
            if self._waiting and self._waiting[-1] is errand:
                self._payload = memoryview(_kept(self._payload))
            raise

    @property
    def in_step(self) -> bool:
        """Whether the server has understood where each request ends."""
        return not self._connection.out_of_step

    def raise_if_closed(self) -> None:
        """Raise ConnectionLost where nothing can be sent any more."""
        if self.closed:
            raise ConnectionLost(f"not connected to {self.address}")

    async def close(self) -> None:
        """Close the connection and wait until it is.  May be called twice."""
        self._end(None)
        if self._transport is not None:
            await asyncio.shield(self._gone)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection."""
        self._transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            do_not_pace(sock)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone, for a reason or because the server closed it."""
        broken = error if isinstance(error, OSError) else None
        self._end(broken or ConnectionResetError("the server closed the connection"))
        if not self._gone.done():
            self._gone.set_result(None)

    def eof_received(self) -> None:
        """The server has closed its side: nothing more is answered, nor is anything sent."""
        self._end(ConnectionResetError("the server closed the connection"))

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._connection.get_buffer()

    def buffer_updated(self, count: int) -> None:
        """So many bytes are there."""
        self._heard_at = self._loop.time()
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
        """The transport keeps enough already."""
        self._paused = True

    def resume_writing(self) -> None:
        """The transport takes more."""
        self._paused = False
        self._pump()

    # Requests out.

    def _enqueue(self, errand: _Errand) -> None:
        errand.queued = True
        self._sending.append(errand)
        if not self._pump_due:
            # Whatever other tasks have to say in this round of the loop leaves in the same write.
            self._pump_due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Give the transport what it will take."""
        self._pump_due = False
        if self._sending and not self._waiting and not self.closed and self._poll.poll(0):
            # Its end, most likely: the loop comes to it before this is called again, and who
            # has sent nothing then need not ask what became of it.
            self._pump_due = True
            self._loop.call_soon(self._pump)
            return
        size = 0
        while not (self._paused or self._failing):
            if len(self._payload):
                self._flush()
                chunk, self._payload = self._payload[:_CHUNK_BYTES], self._payload[_CHUNK_BYTES:]
                self._write(_kept(chunk))
            elif size >= _GATHER_BYTES:
                self._flush()
                size = 0
            elif not self._sending:
                break
            else:
                size += self._send_next(self._sending[0])
        self._flush()

    @property
    def _failing(self) -> bool:
        """Whether nothing can be sent any more: a transport that failed takes all, and drops it."""
        return self.closed or self._transport is None or self._transport.is_closing()

    def _send_next(self, errand: _Errand) -> int:
        """Number the next request of `errand`, or put it aside; how many bytes were gathered."""
        step = None if errand.left else errand.transfer.next_step()
        if step is None:
            self._sending.popleft()
            errand.queued = False
            self._look_after(errand)
            return 0
        try:
            buffers = self._connection.send(*step)
        except LocalProtocolError as error:
            errand.transfer.not_sent(error)
            return 0
        self._waiting.append(errand)
        self._out.append(buffers[0])
        if len(buffers) > 1:
            self._payload = memoryview(buffers[1])
        if self._tracer is not None:
            try:
                self._tracer.sent(step[0])
            except Exception as error:
                errand.finish(error)
        return len(buffers[0])

    def _flush(self) -> None:
        if self._out and not self.closed:
            out, self._out = self._out, []
            self._write(out[0] if len(out) == 1 else b"".join(out))

    def _write(self, data: Buffer) -> None:
        if self._transport is not None:
            self._transport.write(data)

    # Replies in.

    def _take(self, reply: Message) -> None:
        errand = self._waiting.popleft()
        try:
            if self._tracer is not None:
                self._tracer.received(reply)
            if not errand.left:
                errand.transfer.take(reply)
        except RemoteProtocolError as error:
            errand.finish(error)
            raise
        except Exception as error:  # of a hook: its own request's, and nobody else's
            errand.finish(error)
        if not errand.left:
            self._look_after(errand)

    def _look_after(self, errand: _Errand) -> None:
        """Wake the task whose transfer is done, or see that the rest of it is sent."""
        transfer = errand.transfer
        if errand.left or errand.queued:
            return
        if transfer.finished:
            errand.finish()
        elif transfer.may_send:
            self._enqueue(errand)

    # Silence, and the end.

    def _watch_silence(self) -> None:
        if not self._waiting:
            self._heard_at = self._loop.time()
        if self.timeout is not None and self._watch is None:
            self._watch = self._loop.call_later(self.timeout, self._look_at_silence)

    def _look_at_silence(self) -> None:
        self._watch = None
        if self.closed or self.timeout is None or not (self._waiting or self._sending):
            return
        now = self._loop.time()
        unsent = len(self._payload)
        if self._transport is not None:
            unsent += self._transport.get_write_buffer_size()
        if unsent != self._unsent_then:  # the server takes what it is sent
            self._unsent_then = unsent
            self._heard_at = now
        left = self._heard_at + self.timeout - now
        if left <= 0:
            self._end(TimeoutError())
        else:
            self._watch = self._loop.call_later(left, self._look_at_silence)

    def _end(self, why: OSError | RemoteProtocolError | None) -> None:
        """Close, and tell every task what that means for it."""
        if self.closed:
            return
        self.closed = True
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        if len(self._payload) and self._waiting:
            self._waiting[-1].transfer.not_sent()  # not whole, so it can't be carried out
        errands = dict.fromkeys([*self._waiting, *self._sending])
        self._waiting.clear()
        self._sending.clear()
        self._out.clear()
        self._payload = memoryview(b"")
        for errand in errands:
            if not errand.left:
                errand.finish(self._meaning(errand.transfer, why))

    def _meaning(self, transfer: Traffic, why: OSError | RemoteProtocolError | None) -> EtherError:
        if isinstance(why, RemoteProtocolError):
            return RemoteProtocolError(str(why))
        reason = "the client was closed" if why is None else reason_of(why)
        return transfer.lost(self.address, reason, in_time=not isinstance(why, TimeoutError))


def _kept(data: memoryview) -> Buffer:
    """`data` as the transport may keep it: its owner may change it once nobody waits."""
    return data if isinstance(data.obj, bytes) else bytes(data)
