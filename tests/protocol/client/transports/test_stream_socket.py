from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import cast

import pytest

from ether_protocol.client.transports.base import TransportError
from ether_protocol.client.transports.stream_socket import SocketTransport
from harness import DEADLINE_SECONDS, receive_exactly


@pytest.fixture
def ends() -> Iterator[tuple[SocketTransport, socket.socket]]:
    """A transport that polls busily, and the other end of its socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        transport = SocketTransport(ours, busy_poll=True)
        yield transport, theirs
        transport.close()


def test_it_knows_of_an_end_before_anything_is_sent(
    ends: tuple[SocketTransport, socket.socket],
) -> None:
    transport, theirs = ends
    assert not transport.has_ended()
    theirs.close()
    assert transport.has_ended()


def test_bytes_that_wait_to_be_received_are_no_end(
    ends: tuple[SocketTransport, socket.socket],
) -> None:
    transport, theirs = ends
    theirs.sendall(b"x")
    assert not transport.has_ended()
    assert transport.receive_into(memoryview(bytearray(9))) == 1


def test_who_was_heard_this_moment_is_not_asked(
    ends: tuple[SocketTransport, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    transport, theirs = ends
    now = time.perf_counter()
    clock = SimpleNamespace(perf_counter=lambda: now)
    monkeypatch.setattr("ether_protocol.client.transports.stream_socket.time", clock)
    theirs.sendall(b"x")
    transport.receive_into(memoryview(bytearray(9)))
    theirs.close()
    assert not transport.has_ended()
    now += 11e-6
    assert transport.has_ended()


def test_a_thread_that_waits_is_woken_by_an_interrupt(
    ends: tuple[SocketTransport, socket.socket],
) -> None:
    transport, _ = ends
    with ThreadPoolExecutor() as threads:
        received = threads.submit(transport.receive_into, memoryview(bytearray(9)))
        transport.interrupt()
        assert received.result(DEADLINE_SECONDS) == 0
    transport.interrupt()  # once more is fine, also after the end
    transport.close()
    transport.interrupt()


def test_a_long_silence_is_an_error_and_no_limit_is_none(
    ends: tuple[SocketTransport, socket.socket],
) -> None:
    transport, theirs = ends
    transport.limit_silence(0.01)
    with pytest.raises(BlockingIOError):
        transport.receive_into(memoryview(bytearray(9)))
    transport.limit_silence(None)
    theirs.sendall(b"x")
    assert transport.receive_into(memoryview(bytearray(9))) == 1


def test_what_arrives_while_nothing_is_taken_is_received(
    ends: tuple[SocketTransport, socket.socket],
) -> None:
    transport, theirs = ends
    size = 8 * 1024 * 1024
    theirs.sendall(b"reply")
    taken: list[bytes] = []

    def receive() -> None:
        room = bytearray(9)
        count = transport.receive_into(memoryview(room))
        taken.append(bytes(room[:count]))
        threads.submit(receive_exactly, theirs, size)  # only now does the other side go on

    with ThreadPoolExecutor() as threads:
        transport.send_while_receiving(bytes(size), receive)
    assert taken == [b"reply"]


def test_a_socket_closed_while_it_waits_to_send_is_an_error_of_the_transport(
    ends: tuple[SocketTransport, socket.socket],
) -> None:
    transport, theirs = ends
    theirs.sendall(b"reply")
    with pytest.raises(TransportError) as caught:
        transport.send_while_receiving(bytes(8 * 1024 * 1024), transport.close)
    assert (caught.value.reason, caught.value.in_time) == ("Bad file descriptor", True)


def test_a_socket_closed_just_before_it_would_wait_is_one_too() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        transport = SocketTransport(cast(socket.socket, ClosedWhenFull(ours)))
        with pytest.raises(TransportError) as caught:
            transport.send_while_receiving(bytes(9), lambda: None)
        assert (caught.value.reason, caught.value.in_time) == ("Bad file descriptor", True)


class ClosedWhenFull:
    """A socket that takes nothing, and that another thread closes at that moment."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def send(self, data: memoryview, flags: int) -> int:
        self._sock.close()
        raise BlockingIOError

    def fileno(self) -> int:
        return self._sock.fileno()
