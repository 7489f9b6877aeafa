"""A blocking transport and the protocol on it, with several requests in flight at once.

Rule: however an exchange ends, the next one begins with no reply in flight, or
with a closed connection.  Nothing here knows what a command is for.
"""

from __future__ import annotations

from ether_protocol.client.core.fork_safety import close_in_child
from ether_protocol.client.core.small_requests import READ, SmallRequest
from ether_protocol.client.core.tracing import Trace, Tracer
from ether_protocol.client.core.transfer import Step, Transfer, connection_lost
from ether_protocol.client.transports.base import (
    BlockingTransport,
    OpeningOptions,
    TransportError,
    closed_by_server,
    connecting,
    reason_of,
    timed_out,
)
from ether_protocol.client.transports.selection import transport_for
from ether_protocol.sansio.client import ClientConnection
from ether_protocol.wire.address import ServerAddress
from ether_protocol.wire.codec import command_word
from ether_protocol.wire.constants import Command
from ether_protocol.wire.errors import (
    ConnectionLost,
    EtherError,
    LocalProtocolError,
    OutcomeUnknown,
    RemoteProtocolError,
    ServerError,
)
from ether_protocol.wire.messages import Buffer, Message

_READ = command_word(Command.READ)
_WRITE = command_word(Command.WRITE)


def open_channel(address: ServerAddress, options: OpeningOptions, trace: Trace | None) -> Channel:
    """Connect; raises ConnectionLost if nobody answers in time."""
    with connecting(address):
        transport = transport_for(address).open_blocking(address, options)
    return Channel(transport, address, trace)


class Channel:
    """One transport and the protocol on it, for one caller at a time."""

    def __init__(
        self,
        transport: BlockingTransport,
        address: ServerAddress,
        trace: Trace | None = None,
    ) -> None:
        self.address = address
        self.closed: bool = False
        self.close_reason: str = ""
        """Why it was closed, if that was not an error of the transport."""
        self.connection: ClientConnection = ClientConnection()
        self.transport = transport
        self._tracer = None if trace is None else Tracer(trace)
        close_in_child(self)

    @property
    def traced(self) -> bool:
        """Whether every message is shown to a hook, so that each must be made."""
        return self._tracer is not None

    @property
    def in_step(self) -> bool:
        """Whether the server has understood where each request ends."""
        return not self.connection.out_of_step

    def limit_silence(self, seconds: float | None) -> None:
        """Let the server be silent for at most `seconds`; raises ConnectionLost."""
        try:
            self.transport.limit_silence(seconds)
        except OSError as error:  # reset already
            self.close()
            text = f"lost the connection to {self.address}: {reason_of(error)}"
            raise connection_lost(text, in_time=True) from None

    def trace(self, hook: Trace | None) -> None:
        """Show every message to `hook` from now on, or to nobody; only between two requests."""
        self._tracer = None if hook is None else Tracer(hook)

    def close(self) -> None:
        """Close the connection.  May be called twice."""
        self.closed = True
        self.transport.close()

    def interrupt(self) -> None:
        """Let a request of another thread fail at once; the socket is left for it to close.

        Closed here, the socket's number could be another connection's before
        the other thread uses it once more.
        """
        self.close_reason = self.close_reason or "the client was closed"
        self.closed = True
        self.transport.interrupt()

    def run(self, transfer: Transfer) -> None:
        """Send what is left of `transfer`, and take every reply to it.

        Raises ConnectionLost if the connection ended and the rest may go over
        another one, OutcomeUnknown if it may not, RemoteProtocolError if the
        server does not follow the protocol, and ServerError if it said why it
        closed.  After each of these the channel is closed.
        """
        transfer.rewind()
        try:
            while True:
                while (step := transfer.next_step()) is not None:
                    self._send_step(step, transfer)
                if not transfer.waiting:
                    break
                transfer.take(self._receive_reply(transfer))
        except BaseException as error:
            self.close_if_out_of_step(error)
            raise

    def run_small(
        self, command: Command, handle: int, size: int, offset: int, payload: Buffer
    ) -> bytes | int:
        """One READ or WRITE of `size` bytes: the bytes read, or how many were written.

        Raises as `run` does, and ServerError.  The fast path: no message is
        made unless something about the request or its reply is unusual.
        """
        data, sent = b"", 0
        try:
            if self.closed or (command != READ and self.transport.has_ended()):
                raise self.not_connected()
            data = self.encode_small(command, handle, size, offset, payload)
            sent = self.transport.send(data)
            if sent == len(data) and self._fill_buffer():
                values: list[bytes | int] = []
                self.connection.take_plain(values)
                if values:
                    return values[0]
            request = SmallRequest(command, handle, size, offset, payload).message()
            return self._finish_small(request, data[sent:])
        except EtherError as error:
            self.close_if_out_of_step(error)
            raise
        except OSError as error:
            request = SmallRequest(command, handle, size, offset, payload).message()
            transfer = Transfer.in_flight(request)
            if sent < len(data):
                raise self._error_of_partial_send(error, transfer) from None
            raise self._lost(error, transfer) from None
        except BaseException:
            self.close()
            raise

    def show_sent(self, request: Message) -> None:
        """Show a numbered `request` to the hook, if there is one; raises what the hook raises."""
        if self._tracer is not None:
            self._tracer.sent(request)

    def next_reply(self) -> Message | None:
        """The next whole reply, None until more was received; raises RemoteProtocolError."""
        reply = self.connection.next_reply()
        if self.connection.out_of_step:
            self.close_reason = "the server did not understand a request"
            self.close()
        if reply is not None and self._tracer is not None:
            self._tracer.received(reply)
        return reply

    def encode_small(
        self, command: Command, handle: int, size: int, offset: int, payload: Buffer
    ) -> bytes:
        """The bytes of a READ or WRITE, which is numbered and in flight from then on."""
        if command == READ:
            return self.connection.send_plain(_READ, handle, size, offset, 0, size)
        return self.connection.send_plain(_WRITE, handle, 0, offset, size, 0) + payload

    def close_if_out_of_step(self, error: BaseException) -> None:
        """Close if `error` left replies in flight, which must not answer the next request."""
        if self.connection.outstanding or isinstance(error, RemoteProtocolError):
            self.close()

    def not_connected(self) -> ConnectionLost:
        """Close; returns the error for a request that was not sent."""
        self.close()
        return ConnectionLost(f"not connected to {self.address}")

    def receive(self) -> None:
        """Receive once, waiting if necessary; raises TransportError, also at the end."""
        try:
            if not self._fill():
                raise closed_by_server()
        except OSError as error:
            raise TransportError(error) from None

    def _fill(self) -> int:
        """Receive once, waiting if necessary; how many bytes, 0 at the end; raises OSError."""
        connection = self.connection
        due = connection.payload_due
        if not due:
            return self._fill_buffer()
        data = self.transport.receive_whole(due)
        if data:
            connection.receive_payload(data)
        return len(data)

    def _fill_buffer(self) -> int:
        """`_fill` if no payload is due that is received as a whole."""
        connection = self.connection
        count = self.transport.receive_into(connection.get_buffer())
        connection.received(count)
        return count

    def _send_step(self, step: Step, transfer: Transfer) -> None:
        request, into = step
        if self.closed or (not self.connection.outstanding and self.transport.has_ended()):
            transfer.not_sent()
            raise self.not_connected()
        try:
            buffers = self.connection.send(request, into)
        except LocalProtocolError as error:
            transfer.not_sent(error)
            return
        self.show_sent(request)
        self._send(buffers, transfer)

    def _send(self, buffers: list[Buffer], transfer: Transfer) -> None:
        """Send the whole of the request that `transfer` gave last."""
        try:
            for buffer in buffers:
                self.transport.send_all(buffer)
        except OSError as error:
            raise self._error_of_partial_send(error, transfer) from None

    def _error_of_partial_send(self, error: OSError, transfer: Transfer) -> EtherError:
        """What to raise if the last request was not sent whole, and so was not carried out."""
        refused = None if timed_out(error) else self._refused_while_sending(transfer)
        if refused is not None:
            return refused
        if transfer.waiting:
            transfer.not_sent()
        return self._lost(error, transfer)

    def _refused_while_sending(self, transfer: Transfer) -> ServerError | None:
        """What the server said before it closed, which is still there to be received."""
        try:
            while transfer.waiting:
                transfer.take(self._receive_reply(transfer))
                if transfer.refused is not None:
                    self.close()
                    return transfer.refused
        except EtherError:
            pass
        return None

    def _receive_reply(self, transfer: Transfer) -> Message:
        while (reply := self.next_reply()) is None:
            try:
                if not self._fill():
                    raise closed_by_server()
            except OSError as error:
                raise self._lost(error, transfer) from None
        return reply

    def _finish_small(self, request: Message, unsent: bytes) -> bytes | int:
        """The slow path of `run_small`: a partial send, a reply in pieces, or an ERROR.

        Raises as `run` does, and ServerError.
        """
        transfer = Transfer.in_flight(request)
        self._send([unsent], transfer)
        transfer.take(self._receive_reply(transfer))
        (reply,) = transfer.result()
        return bytes(reply.payload) if request.command == Command.READ else reply.size

    def _lost(self, error: OSError, transfer: Transfer) -> ConnectionLost | OutcomeUnknown:
        """Close; returns what that means for the requests without a reply."""
        reason = self.close_reason or reason_of(error)
        self.close()
        return transfer.lost(self.address, reason, in_time=not timed_out(error))
