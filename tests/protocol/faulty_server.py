"""A whole server, one thread per connection, with faults that tests switch on by name.

Rule: without a fault it keeps docs/protocol.md; each fault is one place where
it does not.  The faults of blocks are in `faulty_memory`.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace

from ether_protocol import Address, Command, Message, Refused, ServerConnection
from ether_protocol.wire.bodies import error_reply
from ether_protocol.wire.codec import HEADER_BYTES, encode
from ether_protocol.wire.constants import VERSION_1, VERSION_2, ErrorCode
from ether_protocol.wire.errors import RemoteProtocolError, ServerError
from ether_protocol.wire.framing import Filler, RequestFramer, RequestHead
from ether_protocol.wire.messages import Buffer
from harness import DEADLINE_SECONDS
from protocol.faulty_memory import ConnectionState, FaultyMemory

LINGER_SECONDS = 0.5
RECEIVE_BYTES = 256 * 1024
WRITE_V2 = b"\xe7\xe7\xe7\xe7\x02\x20"

ConnectionHandler = Callable[[socket.socket], None]
"""Handles one connection, in a thread of its own."""


@contextmanager
def faulty_server(*faults: str, token: bytes | None = None) -> Iterator[Address]:
    """Serve with `faults` switched on, and only who gives `token` if there is one."""
    memory = FaultyMemory(frozenset(faults), token)
    with serve_connections(lambda sock: _Served(sock, memory).serve()) as address:
        yield address


@contextmanager
def serve_connections(handler: ConnectionHandler) -> Iterator[Address]:
    """Call `handler` for each connection, until the end of the block."""
    open_sockets: set[socket.socket] = set()
    threads: list[threading.Thread] = []

    def one(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            handler(sock)
        open_sockets.discard(sock)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                open_sockets.add(sock)
                threads.append(threading.Thread(target=one, args=(sock,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, args=(listener,))
        accepting.start()
        try:
            yield Address(*listener.getsockname())
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(DEADLINE_SECONDS)
            for sock in list(open_sockets):
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(DEADLINE_SECONDS)
            assert not any(thread.is_alive() for thread in threads)


class _Served:
    """One connection."""

    def __init__(self, sock: socket.socket, memory: FaultyMemory) -> None:
        self.sock = sock
        self.memory = memory
        self.faults = memory.faults
        self.connection = self._new_connection()
        self.connected = ConnectionState()
        self.version = 0
        self.whole = True  # the next byte begins a message

    def _new_connection(self) -> ServerConnection:
        return _WithoutFiller() if "does not know filler" in self.faults else ServerConnection()

    def serve(self) -> None:
        """Answer until the client closes or a fatal refusal."""
        alone = "serves one connection at a time" in self.faults
        try:
            with self.memory.one_connection if alone else nullcontext():
                self._serve()
        finally:
            self.memory.end(self.connected)

    def _serve(self) -> None:
        incoming = (
            _Greedy(self.sock).chunks if "reads without limit" in self.faults else self._chunks
        )
        for data in incoming():
            if "writes in pieces" in self.faults and self.whole:
                self._write_early(data)
            if "forgets half a message" in self.faults:
                self.connection = self._new_connection()
            events = self.connection.receive_data(data)
            self.whole = bool(events)
            if "answers PINGs first" in self.faults:
                events.sort(key=_is_no_ping)
            if "answers in reverse" in self.faults:
                events.reverse()
            for event in events:
                reply = self._answer(event)
                if reply is None:
                    return
                self.sock.sendall(self._form(reply))
                if isinstance(event, Refused) and event.refusal.fatal:
                    self._end()
                    return

    def _chunks(self) -> Iterator[bytes]:
        while data := self.sock.recv(RECEIVE_BYTES):
            yield data

    def _answer(self, event: Message | Refused) -> Message | None:
        """The reply; None ends the connection without one."""
        if isinstance(event, Refused):
            code = event.refusal.code
            if "closes on an unknown command" in self.faults and code is ErrorCode.UNSUPPORTED:
                return None
            if "closes without an ERROR" in self.faults and event.refusal.fatal:
                return None
            if "refuses with OK" in self.faults and not event.refusal.fatal:
                return event.message.reply(handle=event.message.handle)
            return error_reply(event.message, code, event.refusal.text)
        try:
            return self.memory.perform(event, self.connected)
        except ServerError as error:
            return error_reply(event, ErrorCode(error.code), str(error))
        except RemoteProtocolError as error:
            if "accepts any body" in self.faults:
                return event.reply()
            return error_reply(event, ErrorCode.INVALID, str(error))

    def _form(self, reply: Message) -> bytes:
        if "forgets the id" in self.faults:
            reply = replace(reply, request_id=0)
        if "answers in one version" in self.faults:
            self.version = self.version or reply.version
            reply = _in_version(reply, self.version)
        if "sends flags" in self.faults:
            reply = replace(reply, flags=1)
        if "sends empty errors" in self.faults and reply.command == Command.ERROR:
            reply = replace(reply, payload=b"")
        return encode(reply)

    def _end(self) -> None:
        """Close the sending side, and receive and drop bytes for a while."""
        if "never closes" not in self.faults:
            self.sock.shutdown(socket.SHUT_WR)
        patient = bool(self.faults & {"never closes", "closes only its sending side"})
        ends = time.monotonic() + (DEADLINE_SECONDS if patient else LINGER_SECONDS)
        while (left := ends - time.monotonic()) > 0:
            self.sock.settimeout(left)
            if not self.sock.recv(RECEIVE_BYTES):
                break

    def _write_early(self, data: bytes) -> None:
        """Write the first part of a WRITE's payload before the rest has come."""
        handle, offset = (int.from_bytes(data[at : at + 8], "big") for at in (8, 24))
        part = data[HEADER_BYTES[VERSION_2] :]
        if not data.startswith(WRITE_V2) or len(part) >= int.from_bytes(data[36:40], "big"):
            return
        with self.memory.lock:
            block = self.memory.blocks.get(handle)
            if block is not None and offset + len(part) <= len(block.data):
                block.data[offset : offset + len(part)] = part


class _WithoutFiller(ServerConnection):
    """A connection that does not know the C client's habit."""

    def __init__(self) -> None:
        super().__init__()
        self._framer = _NoFiller()


class _NoFiller(RequestFramer):
    """A framer that treats filler as bytes that are no message."""

    def parse_head(self, data: Buffer, start: int, end: int) -> RequestHead | Filler | None:
        self.expect_filler(0)
        return super().parse_head(data, start, end)


class _Greedy:
    """Reads all bytes at once, whether or not the client receives the replies."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._queue: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def chunks(self) -> Iterator[bytes]:
        reader = threading.Thread(target=self._read)
        reader.start()
        try:
            while data := self._queue.get():
                yield data
        finally:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
            reader.join()

    def _read(self) -> None:
        data = b"?"
        while data:
            try:
                data = self._sock.recv(RECEIVE_BYTES)
            except OSError:
                data = b""
            self._queue.put(data)


def _is_no_ping(event: Message | Refused) -> bool:
    return isinstance(event, Refused) or event.command != Command.PING


def _in_version(reply: Message, version: int) -> Message:
    """`reply` in another version, if it has a form there."""
    if version == VERSION_1 and reply.version == VERSION_2 and reply.command == Command.PONG:
        return replace(reply, version=VERSION_1, payload=b"", request_id=0)
    return replace(reply, version=version) if version == VERSION_2 else reply
