"""A blocking socket and the protocol on it, several requests on their way at once.

Rule: whatever ends an exchange, the next one begins with no reply under way,
or with a closed socket.  Nothing here knows what a command is for.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Callable

from ether_protocol.address import Address
from ether_protocol.codec import first_word
from ether_protocol.connection import ClientConnection
from ether_protocol.errors import (
    ConnectionLost,
    EtherError,
    LocalProtocolError,
    OutcomeUnknown,
    RemoteProtocolError,
    ServerError,
)
from ether_protocol.messages import Buffer, Message
from ether_protocol.vocabulary import Command

from .forking import stays_with_parent
from .tracing import Trace, Tracer
from .transfer import Step, Transfer

_SPIN_SECONDS = 100e-6
"""How long an answer is looked for before the kernel is asked to wake this thread for it.

On loopback and on fast networks the waking costs more than the rest of a
round trip (docs/performance.md, "Python clients").
"""

_SPIN_PAUSE = 64
"""After an answer that was slower than that, so many are waited for at once."""

_READ = first_word(Command.READ)
_WRITE = first_word(Command.WRITE)
_CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_channel(
    address: Address, connect_timeout: float, timeout: float | None, trace: Trace | None = None
) -> Channel:
    """Connect; raises ConnectionLost where nobody answers within `connect_timeout` seconds."""
    try:
        sock = socket.create_connection((address.host, address.port), connect_timeout)
    except OSError as error:
        raise ConnectionLost(f"can't connect to {address}: {reason_of(error)}") from None
    except UnicodeError:  # the codec of host names
        raise ConnectionLost(f"can't connect to {address}: no host has such a name") from None
    channel = Channel(sock, address, trace, spin=_CPUS > 1)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        channel.limit_silence(timeout)
    except OSError as error:  # reset already
        channel.close()
        raise ConnectionLost(f"can't connect to {address}: {reason_of(error)}") from None
    return channel


class Broken(Exception):
    """The socket failed, for `reason`; a type of its own, since hooks may raise OSError too."""

    def __init__(self, error: OSError) -> None:
        self.reason: str = reason_of(error)
        self.in_time: bool = not _timed_out(error)


class Channel:
    """One socket and the protocol on it, for one caller at a time."""

    def __init__(
        self,
        sock: socket.socket,
        address: Address,
        trace: Trace | None = None,
        *,
        spin: bool = False,
    ) -> None:
        self.address = address
        self.closed: bool = False
        self.connection: ClientConnection = ClientConnection()
        self._sock = sock
        self._tracer = None if trace is None else Tracer(trace)
        self._timeout: float | None = None
        self._spin = spin
        self._spin_in = 0
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
        self._sock.close()

    def limit_silence(self, seconds: float | None) -> None:
        """Have the kernel end a call after so long a silence, or never.

        Python's own timeouts ask the kernel before each call whether it may be made.
        """
        self._timeout = seconds
        self._sock.settimeout(None)
        whole, part = divmod(0.0 if seconds is None else max(seconds, 1e-6), 1)
        limit = struct.pack("@ll", int(whole), int(part * 1e6))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._sock.setsockopt(socket.SOL_SOCKET, option, limit)

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
            if self.closed or (command != Command.READ and self.has_ended()):
                raise self.not_connected()
            data = self.number_plain(command, handle, size, offset, payload)
            sent = self._sock.send(data)
            if sent == len(data) and self.fill():
                values: list[bytes | int] = []
                self.connection.take_plain(values)
                if values:
                    return values[0]
            return self._finish(_message(command, handle, size, offset, payload), data[sent:])
        except EtherError as error:
            self.stop_after(error)
            raise
        except OSError as error:
            transfer = Transfer.under_way(_message(command, handle, size, offset, payload))
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
        if command == Command.READ:
            return self.connection.send_plain(_READ, handle, size, offset, 0, size)
        return self.connection.send_plain(_WRITE, handle, 0, offset, size, 0) + payload

    def stop_after(self, error: BaseException) -> None:
        """Close where `error` left replies that must not answer the next request."""
        if self.connection.outstanding or isinstance(error, RemoteProtocolError):
            self.close()

    def has_ended(self) -> bool:
        """Whether the server has closed already, so that a request never sent is not "unknown"."""
        try:
            return not self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def not_connected(self) -> ConnectionLost:
        """Close; what to raise where nothing was sent."""
        self.close()
        return ConnectionLost(f"not connected to {self.address}")

    def push(self, data: Buffer, meanwhile: Callable[[], object]) -> None:
        """Send `data`, and have `meanwhile` take what comes while the server takes nothing.

        A server reads no further while nobody takes its replies, so whoever
        sends much before it reads must do both at once.  Raises Broken.
        """
        rest = memoryview(data)
        while len(rest):
            try:
                rest = rest[self._sock.send(rest, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                if self._readable_before_writable():
                    meanwhile()
            except OSError as error:
                raise Broken(error) from None

    def _readable_before_writable(self) -> bool:
        poll = select.poll()
        poll.register(self._sock, select.POLLIN | select.POLLOUT)
        ready = poll.poll(None if self._timeout is None else self._timeout * 1000)
        if not ready:
            raise Broken(TimeoutError())
        return bool(ready[0][1] & ~select.POLLOUT)

    def pull(self) -> None:
        """Receive once, waiting if need be; raises Broken, at the end too."""
        try:
            if not self.fill():
                raise ConnectionResetError("the server closed the connection")
        except OSError as error:
            raise Broken(error) from None

    def fill(self) -> int:
        """Receive once, waiting if need be; returns how many bytes, 0 at the end.  Raises OSError.

        A thread that sleeps is woken late, so an answer is looked for awake first.
        """
        connection = self.connection
        due = connection.payload_due
        if due:
            data = self._sock.recv(due, socket.MSG_WAITALL)
            if data:
                connection.receive_payload(data)
            return len(data)
        room = connection.get_buffer()
        if self._spin:
            if self._spin_in:
                self._spin_in -= 1
            else:
                receive = self._sock.recv_into
                until = time.perf_counter() + _SPIN_SECONDS
                while time.perf_counter() < until:
                    try:
                        count = receive(room, 0, socket.MSG_DONTWAIT)
                    except BlockingIOError:
                        continue
                    connection.received(count)
                    return count
                self._spin_in = _SPIN_PAUSE
        count = self._sock.recv_into(room)
        connection.received(count)
        return count

    def _send_step(self, step: Step, transfer: Transfer) -> None:
        request, into = step
        if self.closed or (not self.connection.outstanding and self.has_ended()):
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
                # One sendall would take the timeout for the whole payload, not for a silence.
                rest = memoryview(buffer)
                while len(rest):
                    rest = rest[self._sock.send(rest) :]
        except OSError as error:
            raise self._cut_short(error, transfer) from None

    def _cut_short(self, error: OSError, transfer: Transfer) -> EtherError:
        """What to raise where the last request was not sent whole, so was not carried out."""
        refused = None if _timed_out(error) else self._refused_while_sending(transfer)
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
        return transfer.lost(self.address, reason_of(error), in_time=not _timed_out(error))


def _message(command: Command, handle: int, size: int, offset: int, payload: Buffer) -> Message:
    """A small READ or WRITE as a message, to go on with or to name in an error."""
    if command == Command.READ:
        return Message(command, handle, size, offset)
    return Message(command, handle, offset=offset, payload=payload)


def reason_of(error: OSError) -> str:
    """What went wrong, in words."""
    if _timed_out(error):
        return "no answer in time"
    if error.errno is not None and error.errno > 0:  # asyncio has words of its own, with a tuple
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


def _timed_out(error: OSError) -> bool:
    """A call that the kernel ended for `limit_silence` says that it would block."""
    return isinstance(error, TimeoutError | BlockingIOError)
