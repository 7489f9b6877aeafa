"""A blocking transport and the protocol on it, several requests on their way at once.

Rule: whatever ends an exchange, the next one begins with no reply under way,
or with a closed connection.  Nothing here knows what a command is for.
"""

from __future__ import annotations

from ether_protocol.client.core.fork_safety import stays_with_parent
from ether_protocol.client.core.small_requests import READ, Plain
from ether_protocol.client.core.tracing import Trace, Tracer
from ether_protocol.client.core.transfer import Step, Transfer
from ether_protocol.client.transports.tcp import Broken, Transport, reason_of, timed_out
from ether_protocol.sansio.client import ClientConnection
from ether_protocol.wire.address import Address
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


class Channel:
    """One transport and the protocol on it, for one caller at a time."""

    def __init__(
        self,
        transport: Transport,
        address: Address,
        trace: Trace | None = None,
    ) -> None:
        self.address = address
        self.closed: bool = False
        self.connection: ClientConnection = ClientConnection()
        self.transport = transport
        self._tracer = None if trace is None else Tracer(trace)
        stays_with_parent(self)

    @property
    def traced(self) -> bool:
        """Whether every message is shown to somebody, so that each must be made."""
        return self._tracer is not None

    @property
    def in_step(self) -> bool:
        """Whether the server has understood where each request ends."""
        return not self.connection.out_of_step

    def trace(self, hook: Trace | None) -> None:
        """Show every message to `hook` from now on, or to nobody; between two requests only."""
        self._tracer = None if hook is None else Tracer(hook)

    def close(self) -> None:
        """Close the socket.  May be called twice."""
        self.closed = True
        self.transport.close()

    def run(self, transfer: Transfer) -> None:
        """Send what is left of `transfer`, and take every reply to it.

        Raises ConnectionLost where the connection ended and the rest may go
        over another one, OutcomeUnknown where it may not, RemoteProtocolError
        where the server makes no sense, and ServerError where it said why it
        closed; after each of these the channel is closed.
        """
        transfer.rewind()
        try:
            while True:
                while (step := transfer.next_step()) is not None:
                    self._send_step(step, transfer)
                if not transfer.waiting:
                    break
                transfer.take(self._receive(transfer))
        except BaseException as error:
            self.stop_after(error)
            raise

    def plain(
        self, command: Command, handle: int, size: int, offset: int, payload: Buffer
    ) -> bytes | int:
        """One small READ or WRITE of `size` bytes: the bytes read, or how many were written.

        Raises as `run` does, and ServerError.  Nothing is made of the request
        but its bytes, unless something about it turns out to be unusual.
        """
        data, sent = b"", 0
        try:
            if self.closed or (command != READ and self.transport.has_ended()):
                raise self.not_connected()
            data = self.number_plain(command, handle, size, offset, payload)
            sent = self.transport.send(data)
            if sent == len(data) and self._fill_buffer():
                values: list[bytes | int] = []
                self.connection.take_plain(values)
                if values:
                    return values[0]
            request = Plain(command, handle, size, offset, payload).message()
            return self._finish(request, data[sent:])
        except EtherError as error:
            self.stop_after(error)
            raise
        except OSError as error:
            request = Plain(command, handle, size, offset, payload).message()
            transfer = Transfer.under_way(request)
            if sent < len(data):
                raise self._cut_short(error, transfer) from None
            raise self._lost(error, transfer) from None
        except BaseException:
            self.close()
            raise

    def show_sent(self, request: Message) -> None:
        """Show a numbered `request` to the hook, if there is one; raises what that raises."""
        if self._tracer is not None:
            self._tracer.sent(request)

    def next_reply(self) -> Message | None:
        """The next whole reply, None until more was received; raises RemoteProtocolError."""
        reply = self.connection.next_reply()
        if self.connection.out_of_step:
            self.close()
        if reply is not None and self._tracer is not None:
            self._tracer.received(reply)
        return reply

    def number_plain(
        self, command: Command, handle: int, size: int, offset: int, payload: Buffer
    ) -> bytes:
        """The bytes of a small READ or WRITE, whose reply is then under way."""
        if command == READ:
            return self.connection.send_plain(_READ, handle, size, offset, 0, size)
        return self.connection.send_plain(_WRITE, handle, 0, offset, size, 0) + payload

    def stop_after(self, error: BaseException) -> None:
        """Close where `error` left replies that must not answer the next request."""
        if self.connection.outstanding or isinstance(error, RemoteProtocolError):
            self.close()

    def not_connected(self) -> ConnectionLost:
        """Close; what to raise where nothing was sent."""
        self.close()
        return ConnectionLost(f"not connected to {self.address}")

    def pull(self) -> None:
        """Receive once, waiting if need be; raises Broken, at the end too."""
        try:
            if not self.fill():
                raise ConnectionResetError("the server closed the connection")
        except OSError as error:
            raise Broken(error) from None

    def fill(self) -> int:
        """Receive once, waiting if need be; how many bytes, 0 at the end; raises OSError."""
        connection = self.connection
        due = connection.payload_due
        if not due:
            return self._fill_buffer()
        data = self.transport.receive_whole(due)
        if data:
            connection.receive_payload(data)
        return len(data)

    def _fill_buffer(self) -> int:
        """`fill` where no payload is under way that has a better place."""
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
            raise self._cut_short(error, transfer) from None

    def _cut_short(self, error: OSError, transfer: Transfer) -> EtherError:
        """What to raise where the last request was not sent whole, so was not carried out."""
        refused = None if timed_out(error) else self._refused_while_sending(transfer)
        if refused is not None:
            return refused
        if transfer.waiting:
            transfer.not_sent()
        return self._lost(error, transfer)

    def _refused_while_sending(self, transfer: Transfer) -> ServerError | None:
        """What the server said before it closed, if it said why: it is still there to be read."""
        try:
            while transfer.waiting:
                transfer.take(self._receive(transfer))
                if transfer.refused is not None:
                    self.close()
                    return transfer.refused
        except EtherError:
            pass
        return None

    def _receive(self, transfer: Transfer) -> Message:
        while (reply := self.next_reply()) is None:
            try:
                if not self.fill():
                    raise ConnectionResetError("the server closed the connection")
            except OSError as error:
                raise self._lost(error, transfer) from None
        return reply

    def _finish(self, request: Message, unsent: bytes) -> bytes | int:
        """What `plain` began and what became unusual: a part not sent, a reply in pieces, an ERROR.

        Raises as `run` does, and ServerError.
        """
        transfer = Transfer.under_way(request)
        self._send([unsent], transfer)
        transfer.take(self._receive(transfer))
        (reply,) = transfer.result()
        return bytes(reply.payload) if request.command == Command.READ else reply.size

    def _lost(self, error: OSError, transfer: Transfer) -> ConnectionLost | OutcomeUnknown:
        """Close, and say what that means for the requests that have no answer."""
        self.close()
        return transfer.lost(self.address, reason_of(error), in_time=not timed_out(error))
