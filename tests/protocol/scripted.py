"""A server that does what a test tells it, one step for each request.

Rule: it decides nothing.  It receives requests with `ServerConnection`, keeps
them as lines of text, and answers each with the next step of its script.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from ether_protocol import (
    MAX_PAYLOAD_BYTES,
    Address,
    Client,
    Command,
    ErrorCode,
    Hello,
    Message,
    Refused,
    ServerConnection,
    connect,
)
from ether_protocol.wire.bodies import INFO_REPLY, encode_hello, error_reply
from ether_protocol.wire.codec import encode
from harness import DEADLINE_SECONDS

Step = Callable[[Message], "bytes | CloseAfter"]
"""What to send for a request; `CloseAfter` closes the connection."""


@dataclass(frozen=True)
class CloseAfter:
    """Send `last`, then close; with `reset`, so that the client's next byte is refused."""

    last: bytes = b""
    reset: bool = False


def ok(handle: int | None = None, size: int = 0, payload: bytes = b"") -> Step:
    """OK; with the request's handle where none is given."""

    def answer(request: Message) -> bytes:
        kept = request.handle if handle is None else handle
        return encode(request.reply(Command.OK, handle=kept, size=size, payload=payload))

    return answer


def hello(*, auth_needed: bool = False, instance: int = 1) -> Step:
    """What a server says about itself."""
    said = Hello("scripted", "1", MAX_PAYLOAD_BYTES, 1 << 30, 0, auth_needed, (), instance)
    return lambda request: encode(request.reply(payload=encode_hello(said)))


def wrote(request: Message) -> bytes:
    """OK to a WRITE."""
    return encode(request.reply(handle=request.handle, size=len(request.payload)))


def pong(request: Message) -> bytes:
    """PONG with the payload of the PING."""
    return encode(request.reply(Command.PONG, payload=request.payload))


def bytes_of(block: bytes | bytearray) -> Step:
    """READs of `block`, as docs/protocol.md has it: cut at the end, refused past the end; INFO."""

    def answer(request: Message) -> bytes:
        if request.command == Command.INFO:
            info = INFO_REPLY.pack(len(block), 0, 0)
            return encode(request.reply(handle=request.handle, payload=info))
        if request.offset > len(block):
            return encode(error_reply(request, ErrorCode.OVERFLOW, "past the end"))
        part = bytes(block[request.offset : request.offset + request.size])
        return encode(request.reply(handle=request.handle, size=len(part), payload=part))

    return answer


def refused(code: ErrorCode, text: str = "no") -> Step:
    """ERROR with `code`."""
    return lambda request: encode(error_reply(request, code, text))


def raw(data: bytes) -> Step:
    """Just these bytes."""
    return lambda request: data


def renumbered(step: Step) -> Step:
    """What `step` says, as if it answered the next request."""
    return lambda request: step(replace(request, request_id=request.request_id + 1))


def silence(request: Message) -> bytes:
    """Nothing; the connection stays open."""
    return b""


def hang_up(request: Message) -> CloseAfter:
    """Close instead of answering."""
    return CloseAfter()


def cut_off(step: Step, count: int) -> Step:
    """Close after the first `count` bytes of what `step` says."""

    def answer(request: Message) -> CloseAfter:
        whole = step(request)
        assert isinstance(whole, bytes)
        assert count < len(whole)
        return CloseAfter(whole[:count])

    return answer


def last(step: Step) -> Step:
    """Say what `step` says, then close."""

    def answer(request: Message) -> CloseAfter:
        whole = step(request)
        assert isinstance(whole, bytes)
        return CloseAfter(whole)

    return answer


@dataclass
class ScriptedServer:
    """Where the server listens, and the requests it has taken, as lines."""

    address: Address
    seen: list[str] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    """Set once the server has closed its side of the connection."""
    peer: socket.socket | None = None


def connect_once(server: ScriptedServer, timeout: float = 30.0) -> Client:
    """A client of `server` that does not ask HELLO and never connects again."""
    return connect(server.address, timeout=timeout, retry=None)


@contextmanager
def serving(*script: Step, listener: socket.socket | None = None) -> Iterator[ScriptedServer]:
    """Serve one connection with `script`; the last step is repeated.

    Without a `listener`, which is closed at the end, it is a TCP port.
    """
    with listener or socket.create_server(("127.0.0.1", 0)) as listening:
        bound = listening.getsockname()
        server = ScriptedServer(Address(*bound) if isinstance(bound, tuple) else Address(bound))
        thread = threading.Thread(target=_serve, args=(listening, server, script))
        thread.start()
        try:
            yield server
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # wakes an accept without a client
            thread.join(DEADLINE_SECONDS)
            if thread.is_alive() and server.peer is not None:
                server.peer.shutdown(socket.SHUT_RDWR)
                thread.join()
                raise AssertionError("the test left its client open")


def _serve(listener: socket.socket, server: ScriptedServer, script: Sequence[Step]) -> None:
    steps = list(script)
    try:
        peer, _ = listener.accept()
    except OSError:
        return
    server.peer = peer
    with peer:
        connection = ServerConnection()
        while True:
            request = connection.next_request()
            if request is None:
                if not _receive(peer, connection):
                    break
                continue
            assert not isinstance(request, Refused), request
            server.seen.append(str(request))
            step = steps.pop(0) if len(steps) > 1 else steps[0]
            answer = step(request)
            if isinstance(answer, bytes):
                if not _send(peer, answer):
                    break
                continue
            _send(peer, answer.last)
            if answer.reset:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            break
    server.gone.set()


def _receive(peer: socket.socket, connection: ServerConnection) -> int:
    with connection.get_buffer() as room:
        try:
            count = peer.recv_into(room)
        except ConnectionError:
            return 0
    connection.received(count)
    return count


def _send(peer: socket.socket, data: bytes) -> bool:
    try:
        peer.sendall(data)
    except ConnectionError:
        return False
    return True
