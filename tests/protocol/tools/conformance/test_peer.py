from __future__ import annotations

import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ether_protocol import Command, Message
from ether_protocol.tools.conformance.peer import Peer, TimeBudget
from ether_protocol.tools.conformance.requests import ping
from ether_protocol.tools.conformance.verdicts import RuleBroken
from ether_protocol.tools.conformance.wire import PlainWire
from ether_protocol.wire.codec import encode
from harness import DEADLINE_SECONDS, receive_exactly
from protocol.faulty_server import ConnectionHandler, faulty_server, serve_connections

PONG_V1 = encode(Message(Command.PONG, version=1))
PONG_V2 = encode(Message(Command.PONG, payload=b"pong", request_id=7))


@contextmanager
def peer_of(
    handler: ConnectionHandler, *, timeout: float = 5.0, replies: list[Message] | None = None
) -> Iterator[Peer]:
    """A peer of a server that does with its connection what `handler` does."""
    told = replies if replies is not None else []
    with serve_connections(handler) as address:
        sock = socket.create_connection((address.host, address.port))
        peer = Peer(
            PlainWire(sock), TimeBudget(timeout, 5 * timeout), lambda _, reply: told.append(reply)
        )
        try:
            yield peer
        finally:
            peer.close()


def sends(data: bytes) -> ConnectionHandler:
    """A server that sends `data`, then reads until the client closes."""

    def handler(sock: socket.socket) -> None:
        sock.sendall(data)
        while sock.recv(1 << 16):
            pass

    return handler


def sends_and_closes(data: bytes) -> ConnectionHandler:
    return lambda sock: sock.sendall(data)


def test_requests_are_numbered_and_their_replies_reported() -> None:
    told: list[tuple[str, str]] = []
    with faulty_server() as address:
        sock = socket.create_connection((address.host, address.port))
        budget = TimeBudget(5.0, 25.0)
        peer = Peer(
            PlainWire(sock), budget, lambda *pair: told.append((str(pair[0]), str(pair[1])))
        )
        first, second, old = ping(b"a"), ping(b"b"), ping(version=1)
        peer.send(first, second, old)
        assert peer.awaited == [first, second, old]
        assert [str(peer.receive()) for _ in range(3)] == [
            "PONG #1 [1 bytes]",
            "PONG #2 [1 bytes]",
            "PONG v1",
        ]
        assert peer.awaited == []
        assert peer.ask(ping()).request_id == 3
        peer.expect_alive()
        peer.close()
        peer.close()
    assert told[:3] == [
        ("PING #1 [1 bytes]", "PONG #1 [1 bytes]"),
        ("PING #2 [1 bytes]", "PONG #2 [1 bytes]"),
        ("PING v1", "PONG v1"),
    ]


def test_replies_of_both_versions_are_received() -> None:
    with peer_of(sends(PONG_V1 + PONG_V2)) as peer:
        assert [str(peer.receive()), str(peer.receive())] == ["PONG v1", "PONG #7 [4 bytes]"]


@pytest.mark.parametrize(
    ("handler", "expected", "seen"),
    [
        (sends_and_closes(b""), "a reply", "the connection closed"),
        (sends_and_closes(PONG_V2[:30]), "the rest of a header", "6 bytes, then the connection"),
        (sends(b""), "a reply", r"silence for 0\.1 s"),
        (sends(b"HTTP/1.1 400 Bad Request\r\n"), "a reply", "bytes that begin with 48 54 54 50"),
        (sends(PONG_V2[:4] + b"\x03" + bytes(19)), "a reply of version 1 or 2", "version 3"),
        (sends(PONG_V2[:36] + b"\xff" * 4), "a payload of at most 16 MiB", "4294967295 bytes"),
        (sends(PONG_V2[:-1]), "4 payload bytes of PONG #7", "3 bytes, then silence"),
    ],
    ids=["close", "half a header", "silence", "HTTP", "version 3", "4 GiB", "half a payload"],
)
def test_what_is_no_reply_is_a_broken_rule(
    handler: ConnectionHandler, expected: str, seen: str
) -> None:
    with peer_of(handler, timeout=0.1) as peer:
        with pytest.raises(RuleBroken, match=f"^expected {expected}, saw .*{seen}"):
            peer.receive()


def test_another_reply_than_the_pong_is_not_alive() -> None:
    with peer_of(sends(PONG_V2)) as peer:
        with pytest.raises(RuleBroken, match="saw PONG #7"):
            peer.expect_alive()


def test_the_end_is_a_close_with_nothing_before_it() -> None:
    with peer_of(sends_and_closes(b"")) as peer:
        peer.expect_end()
    with peer_of(sends_and_closes(b"more")) as peer:
        with pytest.raises(RuleBroken, match="saw 4 bytes more"):
            peer.expect_end()
    with peer_of(sends(b"")) as peer:
        with pytest.raises(RuleBroken, match="expected the connection closed, saw it open"):
            peer.expect_end()


def test_a_half_closed_connection_is_not_closed() -> None:
    def half_close(sock: socket.socket) -> None:
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 16):
            pass

    with peer_of(sends_and_closes(b"")) as peer:
        peer.expect_closed()
    with peer_of(half_close) as peer:
        peer.expect_end()
        with pytest.raises(RuleBroken, match="it still taking bytes"):
            peer.expect_closed()


@pytest.mark.parametrize(
    ("end", "seen"), [(Peer.finish_sending, "end"), (Peer.close, "end"), (Peer.reset, "reset")]
)
def test_how_a_connection_ends(end: Callable[[Peer], None], seen: str) -> None:
    ends: queue.Queue[str] = queue.Queue()

    def handler(sock: socket.socket) -> None:
        request = receive_exactly(sock, 40)
        sock.sendall(request.replace(b"\x02\x01", b"\x02\x02", 1))  # PONG
        try:
            ends.put("end" if sock.recv(1) == b"" else "more")
        except ConnectionResetError:
            ends.put("reset")

    with peer_of(handler) as peer:
        peer.ask(ping())
        end(peer)
        assert ends.get(timeout=DEADLINE_SECONDS) == seen


def test_bytes_that_nobody_reads_are_not_sent_for_ever() -> None:
    def reads_nothing(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ended.wait(DEADLINE_SECONDS)

    ended = threading.Event()
    with peer_of(reads_nothing, timeout=0.1) as peer:
        try:
            with pytest.raises(RuleBroken, match="expected a server that reads what is sent"):
                peer.send_raw(bytes(64 << 20))
        finally:
            ended.set()


def test_a_wait_is_no_longer_than_the_timeout_or_what_is_left_of_the_budget() -> None:
    assert TimeBudget(2.0, 100.0).allowance() == 2.0
    assert TimeBudget(2.0, 100.0).allowance(3.0) == 3.0
    assert 0 < TimeBudget(2.0, 1.0).allowance() <= 1.0
    with pytest.raises(RuleBroken, match="keeps this rule busy for too long"):
        TimeBudget(2.0, 0.0).allowance()
