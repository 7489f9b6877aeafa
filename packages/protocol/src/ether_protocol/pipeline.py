"""Requests out and replies in over one socket, several on their way at once.

Rule: whatever ends a pipeline, the next one begins with no reply under way, or
with a closed socket.  Nothing here knows what a command is for.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from collections.abc import Iterable

from . import bodies
from .address import Address
from .connection import ClientConnection
from .errors import (
    ConnectionLost,
    EtherError,
    LocalProtocolError,
    OutcomeUnknown,
    RemoteProtocolError,
)
from .messages import Message
from .vocabulary import REPEATABLE, Command, command_name

_WINDOW = 4
"""Messages of a long transfer that are on their way at once."""

Step = tuple[Message, memoryview | None]
"""A request, and where the payload of its reply goes."""


class Pipeline:
    """One socket and the protocol on it, for one caller at a time."""

    def __init__(self, sock: socket.socket, address: Address) -> None:
        self.address = address
        self.closed = False
        self._sock = sock
        self._connection = ClientConnection()
        self._in_use = threading.Lock()

    def close(self) -> None:
        """Close the socket.  May be called twice."""
        self.closed = True
        self._sock.close()

    def run(self, steps: Iterable[Step]) -> list[Message]:
        """Send requests and return their replies; the first error, in their order, is raised.

        Requests behind a refused one are not sent, those already on their way
        are awaited, so that no reply is left for the next caller.  Neither is
        anything asked for behind a READ that came short, at the block's end.
        Raises LocalProtocolError while another thread's pipeline is under way.
        """
        if not self._in_use.acquire(blocking=False):
            raise LocalProtocolError("this client is in use by another thread; make one for each")
        try:
            return self._run(steps)
        finally:
            self._in_use.release()

    def _run(self, steps: Iterable[Step]) -> list[Message]:
        replies: list[Message] = []
        refused: EtherError | None = None
        ended = False
        waiting: deque[Message] = deque()
        steps = iter(steps)
        try:
            while True:
                while refused is None and not ended and len(waiting) < _WINDOW:
                    step = next(steps, None)
                    if step is None:
                        break
                    try:
                        self._send(step, waiting)
                    except LocalProtocolError as error:
                        refused = error
                if not waiting:
                    break
                reply = self._receive(waiting)
                request = waiting.popleft()
                if ended:
                    continue
                if reply.command != Command.ERROR:
                    replies.append(reply)
                    ended = request.command == Command.READ and len(reply.payload) < request.size
                elif refused is None or isinstance(refused, LocalProtocolError):
                    refused = bodies.decode_error(reply, _doing(request))
        except BaseException as error:
            # Replies that nobody waits for any more must not answer the next request.
            if self._connection.outstanding or isinstance(error, RemoteProtocolError):
                self.close()
            raise
        if refused is not None:
            raise refused
        return replies

    def _send(self, step: Step, waiting: deque[Message]) -> None:
        if self.closed or (not waiting and self._has_ended()):
            self.close()
            raise ConnectionLost(f"not connected to {self.address}")
        request, into = step
        buffers = self._connection.send(request, into)
        waiting.append(request)
        try:
            for buffer in buffers:
                # One sendall would take the timeout for the whole payload, not for a silence.
                rest = memoryview(buffer)
                while len(rest):
                    rest = rest[self._sock.send(rest) :]
        except OSError as error:
            told = None if _timed_out(error) else self._refused_while_sending(waiting)
            raise told or self._lost(reason_of(error), waiting) from None

    def _has_ended(self) -> bool:
        """Whether the server has closed already, so that a request never sent is not "unknown"."""
        try:
            return not self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _refused_while_sending(self, waiting: deque[Message]) -> EtherError | None:
        """What the server said before it closed, if it said why: it is still there to be read."""
        try:
            while waiting:
                reply = self._receive(waiting)
                request = waiting.popleft()
                if reply.command == Command.ERROR:
                    self.close()
                    return bodies.decode_error(reply, _doing(request))
        except EtherError:
            pass
        return None

    def _receive(self, waiting: deque[Message]) -> Message:
        connection = self._connection
        try:
            while (reply := connection.next_reply()) is None:
                due = connection.payload_due
                if due:
                    data = self._sock.recv(due, socket.MSG_WAITALL)
                    count = len(data)
                    if count:
                        connection.receive_payload(data)
                else:
                    count = self._sock.recv_into(connection.get_buffer())
                    connection.received(count)
                if not count:
                    raise self._lost("the server closed the connection", waiting)
        except OSError as error:
            raise self._lost(reason_of(error), waiting) from None
        return reply

    def _lost(self, reason: str, waiting: deque[Message]) -> EtherError:
        """Close, and say what that means for the requests that have no answer."""
        self.close()
        changing = next((r for r in waiting if r.command not in REPEATABLE), None)
        if changing is None:
            return ConnectionLost(f"lost the connection to {self.address}: {reason}")
        return OutcomeUnknown(
            f"{_doing(changing)}: outcome unknown, the connection ended before the answer: {reason}"
        )


def _doing(request: Message) -> str:
    """The request as an error names it: command, handle and range."""
    text = command_name(request.command)
    if request.handle:
        text += f" handle {request.handle}"
    if request.command in (Command.READ, Command.WRITE, Command.FILL, Command.COPY):
        size = len(request.payload) if request.command == Command.WRITE else request.size
        text += f" [{request.offset}:{request.offset + size}]"
    return text


def reason_of(error: OSError) -> str:
    """What went wrong, in words."""
    if _timed_out(error):
        return "no answer in time"
    return error.strerror or str(error) or type(error).__name__


def limit_silence(sock: socket.socket, seconds: float | None) -> None:
    """Have the kernel end a call on `sock` after so long a silence, or never.

    Python's own timeouts ask the kernel before each call whether it may be made.
    """
    sock.settimeout(None)
    whole, part = divmod(0.0 if seconds is None else max(seconds, 1e-6), 1)
    limit = struct.pack("@ll", int(whole), int(part * 1e6))
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, limit)


def _timed_out(error: OSError) -> bool:
    """A call that the kernel ended for `limit_silence` says that it would block."""
    return isinstance(error, TimeoutError | BlockingIOError)
